"""W3: events are delivered to a receiver on this machine, and each delivery is written down.

So many events wait in the outbox for one endpoint; one pass of the runner makes their deliveries, leases
them, POSTs them by its courier (which vets every address) and writes down how each ended. The floor is
the best of three bare httpx clients that POST the same bytes to the same kind of receiver and write
nothing down: one thread, 16 threads, 16 tasks. The peer is a procrastinate worker (PostgreSQL only, 16 at
once) whose job POSTs those bytes by one shared httpx client.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import httpx

from adapters.bootstrap import build
from adapters.outbound.envelope import CONTENT_TYPE, body
from adapters.settings import Settings
from bench import seed
from bench.contest import Contender, Place, Prepare, Target, Workload
from bench.peers import procrastinate_job
from bench.raw import raw
from bench.receiver import Taken, receiver
from bench.w1_fire import OPEN_FOR
from states.events import Event, EventType
from workflow.testing import officer

#: How many of the bare clients' POSTs are on their way at once: as many as the pump's.
AT_ONCE: Final = 16
HEADERS: Final = {"User-Agent": "bench", "Content-Type": CONTENT_TYPE}


@contextmanager
def ours(place: Place) -> Iterator[Prepare]:
    """Deliver by one pass of the runner: fan out, lease, POST, write down how it ended."""
    seed.migrate(place)
    settings = Settings(database_url=place.url, webhook_allow="127.0.0.1", log_level="ERROR")
    app = build(settings)
    with receiver() as taken:
        app.engine.add_endpoint(taken.url, actor=officer())

        def prepare(count: int) -> Callable[[], None]:
            with raw(place) as opened:
                call_id = seed.call(opened, closes_in=OPEN_FOR)
                seed.eois(opened, call_id, submitted=count, history=False)
                seed.events(opened, call_id)
                opened.settle()
            expected = taken.count() + count

            def go() -> None:
                pumped = app.runner.once().pumped
                require(taken, expected, f"{pumped}")

            return go

        yield prepare
        app.close()


@contextmanager
def one_thread(_: Place) -> Iterator[Prepare]:
    """POST by one client, one after the other."""
    with receiver() as taken, httpx.Client(headers=HEADERS, trust_env=False) as client:

        def post(bodies: list[bytes]) -> None:
            for each in bodies:
                client.post(taken.url, content=each).raise_for_status()

        yield _posting(taken, post)


@contextmanager
def threads(_: Place) -> Iterator[Prepare]:
    """POST by one client that threads share."""
    with (
        receiver() as taken,
        httpx.Client(headers=HEADERS, trust_env=False) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def post(bodies: list[bytes]) -> None:
            for answer in pool.map(lambda each: client.post(taken.url, content=each), bodies):
                answer.raise_for_status()

        yield _posting(taken, post)


@contextmanager
def tasks(_: Place) -> Iterator[Prepare]:
    """POST by one asynchronous client that tasks share."""
    with receiver() as taken:
        yield _posting(taken, lambda bodies: asyncio.run(_post_all(taken.url, bodies)))


async def _post_all(url: str, bodies: list[bytes]) -> None:
    left = iter(bodies)

    async def post(client: httpx.AsyncClient) -> None:
        for each in left:
            (await client.post(url, content=each)).raise_for_status()

    async with httpx.AsyncClient(headers=HEADERS, trust_env=False) as client:
        await asyncio.gather(*(post(client) for _ in range(AT_ONCE)))


def _posting(taken: Taken, post: Callable[[list[bytes]], None]) -> Prepare:
    def prepare(count: int) -> Callable[[], None]:
        bodies, expected = some_bodies(count), taken.count() + count

        def go() -> None:
            post(bodies)
            require(taken, expected, "")

        return go

    return prepare


def some_bodies(count: int) -> list[bytes]:
    """Return the bytes that the engine would send for so many events."""
    now, call_id = datetime.now(UTC), str(uuid4())
    events = (
        Event(
            id=f"{call_id[:24]}{number:012d}:2",
            type=EventType.EOI_SUBMITTED,
            call_id=call_id,
            call_reference=call_id[:13],
            eoi_id=f"{call_id[:24]}{number:012d}",
            applicant=f"URN:{number}",
            source="draft",
            state="submitted",
            version=2,
            at=now,
            recorded_at=now,
            closes_at=now + OPEN_FOR,
        )
        for number in range(count)
    )
    return [body(event) for event in events]


def require(taken: Taken, expected: int, said: str) -> None:
    """Go on only where all have come, and none twice."""
    if (found := taken.count()) != expected:
        msg = f"The receiver has {found} events instead of {expected}. {said}"
        raise ValueError(msg)


WORKLOAD: Final = Workload(
    name="W3",
    module=__name__,
    title="deliver events to a receiver on this machine, and write each delivery down",
    unit="a delivery",
    per_turn=1000,
    rounds=7,
    contenders=(
        Contender(
            name="httpx-1", title="bare httpx, one thread", play=one_thread, package="httpx", floor=True
        ),
        Contender(name="httpx-16", title="bare httpx, 16 threads", play=threads, package="httpx", floor=True),
        Contender(name="httpx-async", title="bare httpx, 16 tasks", play=tasks, package="httpx", floor=True),
        Contender(name="ours", title="runner.once", play=ours, package="eoi-workflow"),
        procrastinate_job.CONTENDER,
    ),
    targets=(
        Target(says="at least 0.6 × as many as bare httpx", of="floor", to="ours", at_least=0.6),
        Target(says="at least 2 × as many as procrastinate", of="procrastinate", to="ours", at_least=2.0),
    ),
    as_rate=True,
    notes=(__doc__ or "").partition("\n\n")[2].strip(),
    between=(
        "one interpreter lock. Sixteen threads of bare httpx, which write nothing down, do not reach what "
        "one thread does; beside them the pump's own thread gives the lock away with each statement, and "
        "waits to get it back. What a delivery costs is how many statements and commits it has a share in."
    ),
)
