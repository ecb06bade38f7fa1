"""A real race: processes hand in around many deadlines by the real clock, and all sweep all the time."""

import random
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import pytest

from tests.clock import now
from tests.databases.raw import RawDatabase
from tests.deadline import racer
from tests.deadline.detector import Race, ahead_of_us, wrongs
from tests.deadline.faults import FAULTS
from tests.deadline.racer import Job, Seen
from tests.races.crowd import PROCESSES, Crowd
from tests.races.ready import be_ready
from workflow import Engine
from workflow.testing import FrozenClock, new_call, officer

HOUR: Final = timedelta(hours=1)
#: How long after its deadline a call is closed, where nobody has said otherwise.
SETTLE: Final = timedelta(seconds=2)
#: How many calls are raced for in a long run; and at the most, where a slow machine makes no race
CALLS, MOST = 200, 400
#: How many calls are raced for at a time; then all is prepared for the next ones.
BATCH: Final = 10
#: Of so many submissions there is one first draft besides, which the deadline concerns alike.
PER_DRAFT: Final = 3
#: The share of attempts in time that shows a good pace; half of them are planned to be.
ENOUGH: Final = 0.2
#: However slow the machine is, the deadlines of two calls lie no further apart, in seconds.
FAR_S: Final = 10.0


@dataclass
class Pace:
    """How many attempts the crowd makes in a second. The deadlines are set as far apart as it then needs."""

    #: How many attempts are planned for the time that a draft takes.
    haste: float = 0.6
    per_second: float = 0.0
    #: How long it takes to open a call, and about as long to extend it, in seconds.
    per_call_s: float = 0.0

    def apart(self, attempts: int) -> timedelta:
        """Return how far apart the deadlines of two calls lie that so many attempts are made on."""
        return timedelta(seconds=min(max(attempts / self.per_second / self.haste, 0.02), FAR_S))

    def planning(self, calls: int) -> timedelta:
        """Return how long it takes at the most to extend so many calls and to tell everybody."""
        return timedelta(seconds=0.1 + 3 * calls * self.per_call_s)

    def learn(self, batch: Race) -> None:
        """Make less haste where most came to be late: a queue is wanted, no jam."""
        in_time = sum(batch.side(answer) == "in time" for answer in batch.answers)
        self.haste *= 1.1 if in_time >= ENOUGH * len(batch.answers) else 0.6


def races(
    database: RawDatabase, *, each: int, settle: timedelta = timedelta(), fault: Callable[[], object] = int
) -> Generator[Race]:
    """Race for batches of calls, one after the other; yield all that was seen so far after each.

    Those who prepare it are others than those who race: a fault is planted in these alone.
    """
    pace, deadlines = Pace(), dict[str, datetime]()
    race = Race([Seen() for _ in range(PROCESSES)], deadlines, database, ahead_of_us(database), settle)
    settings = {} if settle == SETTLE else {"settle_s": settle.total_seconds()}
    with Crowd() as crowd, Crowd(first=fault) as racers:
        for first in range(0, MOST, BATCH):
            at = now() - HOUR
            with Engine(database.url, clock=FrozenClock(at)) as engine:
                drafts = prepared(crowd, engine, database.url, first=first, each=each, at=at, pace=pace)
                racers.all_do(be_ready, database.url, settings)
                jobs = plan(engine, drafts, deadlines, pace=pace)
            until = max(deadlines.values()) + settle - race.ahead[0]
            shares = [(database.url, jobs[number::PROCESSES], until) for number in range(PROCESSES)]
            batch = replace(race, seen=racers.do(racer.race, *shares))
            pace.learn(batch)
            for mine, more in zip(race.seen, batch.seen, strict=True):
                mine.add(more)
            yield race


def raced(attempted: Iterable[Race], *, calls: int) -> Race:
    """Return a race for so many calls at least; for more of them, where too little of it counts."""
    for race in attempted:
        if len(race.deadlines) >= calls and race.counts:
            return race
    pytest.fail(f"After {MOST} calls there was still no race.")


def prepared(
    crowd: Crowd, engine: Engine, url: str, *, first: int, each: int, at: datetime, pace: Pace
) -> dict[str, list[Job]]:
    """Open a batch of calls, and draft EOIs for each, on a clock that stands an hour back."""
    wanted, began = [], time.monotonic()
    for number in range(first, first + BATCH):
        call = new_call(reference=f"{number}", closes_at=at + timedelta(milliseconds=1))
        call_id = engine.open_call(call, actor=officer()).id
        wanted += [(call_id, f"{number}-{school}") for school in range(each)]
    pace.per_call_s = (time.monotonic() - began) / BATCH
    made = crowd.do(racer.draft, *[(url, at, wanted[n :: crowd.size]) for n in range(crowd.size)])
    pace.per_second = len(wanted) / max(took_s for _, took_s in made)
    jobs: dict[str, list[Job]] = {call_id: [] for call_id, _ in wanted}
    for member, (eois, _) in enumerate(made):
        for (call_id, urn), eoi_id in zip(wanted[member :: crowd.size], eois, strict=True):
            jobs[call_id].append(Job(at, call_id, urn, eoi_id))
    for call_id, of_call in jobs.items():
        of_call += [Job(at, call_id, f"new-{job.urn}", "") for job in of_call[::PER_DRAFT]]
    return jobs


def plan(
    engine: Engine, drafts: dict[str, list[Job]], deadlines: dict[str, datetime], *, pace: Pace
) -> list[Job]:
    """Extend the calls to instants near by, one after the other; spread what is handed in around them.

    Only now do the calls have a deadline of the real clock, so that a slow machine has no less time for it.
    """
    dice = random.Random(len(deadlines))  # noqa: S311 -- to be drawn again
    apart = pace.apart(max(map(len, drafts.values())))
    first, jobs = now() + pace.planning(len(drafts)) + apart, []
    for number, (call_id, of_call) in enumerate(drafts.items()):
        closes_at = first + number * apart
        engine.extend_call(call_id, closes_at=closes_at, actor=officer(), reason="the race")
        deadlines[call_id] = closes_at
        dice.shuffle(of_call)
        for place, job in enumerate(of_call):
            away = 2 * (place + dice.random()) / len(of_call) - 1  # -1 to 1, and as often late as in time
            jobs.append(job._replace(instant=closes_at + away**3 / 2 * apart))
    return sorted(jobs)


def how_many(long: bool) -> tuple[int, int]:
    """Return how many calls there are at the least, and how many submissions to each."""
    return (CALLS, 200) if long else (40, 40)


@pytest.mark.slow
def test_nobody_is_wronged_when_many_hand_in_around_the_deadline(
    database: RawDatabase, long: bool, tell: Callable[[str], None]
) -> None:
    """None late is accepted, none in time refused but as overtaken, none lost; each call is closed once."""
    calls, each = how_many(long)
    with closing(races(database, each=each)) as attempted:
        race = raced(attempted, calls=calls)
    tell(f"{database.name}: {race.told()}")
    assert wrongs(race) == {}
    assert sum(bool(answer.job.eoi_id) for answer in race.answers) == len(race.deadlines) * each
    assert race.many("in time", "done") > 0


@pytest.mark.slow
def test_nobody_is_wronged_when_calls_settle_before_they_are_closed(
    database: RawDatabase, long: bool, tell: Callable[[str], None]
) -> None:
    """With the usual settle time none is closed before it is over; who was in time is in, or overtaken."""
    calls, each = how_many(long)
    with closing(races(database, each=each, settle=SETTLE)) as attempted:
        race = raced(attempted, calls=calls if long else BATCH)
    overtaken = race.many("in time", "closed-in-flight")
    tell(f"{database.name}: {race.told()}\n  overtaken though in time, after {SETTLE}: {overtaken}")
    assert wrongs(race) == {}
    assert race.many("in time", "done") > 0


@pytest.mark.slow
@pytest.mark.parametrize("guard", FAULTS)
def test_the_race_catches_a_broken_engine(
    database: RawDatabase, guard: str, long: bool, tell: Callable[[str], None]
) -> None:
    """With the same parameters: whichever guard is taken away, its harm is seen, at the latest at the end."""
    fault, harm = FAULTS[guard][database.name]
    found, caught = dict[str, list[object]](), False
    with closing(races(database, each=how_many(long)[1], fault=fault)) as attempted:
        for race in attempted:
            found = wrongs(race)
            if caught := race.counts and harm in found:
                tell(f"{database.name}, {fault.__name__}: {race.told()}")
                break
    for name, wrong in found.items():
        tell(f"  {len(wrong)} {name}")
    assert caught
