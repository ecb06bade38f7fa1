"""Statements about deliveries that look at them, park them, and forget them."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Integer,
    String,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.filtering import Filtered
from workflow.store.outbox import LOG, SUBJECT, to_be_made
from workflow.store.tables import DELIVERY, ENDPOINT, OUTBOX, TRY
from workflow.views import DeliveryDetail, DeliveryView, EndpointStats, TryView

#: How many are forgotten in one transaction.
PRUNED: Final = 5000

_PENDING: Final = DELIVERY.c.state == "pending"
_PARKED: Final = DELIVERY.c.state == "parked"
_DELIVERED: Final = DELIVERY.c.state == "delivered"
_THE_ID: Final = DELIVERY.c.id == bindparam("the_id")
_OF_ENDPOINT: Final = DELIVERY.c.endpoint_id == bindparam("the_endpoint")
#: What is for nobody any more would wait in its line for ever.
_IS_FOR_SOMEBODY: Final = or_(
    DELIVERY.c.endpoint_id == LOG, exists().where(ENDPOINT.c.id == DELIVERY.c.endpoint_id).correlate(DELIVERY)
)
_LISTED: Final = (
    "id", "event_id", "type", "endpoint", "address", "state", "attempts", "due_at",
    "last_status", "last_error", "delivered_at",
)  # fmt: skip
_SELECT_LIST: Final = (
    select(
        DELIVERY.c.id,
        SUBJECT + ":" + cast(OUTBOX.c.version, String),
        OUTBOX.c.type,
        DELIVERY.c.endpoint_id,
        case((DELIVERY.c.recipient != "", DELIVERY.c.recipient), else_=func.coalesce(ENDPOINT.c.url, "")),
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
_LIST: Final = Filtered(
    _SELECT_LIST,
    {
        "the_state": DELIVERY.c.state == bindparam("the_state"),
        "the_endpoint": _OF_ENDPOINT,
        "before": DELIVERY.c.id < bindparam("before"),
    },
)
_ONE: Final = Prepared(_SELECT_LIST.where(_THE_ID))
_TRIES: Final = Prepared(
    select(TRY.c.number, TRY.c.at, TRY.c.duration_ms, TRY.c.status, TRY.c.error, TRY.c.answer)
    .where(TRY.c.delivery_id == bindparam("the_id"))
    .order_by(TRY.c.number)
)

_NOT_ARRIVED: Final = union_all(
    *(
        select(DELIVERY.c.endpoint_id, literal(state).label("state"), func.count().label("count"))
        .where(where)
        .group_by(DELIVERY.c.endpoint_id)
        for state, where in (("pending", _PENDING), ("parked", _PARKED))
    )
).subquery()
# As a constant: PostgreSQL takes two parameters for two expressions, though both say the same.
_COURIER: Final = func.coalesce(ENDPOINT.c.courier, literal_column(f"'{LOG}'"))
_WAITING: Final = Prepared(
    select(_COURIER, _NOT_ARRIVED.c.state, cast(func.sum(_NOT_ARRIVED.c.count), Integer))
    .select_from(_NOT_ARRIVED)
    .outerjoin(ENDPOINT, ENDPOINT.c.id == _NOT_ARRIVED.c.endpoint_id)
    .group_by(_COURIER, _NOT_ARRIVED.c.state)
)

# Some of these instants are too early, as where its line has not come to it: who stops there finds nothing.
_NEXT_DUE: Final = Prepared(
    union_all(
        *(
            select(func.min(instant))
            .join_from(DELIVERY, ENDPOINT, ENDPOINT.c.id == DELIVERY.c.endpoint_id, isouter=True)
            .where(_PENDING, ENDPOINT.c.disabled_at.is_(None), instant > bindparam("now"))
            for instant in (DELIVERY.c.due_at, DELIVERY.c.leased_until, ENDPOINT.c.rest_until)
        )
    )
)

_GONE_WITH_ENDPOINT: Final = Prepared(
    update(DELIVERY)
    .where(_OF_ENDPOINT, _PENDING)
    .values(state="parked", leased_until=None, last_error="Its endpoint was removed.")
)
# Backwards from the newest: the first that is old enough is near.
_LONG_AGO: Final = (
    select(OUTBOX.c.position)
    .where(OUTBOX.c.recorded_at <= bindparam("before"))
    .order_by(OUTBOX.c.position.desc())
    .limit(literal(1))
    .scalar_subquery()
)
_GIVE_UP: Final = Prepared(
    update(DELIVERY)
    .where(_OF_ENDPOINT, _PENDING, DELIVERY.c.leased_until.is_(None), DELIVERY.c.position <= _LONG_AGO)
    .values(state="parked", last_error=bindparam("why"))
)
_BEGIN_ANEW: Final = Prepared(
    update(DELIVERY)
    .where(_OF_ENDPOINT, _PENDING, DELIVERY.c.unable_since.is_not(None))
    .values(unable_since=None)
)

_SIBLING: Final = DELIVERY.alias("sibling")
# While one of the people whom an endpoint tells of an event has it parked, it is known who else has had it.
_OPEN_AMONG_PEOPLE: Final = select(_SIBLING.c.position, _SIBLING.c.endpoint_id).where(
    _SIBLING.c.state == "parked", _SIBLING.c.recipient != ""
)
_OLD: Final = and_(
    _DELIVERED,
    DELIVERY.c.delivered_at <= bindparam("before"),
    or_(
        DELIVERY.c.recipient == "",
        tuple_(DELIVERY.c.position, DELIVERY.c.endpoint_id).not_in(_OPEN_AMONG_PEOPLE),
    ),
)
_ORPHANED: Final = and_(
    _PARKED,
    DELIVERY.c.due_at <= bindparam("before"),
    ~_IS_FOR_SOMEBODY,
)
_FORGOTTEN: Final = (
    select(DELIVERY.c.id).where(or_(_OLD, _ORPHANED)).order_by(DELIVERY.c.id).limit(literal(PRUNED))
)
_LAST_FORGOTTEN: Final = Prepared(select(func.max(_FORGOTTEN.subquery().c.id)))
_UP_TO: Final[Any] = bindparam("upto")
_FORGET_TRIES: Final = Prepared(
    delete(TRY).where(
        TRY.c.delivery_id.in_(select(DELIVERY.c.id).where(DELIVERY.c.id <= _UP_TO, or_(_OLD, _ORPHANED)))
    )
)
_FORGET: Final = Prepared(delete(DELIVERY).where(DELIVERY.c.id <= _UP_TO, or_(_OLD, _ORPHANED)))

_STATS: Final = Prepared(
    select(
        DELIVERY.c.endpoint_id,
        func.coalesce(ENDPOINT.c.url, ""),
        func.coalesce(func.sum(case((_PENDING, 1), else_=0)), 0),
        func.coalesce(func.sum(case((_PARKED, 1), else_=0)), 0),
        func.coalesce(func.sum(case((_DELIVERED, 1), else_=0)), 0),
        func.coalesce(func.sum(DELIVERY.c.attempt), 0),
        func.min(case((_PENDING, OUTBOX.c.recorded_at))),
        func.max(DELIVERY.c.delivered_at),
    )
    .join_from(DELIVERY, OUTBOX, OUTBOX.c.position == DELIVERY.c.position)
    .outerjoin(ENDPOINT, ENDPOINT.c.id == DELIVERY.c.endpoint_id)
    .group_by(DELIVERY.c.endpoint_id, ENDPOINT.c.url)
    .order_by(DELIVERY.c.endpoint_id)
)


def listed(
    connection: Connection, *, state: str | None, endpoint: str | None, before: int | None, limit: int
) -> list[DeliveryView]:
    """Return deliveries, the newest first."""
    found = _LIST.rows(connection, the_state=state, the_endpoint=endpoint, before=before, limit=limit)
    return [DeliveryView(**_facts(row)) for row in found]


def one(connection: Connection, delivery_id: int) -> DeliveryDetail | None:
    """Return one delivery, with its attempts; None where there is none."""
    row = connection.row(_ONE, the_id=delivery_id, at_most=1)
    if row is None:
        return None
    tries = tuple(
        TryView(
            number=number,
            at=at,
            duration_s=duration_ms / 1000,
            status=status,
            error=error,
            answer=answer,
        )
        for number, at, duration_ms, status, error, answer in connection.rows(_TRIES, the_id=delivery_id)
    )
    return DeliveryDetail(**_facts(row), tries=tries)


def stats(connection: Connection) -> list[EndpointStats]:
    """Return how it stands with what there is, or is to be, for each endpoint. Reads every delivery."""
    found = {row[0]: row[1:] for row in connection.rows(_STATS)}
    to_come = to_be_made(connection)
    for endpoint, (url, count) in to_come.items():
        if endpoint != LOG or count:
            found.setdefault(endpoint, (url, 0, 0, 0, 0, None, None))
    return [
        EndpointStats(
            endpoint=endpoint,
            url=url,
            pending=pending,
            parked=parked,
            delivered=delivered,
            attempts=attempts,
            to_be_made=to_come.get(endpoint, ("", 0))[1],
            oldest_pending_at=oldest,
            last_delivered_at=last,
        )
        for endpoint, (url, pending, parked, delivered, attempts, oldest, last) in sorted(found.items())
    ]


def waiting(connection: Connection) -> dict[tuple[str, str], int]:
    """Return how many deliveries have not arrived, by courier and state."""
    return {(courier, state): count for courier, state, count in connection.rows(_WAITING)}


def next_due(connection: Connection, now: datetime) -> datetime | None:
    """Return the first instant after `now` at which something may become due; None where nothing will."""
    instants = connection.rows(_NEXT_DUE, now=now)
    return min((instant for (instant,) in instants if instant is not None), default=None)


def park_of(connection: Connection, endpoint_id: str) -> None:
    """Park what waits for an endpoint that is removed."""
    connection.run(_GONE_WITH_ENDPOINT, the_endpoint=endpoint_id)


def give_up(connection: Connection, endpoint_id: str, *, before: datetime, why: str) -> int:
    """Park what waits for an endpoint since before an instant and is lent to nobody; return how many."""
    return connection.run(_GIVE_UP, the_endpoint=endpoint_id, before=before, why=why)


def begin_anew(connection: Connection, endpoint_id: str) -> None:
    """Give what no node was able to send its whole time again."""
    connection.run(_BEGIN_ANEW, the_endpoint=endpoint_id)


def forget(connection: Connection, before: datetime) -> int:
    """Forget some of what was delivered before an instant, or parked for nobody; return how many."""
    last = connection.row(_LAST_FORGOTTEN, before=before)
    if last is None or last[0] is None:
        return 0
    connection.run(_FORGET_TRIES, before=before, upto=last[0])
    return connection.run(_FORGET, before=before, upto=last[0])


def _facts(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(_LISTED, row, strict=True))
