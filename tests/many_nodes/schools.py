"""Schools that draft and hand in, and a council that opens one call after the other; by the real clock."""

import heapq
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from typing import Final, NamedTuple

from tests.deadline import racer
from tests.deadline.racer import Job, Seen
from tests.many_nodes.node import NOW
from workflow import Engine
from workflow.testing import new_call, officer

#: From a call's opening to its deadline, in seconds.
OPEN_S: Final = 1.5
#: Deadlines that belong together stay together, though it takes a moment to open the calls.
AT_ONCE: Final = timedelta(seconds=0.1)
#: When each of a call's schools drafts, in seconds after the opening.
DRAFTS_S: Final = (0.0, 0.0, 0.1, 0.1, 0.4)
#: When the first of them hand in, in seconds before the deadline; the last ones are late, or never do.
SUBMITS_S: Final = (0.9, 0.03, -0.01)


class Pace(NamedTuple):
    """How many calls there are, and how fast they come."""

    calls: int
    #: From one deadline to the next on average, in seconds.
    apart_s: float


class Term:
    """A term of calls, each open for a moment; every fourth has its deadline together with the one before."""

    def __init__(self, url: str, pace: Pace, dice: Random, *, settle_s: float) -> None:
        """Begin now, in a thread of its own."""
        self._url, self._pace, self._dice, self._settle_s = url, pace, dice, settle_s
        #: Call -> its deadline.
        self.deadlines: dict[str, datetime] = {}
        #: What the schools were told.
        self.seen = Seen()
        self._pool = ThreadPoolExecutor(1)
        self._life = self._pool.submit(self._live)

    @property
    def lasts(self) -> bool:
        """Return whether anything is still to come."""
        return not self._life.done()

    def wait(self) -> None:
        """Wait until it is over; raise what it has raised."""
        self._pool.shutdown()
        self._life.result()

    def _live(self) -> None:
        """Do everything at its instant, or as soon after it as can be."""
        agenda: list[tuple[datetime, int, Job]] = []
        turn = threading.Event()
        with Engine(self._url, settle_s=self._settle_s) as engine:
            for number, opens_at in enumerate(self._openings()):
                self._work(engine, agenda, until=opens_at)
                turn.wait(max(0.0, (opens_at - NOW()).total_seconds()))
                opened_at = max(opens_at, NOW() - AT_ONCE)  # A slow machine opens it later, and for as long.
                closes_at = opened_at + timedelta(seconds=OPEN_S)
                call = engine.open_call(new_call(reference=f"{number}", closes_at=closes_at), actor=officer())
                self.deadlines[call.id] = closes_at
                for school, after_s in enumerate(DRAFTS_S):
                    instant = opened_at + timedelta(seconds=after_s)
                    job = Job(instant, call.id, f"{number}-{school}", "")
                    heapq.heappush(agenda, (instant, len(self.seen.answers) + school, job))
            self._work(engine, agenda, until=datetime.max.replace(tzinfo=opens_at.tzinfo))

    def _openings(self) -> list[datetime]:
        at, found = NOW() + timedelta(seconds=0.1), []
        for number in range(self._pace.calls):
            if number % 4 != 3:
                at += timedelta(seconds=self._pace.apart_s * 4 / 3 * (0.5 + self._dice.random()))
            found.append(at)
        return found

    def _work(self, engine: Engine, agenda: list[tuple[datetime, int, Job]], *, until: datetime) -> None:
        turn = threading.Event()
        while agenda and agenda[0][0] < until:
            instant, number, job = heapq.heappop(agenda)
            turn.wait(max(0.0, (instant - NOW()).total_seconds()))
            answer = racer._hand_in(engine, job)
            self.seen.answers.append(answer)
            school = int(job.urn.rpartition("-")[2])
            if not job.eoi_id and answer.eoi_id and school < len(SUBMITS_S):
                later = self.deadlines[job.call_id] - timedelta(seconds=SUBMITS_S[school])
                heapq.heappush(agenda, (later, number, job._replace(instant=later, eoi_id=answer.eoi_id)))
