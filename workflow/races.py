"""A race that was lost is run again, a bounded number of times; then whoever asked is told."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from states.errors import EoiError
from workflow.connection import BRIEFLY_S
from workflow.errors import Conflict, ConnectionLost, DatabaseLocked, Overtaken, TransactionConflict
from workflow.log import get_log

T = TypeVar("T")

#: How often a transaction is tried.
TRIES: Final = 5
#: How long somebody rests whose waiting has held up others, in seconds.
REST_S: Final = 0.5
#: How long such a wait may become, in seconds: more than PostgreSQL's `deadlock_timeout`, a second.
LONGEST_WAIT_S: Final = 1.5

_log = get_log("engine")


def collided(exc: EoiError) -> bool:
    """Return whether somebody wrote the same row a moment ago, so that another look can see it."""
    # Conflict itself is what the database says; its kinds are what we said, having looked.
    return type(exc) is Conflict or isinstance(exc, Overtaken)


def was_lost(exc: EoiError) -> bool:
    """Return whether a transaction failed for what happened beside it, and nothing of it is done."""
    return collided(exc) or isinstance(exc, TransactionConflict | ConnectionLost)


def until_won(do: Callable[[], T], *, lost: Callable[[EoiError], bool] = was_lost) -> T:
    """Do a whole transaction, and again where another one was quicker; it must begin with reading.

    Raises:
        EoiError: what the last try said, or whatever is not lost to somebody quicker.
    """
    for number in range(1, TRIES):
        try:
            return do()
        except EoiError as exc:
            if not lost(exc):
                raise
            _log.info("command.overtaken", code=exc.code, number=number)
    return do()


def until_had(do: Callable[[float], T], *, longest_s: float) -> T:
    """Do a whole transaction that waits for a table: briefly at first, then a little longer after each rest.

    Who waits for a table holds up everybody who comes after, and may itself wait for somebody slow. But who
    never waits for long never has it where there are many; and PostgreSQL ends an autovacuum that is in the
    way only once somebody has waited for `deadlock_timeout`, a second.

    Args:
        do: what to do, given how long it may wait, in seconds.
        longest_s: when to give up, in seconds from now.

    Raises:
        DatabaseLocked: somebody else held it whenever it was tried.
    """
    give_up_at, wait_s = time.monotonic() + longest_s, BRIEFLY_S
    while True:
        try:
            return do(wait_s)
        except DatabaseLocked:
            if time.monotonic() + REST_S > give_up_at:
                raise
        time.sleep(REST_S)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
