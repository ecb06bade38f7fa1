"""python-statemachine: the same states and the same two guards, on one instance."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from bench.contest import MEMORY, Contender, Place, Prepare


class _Draft:
    """What the machine keeps its state on, and what its guards know."""

    def __init__(self) -> None:
        self.state = "draft"
        self.applicant = "URN:121234"
        self.organisations = frozenset({"URN:121234"})
        self.now = datetime(2023, 3, 16, 12, tzinfo=UTC)
        self.closes_at = self.now + timedelta(days=1)


@contextmanager
def play(_: Place) -> Iterator[Prepare]:
    """Submit a draft again and again."""
    from statemachine import State, StateMachine  # noqa: PLC0415 -- a peer

    class Eoi(StateMachine):
        draft = State(initial=True)
        submitted = State()
        reviewed = State()
        approved = State(final=True)
        declined = State(final=True)
        submit = draft.to(submitted, cond=["is_own_organisation", "call_is_open"])
        review = submitted.to(reviewed)
        approve = reviewed.to(approved)
        decline = reviewed.to(declined)

        def is_own_organisation(self) -> bool:
            return self.model.applicant in self.model.organisations

        def call_is_open(self) -> bool:
            return bool(self.model.now < self.model.closes_at)

    model = _Draft()
    machine = Eoi(model)

    def prepare(count: int) -> Callable[[], None]:
        def go() -> None:
            for _ in range(count):
                model.state = "draft"
                machine.submit()

        return go

    prepare(1)()
    if model.state != "submitted":
        msg = f"The machine came to {model.state!r}."
        raise ValueError(msg)
    yield prepare


CONTENDER: Final = Contender(
    name="python-statemachine",
    title="the same move with the same guards",
    play=play,
    package="python-statemachine",
    on=(MEMORY,),
    share=0.2,
)
