"""What somebody else does to the database in the middle of a command, here by triggers that a test plants."""

import contextlib
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tests.databases.raw import RawDatabase
from workflow import Engine, Refused, StaleVersion
from workflow.races import TRIES
from workflow.testing import FrozenClock, new_call, officer, school

SETTLED = datetime(2023, 3, 18, 0, 0, 2, tzinfo=UTC)
Tables = Callable[[], dict[str, list[dict[str, Any]]]]
#: What a question is asked in -> its first and last statement.
FRAMES = {
    "sqlite": ("BEGIN", "ROLLBACK"),
    "postgresql": ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "ROLLBACK"),
}


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_an_eoi_that_changes_under_the_lock_is_stale(
    engine: Engine, tables: Tables, database: RawDatabase
) -> None:
    """The write itself asks for the version that was read; where it is gone, all of the command is undone."""
    engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft("46/23", answers={}, actor=school(1)).eoi_id
    database.plant("AFTER INSERT ON eoi_revision", "UPDATE eoi_eoi SET version = version + 1")
    before = tables()
    with pytest.raises(StaleVersion) as stale:
        engine.save(eoi_id, answers={"a": 1}, actor=school(1))
    assert stale.value.facts == {"eoi_id": eoi_id}
    assert tables() == before


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("often", "version"), [(1, 3), (TRIES - 1, TRIES + 1), (TRIES, None)])
def test_who_is_overtaken_tries_again_for_a_while(
    engine: Engine, database: RawDatabase, clock: FrozenClock, often: int, version: int | None
) -> None:
    """Somebody saves between our reading and our writing: nothing is lost, and in the end we are told."""
    engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft("46/23", answers={}, actor=school(1)).eoi_id
    others: list[int] = []

    def overtake(statement: str) -> None:
        if "UPDATE eoi_eoi" in statement and len(others) < often:
            others.append(0)
            others[-1] = engine.save(eoi_id, answers={"by": "another"}, actor=school(1)).version

    host = database.host(hear=overtake)
    with contextlib.suppress(StaleVersion) if version is None else contextlib.nullcontext():
        receipt = Engine(host, clock=clock).save(eoi_id, answers={"by": "us"}, actor=school(1))
        assert receipt.version == version
    host.dispose()
    assert others == list(range(2, often + 2))
    found = engine.get(eoi_id)
    assert (found.version, found.answers["by"]) == (version or often + 1, "us" if version else "another")
    assert [row.seq for row in engine.history(eoi_id)] == list(range(1, found.version + 1))


def test_a_call_that_cannot_be_closed_bars_no_other(
    engine: Engine, clock: FrozenClock, tables: Tables, database: RawDatabase
) -> None:
    """A call that changes under the lock is left as it was and named; the other one is closed."""
    failing = engine.open_call(new_call(reference="1"), actor=officer())
    fine = engine.open_call(new_call(reference="2"), actor=officer())
    eoi_id = engine.draft("1", answers={}, actor=school(1)).eoi_id
    database.plant(
        "AFTER INSERT ON eoi_history",
        "UPDATE eoi_call SET version = version + 1 WHERE reference = '1'",
        where="NEW.target = 'lapsed'",
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
    engine: Engine, clock: FrozenClock, database: RawDatabase
) -> None:
    """Another node extends the second call while the first is being closed: that is no failure."""
    engine.open_call(new_call(reference="1"), actor=officer())
    second = engine.open_call(new_call(reference="2"), actor=officer())
    later = new_call(reference="later", closes_on=date(2023, 3, 24))
    engine.open_call(later, actor=officer())
    database.plant(
        "AFTER UPDATE ON eoi_call",
        "UPDATE eoi_call SET closes_at = (SELECT closes_at FROM eoi_call WHERE reference = 'later') "
        "WHERE reference = '2'",
        where="NEW.state = 'closed'",
    )
    clock.move_to(SETTLED)
    report = engine.close_due()
    assert ([each.reference for each in report.closed], report.failed) == (["1"], {})
    assert engine.call(second.id).state == "open"
    assert engine.next_due() == SETTLED + timedelta(days=7)


def test_a_refusal_stands_where_its_attempt_cannot_be_kept(
    engine: Engine, tables: Tables, database: RawDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer is the refusal, not the trouble with writing it down; the log tells of that."""
    engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft("46/23", answers={}, actor=school(1)).eoi_id
    database.plant("BEFORE INSERT ON eoi_attempt", None)
    before = tables()
    with caplog.at_level(logging.INFO, logger="eoi"), pytest.raises(Refused) as refused:
        engine.submit(eoi_id, actor=officer())
    assert refused.value.code == "role-missing"
    assert tables() == before
    assert [(each.msg, each.__dict__["code"], each.__dict__["eoi_id"]) for each in caplog.records] == [
        ("command.refused", "role-missing", eoi_id),
        ("attempt.not-kept", "database-refused", eoi_id),
    ]


def test_several_reads_of_one_question_see_one_state(engine: Engine, database: RawDatabase) -> None:
    """A call and its counts, an EOI and its attempts, are read in one transaction."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    eoi_id = engine.draft("46/23", answers={}, actor=school(1)).eoi_id
    said: list[str] = []
    host = database.host(hear=said.append)
    traced = Engine(host, clock=FrozenClock())
    traced.calls()  # checks the tables first
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
        assert (said[0].partition(";")[0], said[-1]) == FRAMES[database.name]
        assert {each.split()[0] for each in said[1:-1]} == {"SELECT"}
    host.dispose()
