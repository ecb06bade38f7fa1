"""For who runs it: whether it lives, whether it is ready, and what Prometheus is told.

Asking how the runner is writes a row: the answer is kept for a second, so that nobody can make it write at
will. Whatever is asked is asked in threads of its own, which a queue of requests does not hold up, and waited
for no longer than a probe waits: a database that hangs, or lends nobody a connection, is told as that.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, Request
from starlette.responses import Response

from adapters.api.door import Door
from adapters.api.errors import JSON
from adapters.documents import to_json
from states.access import require_role
from states.names import Role
from workflow import Actor, DatabaseUnavailable
from workflow.log import get_log

#: How long an answer is kept, in seconds.
KEPT_S: Final = 1.0
#: How long a probe waits for an answer, in seconds, before that counts as none.
PATIENCE_S: Final = 5.0
#: How many keys are looked at at once.
LOOKING: Final = 2
#: Who is told all of it.
STAFF: Final = frozenset({Role.OFFICER, Role.REVIEWER, Role.DECIDER, Role.AUDITOR, Role.ADMIN})
#: Who is told the metrics.
WATCHERS: Final = frozenset({Role.OFFICER, Role.AUDITOR, Role.ADMIN})

T = TypeVar("T")
_log = get_log("metrics")


class Health(Protocol):
    """What is told of a runner's health; the rest of it, too, to staff."""

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What the program is asked about itself."""

    #: How the runner is.
    health: Callable[[], Health]
    #: What Prometheus is told, and in which type.
    metrics: Callable[[], bytes]
    metrics_type: str
    #: As much of it as needs no database.
    counted: Callable[[], bytes] = bytes
    #: Whether anybody may read the metrics.
    metrics_open: bool = False


def operation_router(door: Door, operation: Operation) -> APIRouter:
    """Return the routes."""
    router, health, metrics = APIRouter(), Kept(operation.health), Kept(operation.metrics)
    who = Aside(door.authenticate, most=LOOKING)

    async def healthz() -> Response:
        """Say that the process answers, and nothing else."""
        return _document({"ok": True})

    async def readyz(request: Request) -> Response:
        """Say whether it is ready: the database, its tables, the runner's threads. More to staff."""
        actor = await _known(door, who, request) if "authorization" in request.headers else None
        found = await _in_time(health.ask())
        ok = found is not None and found.ok
        told: object = {"ok": ok}
        if actor is not None and actor.roles & STAFF and found is not None:
            told = found
        return _document(told, status=200 if ok else 503)

    async def read_metrics(request: Request) -> Response:
        """Tell Prometheus."""
        if not operation.metrics_open:
            require_role(await _known(door, who, request), WATCHERS, to="read the metrics")
        told = await _in_time(metrics.ask())
        if told is None:
            _log.warning("metrics.left-out", code=DatabaseUnavailable.code)
            told = operation.counted()
        return Response(told, media_type=operation.metrics_type)

    for path, answer in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", read_metrics)):
        router.get(path, include_in_schema=False, response_class=Response)(answer)
    return router


class Kept(Generic[T]):
    """An answer that is asked for once a second at the most, however many want it. For one event loop."""

    def __init__(self, ask: Callable[[], T], *, timer: Callable[[], float] = time.monotonic) -> None:
        """Keep what `ask` returns; it may wait for a database."""
        self._ask = ask
        self._timer = timer
        self._kept: tuple[T, float] | None = None
        self._asking: asyncio.Task[T] | None = None

    async def ask(self) -> T:
        """Return what was said within the last second, or is said now."""
        if self._kept is not None and self._timer() - self._kept[1] < KEPT_S:
            return self._kept[0]
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._asked())
            self._asking.add_done_callback(_heard)
        return await asyncio.shield(self._asking)  # whoever gives up waiting leaves it to the others

    async def _asked(self) -> T:
        said = await run_sync(self._ask, limiter=CapacityLimiter(1))
        self._kept = said, self._timer()
        return said


class Aside(Generic[T]):
    """Asks in threads of its own, so many at once at the most; who gives up leaves none that only waits.

    For one event loop.
    """

    def __init__(self, ask: Callable[[Request], T], *, most: int) -> None:
        """Ask `ask`; it may wait for a database."""
        self._ask = ask
        self._free = asyncio.Semaphore(most)

    async def ask(self, request: Request) -> T:
        """Return what is said of a request."""
        await self._free.acquire()
        asking = asyncio.create_task(run_sync(self._ask, request, limiter=CapacityLimiter(1)))
        asking.add_done_callback(self._done)
        return await asyncio.shield(asking)  # its thread is busy until it ends, whoever waits for it

    def _done(self, asking: "asyncio.Task[T]") -> None:
        self._free.release()
        _heard(asking)


def _heard(asking: "asyncio.Task[Any]") -> None:
    """Hear of a failure that nobody waits for any more."""
    if not asking.cancelled():
        asking.exception()


async def _in_time(answer: Coroutine[Any, Any, T]) -> T | None:
    """Return an answer; None where it does not come while a probe waits."""
    try:
        return await asyncio.wait_for(answer, PATIENCE_S)
    except TimeoutError:
        return None


async def _known(door: Door, who: Aside[Actor], request: Request) -> Actor:
    """Return who asks.

    Raises:
        Unauthenticated: nobody knows.
        DatabaseUnavailable: that cannot be known in time.
    """
    if door.ahead is not None:
        await door.ahead(request)
    actor = await _in_time(who.ask(request))
    if actor is None:
        raise DatabaseUnavailable
    return actor


def _document(told: Mapping[str, Any] | object, *, status: int = 200) -> Response:
    return Response(to_json(told, one_line=True), status, media_type=JSON)
