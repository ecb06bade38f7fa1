"""Closing is one transaction, set-based, done once whoever does it, and a fault in one call bars no other."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from tests.answers import answer
from tests.databases.copies import copy_eoi
from tests.databases.lent import Broken, NewEngine
from tests.databases.raw import RawDatabase
from tests.deadline.wire import SlowEngine
from workflow import CallView, Engine, StaleVersion
from workflow.testing import (
    FrozenClock,
    admin,
    new_call,
    officer,
    race,
    results,
    school,
    submitted,
)

NOON = datetime(2023, 3, 16, 12, tzinfo=UTC)
CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
SETTLED = CLOSING + timedelta(seconds=2)
HEAD = school(1)

#: Which fault in one call's rows -> what plants it in the call named 2, and the code that is told of it.
FAULTS: Final = {
    "the last statement fails": (
        ("BEFORE UPDATE ON eoi_call", None, "NEW.reference = '2' AND NEW.state = 'closed'"),
        "database-refused",
    ),
    "a CHECK fails": (
        (
            "AFTER UPDATE ON eoi_eoi",
            "UPDATE eoi_eoi SET submitted_at = created_at WHERE id = NEW.id",
            "NEW.state = 'lapsed' AND NEW.applicant = 'URN:2'",
        ),
        "database-refused",
    ),
    "the version moves": (
        (
            "AFTER UPDATE ON eoi_eoi",
            "UPDATE eoi_call SET version = version + 1 WHERE id = NEW.call_id",
            "NEW.state = 'lapsed' AND NEW.applicant = 'URN:2'",
        ),
        "stale-version",
    ),
}


def states(database: RawDatabase) -> tuple[list[str], list[str]]:
    """Return every state of a call and of an EOI, as another connection sees them."""
    calls = database.ask("SELECT DISTINCT state FROM eoi_call ORDER BY 1")
    eois = database.ask("SELECT DISTINCT state FROM eoi_eoi ORDER BY 1")
    return [state for (state,) in calls], [state for (state,) in eois]


def open_call(engine: Engine, reference: str = "46/23") -> CallView:
    """Open a call by the real sheet's deadline."""
    return engine.open_call(new_call(reference=reference), actor=officer())


def close_all(engine: Engine, _: CallView) -> None:
    """Let the sweep close what is due."""
    assert len(engine.close_due().closed) == 1


def cancel_all(engine: Engine, call: CallView) -> None:
    """Let an admin cancel a call."""
    engine.cancel_call(call.id, actor=admin(), reason="no money")


#: What EOIs come to -> how their call ends.
ENDS: Final[dict[str, Callable[[Engine, CallView], None]]] = {"lapsed": close_all, "cancelled": cancel_all}


@pytest.mark.parametrize("to", ENDS)
def test_five_thousand_drafts_take_no_more_statements_than_one(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, broken: Broken, database: RawDatabase, *, to: str
) -> None:
    """A call ends by the same statements however many EOIs it has, and each of them has its history."""
    few, many = (
        engine.open_call(new_call(reference=name, closes_at=NOON + timedelta(hours=hours)), actor=officer())
        for name, hours in (("few", 1), ("many", 2))
    )
    engine.draft(few.id, answers={}, actor=HEAD)
    copy_eoi(database, engine.draft(many.id, answers={}, actor=HEAD).eoi_id, 5000)
    slow.close_due()  # A new connection has more to say.
    spent = []
    for call in (few, many):
        clock.move_to(call.closes_at + timedelta(seconds=2))
        slow.wire.heard.clear()
        ENDS[to](slow, call)
        spent.append(len(slow.wire.heard))
    assert spent[0] == spent[1] < 25
    assert engine.call(many.id).counts == {to: 5001}
    assert broken() == []


def test_a_close_is_seen_whole_or_not_at_all(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, database: RawDatabase
) -> None:
    """Until it is committed, others see the call open and every draft a draft; then all of it."""
    call = open_call(engine)
    engine.draft(call.id, answers={}, actor=HEAD)
    submitted(engine, call.id, school(2))
    seen: list[object] = []
    slow.wire.before_commit = lambda: seen.append((states(database), engine.history(call.id)[1:]))
    clock.move_to(SETTLED)
    report = slow.close_due()
    assert seen == [((["open"], ["draft", "submitted"]), [])]
    assert report.lapsed == 1
    assert states(database) == (["closed"], ["lapsed", "submitted"])


def test_closing_twice_is_harmless(engine: Engine, clock: FrozenClock, broken: Broken) -> None:
    """The second sweep finds nothing to do, and nothing more is written or told."""
    call = open_call(engine)
    engine.draft(call.id, answers={}, actor=HEAD)
    clock.move_to(SETTLED)
    assert [each.id for each in engine.close_due().closed] == [call.id]
    before = engine.call(call.id), engine.history(call.id)
    clock.move_by(days=1)
    report = engine.close_due()
    assert (report.closed, report.lapsed, report.failed) == ((), 0, {})
    assert (engine.call(call.id), engine.history(call.id)) == before
    assert broken() == []


def test_a_sweep_that_another_overtakes_has_nothing_to_report(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, broken: Broken
) -> None:
    """Two nodes see a call due; the one that gets the lock second leaves it as it is."""
    call = open_call(engine)
    engine.draft(call.id, answers={}, actor=HEAD)
    clock.move_to(SETTLED)
    slow.wire.before_lock = engine.close_due
    report = slow.close_due()
    assert (report.closed, report.lapsed, report.failed) == ((), 0, {})
    assert engine.call(call.id).counts_at_close == {"lapsed": 1}
    assert broken() == []


def test_nodes_that_sweep_at_once_close_each_call_once(
    engine: Engine, clock: FrozenClock, broken: Broken, new_engine: NewEngine
) -> None:
    """Four nodes close twenty calls in the same moment: each call by one of them, with one event."""
    for number in range(20):
        engine.draft(open_call(engine, str(number)).id, answers={}, actor=HEAD)
    clock.move_to(SETTLED)
    nodes = [new_engine() for _ in range(4)]
    swept = results(race(lambda number: nodes[number].close_due().closed, len(nodes)))
    closed = [call.reference for each in swept for call in each]
    assert sorted(closed, key=int) == [str(number) for number in range(20)]
    assert broken() == []


def test_submitting_and_closing_exclude_each_other(
    engine: Engine, broken: Broken, new_engine: NewEngine
) -> None:
    """Of many that submit in the moment of the close each counts, or is told that the close overtook it."""
    call = open_call(engine)
    drafts = {urn: engine.draft(call.id, answers={}, actor=school(urn)).eoi_id for urn in range(12)}
    in_time = new_engine(clock=FrozenClock(CLOSING - timedelta(microseconds=1)))
    sweeping = new_engine(clock=FrozenClock(SETTLED))

    def act(number: int) -> str | CallView:
        if number == len(drafts):
            return sweeping.close_due().closed[0]
        return answer(lambda: in_time.submit(drafts[number], actor=school(number)))

    *told, closed = results(race(act, len(drafts) + 1))
    assert isinstance(closed, CallView)
    counted = {"submitted": told.count("submitted"), "lapsed": told.count("closed-in-flight")}
    assert closed.counts_at_close == {state: count for state, count in counted.items() if count}
    assert sum(counted.values()) == len(drafts)
    assert broken() == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_call_that_cannot_be_closed_bars_no_other(
    engine: Engine,
    clock: FrozenClock,
    broken: Broken,
    database: RawDatabase,
    caplog: pytest.LogCaptureFixture,
    *,
    fault: str,
) -> None:
    """It stays open whole, the report and the log name it, and the next sweep closes it."""
    calls = {name: open_call(engine, name) for name in ("1", "2", "3")}
    drafts = {
        name: engine.draft(call.id, answers={}, actor=school(name)).eoi_id for name, call in calls.items()
    }
    clock.move_to(SETTLED)
    (when, do, where), code = FAULTS[fault]
    database.plant(when, do, where=where)
    with caplog.at_level(logging.WARNING, "eoi.sweep"):
        report = engine.close_due()
    assert {call.reference for call in report.closed} == {"1", "3"}
    assert (report.lapsed, report.failed) == (2, {calls["2"].id: code})
    (record,) = caplog.records
    assert (record.message, vars(record)["call_id"], vars(record)["code"]) == (
        "sweep.failed",
        calls["2"].id,
        code,
    )
    assert (engine.call("2").state, engine.call("2").version, engine.get(drafts["2"]).state) == (
        "open",
        1,
        "draft",
    )
    assert broken() == []
    database.uproot()
    assert [call.reference for call in engine.close_due().closed] == ["2"]
    assert broken() == []


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)  # PostgreSQL writes all of it at once
def test_a_save_whose_version_moves_under_it_is_stale(
    engine: Engine, broken: Broken, database: RawDatabase
) -> None:
    """The state is changed only from the version that the decision was made on, or not at all."""
    draft = engine.draft(open_call(engine).id, answers={}, actor=HEAD).eoi_id
    database.plant(
        "AFTER INSERT ON eoi_revision", "UPDATE eoi_eoi SET version = version + 1 WHERE id = NEW.eoi_id"
    )
    with pytest.raises(StaleVersion):
        engine.save(draft, answers={"places": 2}, actor=HEAD)
    assert (engine.get(draft).version, engine.get(draft).answers) == (1, {})
    assert broken() == []
