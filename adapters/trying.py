"""What came of trying a receiver, as every door tells it."""

from dataclasses import dataclass

from workflow.ports import Delivered, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of trying a receiver."""

    #: The endpoint's id.
    endpoint: str
    arrived: bool
    #: What it answered; None where it did not.
    status: int | None
    #: What went wrong; None where it arrived.
    why: str | None
    #: The beginning of its answer.
    answer: str
    duration_s: float


def tried(endpoint: str, outcome: Outcome, duration_s: float) -> Tried:
    """Return what an outcome comes to."""
    return Tried(
        endpoint=endpoint,
        arrived=isinstance(outcome, Delivered),
        status=outcome.status,
        why=None if isinstance(outcome, Delivered) else outcome.why,
        answer=outcome.answer,
        duration_s=round(duration_s, 3),
    )
