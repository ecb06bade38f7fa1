"""What a request asks of somebody outside, who may take their time: in threads of its own."""

from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from starlette.requests import Request

from adapters.api.turns import step_aside

#: How many requests wait for others at once; more wait for these.
AT_ONCE: Final = 4

_THREADS: Final = CapacityLimiter(AT_ONCE)

T = TypeVar("T")


async def ask_outside(request: Request, ask: Callable[[], T]) -> T:
    """Return what somebody outside answers; meanwhile the request counts as none that is under way."""
    step_aside(request)
    return await run_sync(ask, limiter=_THREADS)
