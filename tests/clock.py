"""The clients' own clock, read past the code under test: what is asked of the engine's is held against it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final

#: The kernel may say of a wait that it was longer than it was by so much: its clock's tick (linux/time.h, the
#: coarse one) at each end, and a rounding.
COARSE: Final = 2 * timedelta(seconds=time.clock_getres(6)) + timedelta(milliseconds=2)


def now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)  # noqa: TID251 -- the client's own clock


def sleep_until(instant: datetime) -> None:
    """Wait for an instant of that clock: who acts by the clock waits for nothing but time itself."""
    while (left_s := (instant - now()).total_seconds()) > 0:
        time.sleep(left_s)
