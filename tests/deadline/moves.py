"""What a school may do until the deadline, and what it is told."""

from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, Unpack

from workflow import Engine, Receipt
from workflow.engine import Terms
from workflow.testing import school

CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HEAD = school(1)
OTHER = school(2)


class Move(Protocol):
    """What a school may do until the deadline, on a call in which it has a draft."""

    def __call__(self, engine: Engine, eoi: str, /, **terms: Unpack[Terms]) -> Receipt:
        """Do it."""
        ...


MOVES: Final[dict[str, Move]] = {
    "draft": lambda engine, _, **terms: engine.draft("46/23", answers={"places": 2}, actor=OTHER, **terms),
    "save": lambda engine, eoi, **terms: engine.save(eoi, answers={"places": 2}, actor=HEAD, **terms),
    "submit": lambda engine, eoi, **terms: engine.submit(eoi, actor=HEAD, **terms),
}
