"""What is asked, what comes of it, and what may be sent again, after how long. Decides; sends nothing."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.client.uploads import Upload
from adapters.outbound.http_times import seconds_in

#: How often a request is sent at the most.
TRIES: Final = 4
#: The longest that a server is waited for as it says, in seconds: the minute by which it counts requests, so
#: that many rows get through. Who asks for more is told to the caller.
LONGEST_WAIT_S: Final = 60.0
#: How long it is waited before the second try, where the server says nothing; each time twice as long.
FIRST_WAIT_S: Final = 0.5
#: Statuses that pass: of the server itself, or of what stands before it.
PASSING: Final = frozenset({408, 429, 502, 503, 504})
#: Those of them with which a proxy says that it got no answer.
_FROM_BEFORE: Final = frozenset({502, 503, 504})
#: Codes that do not pass by themselves while somebody waits.
LASTING: Final = frozenset(
    {
        "database-read-only", "database-full", "database-not-opened", "database-forbidden",
        "database-foreign", "database-refused", "database-corrupt", "schema-missing", "schema-outdated",
        "schema-too-new", "too-many-jobs",
    }
)  # fmt: skip
#: Codes that say that nothing was done.
NOTHING_DONE: Final = frozenset(
    {
        "body-too-slow",
        "too-many-requests",
        "overloaded",
        "database-locked",
        "connection-lost",
        "issuer-unavailable",
    }
)


#: What a body is, and a problem's.
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is asked."""

    method: str
    #: Below `/v1`, quoted.
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    #: As JSON, or a file; None: nothing is sent along.
    body: bytes | Upload | None = field(default=None, repr=False)
    #: Of which type the body is.
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Whether it is carried out once, however often it comes.
    repeatable: bool
    #: The idempotency key that it goes under, as it was given.
    idempotency_key: str | None = None
    #: Whether what comes is a file; that is not read with the answer.
    gives_file: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """A request that no answer came to."""

    #: Whether the server may have got it.
    may_be_there: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, as it came."""

    status: int
    #: What `Content-Type` says, without what follows it.
    kind: str
    body: bytes
    #: The headers that matter, by their names in small letters.
    headers: Mapping[str, str]
    #: What a problem's document says; empty where it is none.
    problem: Mapping[str, Any]

    @property
    def code(self) -> str:
        """The problem's code; empty where there is none."""
        return str(self.problem.get("code", ""))


def may_go_again(found: Answer | Lost, *, repeatable: bool) -> bool:
    """Return whether a request may be sent again.

    Args:
        found: what came of it.
        repeatable: whether it is carried out once, however often it comes.
    """
    if isinstance(found, Lost):
        return repeatable or not found.may_be_there
    if found.status not in PASSING or found.code in LASTING:
        return False
    return repeatable or found.code in NOTHING_DONE


def may_be_done(found: Answer | Lost) -> bool:
    """Return whether a request may have been carried out though no eoi server says so."""
    if isinstance(found, Lost):
        return found.may_be_there
    return found.status in _FROM_BEFORE and not found.code


def wait_s(found: Answer | Lost, tried: int, *, dice: Callable[[], float]) -> float | None:
    """Return how long to wait before the next try, in seconds; None: too long to be waited for here.

    Args:
        found: what came of the last one.
        tried: how many there were, 1 or more.
        dice: returns a number from 0 to 1, so that not all come back at once.
    """
    jitter_s: float = FIRST_WAIT_S * 2 ** (tried - 1) * (0.5 + dice() / 2)
    asked_s = seconds_in(found.headers.get("retry-after", "")) if isinstance(found, Answer) else None
    if asked_s is None:
        return jitter_s
    return asked_s + jitter_s if asked_s <= LONGEST_WAIT_S else None


def cast() -> float:
    """Return a number from 0 to 1."""
    return random.random()  # noqa: S311 -- spreads what comes back, and keeps no secret
