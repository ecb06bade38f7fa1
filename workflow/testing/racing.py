"""Threads that do something at the same instant."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from states.errors import BadInput
from workflow.testing.dying import Crashed

T = TypeVar("T")

#: The longest that a race lasts, unless it is told another time, in seconds.
WITHIN_S: Final = 60.0


def race(do: Callable[[int], T], count: int, *, within_s: float = WITHIN_S) -> list[T | BaseException]:
    """Let `count` threads begin `do(0)`, `do(1)` … at the same instant; return what became of each, in order.

    All have ended when this returns: a thread cannot be stopped from outside, so one that has not come back
    in time is told of, and ends with the process at the latest.

    Args:
        do: what each does, given its number.
        count: how many.
        within_s: how long they may take together, in seconds.

    Returns:
        What each returned, or the exception that it raised.

    Raises:
        AssertionError: as a racer did; whatever else is of the test's, not of what it tests, is raised too:
            all that is no `Exception` and no `Crashed`.
        BadInput: nobody to race.
        TimeoutError: some have not come back in time.
    """
    if count < 1:
        msg = f"A race needs somebody who runs, not {count!r}."
        raise BadInput(msg, field="count")
    ended = _run(do, count, within_s)
    for each in ended:
        if isinstance(each, BaseException) and _is_the_tests(each):
            raise each
    return ended


def results(ended: Iterable[T | BaseException]) -> list[T]:
    """Return what came of a race in which nobody was to fail; raises the first exception that there is."""
    found = list[T]()
    for each in ended:
        if isinstance(each, BaseException):
            raise each
        found.append(each)
    return found


def _run(do: Callable[[int], T], count: int, within_s: float) -> list[T | BaseException]:
    ended = dict[int, T | BaseException]()
    together = threading.Barrier(count, timeout=within_s)

    def one(number: int) -> None:
        try:
            together.wait()
            ended[number] = do(number)
        except BaseException as exc:  # noqa: BLE001 -- whatever it is, it is told
            ended[number] = exc

    threads = [threading.Thread(target=one, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    give_up_at_s = time.monotonic() + within_s
    for thread in threads:
        thread.join(max(0.0, give_up_at_s - time.monotonic()))
    if late := [number for number, thread in enumerate(threads) if thread.is_alive()]:
        msg = f"Of {count} in the race these have not come back within {within_s:g} s: {late}."
        raise TimeoutError(msg)
    return [ended[number] for number in range(count)]


def _is_the_tests(exc: BaseException) -> bool:
    return isinstance(exc, AssertionError) or not isinstance(exc, Exception | Crashed)
