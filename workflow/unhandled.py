"""The use cases of events from elsewhere for whose type there is no rule: recorded, listed, forgotten."""

from datetime import datetime

from states.access import require_role
from states.facts import Actor
from workflow.cloud_events import CloudEvent
from workflow.commands import Command
from workflow.connection import Connection
from workflow.endpoints import LOOKERS
from workflow.idempotency import PRUNED_AT_ONCE
from workflow.ids import new_id
from workflow.inputs import page_of, some_actor
from workflow.store import unhandled
from workflow.unit_of_work import UnitOfWork, own_transaction
from workflow.views import Page, UnhandledView


def record(unit: UnitOfWork, command: Command, event: CloudEvent) -> UnhandledView:
    """Write down that an event came; of its data nothing is kept.

    - one row
    """
    view = UnhandledView(
        id=new_id(),
        source=event.source,
        event_id=event.id,
        type=event.type,
        subject=event.subject,
        actor=command.actor.id,
        on_behalf_of=command.actor.on_behalf_of,
        at=command.arrived_at,
    )
    unhandled.add(unit.connection, view)
    return view


def listed(
    connection: Connection, actor: Actor | None, *, after: object, limit: object
) -> Page[UnhandledView]:
    """Return a page of those that came, the newest first.

    Raises:
        BadInput: a limit that is no number from 1 to 1000; an `after` that is no id.
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    if actor is not None:
        require_role(some_actor(actor), LOOKERS, to="see which events nothing was done for")
    place, count = page_of(after, limit)
    found = unhandled.find(connection, after=place, limit=count + 1)
    items = tuple(found[:count])
    return Page(items=items, next=items[-1].id if len(found) > count else None)


def prune(connection: Connection, before: datetime) -> None:
    """Forget those that came before an instant, in short transactions."""
    while unhandled.any_before(connection, before):
        with own_transaction(connection) as unit:
            count = unhandled.prune(unit.connection, before, at_most=PRUNED_AT_ONCE)
        if not count:
            break  # Another node is at them.
