"""The schema: made, found as described, taken down and up again, and left alone where it is not ours."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
import sqlalchemy
from sqlmodel import SQLModel

from states.errors import BadInput
from workflow import (
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseUnavailable,
    Engine,
    SchemaMissing,
    SchemaOutdated,
    SchemaTooNew,
    schema,
)
from workflow.databases import database_of
from workflow.migrations import differences, downgrade, upgrade
from workflow.tables import APPEND_ONLY, REVISIONS, VERSION_TABLE, Row
from workflow.testing import FrozenClock, engine_in, new_call, officer, school, submitted

# Two programs wait at one line of stdin, so that they migrate at the same instant.
MIGRATE = """
import sys
from workflow import Engine
import workflow.migrations
engine = Engine(f"sqlite:///{sys.argv[1]}")
print("ready", flush=True)
sys.stdin.readline()
engine.migrate()
print(len(engine.calls()), engine.check(), flush=True)
engine.close()
"""


def engine_on(path: Path) -> Engine:
    """Return an engine on a file, with a clock that stands still."""
    return Engine(f"sqlite:///{path}", clock=FrozenClock())


def edit(path: Path, *statements: str) -> None:
    """Change a database behind the engine's back, as somebody with a SQLite shell would."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def schema_of(path: Path) -> dict[tuple[str, str], list[str]]:
    """Return every table, index and trigger, each as the sorted lines of its text."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).fetchall()
    return {(kind, name): sorted(line.strip(" \t,") for line in sql.splitlines()) for kind, name, sql in rows}


def test_the_migrations_make_what_the_tables_describe(tmp_path: Path) -> None:
    """Every column, CHECK, key and index of `workflow.tables` is in a migrated database, to the letter."""
    engine_in(tmp_path).close()
    described = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'described.db'}")
    Row.metadata.create_all(described)
    described.dispose()
    migrated, expected = schema_of(tmp_path / "eoi.db"), schema_of(tmp_path / "described.db")
    triggers = {key for key in migrated if key[0] == "trigger"}
    assert migrated.keys() - triggers - {("table", VERSION_TABLE)} == expected.keys()
    assert {key: migrated[key] for key in expected} == expected


def test_each_append_only_table_has_its_three_triggers(tmp_path: Path) -> None:
    """UPDATE, DELETE and REPLACE are each refused by a trigger that stands in the schema."""
    engine_in(tmp_path).close()
    triggers = {name for kind, name in schema_of(tmp_path / "eoi.db") if kind == "trigger"}
    assert triggers == {
        f"{table}_refuses_{change}" for table in APPEND_ONLY for change in ("update", "delete", "replace")
    }


def test_a_fresh_database_is_found_well(tmp_path: Path) -> None:
    """`eoi db check` says nothing about what the migrations made, and migrating again changes nothing."""
    engine = engine_in(tmp_path)
    submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
    before = schema_of(tmp_path / "eoi.db")
    engine.migrate()
    assert (engine.check(), schema_of(tmp_path / "eoi.db")) == ([], before)
    engine.close()


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("DROP TRIGGER eoi_history_refuses_delete", "trigger eoi_history_refuses_delete: missing"),
        (
            "CREATE TRIGGER flip AFTER INSERT ON eoi_eoi BEGIN SELECT 1; END",
            "trigger flip: unknown",
        ),
        ("DROP INDEX ix_eoi_eoi_by_state", "index ix_eoi_eoi_by_state: missing"),
        ("CREATE INDEX mine ON eoi_call (title)", "index mine: unknown"),
        ("ALTER TABLE eoi_note ADD COLUMN more TEXT", "column eoi_note.more: unknown"),
        ("DROP TABLE eoi_key", "table eoi_key: missing"),
    ],
)
def test_what_somebody_changed_in_the_schema_is_found(tmp_path: Path, statement: str, says: str) -> None:
    """Whoever removes a trigger, to change history unseen, is found out by `eoi db check`."""
    engine = engine_in(tmp_path)
    edit(tmp_path / "eoi.db", statement)
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


def test_the_schema_goes_down_and_up_again(tmp_path: Path) -> None:
    """Taken down, nothing of ours is left but the version table; brought up again, all is as before."""
    engine = engine_in(tmp_path)
    submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
    before = schema_of(tmp_path / "eoi.db")
    downgrade(engine._database, "base")
    assert schema_of(tmp_path / "eoi.db").keys() == {("table", VERSION_TABLE)}
    upgrade(engine._database)
    assert schema_of(tmp_path / "eoi.db") == before
    assert (engine.calls(), differences(engine._database)) == ([], [])
    with pytest.raises(BadInput, match="no revision '0000'"):
        downgrade(engine._database, "0000")
    engine.close()


@pytest.mark.parametrize(
    ("version", "error", "says"),
    [
        ("UPDATE eoi_schema_version SET version_num = '9999'", SchemaTooNew, "of a newer version"),
        ("INSERT INTO eoi_schema_version VALUES ('0002')", SchemaTooNew, "of a newer version"),
        ("DELETE FROM eoi_schema_version", SchemaMissing, "none of our tables"),
        ("DROP TABLE eoi_schema_version", SchemaMissing, "none of our tables"),
    ],
)
def test_a_schema_of_another_version_is_neither_read_nor_written(
    tmp_path: Path, version: str, error: type[Exception], says: str
) -> None:
    """An old program on a new database is turned away at once, with what to do, and changes nothing."""
    path = tmp_path / "eoi.db"
    with engine_in(tmp_path) as engine:
        engine.open_call(new_call(), actor=officer())
    edit(path, version)
    before = schema_of(path)
    with engine_on(path) as engine:
        for ask in (engine.calls, engine.find, engine.close_due, engine.check):
            with pytest.raises(error, match=says):
                ask()
        with pytest.raises(DatabaseUnavailable):
            engine.migrate()
        assert not engine.create()
    assert schema_of(path) == before
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM eoi_call").fetchone() == (1,)


def test_a_schema_too_new_names_both_versions(tmp_path: Path) -> None:
    """The error carries what was found and what is known, for whoever has to find the right program."""
    engine_in(tmp_path).close()
    edit(tmp_path / "eoi.db", "UPDATE eoi_schema_version SET version_num = '9999'")
    with engine_on(tmp_path / "eoi.db") as engine, pytest.raises(SchemaTooNew) as caught:
        engine.calls()
    assert (caught.value.code, caught.value.facts) == (
        "schema-too-new",
        {"found": "9999", "newest_known": REVISIONS[-1]},
    )


def test_a_database_with_tables_of_somebody_else_keeps_them(tmp_path: Path) -> None:
    """In a host's own file the host's rows, triggers and Alembic version stay as they are."""
    path = tmp_path / "host.db"
    theirs = [
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('host-7')",
        "CREATE TABLE school (urn INTEGER PRIMARY KEY, name TEXT)",
        "INSERT INTO school VALUES (121234, 'Sprowston Junior School')",
        "CREATE TRIGGER school_stays BEFORE DELETE ON school BEGIN SELECT RAISE(ABORT, 'stays'); END",
    ]
    edit(path, *theirs)
    before = schema_of(path)
    with engine_on(path) as engine:
        with pytest.raises(SchemaMissing):
            engine.calls()
        assert not engine.create(), "who holds data is not migrated unasked"
        engine.migrate()
        engine.open_call(new_call(), actor=officer())
        assert engine.check() == []
        assert before.items() <= schema_of(path).items()
        downgrade(engine._database, "base")
    assert schema_of(path).keys() - before.keys() == {("table", VERSION_TABLE)}
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM alembic_version, school").fetchall() == [
            ("host-7", 121234, "Sprowston Junior School")
        ]


def test_a_hosts_metadata_stays_its_own() -> None:
    """A host that builds its tables from SQLModel's metadata, sees none of ours in them."""
    assert [name for name in SQLModel.metadata.tables if name.startswith("eoi_")] == []
    assert Row.metadata is not SQLModel.metadata


def test_a_migration_that_fails_leaves_no_table(tmp_path: Path) -> None:
    """Where one of the tables is there already, none of the others is made, and the reason is told."""
    path = tmp_path / "eoi.db"
    edit(path, "CREATE TABLE eoi_outbox (position INTEGER)")
    with engine_on(path) as engine, pytest.raises(DatabaseUnavailable, match="eoi_outbox already exists"):
        engine.migrate()
    assert schema_of(path).keys() == {("table", "eoi_outbox")}


@pytest.mark.slow
def test_programs_that_migrate_at_once_do_it_once(tmp_path: Path) -> None:
    """Two nodes that start on a new database all come up, and the tables are made one time."""
    program = [sys.executable, "-W", "error", "-c", MIGRATE, str(tmp_path / "eoi.db")]
    pipe = subprocess.PIPE
    nodes = [subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(2)]
    for node in nodes:
        assert node.stdout is not None
        assert node.stdout.readline() == "ready\n"
    for node in nodes:
        assert node.stdin is not None
        node.stdin.write("\n")
        node.stdin.flush()
    assert [node.communicate(timeout=60) for node in nodes] == [("0 []\n", "")] * 2
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as connection:
        assert connection.execute(f"SELECT * FROM {VERSION_TABLE}").fetchall() == [(REVISIONS[-1],)]  # noqa: S608 -- our own name


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


def test_an_older_schema_is_told_and_not_read(tmp_path: Path) -> None:
    """The next version of this program meets today's database: it asks to be migrated, and reads nothing."""
    engine_in(tmp_path).close()
    newer = (*REVISIONS, "9999")
    database = database_of(f"sqlite:///{tmp_path / 'eoi.db'}", check=lambda found: schema.check(found, newer))
    with pytest.raises(SchemaOutdated, match="run `eoi db upgrade`") as caught, database.connect():
        pass
    assert caught.value.facts == {"found": REVISIONS[-1], "needed": "9999"}
    database.close()


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
