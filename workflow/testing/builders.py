"""Builders: people, the real sheet's call, an engine in a folder, an EOI that is in."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from states.errors import BadInput
from states.facts import Actor
from states.names import Role
from workflow.engine import Engine
from workflow.inputs import NewCall
from workflow.ports import Clock
from workflow.testing.clock import FrozenClock


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


def url_in(folder: Path) -> str:
    """Return the URL of the SQLite file in `folder` that `engine_in` and the kit work on."""
    return f"sqlite:///{quote(str(folder / 'eoi.db'))}"


def engine_in(folder: Path, *, clock: Clock | None = None, **settings: Any) -> Engine:  # noqa: ANN401 -- Engine's
    """Return an engine on a new SQLite file in `folder`, migrated, with a clock that stands still."""
    engine = Engine(url_in(folder), clock=clock or FrozenClock(), **settings)
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
