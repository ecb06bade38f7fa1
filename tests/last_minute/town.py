"""A call with many schools, two servers on one database, and somebody who ends one of them."""

import random
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple, Self

from sqlalchemy.orm import Session

from tests.clock import now, sleep_until
from tests.databases.raw import RawDatabase
from tests.last_minute.schools import Address, Asked, Client, Job
from tests.serving.served import Served
from workflow import Engine
from workflow.testing import FrozenClock, admin, new_call, officer, school

#: From the moment at which all is prepared to that at which the first ones come, in seconds.
HEAD_START_S: Final = 0.3


class Size(NamedTuple):
    """How many schools there are, how many of them come at once, and for how long they come."""

    schools: int
    clients: int
    #: How long before the deadline the first ones come, and how long after it the last ones, in seconds.
    before_s: float
    after_s: float


class Town:
    """Two servers, each in its place at its port; what has ended is started again there."""

    def __init__(self, folder: Path, database: RawDatabase, **env: str) -> None:
        """Serve, while it is used in a `with`."""
        self._folder = folder
        self._env = {"EOI_DATABASE_URL": database.url} | env
        self._stack = ExitStack()
        #: Who is in each place, and everybody who ever was in one.
        self.servers = list[Served]()
        self.all = list[Served]()
        #: Where they are, whoever is there.
        self.addresses = list[Address]()

    def __enter__(self) -> Self:
        self.servers = [self._start(0), self._start(0)]
        self.addresses = [each.address for each in self.servers]
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def kill(self, place: int) -> None:
        """End one in the middle of whatever it does, and start another one."""
        self.servers[place].process.kill()
        self.servers[place].process.wait()
        self.servers[place] = self._start(self.addresses[place][1])

    def stop(self, place: int) -> int:
        """Tell one to stop, and start another once it has; return its exit status."""
        stopped = self.servers[place]
        stopped.signal(signal.SIGTERM)
        status = stopped.end()
        self.servers[place] = self._start(self.addresses[place][1])
        return status

    def tracebacks(self) -> list[str]:
        """Return what any of them said went wrong without being expected."""
        return [line for each in self.all for line in each.lines if "Traceback" in line]

    def _start(self, port: int) -> Served:
        self.all.append(Served(self._folder, port=port, **self._env))
        return self._stack.enter_context(self.all[-1])


class Day(NamedTuple):
    """The day on which a call closes."""

    closes_at: datetime
    jobs: list[list[Job]]

    def live(self, addresses: Sequence[Address], blows: Callable[[datetime], object]) -> list[Asked]:
        """Let everybody do what they want to, and let servers be dealt blows meanwhile."""
        with ThreadPoolExecutor(len(self.jobs)) as pool:
            clients = [Client(addresses, number) for number in range(len(self.jobs))]
            working = pool.map(lambda client, jobs: client.work(jobs), clients, self.jobs)
            blows(self.closes_at)
            return list(chain.from_iterable(working))


def prepared(database: RawDatabase, size: Size) -> Day:
    """Return a day for a call whose drafts are there, each school with a key of its own."""
    keys = _keys(database, size.schools)
    host, at = database.host(), now()
    with Engine(host, clock=FrozenClock(at)) as engine, Session(host) as session:
        new = new_call(closes_at=at + timedelta(microseconds=1))
        call = engine.open_call(new, actor=officer(), session=session)
        eois = [
            engine.draft(call.id, answers={}, actor=school(number), session=session).eoi_id
            for number in range(size.schools)
        ]
        # Others see it only with all that is in it, however long that takes; and nobody is late for it.
        closes_at = now() + timedelta(seconds=HEAD_START_S + size.before_s)
        engine.extend_call(call.id, closes_at=closes_at, actor=officer(), session=session, reason="ready")
        session.commit()
    host.dispose()
    return Day(closes_at, _plan(closes_at, list(zip(eois, keys, strict=True)), size))


def _keys(database: RawDatabase, schools: int) -> list[str]:
    with Engine(database.url) as engine:
        views = [
            engine.create_key(
                f"head-{number}", roles=["applicant"], organisations=[f"URN:{number}"], actor=admin()
            )
            for number in range(schools)
        ]
    return [view.key or "" for view in views]


def _plan(closes_at: datetime, schools: Sequence[tuple[str, str]], size: Size) -> list[list[Job]]:
    """Share the schools among the clients; each saves and then submits, the more of them the later it is."""
    dice = random.Random(len(schools))  # noqa: S311 -- to be drawn again
    jobs = list[list[Job]]([] for _ in range(size.clients))
    for number, (eoi_id, key) in enumerate(schools):
        away = 2 * dice.random() - 1
        span_s = size.before_s if away < 0 else size.after_s
        instant = closes_at + timedelta(seconds=away * abs(away) * span_s)
        mine = jobs[number % size.clients]
        mine += [Job(instant, eoi_id, key, "save"), Job(instant, eoi_id, key, "submit")]
    return [sorted(mine, key=lambda job: job.instant) for mine in jobs]


def wait_until_closed(database: RawDatabase, closes_at: datetime, *, patience_s: float = 60.0) -> None:
    """Wait until the call is closed, or patience ends."""
    with database.shell() as ask:
        for step in range(round(patience_s / 0.05)):
            if ask("SELECT count(*) FROM eoi_call WHERE state = 'open'") == [(0,)]:
                return
            sleep_until(max(now(), closes_at) + timedelta(seconds=0.05 if step else 0))
