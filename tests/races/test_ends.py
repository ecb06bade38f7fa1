"""Races for the end of a call: two sweeps, and an extension against the close."""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import pytest

from tests.clock import now
from tests.databases.lent import Broken
from tests.databases.raw import RawDatabase
from tests.deadline.detector import ahead_of_us
from tests.races.crowd import Crowd
from tests.races.faults import call_before_lock
from tests.races.ready import be_ready
from tests.races.sweepers import HOUR, Extension, extend_at, sweep_once, sweep_until
from workflow import CloseReport, Engine
from workflow.testing import FrozenClock, new_call, officer, school

DRAFTS: Final = 5
#: How often a race is run at the most, until it has come to what is looked for.
ROUNDS: Final = 20
#: From one deadline to the next, and from the last one's planning to the first.
APART, START = timedelta(milliseconds=20), timedelta(milliseconds=300)
#: An extension is asked for at the most so long before or after the deadline.
AROUND: Final = timedelta(milliseconds=8)


def with_drafts(engine: Engine, calls: int) -> list[str]:
    """Open so many more calls, with drafts for each."""
    numbers = range(first := len(engine.calls()), first + calls)
    made = [engine.open_call(new_call(reference=f"{n}"), actor=officer()).id for n in numbers]
    for call in made:
        for number in range(DRAFTS):
            engine.draft(call, answers={}, actor=school(number))
    return made


def wrong_reports(reports: Sequence[CloseReport], calls: Sequence[str]) -> list[object]:
    """Return each call that was not closed once and by one, each failure, and a wrong count of the lapsed."""
    closed = Counter(call.id for report in reports for call in report.closed)
    wrong: list[object] = [(call, closed[call]) for call in calls if closed[call] != 1]
    wrong += [report.failed for report in reports if report.failed]
    lapsed = sum(report.lapsed for report in reports)
    return wrong + ([lapsed] if lapsed != DRAFTS * len(calls) else [])


@pytest.mark.slow
def test_of_sweeps_at_once_one_closes_each_call(
    *,
    database: RawDatabase,
    engine: Engine,
    clock: FrozenClock,
    crowd: Crowd,
    broken: Broken,
    long: bool,
    tell: Callable[[str], None],
) -> None:
    """However many nodes sweep at the deadline, each call is closed once, and nobody reports a failure."""
    calls = with_drafts(engine, 500 if long else 40)
    clock.move_by(days=7)
    reports = crowd.all_do(sweep_once, database.url, clock.now())
    assert wrong_reports(reports, calls) == []
    assert broken() == []
    assert {engine.call(call).state for call in calls} == {"closed"}
    tell(f"{database.name}: {len(calls)} calls, closed by each: {[len(each.closed) for each in reports]}")


@pytest.mark.slow
def test_that_race_catches_a_broken_engine(
    database: RawDatabase, engine: Engine, clock: FrozenClock, tell: Callable[[str], None]
) -> None:
    """Who decides to close on what was read before the lock closes twice, or fails; soon, if not at once."""
    opening, wrong = clock.now(), list[object]()
    with Crowd(first=call_before_lock) as crowd:
        for number in range(ROUNDS):
            clock.move_to(opening)
            calls = with_drafts(engine, 40)
            clock.move_by(days=7)
            wrong = wrong_reports(crowd.all_do(sweep_once, database.url, clock.now()), calls)
            if wrong:
                tell(f"{database.name}, round {number + 1}: {len(wrong)} wrong")
                break
    assert wrong


def at_their_deadlines(engine: Engine, clock: FrozenClock, many: int) -> dict[str, datetime]:
    """Open calls an hour back, and extend them to deadlines near by, one after the other.

    It takes about as long to extend them as to open them: the first deadline is not before that.
    """
    clock.move_to(now() - HOUR)
    closing, began = clock.now() + timedelta(milliseconds=1), time.monotonic()
    numbers = range(first := len(engine.calls()), first + many)
    calls = [
        engine.open_call(new_call(reference=f"{n}", closes_at=closing), actor=officer()).id for n in numbers
    ]
    first_at = now() + START + timedelta(seconds=2 * (time.monotonic() - began))
    deadlines = {call: first_at + number * APART for number, call in enumerate(calls)}
    for call, closes_at in deadlines.items():
        engine.extend_call(call, closes_at=closes_at, actor=officer(), reason="the race")
    return deadlines


def wrong_ends(
    database: RawDatabase,
    deadlines: dict[str, datetime],
    extended: Sequence[Extension],
    swept: Sequence[tuple[str, str]],
) -> list[object]:
    """Return each call of which the extension's answer, the sweeps and the rows do not agree."""
    least, most = ahead_of_us(database)
    states = dict(database.ask("SELECT id, state FROM eoi_call"))
    closed = Counter(swept)
    wrong: list[object] = []
    for each in extended:
        closes_at = deadlines[each.call_id]
        right = {"done", "closed-in-flight", "call-closed"}
        right -= {"done"} if each.before + least >= closes_at else set()
        # What the question after the server's clock took, it may have arrived earlier, by its word.
        unsure = timedelta() if database.name == "sqlite" else each.after - each.before
        right -= {"closed-in-flight"} if each.before + least - unsure >= closes_at else set()
        right -= {"call-closed"} if each.after + most < closes_at else set()
        end = ("open", 0) if each.code == "done" else ("closed", 1)
        if each.code not in right or (states[each.call_id], closed[each.call_id, "closed"]) != end:
            wrong.append((each, states[each.call_id], closed[each.call_id, "closed"]))
    return wrong + [failure for failure in swept if failure[1] != "closed"]


def extend_against_close(
    database: RawDatabase, engine: Engine, clock: FrozenClock, crowd: Crowd, calls: int
) -> tuple[list[object], Counter[str]]:
    """Let two processes extend so many calls about their deadlines, and two sweep; return what is wrong."""
    crowd.all_do(be_ready, database.url, {"settle_s": 0})
    deadlines = at_their_deadlines(engine, clock, calls)
    dice = random.Random(4623)  # noqa: S311 -- to be drawn again
    instants = [(at + dice.uniform(-1, 0.2) * AROUND, call) for call, at in deadlines.items()]
    end = max(deadlines.values()) + START
    found = crowd.do_each(
        *[(extend_at, (database.url, instants[number::2])) for number in range(2)],
        *[(sweep_until, (database.url, end))] * 2,
    )
    extended, swept = found[0] + found[1], found[2] + found[3]
    return wrong_ends(database, deadlines, extended, swept), Counter(each.code for each in extended)


@pytest.mark.slow
def test_a_call_is_extended_or_closed_and_never_both(
    *,
    database: RawDatabase,
    engine: Engine,
    clock: FrozenClock,
    crowd: Crowd,
    broken: Broken,
    long: bool,
    tell: Callable[[str], None],
) -> None:
    """An extension that meets the close is done before it, or refused; and the close is as it was told."""
    told = Counter[str]()
    for _ in range(ROUNDS):
        wrong, more = extend_against_close(database, engine, clock, crowd, 500 if long else 60)
        told += more
        assert wrong == []
        if 0 < told["done"] < told.total():
            break
    tell(f"{database.name}: {dict(told)}")
    assert broken() == []
    assert 0 < told["done"] < told.total()


@pytest.mark.slow
def test_the_race_for_an_extension_catches_a_broken_engine(
    database: RawDatabase, engine: Engine, clock: FrozenClock, tell: Callable[[str], None]
) -> None:
    """Who decides on what was read before the lock fails, or undoes what the other did; if not at once."""
    wrong = list[object]()
    with Crowd(first=call_before_lock) as crowd:
        for number in range(ROUNDS):
            wrong, told = extend_against_close(database, engine, clock, crowd, 60)
            if wrong:
                tell(f"{database.name}, round {number + 1}: {dict(told)}, {len(wrong)} of them wrong")
                break
    assert wrong
