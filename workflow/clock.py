"""The system's clock, which nothing else in the engine asks (but for ids); and how another one is read."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from states.errors import BadInput
from workflow.ports import Clock


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        return datetime.now(UTC)


class RunningClock:
    """Another clock, read once and running on from there by the machine's own monotonic one."""

    def __init__(self, ask: Callable[[float], datetime], *, since_s: float) -> None:
        """Begin at the instant that the other clock showed when the monotonic one showed `since_s`.

        Args:
            ask: returns that instant, given `since_s`. The time that the question takes is left out: this
                clock must not run ahead of the other one, and close a call early.
            since_s: in seconds, now or before.
        """
        asked_s = time.monotonic()
        #: The instant at which it began.
        self.began_at = ask(since_s)
        took_s = time.monotonic() - asked_s
        #: By how much that may have been earlier: nobody knows when the other looked while it was asked.
        self.took = timedelta(seconds=took_s)
        self._since_s = since_s + took_s

    def now(self) -> datetime:
        """Return that instant and what has passed since."""
        return self.began_at + timedelta(seconds=time.monotonic() - self._since_s)


class UtcClock:
    """A clock that was handed in, obeyed as it is, and read in UTC."""

    def __init__(self, clock: Clock) -> None:
        """Read this clock.

        Raises:
            BadInput: it has no `now()`.
        """
        if not callable(getattr(clock, "now", None)):
            msg = f"A clock has a now(); {type(clock).__name__} has none."
            raise BadInput(msg, field="clock")
        self._clock = clock

    def now(self) -> datetime:
        """Return the instant that it tells.

        Raises:
            BadInput: it tells no aware instant.
        """
        at = self._clock.now()
        if not isinstance(at, datetime) or at.utcoffset() is None:
            msg = "The clock tells a time without its zone: its now() must return an aware datetime."
            raise BadInput(msg, field="clock")
        return at.astimezone(UTC)
