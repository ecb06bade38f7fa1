"""Statements about deliveries: each an event's way to one receiver."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    String,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from states.events import Event, EventType
from workflow.connection import Connection
from workflow.errors import DatabaseCorrupt
from workflow.ports import Delivery
from workflow.statements import Prepared
from workflow.store.outbox import LOG, SUBJECT
from workflow.store.rows import from_row
from workflow.store.tables import CALL, DELIVERY, ENDPOINT, EOI, OUTBOX
from workflow.views import DeliveryView

_PENDING: Final = DELIVERY.c.state == "pending"
_FREE: Final = or_(DELIVERY.c.leased_until.is_(None), DELIVERY.c.leased_until <= bindparam("now"))
_EARLIER: Final = DELIVERY.alias("earlier")
# Looked up by the index of lines, once for each row. Of NOT EXISTS, PostgreSQL would make a join and read all
# that waits anew for each row before the table's first ANALYZE (20,000 waiting: 88 ms instead of 1). And in
# coalesce: of "… IS NULL" its planner guesses that 1 row in 200 passes; where it thinks those fewer than are
# wanted, it reads and sorts all. Of "NOT …" it guesses every second row, goes by due instant, stops in time.
_SOMETHING_EARLIER: Final = func.coalesce(
    select(true())
    .where(
        _EARLIER.c.endpoint_id == DELIVERY.c.endpoint_id,
        _EARLIER.c.subject_id == DELIVERY.c.subject_id,
        _EARLIER.c.state == "pending",
        _EARLIER.c.position < DELIVERY.c.position,
    )
    .order_by(_EARLIER.c.position)
    .limit(literal(1))
    .correlate(DELIVERY)
    .scalar_subquery(),
    false(),
)
#: At the head of its line, due, and lent to nobody.
_READY: Final = and_(_PENDING, DELIVERY.c.due_at <= bindparam("now"), _FREE, ~_SOMETHING_EARLIER)

#: Each receiver, that of the log among them.
_LINES: Final = select(ENDPOINT.c.id).union_all(select(literal(LOG))).subquery("line")
_OF_LINE: Final = DELIVERY.c.endpoint_id == _LINES.c.id
_LENT: Final = (
    select(func.count())
    .where(_OF_LINE, DELIVERY.c.leased_until.is_not(None), DELIVERY.c.leased_until > bindparam("now"))
    .scalar_subquery()
)
#: Each receiver for whom something is ready, and how many are on their way to it.
_ANY_READY: Final = select(DELIVERY.c.id).where(_OF_LINE, _READY).limit(literal(1)).scalar_subquery()
_READY_LINES: Final = Prepared(select(_LINES.c.id, _LENT).where(_ANY_READY.is_not(None)))
_FIRST_READY: Final = Prepared(
    select(DELIVERY.c.due_at, DELIVERY.c.id)
    .where(DELIVERY.c.endpoint_id == bindparam("the_endpoint"), _READY)
    .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)

_EVENT: Final = (
    OUTBOX.c.type, OUTBOX.c.call_id, CALL.c.reference, OUTBOX.c.eoi_id, EOI.c.applicant, OUTBOX.c.source,
    OUTBOX.c.state, OUTBOX.c.version, OUTBOX.c.at, OUTBOX.c.recorded_at, OUTBOX.c.closes_at,
)  # fmt: skip
_SELECT: Final = (
    select(DELIVERY.c.id, DELIVERY.c.attempt, ENDPOINT.c.courier, ENDPOINT.c.url, *_EVENT)
    .select_from(DELIVERY)
    .join(OUTBOX, OUTBOX.c.position == DELIVERY.c.position)
    .join(CALL, CALL.c.id == OUTBOX.c.call_id)
    .outerjoin(EOI, EOI.c.id == OUTBOX.c.eoi_id)
    .outerjoin(ENDPOINT, ENDPOINT.c.id == DELIVERY.c.endpoint_id)
    .order_by(DELIVERY.c.id)
)

_ENDED: Final[dict[str, Any]] = {
    "state": bindparam("to"),
    "leased_until": None,
    "due_at": func.coalesce(bindparam("retry_at", type_=DELIVERY.c.due_at.type), DELIVERY.c.due_at),
    "last_status": bindparam("status"),
    "last_error": bindparam("why"),
    "delivered_at": bindparam("arrived_at"),
}

#: What was lent and never tried is as it was before.
_GIVEN_BACK: Final[dict[str, Any]] = {"attempt": DELIVERY.c.attempt - 1, "leased_until": None}

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

#: The parameters of `_ENDED`.
_HOW: Final = ("to", "status", "why", "retry_at", "arrived_at")

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


def lines(connection: Connection, now: datetime) -> dict[str, int]:
    """Return for whom something can be claimed, and how many are on their way to each."""
    return {line: lent for line, lent in connection.rows(_READY_LINES, now=now)}  # noqa: C416 -- pairs, by name


def claim(
    connection: Connection, now: datetime, lines: Mapping[str, int], *, until: datetime, at_most: int
) -> list[Delivery]:
    """Lease deliveries that are due and at the head of one of these lines; each counts one attempt more.

    Endpoints take turns, and what is lent out to each counts: one that hangs, with thousands of deliveries
    that are due, would else hold every worker for hours.
    """
    turns = [
        (turn, due_at, number)
        for endpoint, lent in lines.items()
        for turn, (due_at, number) in enumerate(
            connection.rows(_FIRST_READY, now=now, the_endpoint=endpoint, at_most=at_most), start=lent
        )
    ]
    taken = _numbered([number for _, _, number in sorted(turns)[:at_most]])
    if not taken:
        return []
    these = _these(len(taken))
    connection.write(these.lend, None, until=until, **taken)
    return _loaded(connection, connection.rows(these.load, **taken), until)


class _These(NamedTuple):
    """Statements about so many deliveries: `id_0`, `id_1` and so on."""

    lend: Prepared
    load: Prepared
    lent: Prepared
    give_back: Prepared
    end: Prepared


@lru_cache(maxsize=128)
def _these(count: int) -> _These:
    these: ColumnElement[bool] = DELIVERY.c.id.in_([bindparam(f"id_{n}") for n in range(count)])
    lease = {"attempt": DELIVERY.c.attempt + 1, "leased_until": bindparam("until")}
    lent = select(DELIVERY.c.id, DELIVERY.c.attempt, DELIVERY.c.leased_until).where(these, _PENDING)
    return _These(
        lend=Prepared(update(DELIVERY).where(these).values(**lease)),
        load=Prepared(_SELECT.where(these)),
        # In one order, whichever index finds them: two pumps would else wait for one another.
        lent=Prepared(lent.order_by(DELIVERY.c.id).with_for_update()),
        give_back=Prepared(update(DELIVERY).where(these).values(**_GIVEN_BACK)),
        end=Prepared(update(DELIVERY).where(these).values(**_ENDED)),
    )


def _numbered(ids: Sequence[int]) -> dict[str, int]:
    return {f"id_{place}": number for place, number in enumerate(ids)}


def _loaded(connection: Connection, rows: Sequence[tuple[Any, ...]], until: datetime) -> list[Delivery]:
    """Return what was lent; one whose event means nothing here is parked, so that it bars no other."""
    found = []
    for row in rows:
        try:
            found.append(_delivery(row, until))
        except DatabaseCorrupt:
            connection.write(_PARK_UNREADABLE, the_id=row[0])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt ended, and what is to become of its delivery."""

    delivery: Delivery
    #: delivered; pending: it is tried again at `retry_at`; parked: not until a person says so.
    state: str
    status: int | None
    why: str | None = None
    retry_at: datetime | None = None
    arrived_at: datetime | None = None
    #: Whether it was tried at all; else it is given back as it was.
    tried: bool = True


def end(connection: Connection, attempts: Sequence[Ended]) -> list[bool]:
    """Write down how attempts ended; return of each whether its lease was the last one.

    What ended in the same way is written by one statement: most of many did.
    """
    lent = _lent(connection, [each.delivery.id for each in attempts])
    counts, alike = list[bool](), dict[tuple[object, ...], list[int]]()
    for each in attempts:
        # The attempt alone is no fence: a parked delivery that is put back counts from 1 again.
        counts.append(lent.get(each.delivery.id) == (each.delivery.attempt, each.delivery.leased_until))
        if counts[-1]:
            alike.setdefault(_how(each), []).append(each.delivery.id)
    for (tried, *how), ids in alike.items():
        these = _these(len(ids))
        if tried:
            connection.run(these.end, **dict(zip(_HOW, how, strict=True)), **_numbered(ids))
        else:
            connection.run(these.give_back, **_numbered(ids))
    return counts


def _lent(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[int, datetime]]:
    """Return the attempt and the lease of each that is still under way, and let nobody else end them."""
    rows = connection.rows(_these(len(ids)).lent, **_numbered(ids))
    return {number: (attempt, until) for number, attempt, until in rows}


def retry(connection: Connection, delivery_id: int | None, now: datetime) -> int:
    """Put a parked delivery (None: all of them) back into its line; return how many there were.

    What its line delivered while it was parked stays delivered; what still waits there comes after it.
    """
    if delivery_id is None:
        return connection.run(_RETRY_ALL, now=now)
    return connection.run(_RETRY_ONE, now=now, the_id=delivery_id)


def listed(connection: Connection, *, state: str | None, limit: int) -> list[DeliveryView]:
    """Return deliveries, the newest first."""
    if state is None:
        return [_delivery_view(row) for row in connection.rows(_LIST, at_most=limit)]
    return [_delivery_view(row) for row in connection.rows(_LIST_BY_STATE, at_most=limit, the_state=state)]


def _how(ended: Ended) -> tuple[object, ...]:
    """Return whether it was tried, and the parameters of `_HOW`."""
    return ended.tried, ended.state, ended.status, ended.why, ended.retry_at, ended.arrived_at


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
