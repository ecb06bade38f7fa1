"""The clients' own clock, read past the code under test: what is asked of the engine's is held against it."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)  # noqa: TID251 -- the client's own clock


def sleep_until(instant: datetime) -> None:
    """Wait for an instant of that clock: who acts by the clock waits for nothing but time itself."""
    while (left_s := (instant - now()).total_seconds()) > 0:
        time.sleep(left_s)
