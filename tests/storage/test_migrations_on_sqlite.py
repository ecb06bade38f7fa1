"""The schema of a SQLite file: what somebody changed in it, and files that cannot be written."""

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest

from workflow import DatabaseLocked, DatabaseReadOnly, Engine
from workflow.testing import FrozenClock, engine_in, new_call, officer, school, submitted

#: By the same name and on the same columns, as Alembic compares them.
WEAKER_INDEX = (
    "DROP INDEX uq_eoi_eoi_one_live; "
    "CREATE UNIQUE INDEX uq_eoi_eoi_one_live ON eoi_eoi (call_id, applicant) WHERE state = 'draft'"
)


def engine_on(path: Path) -> Engine:
    """Return an engine on a file, with a clock that stands still."""
    return Engine(f"sqlite:///{path}", clock=FrozenClock())


def edit(path: Path, *statements: str) -> None:
    """Change a database behind the engine's back, as somebody with a SQLite shell would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DROP TRIGGER eoi_history_refuses_delete", "trigger eoi_history_refuses_delete: missing"),
        (
            "CREATE TRIGGER flip AFTER INSERT ON eoi_eoi BEGIN SELECT 1;END",
            "trigger flip: unknown",
        ),
        ("DROP INDEX ix_eoi_eoi_by_state", "index ix_eoi_eoi_by_state: missing"),
        (WEAKER_INDEX, "index uq_eoi_eoi_one_live: changed"),
        ("CREATE INDEX mine ON eoi_call (title)", "index mine: unknown"),
        ("ALTER TABLE eoi_note ADD COLUMN more TEXT", "column eoi_note.more: unknown"),
        ("DROP TABLE eoi_note", "table eoi_note: missing"),
    ],
)
def test_what_somebody_changed_in_the_schema_is_found(tmp_path: Path, statement: str, says: str) -> None:
    """Whoever removes a trigger, to change history unseen, is found out by `eoi db check`."""
    engine = engine_in(tmp_path)
    edit(tmp_path / "eoi.db", *statement.split("; ", 1))
    assert engine.check() == [says]
    engine.close()


def test_a_check_that_was_weakened_is_found(tmp_path: Path) -> None:
    """A rewritten CHECK is found, although SQLite cannot alter one in the open."""
    engine_in(tmp_path).close()
    edit(
        tmp_path / "eoi.db",
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'version >= 1', 'version >= 0') WHERE name = 'eoi_eoi'",
    )
    with engine_on(tmp_path / "eoi.db") as engine:
        assert engine.check() == ["check eoi_eoi.ck_eoi_eoi_version_counts: changed"]


def test_a_reference_that_was_broken_is_found(tmp_path: Path) -> None:
    """An EOI whose call is gone is told by `eoi db check`, which looks at the rows as well."""
    engine = engine_in(tmp_path)
    submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
    edit(tmp_path / "eoi.db", "DELETE FROM eoi_call")
    assert engine.check() == ["eoi_eoi: row 1 refers to a row of eoi_call that is not there."]
    engine.close()


def test_a_migration_waits_for_whoever_writes_to_a_new_file(tmp_path: Path) -> None:
    """Who finds the file locked waits as long as for any command, where SQLite itself gives up at once."""
    path = tmp_path / "eoi.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Engine(f"sqlite:///{path}", lock_timeout_s=0.2) as engine:
            with pytest.raises(DatabaseLocked) as locked:
                engine.migrate()
            assert locked.value.facts["waited_s"] == 0.2
            other.execute("ROLLBACK")
            engine.migrate()
            assert engine.calls() == []


def test_migrating_on_a_medium_that_cannot_be_written_is_told(
    folder: Path, plain_user: Callable[[], AbstractContextManager[None]]
) -> None:
    """A read-only file is told as such; one that needs no migration is not written at all."""
    engine_in(folder).close()
    bare = folder / "bare.db"
    bare.touch()
    with plain_user():
        bare.chmod(0o400)
        with engine_on(bare) as engine, pytest.raises(DatabaseReadOnly, match="only be read"):
            engine.migrate()
        assert bare.stat().st_size == 0
        (folder / "eoi.db").chmod(0o400)
        with engine_on(folder / "eoi.db") as engine:
            engine.migrate()
            assert engine.check() == []
