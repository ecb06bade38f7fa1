"""Call before EOI: whoever does what to both at the same moment, no command of its own gets stuck."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Final

import pytest

from tests.databases.lent import Broken
from tests.databases.raw import RawDatabase
from tests.races.crowd import Crowd
from tests.races.turns import Turn, take_turns, turn
from workflow import Engine
from workflow.testing import FrozenClock, admin, new_call, officer, reviewer, school, submitted

#: What nobody may be told: it speaks of locks, and not of calls and EOIs.
STUCK: Final = {
    *("transaction-conflict", "conflict", "stale-version"),
    *("database-locked", "database-refused", "database-unavailable", "connection-lost"),
}


def in_time(engine: Engine, number: int) -> list[Turn]:
    """Return what can be done to a call and its EOIs while it is open."""
    call = engine.open_call(new_call(reference=f"{number}"), actor=officer())
    head, other = school(1), school(2)
    eoi = engine.draft(call.id, answers={}, actor=head).eoi_id
    later = call.closes_at.replace(year=2024)
    return [
        turn("submit", eoi, actor=head),
        turn("save", eoi, answers={"places": 2}, actor=head),
        turn("withdraw", eoi, actor=head),
        turn("draft", call.id, answers={}, actor=other),
        turn("draft", call.id, answers={}, actor=other),
        turn("extend_call", call.id, closes_at=later, actor=officer(), reason="Floods."),
        turn("cancel_call", call.id, actor=admin(), reason="No money."),
    ]


def afterwards(engine: Engine, number: int) -> list[Turn]:
    """Return what can be done once the deadline has passed."""
    call = engine.open_call(new_call(reference=f"{number}"), actor=officer())
    engine.draft(call.id, answers={}, actor=school(1))
    eoi = submitted(engine, call.id, school(2))
    return [
        turn("close_due"),
        turn("close_due"),
        turn("close_call", call.id, actor=officer()),
        turn("cancel_call", call.id, actor=admin(), reason="No money."),
        turn("withdraw", eoi, actor=school(2)),
        turn("review", eoi, actor=reviewer()),
        turn("review", eoi, actor=reviewer("reviewer-2")),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("when", ["in time", "afterwards"])
def test_whatever_is_done_at_once_nobody_is_stuck(
    *,
    database: RawDatabase,
    engine: Engine,
    clock: FrozenClock,
    crowd: Crowd,
    broken: Broken,
    when: str,
    long: bool,
    tell: Callable[[str], None],
) -> None:
    """Any four at the same moment on one call: each is done, or refused for what the others have done."""
    dice = random.Random(4623)  # noqa: S311 -- to be drawn again
    made = in_time if when == "in time" else afterwards
    rounds = [dice.sample(made(engine, number), crowd.size) for number in range(1000 if long else 60)]
    if when == "afterwards":
        clock.move_by(days=7)
    shares = [(database.url, clock.now(), [each[who] for each in rounds]) for who in range(crowd.size)]
    told = [each for of_one in crowd.do(take_turns, *shares) for each in of_one if each]
    tell(f"{database.name}: {Counter(each.code for each in told)}")
    assert [each for each in told if each.code in STUCK] == []
    assert [each for each in told if getattr(each.answer, "failed", None)] == []
    assert broken() == []
    if database.name == "postgresql":
        asked = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        assert database.ask(asked) == [(0,)]
