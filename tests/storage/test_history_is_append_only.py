"""History only grows: what an auditor would try with a SQLite shell, on a file of real history."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from workflow.testing import engine_in, new_call, officer, school, submitted

COLUMNS = "subject_id, seq, trigger, source, target, actor, on_behalf_of, via, at, recorded_at, digest"
FORGED = f"SELECT {COLUMNS.replace('actor', 'char(120)')} FROM eoi_history"  # noqa: S608 -- our own columns


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Return a bare connection to a file that holds a call and an EOI with three rows of history."""
    engine = engine_in(tmp_path)
    submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
    engine.close()
    with closing(sqlite3.connect(tmp_path / "eoi.db", isolation_level=None)) as connection:
        yield connection


def history(shell: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Return every row of history."""
    return shell.execute(f"SELECT {COLUMNS} FROM eoi_history ORDER BY subject_id, seq").fetchall()  # noqa: S608 -- as above


@pytest.mark.parametrize(
    "attempt",
    [
        "UPDATE eoi_history SET actor = 'x'",
        "UPDATE OR IGNORE eoi_history SET actor = 'x'",
        "UPDATE OR REPLACE eoi_history SET seq = 1",
        "UPDATE OR FAIL eoi_history SET at = '2023-01-01' WHERE trigger = 'submit'",
        "DELETE FROM eoi_history",
        "DELETE FROM eoi_history WHERE trigger = 'submit'",
        f"INSERT OR REPLACE INTO eoi_history ({COLUMNS}) {FORGED}",
        f"REPLACE INTO eoi_history ({COLUMNS}) {FORGED}",
        f"INSERT OR IGNORE INTO eoi_history ({COLUMNS}) {FORGED}",
        f"INSERT OR FAIL INTO eoi_history ({COLUMNS}) {FORGED}",
        f"INSERT INTO eoi_history ({COLUMNS}) {FORGED} WHERE true ON CONFLICT DO UPDATE SET actor = 'x'",
    ],
)
def test_what_is_written_in_history_stays(shell: sqlite3.Connection, attempt: str) -> None:
    """No statement changes, deletes or replaces a row, by whichever way of settling a conflict."""
    before = history(shell)
    assert [row[2] for row in before].count("submit") == 1
    with pytest.raises(sqlite3.IntegrityError, match="eoi_history is append-only"):
        shell.execute(attempt)
    assert history(shell) == before


@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_a_whole_transaction_of_forgery_leaves_nothing(shell: sqlite3.Connection, recursive: str) -> None:
    """With or without recursive triggers and foreign keys, the row that was in the way is still there."""
    shell.execute(f"PRAGMA recursive_triggers = {recursive}")
    shell.execute("PRAGMA foreign_keys = OFF")
    before = history(shell)
    shell.execute("BEGIN")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        shell.execute(f"REPLACE INTO eoi_history ({COLUMNS}) {FORGED}")
    shell.execute("COMMIT")
    assert history(shell) == before


def test_history_grows(shell: sqlite3.Connection) -> None:
    """The triggers refuse nothing that is new."""
    before = history(shell)
    shell.execute(f"INSERT INTO eoi_history ({COLUMNS}) {FORGED.replace('seq', 'seq + 10')}")
    assert len(history(shell)) == 2 * len(before)


def test_the_free_text_beside_it_can_be_erased(shell: sqlite3.Connection) -> None:
    """Retention erases a reason, and the row of history beside it stays."""
    before = history(shell)
    subject, seq = before[0][:2]
    shell.execute("INSERT INTO eoi_note VALUES (?, ?, 'Because of Mrs Smith.')", (subject, seq))
    assert shell.execute("DELETE FROM eoi_note").rowcount == 1
    assert history(shell) == before
