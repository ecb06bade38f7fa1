"""What a decision may say when it says no. Imports nothing of ours.

    EoiError                      the root of everything this project raises on purpose
    ├── BadInput                  what was given cannot be read: mend it
    │   └── BadDeadline           a date or time that cannot be a deadline
    ├── UnknownTrigger            no such move in the lifecycle
    ├── BadLifecycle              a table of moves that contradicts itself (a programmer's error)
    └── Refused                   understood, and not allowed: see `reasons`
        ├── CallClosed            too late, or the call is cancelled
        ├── ClosedInFlight        arrived in time, or may have; was seen, or locked, after the close
        ├── RoleMissing           the actor does not hold the role
        └── WrongState            not from the state it is in

`workflow.errors` grows the same tree for what storage and concurrency can say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason why something is not allowed."""

    #: A stable word in kebab-case: `call-closed`.
    code: str
    #: The same in a sentence that a person can act on.
    message: str
    #: Which part of the request it concerns, where one does.
    field: str | None = None
    #: The instant (UTC) at which it began or ends, where there is one.
    until: datetime | None = None


class EoiError(Exception):
    """Something went wrong in the EOI engine."""

    #: The stable word that logs, CLI and HTTP problems use.
    code: str = "error"

    def __init__(self, message: str | None = None, **facts: object) -> None:
        """Say `message` (default: the class's docstring) and keep the facts beside it."""
        self.message = message or (type(self).__doc__ or "").split("\n", 1)[0]
        #: What was found, by name: `call_id`, `closes_at`…
        self.facts = facts
        super().__init__(self.message)


class BadInput(EoiError):
    """What was given cannot be used."""

    code = "bad-input"

    def __init__(
        self,
        message: str | None = None,
        *,
        code: str | None = None,
        field: str | None = None,
        **facts: object,
    ) -> None:
        """Refine the class's code: `no-such-date`; name the `field` that is at fault, where one is."""
        super().__init__(message, **facts)
        if code:
            self.code = code
        #: The name of the argument or field at fault.
        self.field = field


class BadDeadline(BadInput):
    """That date or time cannot be a deadline."""

    code = "bad-deadline"


class UnknownTrigger(EoiError):
    """There is no such trigger."""

    code = "unknown-trigger"


class BadLifecycle(EoiError):
    """The table of moves contradicts itself."""

    code = "bad-lifecycle"


class Refused(EoiError):
    """Not allowed."""

    code = "refused"
    #: Which class stands for which first reason.
    by_code: ClassVar[dict[str, type["Refused"]]] = {}

    def __init__(self, reasons: Sequence[Refusal], **facts: object) -> None:
        """Carry every reason; the first one gives the code."""
        super().__init__(" ".join(reason.message for reason in reasons), **facts)
        #: Everything that stands in the way, the most telling first.
        self.reasons = tuple(reasons)
        self.code = reasons[0].code

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Enter a subclass with a code of its own as the one that stands for it."""
        super().__init_subclass__(**kwargs)
        if "code" in vars(cls):
            Refused.by_code[cls.code] = cls

    def __reduce__(self) -> tuple[object, ...]:
        """Travel whole between processes: a host's worker pool pickles what it raises."""
        return type(self), (self.reasons,), vars(self)

    @classmethod
    def because(cls, reasons: Sequence[Refusal], **facts: object) -> "Refused":
        """Return the most specific error for the first of `reasons`."""
        return cls.by_code.get(reasons[0].code, Refused)(reasons, **facts)


class CallClosed(Refused):
    """The call takes no more: its deadline has passed."""

    code = "call-closed"


class ClosedInFlight(Refused):
    """It arrived before the deadline, or may have, and the call closed before it got through."""

    code = "closed-in-flight"


class RoleMissing(Refused):
    """The actor does not hold a role that may do this."""

    code = "role-missing"


class WrongState(Refused):
    """That cannot be done from its present state."""

    code = "wrong-state"
