"""History only grows: what an auditor would try with a shell, on a database of real history."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import Ask, RawDatabase
from workflow.testing import new_call, officer, school, submitted

COLUMNS = "subject_id, seq, trigger, source, target, actor, on_behalf_of, via, at, recorded_at, digest"
FORGED = f"SELECT {COLUMNS.replace('actor', 'upper(actor)')} FROM eoi_history"  # noqa: S608 -- our own columns
CONFLICT = f"INSERT INTO eoi_history ({COLUMNS}) {FORGED} WHERE true ON CONFLICT"
_SAME = "h.subject_id = o.subject_id AND h.seq = o.seq"
MERGE = f"MERGE INTO eoi_history h USING eoi_history o ON {_SAME} WHEN MATCHED"
#: What is refused, by whichever way of settling a conflict.
ATTEMPTS: Final = {
    "sqlite": [
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
        f"{CONFLICT} DO UPDATE SET actor = 'x'",
    ],
    "postgresql": [
        "UPDATE eoi_history SET actor = 'x'",
        "UPDATE ONLY eoi_history SET at = '2023-01-01' WHERE trigger = 'submit'",
        "DELETE FROM eoi_history",
        "DELETE FROM eoi_history WHERE trigger = 'submit'",
        "TRUNCATE eoi_history",
        "TRUNCATE eoi_note, eoi_history RESTART IDENTITY CASCADE",
        f"{CONFLICT} (subject_id, seq) DO UPDATE SET actor = 'x'",
        f"{CONFLICT} ON CONSTRAINT pk_eoi_history DO UPDATE SET actor = excluded.actor WHERE true",
        f"{MERGE} THEN UPDATE SET actor = 'x'",
        f"{MERGE} AND h.trigger = 'submit' THEN DELETE",
        "WITH gone AS (DELETE FROM eoi_history RETURNING *) SELECT count(*) FROM gone",
    ],
}


@pytest.fixture
def shell(database: RawDatabase, new_engine: NewEngine) -> Iterator[Ask]:
    """Return a shell on a database that holds a call and an EOI with three rows of history."""
    engine = new_engine()
    submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
    engine.close()
    with database.shell() as ask:
        yield ask


def history(shell: Ask) -> list[tuple[object, ...]]:
    """Return every row of history."""
    return shell(f"SELECT {COLUMNS} FROM eoi_history ORDER BY subject_id, seq")  # noqa: S608 -- as above


@pytest.mark.parametrize(
    ("databases", "attempt"),
    [(name, attempt) for name, attempts in ATTEMPTS.items() for attempt in attempts],
    indirect=["databases"],
)
def test_what_is_written_in_history_stays(database: RawDatabase, shell: Ask, attempt: str) -> None:
    """No statement changes, deletes or replaces a row, by whichever way of settling a conflict."""
    before = history(shell)
    assert [row[2] for row in before].count("submit") == 1
    with pytest.raises(database.error, match="eoi_history is append-only"):
        shell(attempt)
    assert history(shell) == before


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("conflict", ["DO NOTHING", "(subject_id, seq) DO NOTHING"])
def test_a_row_that_stands_is_not_replaced_unheard(shell: Ask, conflict: str) -> None:
    """Where a statement asks for nothing to be done about what is there, nothing is done."""
    before = history(shell)
    shell(f"{CONFLICT} {conflict}")
    assert history(shell) == before


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
def test_a_whole_transaction_of_forgery_leaves_nothing(
    database: RawDatabase, shell: Ask, recursive: str
) -> None:
    """With or without recursive triggers and foreign keys, the row that was in the way is still there."""
    shell(f"PRAGMA recursive_triggers = {recursive}")
    shell("PRAGMA foreign_keys = OFF")
    before = history(shell)
    shell("BEGIN")
    with pytest.raises(database.error, match="append-only"):
        shell(f"REPLACE INTO eoi_history ({COLUMNS}) {FORGED}")
    shell("COMMIT")
    assert history(shell) == before


def test_history_grows(shell: Ask) -> None:
    """The triggers refuse nothing that is new."""
    before = history(shell)
    shell(f"INSERT INTO eoi_history ({COLUMNS}) {FORGED.replace('seq', 'seq + 10')}")
    assert len(history(shell)) == 2 * len(before)


def test_the_free_text_beside_it_can_be_erased(shell: Ask) -> None:
    """Retention erases a reason, and the row of history beside it stays."""
    before = history(shell)
    subject, seq = before[0][:2]
    shell("INSERT INTO eoi_note VALUES (?, ?, 'Because of Mrs Smith.')", subject, seq)
    assert len(shell("SELECT * FROM eoi_note")) == 1
    shell("DELETE FROM eoi_note")
    assert (shell("SELECT * FROM eoi_note"), history(shell)) == ([], before)
