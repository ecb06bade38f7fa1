"""What somebody else does to the database in the middle of a command, here by triggers that a test plants."""

import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from workflow import Engine, Refused, StaleVersion
from workflow.testing import FrozenClock, new_call, officer, school

SETTLED = datetime(2023, 3, 18, 0, 0, 2, tzinfo=UTC)
Tables = Callable[[], dict[str, list[dict[str, Any]]]]


@pytest.fixture
def plant(tmp_path: Path) -> Callable[[str], None]:
    """Return what plants a trigger in the database."""

    def plant(when: str) -> None:
        with closing(sqlite3.connect(tmp_path / "eoi.db")) as connection:
            connection.execute(f"CREATE TRIGGER planted {when}")

    return plant


def test_an_eoi_that_changes_under_the_lock_is_stale(
    engine: Engine, tables: Tables, plant: Callable[[str], None]
) -> None:
    """The write itself asks for the version that was read; where it is gone, all of the command is undone."""
    engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft("46/23", answers={}, actor=school(1)).eoi_id
    plant("AFTER INSERT ON eoi_revision BEGIN UPDATE eoi_eoi SET version = version + 1; END")
    before = tables()
    with pytest.raises(StaleVersion) as stale:
        engine.save(eoi_id, answers={"a": 1}, actor=school(1))
    assert stale.value.facts == {"eoi_id": eoi_id}
    assert tables() == before


def test_a_call_that_cannot_be_closed_bars_no_other(
    engine: Engine, clock: FrozenClock, tables: Tables, plant: Callable[[str], None]
) -> None:
    """A call that changes under the lock is left as it was and named; the other one is closed."""
    failing = engine.open_call(new_call(reference="1"), actor=officer())
    fine = engine.open_call(new_call(reference="2"), actor=officer())
    eoi_id = engine.draft("1", answers={}, actor=school(1)).eoi_id
    plant(
        "AFTER INSERT ON eoi_history WHEN NEW.target = 'lapsed' "
        "BEGIN UPDATE eoi_call SET version = version + 1 WHERE reference = '1'; END"
    )
    clock.move_to(SETTLED)
    history = tables()["eoi_history"]
    report = engine.close_due()
    assert ([each.id for each in report.closed], report.lapsed) == ([fine.id], 0)
    assert report.failed == {failing.id: "stale-version"}
    assert (engine.get(eoi_id).state, engine.call("1").version) == ("draft", 1)
    assert len(tables()["eoi_history"]) == len(history) + 1
    assert engine.next_due() == SETTLED


def test_a_call_that_is_extended_before_its_turn_is_left_open(
    engine: Engine, clock: FrozenClock, plant: Callable[[str], None]
) -> None:
    """Another node extends the second call while the first is being closed: that is no failure."""
    engine.open_call(new_call(reference="1"), actor=officer())
    second = engine.open_call(new_call(reference="2"), actor=officer())
    plant(
        "AFTER UPDATE ON eoi_call WHEN NEW.state = 'closed' "
        "BEGIN UPDATE eoi_call SET closes_at = '2023-03-25 00:00:00.000000' WHERE id <> NEW.id; END"
    )
    clock.move_to(SETTLED)
    report = engine.close_due()
    assert ([each.reference for each in report.closed], report.failed) == (["1"], {})
    assert engine.call(second.id).state == "open"
    assert engine.next_due() == SETTLED + timedelta(days=7)


def test_a_refusal_stands_where_its_attempt_cannot_be_kept(
    engine: Engine, tables: Tables, plant: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is the refusal, not the trouble with writing it down; the log tells of that."""
    engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft("46/23", answers={}, actor=school(1)).eoi_id
    plant("BEFORE INSERT ON eoi_attempt BEGIN SELECT RAISE(ABORT, 'no room'); END")
    before = tables()
    with caplog.at_level(logging.INFO, logger="eoi"), pytest.raises(Refused) as refused:
        engine.submit(eoi_id, actor=officer())
    assert refused.value.code == "role-missing"
    assert tables() == before
    assert [(each.msg, each.__dict__["code"], each.__dict__["eoi_id"]) for each in caplog.records] == [
        ("command.refused", "role-missing", eoi_id),
        ("attempt.not-kept", "database-refused", eoi_id),
    ]


def test_several_reads_of_one_question_see_one_state(engine: Engine, tmp_path: Path) -> None:
    """A call and its counts, an EOI and its attempts, are read in one transaction."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    eoi_id = engine.draft("46/23", answers={}, actor=school(1)).eoi_id
    said: list[str] = []
    traced = Engine(f"sqlite:///{tmp_path / 'eoi.db'}", clock=FrozenClock())
    traced.calls()  # checks the tables first

    def listen(dbapi: sqlite3.Connection, *_: object) -> None:
        dbapi.set_trace_callback(said.append)

    event.listen(traced._database.engine, "checkout", listen)
    questions: tuple[Callable[[], object], ...] = (
        lambda: traced.call(call_id),
        traced.calls,
        lambda: traced.history(eoi_id),
        lambda: traced.attempts(eoi_id),
        lambda: traced.allowed(eoi_id, school(1)),
        lambda: traced.explain(eoi_id, "submit", school(1)),
    )
    for ask in questions:
        said.clear()
        ask()
        assert (said[0], said[-1]) == ("BEGIN", "ROLLBACK")
        assert {each.split()[0] for each in said[1:-1]} == {"SELECT"}
    traced.close()
