"""What the engine asks of the outside. Implementations stand elsewhere and are handed in."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from states.events import Event
from states.quick import quick


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present instant, aware."""
        ...


#: Called in this process, after the commit, once for each event.
Hook = Callable[[Event], object]


class Vault(Protocol):
    """Keeps secrets out of sight of who only reads the database."""

    def seal(self, text: str) -> str:
        """Return it as it may be stored."""
        ...

    def unseal(self, sealed: str) -> str:
        """Return what was sealed.

        Raises:
            SecretUnreadable: not by this vault, or it was changed since.
        """
        ...


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What people are told beside an event's facts: of its call and of who applies. By no webhook."""

    #: The call's title.
    title: str
    opens_at: datetime
    #: IANA name of the zone in which instants are told.
    timezone: str
    #: Whom to ask, in the call's own words.
    contact: str | None = None
    #: Who applies, for people to read; None where nobody said, and where the event concerns the call.
    applicant_name: str | None = None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one receiver, as a courier gets it."""

    #: The row's id; no receiver needs it.
    id: int
    event: Event
    #: Which courier carries it: `webhook`, `smtp`, `notify`, `log`.
    courier: str
    #: Where it goes: a URL, an e-mail address; empty for a courier that needs none.
    address: str
    #: Which attempt this is, 1 = the first.
    attempt: int
    #: How many there were before a person put it back into its line.
    earlier_attempts: int = 0
    #: Until when nobody else has it; what becomes of it counts as long as nobody else has taken it since.
    leased_until: datetime | None = None
    #: Since when no node was able to send it; None: none has tried in vain since it was last sent.
    unable_since: datetime | None = None
    #: Which endpoint it is for; empty for the log.
    endpoint_id: str = ""
    about: About | None = None
    #: What signs it, sealed, the newest first: `whsec_…`; none: it goes unsigned.
    secrets: tuple[str, ...] = field(default=(), repr=False)
    #: Headers to send with it, a JSON object of names and texts, sealed; empty: none.
    headers: str = field(default="", repr=False)
    #: How long each step may take, in seconds; None: as the courier's settings say.
    timeout_s: float | None = None
    #: How many of its endpoint's are on their way at once; None: as many as there are workers.
    concurrency: int | None = None


#: How much of a receiver's answer is kept, in bytes.
ANSWER: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """It arrived."""

    #: What the receiver answered, where it speaks in such numbers: HTTP, SMTP.
    status: int | None = None
    #: The beginning of its answer, at most `ANSWER` bytes, as text.
    answer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delayed:
    """Not now: try again."""

    #: What went wrong, in words.
    why: str
    status: int | None = None
    answer: str = ""
    #: How long the receiver asked us to wait, in seconds.
    retry_after_s: float | None = None
    #: How long nothing can be sent there, as the courier itself knows, in seconds: until a day's limit ends.
    wait_s: float | None = None
    #: Whether the receiver as a whole is not well, so that nothing else need be tried there now; else it is
    #: this one event that it does not take.
    of_receiver: bool = True
    #: This node cannot try it at all, for want of a setting or a key: it is no attempt, and left to others.
    unable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Undeliverable:
    """Trying again is of no use: a person must look at it."""

    #: What went wrong, in words.
    why: str
    status: int | None = None
    answer: str = ""
    #: Whether the receiver wants nothing more at all: its endpoint is disabled.
    gone: bool = False


#: How one attempt ended.
Outcome = Delivered | Delayed | Undeliverable


#: Lets a webhook's URL pass, or raises `BadInput` where webhooks may not go, as far as the URL itself says.
VetUrl = Callable[[str], object]


class Courier(Protocol):
    """Carries events to one kind of receiver. Many threads share one."""

    def deliver(self, delivery: Delivery) -> Outcome:
        """Try once. What the outside does wrong comes back as an outcome, never as an exception.

        It must come to an end: whatever it waits for needs a timeout, all together well below the lease.
        """
        ...
