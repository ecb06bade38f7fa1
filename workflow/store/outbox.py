"""Statements about events and their deliveries."""

from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Insert,
    bindparam,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    null,
    or_,
    select,
    update,
)

from states.events import Event, EventType
from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.people import FOUND, WAITING, Found, concerns, whom_of
from workflow.store.tables import DELIVERY, ENDPOINT, OUTBOX

#: The endpoint of events that nobody else was there to receive.
LOG: Final = "log"
#: What a delivery begins with.
_FRESH: Final = (
    "position", "endpoint_id", "subject_id", "recipient", "state", "attempt", "due_at", "last_error",
)  # fmt: skip
#: How many events are fanned out in one transaction at the most: on SQLite those who submit wait for its
#: end, and more at once would be no quicker.
FAN_OUT: Final = 1000

_ENQUEUE: Final = Prepared(
    insert(OUTBOX).inline(),  # its position is nobody's concern
    columns=(
        "type", "call_id", "eoi_id", "source", "state", "version",
        "at", "recorded_at", "closes_at", "fanned_out",
    ),
)  # fmt: skip


#: What an event is of: the EOI, or the call.
SUBJECT: Final = func.coalesce(OUTBOX.c.eoi_id, OUTBOX.c.call_id)

_FIRST_WAITING: Final = (
    select(OUTBOX.c.position).where(WAITING).order_by(OUTBOX.c.position).limit(FAN_OUT).subquery()
)
_WAITING_UP_TO: Final = Prepared(select(func.max(_FIRST_WAITING.c.position)))
_LAST: Final = Prepared(select(func.max(OUTBOX.c.position)))
# None is removed before its deliveries are there to be parked; what else is written of it waits for nobody.
_ENDPOINTS: Final = Prepared(
    select(
        ENDPOINT.c.id, ENDPOINT.c.events, ENDPOINT.c.after_position, ENDPOINT.c.courier, ENDPOINT.c.url
    ).with_for_update(read=True, key_share=True)
)
# Their places in the feed follow on one another; who reads it sees all of a batch or none.
_PLACED: Final = (
    select(OUTBOX.c.position, func.row_number().over(order_by=OUTBOX.c.position).label("place"))
    .where(WAITING, OUTBOX.c.position <= bindparam("upto"))
    .subquery()
)
_FANNED_OUT: Final = Prepared(
    update(OUTBOX)
    .where(OUTBOX.c.position == _PLACED.c.position)
    .values(fanned_out=True, feed=bindparam("fed") + _PLACED.c.place)
)
_FED: Final = Prepared(select(func.coalesce(func.max(OUTBOX.c.feed), 0)).where(OUTBOX.c.feed.is_not(None)))


def new_deliveries(
    source: Any,  # noqa: ANN401 -- Core's expressions
    *conditions: Any,  # noqa: ANN401 -- as above
    endpoint: Any,  # noqa: ANN401 -- as above
    to: Any,  # noqa: ANN401 -- as above
    due_at: Any,  # noqa: ANN401 -- as above
    state: Any = literal("pending"),  # noqa: ANN401, B008 -- as above
    why: Any = null(),  # noqa: ANN401, B008 -- as above
) -> Insert:
    """Insert a delivery of each event of `source` that meets the conditions, in the order of the events."""
    last_error = cast(why, DELIVERY.c.last_error.type)
    rows = (
        select(OUTBOX.c.position, endpoint, SUBJECT, to, state, literal(0), due_at, last_error)
        .select_from(source)
        .where(*conditions)
        .order_by(OUTBOX.c.position)
    )
    return insert(DELIVERY).from_select(_FRESH, rows)


def _deliveries_from(
    endpoint: Any,  # noqa: ANN401 -- Core's expressions
    *conditions: Any,  # noqa: ANN401 -- as above
    found: Found | None = None,
) -> Insert:
    """Insert a delivery of each event that waits, to each address that is found for it.

    Nobody where somebody should be is a delivery too, without a recipient: it is parked, and so told.
    """
    to, state, why = (literal(""), literal("pending"), null()) if found is None else _to_people(found)
    return new_deliveries(
        OUTBOX if found is None else found.source,
        WAITING,
        OUTBOX.c.position <= bindparam("upto"),
        *conditions,
        endpoint=endpoint,
        to=to,
        due_at=OUTBOX.c.recorded_at,
        state=state,
        why=why,
    )


def _to_people(found: Found) -> tuple[Any, Any, Any]:
    nobody = found.address == ""
    return (
        found.address,
        case((nobody, "parked"), else_="pending"),
        case((nobody, found.why_nobody), else_=None),
    )


@cache
def _fan_out_to(types: tuple[str, ...], whom: str) -> Prepared:
    one_of = or_(*(OUTBOX.c.type == each for each in types))
    later = OUTBOX.c.position > bindparam("after")
    endpoint = bindparam("endpoint", type_=DELIVERY.c.endpoint_id.type)
    if not whom:
        return Prepared(_deliveries_from(endpoint, one_of, later))
    return Prepared(_deliveries_from(endpoint, one_of, later, found=FOUND[whom]))


@cache
def _to_be_made_for(types: tuple[str, ...]) -> Prepared:
    one_of = or_(*(OUTBOX.c.type == each for each in types))
    return Prepared(_TO_BE_MADE.where(one_of, OUTBOX.c.position > bindparam("after")))


_SOMEBODY_WAS_THERE: Final = exists().where(ENDPOINT.c.after_position < OUTBOX.c.position).correlate(OUTBOX)
_FAN_OUT_TO_LOG: Final = Prepared(_deliveries_from(literal(LOG), ~_SOMEBODY_WAS_THERE))

_RECEIVERS: Final = Prepared(
    select(
        ENDPOINT.c.id, ENDPOINT.c.events, ENDPOINT.c.after_position, ENDPOINT.c.courier, ENDPOINT.c.url
    ).order_by(ENDPOINT.c.id)
)
_TO_BE_MADE: Final = select(func.count()).select_from(OUTBOX).where(WAITING)
_TO_BE_MADE_FOR_LOG: Final = Prepared(_TO_BE_MADE.where(~_SOMEBODY_WAS_THERE))

_ANY_WAITING: Final = Prepared(select(literal(1)).where(exists().where(WAITING)))
_OLDEST: Final = Prepared(
    select(func.min(OUTBOX.c.recorded_at))
    .where(WAITING)
    .union_all(
        select(func.min(OUTBOX.c.recorded_at))
        .join_from(DELIVERY, OUTBOX, OUTBOX.c.position == DELIVERY.c.position)
        .outerjoin(ENDPOINT, ENDPOINT.c.id == DELIVERY.c.endpoint_id)
        .where(DELIVERY.c.state == "pending", ENDPOINT.c.disabled_at.is_(None))
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
    for endpoint_id, patterns, after, courier, url in connection.rows(_ENDPOINTS):
        whom, named = whom_of(courier, url)
        if types := _matching(patterns, whom):
            to = {"upto": upto[0], "endpoint": endpoint_id, "after": after}
            connection.run(_fan_out_to(types, whom), **to, **named)
    connection.run(_FAN_OUT_TO_LOG, upto=upto[0])
    connection.run(_FANNED_OUT, upto=upto[0], fed=last_fed(connection))


def to_be_made(connection: Connection) -> dict[str, tuple[str, int]]:
    """Return each endpoint and the log, with its URL, and of how many events it has no deliveries yet."""
    found = dict[str, tuple[str, int]]()
    for endpoint_id, patterns, after, courier, url in connection.rows(_RECEIVERS):
        types = _matching(patterns, whom_of(courier, url)[0])
        rows = connection.rows(_to_be_made_for(types), after=after) if types else [(0,)]
        found[endpoint_id] = (url, rows[0][0])
    return found | {LOG: ("", connection.rows(_TO_BE_MADE_FOR_LOG)[0][0])}


def last_fed(connection: Connection) -> int:
    """Return the last place in the feed; 0 where it is empty."""
    row = connection.row(_FED)
    return int(row[0]) if row else 0


def oldest_waiting(connection: Connection) -> datetime | None:
    """Return when the oldest event was recorded that is not yet at all its receivers, disabled ones aside."""
    return min((instant for (instant,) in connection.rows(_OLDEST) if instant is not None), default=None)


def _matching(patterns: str, whom: str) -> tuple[str, ...]:
    return tuple(
        str(each)
        for each in EventType
        if concerns(whom, [each]) and any(fnmatchcase(each, one) for one in patterns.split())
    )
