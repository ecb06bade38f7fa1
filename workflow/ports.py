"""What the engine asks of the outside. Implementations stand elsewhere and are handed in."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from states.events import Event


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present instant, aware."""
        ...


#: Called in this process, after the commit, once for each event.
Hook = Callable[[Event], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one receiver, as a courier gets it."""

    #: The row's id; no receiver needs it.
    id: int
    event: Event
    #: Which courier carries it: `webhook`, `log`.
    courier: str
    #: Where it goes: a URL; empty for a courier that needs none.
    address: str
    #: Which attempt this is, 1 = the first.
    attempt: int
    #: Until when nobody else has it; what becomes of it counts as long as nobody else has taken it since.
    leased_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """It arrived."""

    #: What the receiver answered, where it speaks HTTP.
    status: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed:
    """Not now: try again."""

    #: What went wrong, in words.
    why: str
    status: int | None = None
    #: How long the receiver asked us to wait, in seconds.
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeliverable:
    """Trying again is of no use: a person must look at it."""

    #: What went wrong, in words.
    why: str
    status: int | None = None


#: How one attempt ended.
Outcome = Delivered | Delayed | Undeliverable


class Courier(Protocol):
    """Carries events to one kind of receiver."""

    def deliver(self, delivery: Delivery) -> Outcome:
        """Try once. What the outside does wrong comes back as an outcome, never as an exception.

        It must come to an end: whatever it waits for needs a timeout, all together well below the lease.
        """
        ...
