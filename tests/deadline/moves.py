"""What a school may do until the deadline, and what it is told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from workflow import Engine, Receipt
from workflow.testing import school

CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
HEAD = school(1)
OTHER = school(2)

#: What a school may do until the deadline, on a call in which it has a draft.
Move = Callable[[Engine, str], Receipt]
MOVES: Final[dict[str, Move]] = {
    "draft": lambda engine, _: engine.draft("46/23", answers={"places": 2}, actor=OTHER),
    "save": lambda engine, eoi: engine.save(eoi, answers={"places": 2}, actor=HEAD),
    "submit": lambda engine, eoi: engine.submit(eoi, actor=HEAD),
}
