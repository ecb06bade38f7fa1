"""Coroutines that wait for nothing, as FastAPI wants them, run to their end in whichever thread it is.

FastAPI runs a plain function in a thread of its own, and what it depends on in the event loop. Each change
between the two costs a small machine as much as a commit. What is marked here never waits, so that the whole
of a request can be answered in one thread.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")

_MARK: Final = "eoi_never_waits"


def waiting_for_nothing(function: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Mark a coroutine function that awaits only what is there."""
    setattr(function, _MARK, True)
    return function


def as_coroutine(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Return a plain function as a coroutine function that waits for nothing: it blocks its thread."""

    @waiting_for_nothing
    @wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)

    return run


def never_waits(function: object) -> bool:
    """Return whether it is marked so."""
    return bool(getattr(function, _MARK, False))


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that waits for nothing.

    Raises:
        RuntimeError: it waits.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        return cast("T", end.value)
    coroutine.close()
    msg = "This coroutine waits, and nothing here would wake it."
    raise RuntimeError(msg)
