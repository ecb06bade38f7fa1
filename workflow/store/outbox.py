"""Statements about events and their deliveries."""

from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    Insert,
    Integer,
    String,
    and_,
    bindparam,
    case,
    cast,
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
from workflow.errors import DatabaseCorrupt
from workflow.ports import Delivery
from workflow.statements import Prepared
from workflow.store.rows import from_row
from workflow.store.tables import CALL, DELIVERY, ENDPOINT, EOI, OUTBOX
from workflow.views import DeliveryView

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
_SUBJECT: Final = func.coalesce(OUTBOX.c.eoi_id, OUTBOX.c.call_id)
_PENDING: Final = DELIVERY.c.state == "pending"
_FREE: Final = or_(DELIVERY.c.leased_until.is_(None), DELIVERY.c.leased_until <= bindparam("now"))

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
            _SUBJECT,
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

_EARLIER: Final = DELIVERY.alias("earlier")
_SOMETHING_EARLIER: Final = (
    exists()
    .where(
        _EARLIER.c.endpoint_id == DELIVERY.c.endpoint_id,
        _EARLIER.c.subject_id == DELIVERY.c.subject_id,
        _EARLIER.c.state == "pending",
        _EARLIER.c.position < DELIVERY.c.position,
    )
    .correlate(DELIVERY)
)
#: At the head of its line, due, and lent to nobody.
_READY: Final = and_(_PENDING, DELIVERY.c.due_at <= bindparam("now"), _FREE, ~_SOMETHING_EARLIER)
_ANY_WORK: Final = Prepared(
    select(literal(1)).where(or_(exists().where(_WAITING), exists(select(DELIVERY.c.id).where(_READY))))
)
_ANY_WAITING: Final = Prepared(select(literal(1)).where(exists().where(_WAITING)))
#: Each line of which something waits, and how many of it are lent out.
_LENT: Final = Prepared(
    select(DELIVERY.c.endpoint_id, func.count(case((~_FREE, 1))))
    .where(_PENDING)
    .group_by(DELIVERY.c.endpoint_id)
)
# In the order of the index on `due_at`, which ends at the first few; by that of lines all would be sorted.
_FIRST_READY: Final = Prepared(
    select(DELIVERY.c.due_at, DELIVERY.c.id)
    .where(_READY, DELIVERY.c.endpoint_id.concat("") == bindparam("the_endpoint"))
    .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
_LEND: Final = Prepared(
    update(DELIVERY)
    .where(DELIVERY.c.id == bindparam("the_id"))
    .values(attempt=DELIVERY.c.attempt + 1, leased_until=bindparam("until"))
)

_EVENT: Final = (
    OUTBOX.c.type, OUTBOX.c.call_id, CALL.c.reference, OUTBOX.c.eoi_id, EOI.c.applicant, OUTBOX.c.source,
    OUTBOX.c.state, OUTBOX.c.version, OUTBOX.c.at, OUTBOX.c.recorded_at, OUTBOX.c.closes_at,
)  # fmt: skip
_LOAD: Final = Prepared(
    select(DELIVERY.c.id, DELIVERY.c.attempt, ENDPOINT.c.courier, ENDPOINT.c.url, *_EVENT)
    .select_from(DELIVERY)
    .join(OUTBOX, OUTBOX.c.position == DELIVERY.c.position)
    .join(CALL, CALL.c.id == OUTBOX.c.call_id)
    .outerjoin(EOI, EOI.c.id == OUTBOX.c.eoi_id)
    .outerjoin(ENDPOINT, ENDPOINT.c.id == DELIVERY.c.endpoint_id)
    .where(DELIVERY.c.id == bindparam("the_id"))
)

#: The fence. The attempt alone is none: a person who puts a parked delivery back lets it count from 1 again.
_THIS: Final = and_(
    _PENDING,
    DELIVERY.c.id == bindparam("the_id"),
    DELIVERY.c.attempt == bindparam("the_attempt"),
    DELIVERY.c.leased_until == bindparam("the_lease"),
)
_ENDED: Final[dict[str, Any]] = {"leased_until": None, "last_status": bindparam("status")}
_SETTLE: Final = Prepared(
    update(DELIVERY)
    .where(_THIS)
    .values(**_ENDED, state="delivered", last_error=None, delivered_at=bindparam("now"))
)
_POSTPONE: Final = Prepared(
    update(DELIVERY).where(_THIS).values(**_ENDED, last_error=bindparam("why"), due_at=bindparam("retry_at"))
)
_PARK: Final = Prepared(
    update(DELIVERY).where(_THIS).values(**_ENDED, state="parked", last_error=bindparam("why"))
)

_PARK_UNREADABLE: Final = Prepared(
    update(DELIVERY)
    .where(DELIVERY.c.id == bindparam("the_id"))
    .values(
        state="parked",
        leased_until=None,
        last_error="Its event cannot be read: it is of a newer version, or damaged.",
    )
)

_BACK_IN_LINE: Final = {"state": "pending", "attempt": 0, "due_at": bindparam("now"), "leased_until": None}
_PARKED: Final = DELIVERY.c.state == "parked"
_RETRY_ALL: Final = Prepared(update(DELIVERY).where(_PARKED).values(**_BACK_IN_LINE))
_RETRY_ONE: Final = Prepared(
    update(DELIVERY).where(_PARKED, DELIVERY.c.id == bindparam("the_id")).values(**_BACK_IN_LINE)
)

_OLDEST: Final = Prepared(
    select(func.min(OUTBOX.c.recorded_at))
    .where(_WAITING)
    .union_all(
        select(func.min(OUTBOX.c.recorded_at))
        .join_from(DELIVERY, OUTBOX, OUTBOX.c.position == DELIVERY.c.position)
        .where(_PENDING)
    )
)

_LISTED: Final = (
    "id", "event_id", "type", "endpoint", "address", "state", "attempts", "due_at",
    "last_status", "last_error", "delivered_at",
)  # fmt: skip
_SELECT_LIST: Final = (
    select(
        DELIVERY.c.id,
        _SUBJECT + ":" + cast(OUTBOX.c.version, String),
        OUTBOX.c.type,
        DELIVERY.c.endpoint_id,
        func.coalesce(ENDPOINT.c.url, ""),
        DELIVERY.c.state,
        DELIVERY.c.attempt,
        case((_PENDING, DELIVERY.c.due_at)),
        DELIVERY.c.last_status,
        DELIVERY.c.last_error,
        DELIVERY.c.delivered_at,
    )
    .join_from(DELIVERY, OUTBOX, OUTBOX.c.position == DELIVERY.c.position)
    .outerjoin(ENDPOINT, ENDPOINT.c.id == DELIVERY.c.endpoint_id)
    .order_by(DELIVERY.c.id.desc())
    .limit(bindparam("at_most"))
)
_LIST: Final = Prepared(_SELECT_LIST)
_LIST_BY_STATE: Final = Prepared(_SELECT_LIST.where(DELIVERY.c.state == bindparam("the_state")))


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


def any_work(connection: Connection, now: datetime) -> bool:
    """Return whether an event waits to be fanned out, or a delivery can be claimed."""
    return connection.row(_ANY_WORK, now=now) is not None


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


def claim(connection: Connection, now: datetime, *, until: datetime, at_most: int) -> list[Delivery]:
    """Lease deliveries that are due and at the head of their line; each counts one attempt more.

    Endpoints take turns, and what is lent out to each counts: one that hangs, with thousands of deliveries
    that are due, would else hold every worker for hours.
    """
    turns = [
        (turn, due_at, number)
        for endpoint, lent in connection.rows(_LENT, now=now)
        for turn, (due_at, number) in enumerate(
            connection.rows(_FIRST_READY, now=now, the_endpoint=endpoint, at_most=at_most), start=lent
        )
    ]
    taken = sorted(number for _, _, number in sorted(turns)[:at_most])
    for number in taken:
        connection.run(_LEND, the_id=number, until=until)
    return [delivery for number in taken for delivery in _loaded(connection, number, until)]


def _loaded(connection: Connection, number: int, until: datetime) -> Iterator[Delivery]:
    """Yield what was lent; one whose event means nothing here is parked, so that it bars no other."""
    for row in connection.rows(_LOAD, the_id=number):
        try:
            yield _delivery(row, until)
        except DatabaseCorrupt:
            connection.run(_PARK_UNREADABLE, the_id=number)


def settle(connection: Connection, delivery: Delivery, now: datetime, *, status: int | None) -> int:
    """It arrived."""
    return connection.run(_SETTLE, **_fence(delivery), status=status, now=now)


def postpone(
    connection: Connection, delivery: Delivery, retry_at: datetime, *, status: int | None, why: str
) -> int:
    """It did not arrive, and is tried again at `retry_at`."""
    return connection.run(_POSTPONE, **_fence(delivery), status=status, why=why, retry_at=retry_at)


def park(connection: Connection, delivery: Delivery, *, status: int | None, why: str) -> int:
    """It is not tried again until a person says so; its line goes on."""
    return connection.run(_PARK, **_fence(delivery), status=status, why=why)


def retry(connection: Connection, delivery_id: int | None, now: datetime) -> int:
    """Put a parked delivery (None: all of them) back into its line; return how many there were.

    What its line delivered while it was parked stays delivered; what still waits there comes after it.
    """
    if delivery_id is None:
        return connection.run(_RETRY_ALL, now=now)
    return connection.run(_RETRY_ONE, now=now, the_id=delivery_id)


def oldest_waiting(connection: Connection) -> datetime | None:
    """Return when the oldest event was recorded that is not yet at all its receivers."""
    return min((instant for (instant,) in connection.rows(_OLDEST) if instant is not None), default=None)


def deliveries(connection: Connection, *, state: str | None, limit: int) -> list[DeliveryView]:
    """Return deliveries, the newest first."""
    if state is None:
        return [_delivery_view(row) for row in connection.rows(_LIST, at_most=limit)]
    return [_delivery_view(row) for row in connection.rows(_LIST_BY_STATE, at_most=limit, the_state=state)]


def _matching(patterns: str) -> tuple[str, ...]:
    return tuple(
        str(each) for each in EventType if any(fnmatchcase(each, pattern) for pattern in patterns.split())
    )


def _fence(delivery: Delivery) -> dict[str, object]:
    return {
        "the_id": delivery.id,
        "the_attempt": delivery.attempt,
        "the_lease": delivery.leased_until,
    }


@from_row
def _delivery(row: tuple[Any, ...], until: datetime) -> Delivery:
    (
        number,
        attempt,
        courier,
        url,
        type_,
        call_id,
        reference,
        eoi_id,
        applicant,
        source,
        state,
        version,
        *instants,
    ) = row
    at, recorded_at, closes_at = instants
    event = Event(
        id=f"{eoi_id or call_id}:{version}",
        type=EventType(type_),
        call_id=call_id,
        call_reference=reference,
        eoi_id=eoi_id,
        applicant=applicant,
        source=source,
        state=state,
        version=version,
        at=at,
        recorded_at=recorded_at,
        closes_at=closes_at,
    )
    return Delivery(
        id=number,
        event=event,
        courier=courier or LOG,
        address=url or "",
        attempt=attempt,
        leased_until=until,
    )


def _delivery_view(row: tuple[Any, ...]) -> DeliveryView:
    return DeliveryView(**dict(zip(_LISTED, row, strict=True)))
