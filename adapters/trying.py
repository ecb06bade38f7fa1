"""What came of trying a receiver, or a letter, as every door tells it."""

from dataclasses import dataclass
from typing import Any

from workflow.ports import Delivered, Delivery, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Came:
    """What came of one attempt."""

    arrived: bool
    #: What was answered; None where it was not.
    status: int | None
    #: What went wrong; None where it arrived.
    why: str | None
    #: The beginning of the answer.
    answer: str
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried(_Came):
    """What came of trying a receiver."""

    #: The endpoint's id.
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedLetter(_Came):
    """What came of trying a letter."""

    #: What it tells of.
    event: str
    #: By whom it went: smtp, notify.
    courier: str
    address: str


def tried(endpoint: str, outcome: Outcome, duration_s: float) -> Tried:
    """Return what an outcome comes to at an endpoint."""
    return Tried(endpoint=endpoint, **_came(outcome, duration_s))


def tried_letter(delivery: Delivery, outcome: Outcome, duration_s: float) -> TriedLetter:
    """Return what an outcome comes to for a letter."""
    return TriedLetter(
        event=delivery.event.type,
        courier=delivery.courier,
        address=delivery.address,
        **_came(outcome, duration_s),
    )


def _came(outcome: Outcome, duration_s: float) -> dict[str, Any]:
    return {
        "arrived": isinstance(outcome, Delivered),
        "status": outcome.status,
        "why": None if isinstance(outcome, Delivered) else outcome.why,
        "answer": outcome.answer,
        "duration_s": round(duration_s, 3),
    }
