"""The floor of W3: bare httpx clients that POST the same bytes and write nothing down; and mere waiting."""

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import httpx

from adapters.outbound.envelope import CONTENT_TYPE, body
from bench.contest import Place, Prepare
from bench.receiver import Taken, receiver
from bench.w1_floor import OPEN_FOR
from states.events import Event, EventType

#: How many of the bare clients' POSTs are on their way at once: as many as the pump's.
AT_ONCE: Final = 16
HEADERS: Final = {"User-Agent": "bench", "Content-Type": CONTENT_TYPE}


@contextmanager
def one_thread(_: Place) -> Iterator[Prepare]:
    """POST by one client, one after the other."""
    with receiver() as taken, httpx.Client(headers=HEADERS, trust_env=False) as client:

        def post(bodies: list[bytes]) -> None:
            for each in bodies:
                client.post(taken.url, content=each).raise_for_status()

        yield _posting(taken, post)


@contextmanager
def threads(place: Place) -> Iterator[Prepare]:
    """POST by one client that threads share."""
    with (
        receiver(after_s=latency_s(place)) as taken,
        httpx.Client(headers=HEADERS, trust_env=False) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):

        def post(bodies: list[bytes]) -> None:
            for answer in pool.map(lambda each: client.post(taken.url, content=each), bodies):
                answer.raise_for_status()

        yield _posting(taken, post)


@contextmanager
def tasks(place: Place) -> Iterator[Prepare]:
    """POST by one asynchronous client that tasks share."""
    with receiver(after_s=latency_s(place)) as taken:
        yield _posting(taken, lambda bodies: asyncio.run(_post_all(taken.url, bodies)))


@contextmanager
def waits(place: Place) -> Iterator[Prepare]:
    """Wait as long as the receiver takes, so many at once, and send nothing: workers / latency."""
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def prepare(count: int) -> Callable[[], None]:
            return lambda: list(pool.map(time.sleep, [latency_s(place)] * count)).clear()

        yield prepare


def latency_s(place: Place) -> float:
    """Return how long the receiver takes for an answer, in seconds: the workload's N is in milliseconds."""
    return place.size / 1000


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
