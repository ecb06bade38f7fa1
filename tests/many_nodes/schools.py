"""Schools that draft and hand in, and a council that opens one call after the other; by the real clock."""

import heapq
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from random import Random
from typing import Final, NamedTuple

from sqlalchemy.orm import Session

from tests.clock import now, sleep_until
from tests.databases.raw import RawDatabase
from tests.deadline import racer
from tests.deadline.racer import Job, Seen
from workflow import CallView, Engine
from workflow.testing import FrozenClock, new_call, officer, school

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


def opened(
    database: RawDatabase, reference: str, *, in_s: float, drafts: int, submits: int = 0
) -> tuple[CallView, list[str]]:
    """Open a call that closes so many seconds from now, with EOIs of schools 0, 1, …; return it and these.

    Others see it only with all that is in it; and nobody is late, however long that takes.

    Args:
        database: where.
        reference: the call's.
        in_s: when it closes.
        drafts: so many EOIs stay drafts.
        submits: and so many more are handed in.
    """
    host, at = database.host(), now()
    new = new_call(reference=reference, closes_at=at + timedelta(seconds=in_s))
    with Engine(host, clock=FrozenClock(at)) as engine, Session(host) as session:
        call = engine.open_call(new, actor=officer(), session=session)
        heads = [school(number) for number in range(drafts + submits)]
        eois = [engine.draft(call.id, answers={}, actor=head, session=session).eoi_id for head in heads]
        for eoi_id, head in list(zip(eois, heads, strict=True))[drafts:]:
            engine.submit(eoi_id, actor=head, session=session)
        session.commit()
    host.dispose()
    return call, eois


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
        with Engine(self._url, settle_s=self._settle_s) as engine:
            for number, opens_at in enumerate(self._openings()):
                self._work(engine, agenda, until=opens_at)
                sleep_until(opens_at)
                opened_at = max(opens_at, now() - AT_ONCE)  # A slow machine opens it later, and for as long.
                closes_at = opened_at + timedelta(seconds=OPEN_S)
                call = engine.open_call(new_call(reference=f"{number}", closes_at=closes_at), actor=officer())
                self.deadlines[call.id] = closes_at
                for school, after_s in enumerate(DRAFTS_S):
                    instant = opened_at + timedelta(seconds=after_s)
                    job = Job(instant, call.id, f"{number}-{school}", "")
                    heapq.heappush(agenda, (instant, len(self.seen.answers) + school, job))
            self._work(engine, agenda, until=datetime.max.replace(tzinfo=opens_at.tzinfo))

    def _openings(self) -> list[datetime]:
        at, found = now() + timedelta(seconds=0.1), []
        for number in range(self._pace.calls):
            if number % 4 != 3:
                at += timedelta(seconds=self._pace.apart_s * 4 / 3 * (0.5 + self._dice.random()))
            found.append(at)
        return found

    def _work(self, engine: Engine, agenda: list[tuple[datetime, int, Job]], *, until: datetime) -> None:
        while agenda and agenda[0][0] < until:
            instant, number, job = heapq.heappop(agenda)
            sleep_until(instant)
            answer = racer.hand_in(engine, job)
            self.seen.answers.append(answer)
            school = int(job.urn.rpartition("-")[2])
            if not job.eoi_id and answer.eoi_id and school < len(SUBMITS_S):
                later = self.deadlines[job.call_id] - timedelta(seconds=SUBMITS_S[school])
                heapq.heappush(agenda, (later, number, job._replace(instant=later, eoi_id=answer.eoi_id)))
