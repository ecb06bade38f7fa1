"""What hosts test with: a clock that only moves when told, a courier that remembers, and builders.

Our own tests use them, too.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from states.errors import BadInput
from states.events import Event
from states.facts import Actor
from states.names import Role
from workflow.engine import Engine
from workflow.inputs import NewCall, aware
from workflow.ports import Clock, Delivered, Delivery, Outcome


class FrozenClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime | None = None) -> None:
        """Stand at an aware instant; None: noon UTC on the day before the real sheet's deadline."""
        self._at = aware(at or datetime(2023, 3, 16, 12, tzinfo=UTC), field="at")

    def now(self) -> datetime:
        """Return where it stands."""
        return self._at

    def move_to(self, at: datetime) -> None:
        """Stand at another instant, later or earlier."""
        self._at = aware(at, field="at")

    def move_by(self, **span: float) -> None:
        """Move on: `move_by(seconds=1)`, as `timedelta` takes it."""
        self._at += timedelta(**span)


class RecordingCourier:
    """Delivers nowhere, and remembers what it was given."""

    def __init__(self, answer: Callable[[Delivery], Outcome] | None = None) -> None:
        """Answer each delivery with `answer(delivery)`; None: it arrives."""
        self._answer = answer or (lambda _: Delivered())
        #: Every attempt, in order.
        self.attempts: list[Delivery] = []
        #: The events that arrived, in order.
        self.delivered: list[Event] = []

    def deliver(self, delivery: Delivery) -> Outcome:
        """Remember it, and answer."""
        self.attempts.append(delivery)
        outcome = self._answer(delivery)
        if isinstance(outcome, Delivered):
            self.delivered.append(delivery.event)
        return outcome


def officer(name: str = "programme.team") -> Actor:
    """Return an officer."""
    return Actor(name, {Role.OFFICER})


def reviewer(name: str = "reviewer-1") -> Actor:
    """Return a reviewer."""
    return Actor(name, {Role.REVIEWER})


def decider(name: str = "panel-chair") -> Actor:
    """Return somebody who decides."""
    return Actor(name, {Role.DECIDER})


def admin(name: str = "admin-1") -> Actor:
    """Return an admin."""
    return Actor(name, {Role.ADMIN})


def auditor(name: str = "auditor-1") -> Actor:
    """Return an auditor."""
    return Actor(name, {Role.AUDITOR})


def school(urn: int | str = 121234) -> Actor:
    """Return the editor of one school."""
    return Actor(f"head-of-{urn}", {Role.APPLICANT}, organisations={f"URN:{urn}"})


def new_call(**changes: Any) -> NewCall:  # noqa: ANN401 -- the fields of NewCall
    """Return the real sheet's call, with what you change in it."""
    fields: dict[str, Any] = {
        "reference": "46/23",
        "title": "Specialist Resource Base Expressions of Interest",
        "phase": "Primary",
        "contact": "Programme Management Team",
    }
    if not {"closes_on", "closes_at"} & changes.keys():
        fields["closes_on"] = date(2023, 3, 17)
    return NewCall(**(fields | changes))


def engine_in(folder: Path, *, clock: Clock | None = None, **settings: Any) -> Engine:  # noqa: ANN401 -- Engine's
    """Return an engine on a new SQLite file in `folder`, migrated, with a clock that stands still."""
    engine = Engine(f"sqlite:///{quote(str(folder / 'eoi.db'))}", clock=clock or FrozenClock(), **settings)
    engine.migrate()
    return engine


def submitted(engine: Engine, call_id: str, who: Actor, *, answers: Mapping[str, Any] | None = None) -> str:
    """Draft and submit an EOI; return its id.

    Raises:
        BadInput: the actor acts for none or several organisations.
    """
    if len(who.organisations) != 1:
        msg = "This builder takes an actor with one organisation."
        raise BadInput(msg, field="actor")
    receipt = engine.draft(call_id, answers=answers or {}, actor=who)
    return engine.submit(receipt.eoi_id, actor=who).eoi_id
