"""Statements about the feed: events in the order in which they could first be seen."""

from functools import cache
from typing import Final

from sqlalchemy import bindparam, or_, select

from states.events import Event
from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.lending import EVENT, event_of
from workflow.store.rows import from_row
from workflow.store.tables import CALL, EOI, OUTBOX

_SELECT: Final = (
    select(OUTBOX.c.feed, *EVENT)
    .select_from(OUTBOX)
    .join(CALL, CALL.c.id == OUTBOX.c.call_id)
    .outerjoin(EOI, EOI.c.id == OUTBOX.c.eoi_id)
    .where(OUTBOX.c.feed.is_not(None), OUTBOX.c.feed > bindparam("after"))
    .order_by(OUTBOX.c.feed)
    .limit(bindparam("at_most"))
)


def after(
    connection: Connection, cursor: int, *, types: tuple[str, ...], limit: int
) -> list[tuple[int, Event]]:
    """Return events after a place in the feed, each with its own place; of no type given: of any."""
    rows = connection.rows(_of(types), after=cursor, at_most=limit)
    return [_placed(row) for row in rows]


@cache
def _of(types: tuple[str, ...]) -> Prepared:
    return Prepared(_SELECT.where(or_(*(OUTBOX.c.type == each for each in types))) if types else _SELECT)


@from_row
def _placed(row: tuple[object, ...]) -> tuple[int, Event]:
    place, *event = row
    return int(str(place)), event_of(*event)
