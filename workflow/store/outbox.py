"""Statements about events and their deliveries."""

from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Insert,
    Integer,
    bindparam,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    type_coerce,
    update,
)

from states.events import Event, EventType
from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.tables import DELIVERY, ENDPOINT, OUTBOX

#: The endpoint of events that nobody else was there to receive.
LOG: Final = "log"
#: How many events are fanned out in one transaction.
FAN_OUT: Final = 5000

_ENQUEUE: Final = Prepared(
    insert(OUTBOX).inline(),  # its position is nobody's concern
    columns=(
        "type", "call_id", "eoi_id", "source", "state", "version",
        "at", "recorded_at", "closes_at", "fanned_out",
    ),
)  # fmt: skip


# In the index's own words, NOT fanned_out: SQLite uses a partial index for nothing else.
_WAITING: Final = ~type_coerce(OUTBOX.c.fanned_out, Integer)
#: What an event is of: the EOI, or the call.
SUBJECT: Final = func.coalesce(OUTBOX.c.eoi_id, OUTBOX.c.call_id)

_FIRST_WAITING: Final = (
    select(OUTBOX.c.position).where(_WAITING).order_by(OUTBOX.c.position).limit(FAN_OUT).subquery()
)
_WAITING_UP_TO: Final = Prepared(select(func.max(_FIRST_WAITING.c.position)))
_LAST: Final = Prepared(select(func.max(OUTBOX.c.position)))
_ENDPOINTS: Final = Prepared(select(ENDPOINT.c.id, ENDPOINT.c.events, ENDPOINT.c.after_position))
_FANNED_OUT: Final = Prepared(
    update(OUTBOX).where(_WAITING, OUTBOX.c.position <= bindparam("upto")).values(fanned_out=True)
)


def _deliveries_from(endpoint: Any, *conditions: Any) -> Insert:  # noqa: ANN401 -- Core's expressions
    rows = (
        select(
            OUTBOX.c.position,
            endpoint,
            SUBJECT,
            literal("pending"),
            literal(0),
            OUTBOX.c.recorded_at,
        )
        .where(_WAITING, OUTBOX.c.position <= bindparam("upto"), *conditions)
        .order_by(OUTBOX.c.position)
    )
    return insert(DELIVERY).from_select(
        ["position", "endpoint_id", "subject_id", "state", "attempt", "due_at"], rows
    )


@cache
def _fan_out_to(types: tuple[str, ...]) -> Prepared:
    one_of = or_(*(OUTBOX.c.type == each for each in types))
    later = OUTBOX.c.position > bindparam("after")
    return Prepared(_deliveries_from(bindparam("endpoint", type_=DELIVERY.c.endpoint_id.type), one_of, later))


_SOMEBODY_WAS_THERE: Final = exists().where(ENDPOINT.c.after_position < OUTBOX.c.position).correlate(OUTBOX)
_FAN_OUT_TO_LOG: Final = Prepared(_deliveries_from(literal(LOG), ~_SOMEBODY_WAS_THERE))

_ANY_WAITING: Final = Prepared(select(literal(1)).where(exists().where(_WAITING)))
_OLDEST: Final = Prepared(
    select(func.min(OUTBOX.c.recorded_at))
    .where(_WAITING)
    .union_all(
        select(func.min(OUTBOX.c.recorded_at))
        .join_from(DELIVERY, OUTBOX, OUTBOX.c.position == DELIVERY.c.position)
        .where(DELIVERY.c.state == "pending")
    )
)


def add_event(connection: Connection, event: Event) -> None:
    """Write one event."""
    connection.write(
        _ENQUEUE,
        type=event.type,
        call_id=event.call_id,
        eoi_id=event.eoi_id,
        source=event.source,
        state=event.state,
        version=event.version,
        at=event.at,
        recorded_at=event.recorded_at,
        closes_at=event.closes_at,
        fanned_out=False,
    )


def last_position(connection: Connection) -> int:
    """Return the position of the newest event; 0 where there is none."""
    row = connection.row(_LAST)
    return int(row[0] or 0) if row else 0


def hold_still(connection: Connection) -> None:
    """Let no event be under way until the transaction ends."""
    connection.hold_still(OUTBOX.name)


def any_waiting(connection: Connection) -> bool:
    """Return whether an event waits to be fanned out."""
    return connection.row(_ANY_WAITING) is not None


def fan_out(connection: Connection) -> None:
    """Make one delivery of each waiting event for each endpoint that was there when it happened.

    All statements must see one state of the database.
    """
    upto = connection.row(_WAITING_UP_TO)
    if upto is None or upto[0] is None:
        return
    for endpoint_id, patterns, after in connection.rows(_ENDPOINTS):
        if types := _matching(patterns):
            connection.run(_fan_out_to(types), upto=upto[0], endpoint=endpoint_id, after=after)
    connection.run(_FAN_OUT_TO_LOG, upto=upto[0])
    connection.run(_FANNED_OUT, upto=upto[0])


def oldest_waiting(connection: Connection) -> datetime | None:
    """Return when the oldest event was recorded that is not yet at all its receivers."""
    return min((instant for (instant,) in connection.rows(_OLDEST) if instant is not None), default=None)


def _matching(patterns: str) -> tuple[str, ...]:
    return tuple(
        str(each) for each in EventType if any(fnmatchcase(each, pattern) for pattern in patterns.split())
    )
