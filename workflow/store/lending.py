"""Statements by which deliveries are lent out to pumps; `endings` has how they come back.

A delivery is ready when it is due, lent to nobody, and at the head of its line (same endpoint, same EOI or
call, same recipient), or its endpoint keeps no order. An endpoint that is disabled or rests gives nothing;
one whose circuit is half open gives one at a time.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
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
from workflow.ports import About, Delivery
from workflow.statements import Prepared
from workflow.store.endpoints import OPENS_AT, valid_secrets
from workflow.store.many import one_of_so_many, padded
from workflow.store.outbox import LOG
from workflow.store.people import whom_of
from workflow.store.rows import from_row
from workflow.store.tables import CALL, DELIVERY, ENDPOINT, EOI, OUTBOX

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
        _EARLIER.c.recipient == DELIVERY.c.recipient,
        _EARLIER.c.state == "pending",
        _EARLIER.c.position < DELIVERY.c.position,
    )
    .order_by(_EARLIER.c.position)
    .limit(literal(1))
    .correlate(DELIVERY)
    .scalar_subquery(),
    false(),
)
_DUE: Final = and_(_PENDING, DELIVERY.c.due_at <= bindparam("now"), _FREE)

#: An endpoint that is enabled and does not rest.
_MAY_BE_TRIED: Final = and_(
    ENDPOINT.c.disabled_at.is_(None),
    or_(ENDPOINT.c.rest_until.is_(None), ENDPOINT.c.rest_until <= bindparam("now")),
)
#: A delivery that is on its way.
_IS_LENT: Final = and_(DELIVERY.c.leased_until.is_not(None), DELIVERY.c.leased_until > bindparam("now"))
#: Each receiver that may be tried, that of the log among them.
_LINES: Final = (
    select(ENDPOINT.c.id, ENDPOINT.c.ordered, ENDPOINT.c.failures)
    .where(_MAY_BE_TRIED)
    .union_all(select(literal(LOG), true(), literal(0)))
    .subquery("line")
)
_OF_LINE: Final = DELIVERY.c.endpoint_id == _LINES.c.id
_LENT: Final = select(func.count()).where(_OF_LINE, _IS_LENT).scalar_subquery()


def _any_of_line(*conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    return select(DELIVERY.c.id).where(_OF_LINE, _DUE, *conditions).limit(literal(1)).scalar_subquery()


def _first(*conditions: ColumnElement[bool]) -> Prepared:
    return Prepared(
        select(DELIVERY.c.due_at, DELIVERY.c.id)
        .where(DELIVERY.c.endpoint_id == bindparam("the_endpoint"), _DUE, *conditions)
        .order_by(DELIVERY.c.due_at, DELIVERY.c.id)
        .limit(bindparam("at_most"))
        .with_for_update(skip_locked=True)
    )


#: Each receiver for whom something is ready, whether it keeps order, how often it has failed of late, and how
#: many are on their way to it.
_READY_LINES: Final = Prepared(
    select(_LINES.c.id, _LINES.c.ordered, _LINES.c.failures, _LENT).where(
        case((_LINES.c.ordered, _any_of_line(~_SOMETHING_EARLIER)), else_=_any_of_line()).is_not(None)
    )
)
#: Nobody else's until the transaction ends; none where it is somebody's, or may not be tried any more.
_HELD: Final = Prepared(
    select(ENDPOINT.c.id)
    .where(ENDPOINT.c.id == bindparam("the_endpoint"), _MAY_BE_TRIED)
    .with_for_update(skip_locked=True)
)
_LENT_NOW: Final = Prepared(
    select(func.count()).where(DELIVERY.c.endpoint_id == bindparam("the_endpoint"), _IS_LENT)
)
#: Whether in order -> what is ready for one receiver.
_FIRST_READY: Final = {True: _first(~_SOMETHING_EARLIER), False: _first()}

EVENT: Final = (
    OUTBOX.c.type, OUTBOX.c.call_id, CALL.c.reference, OUTBOX.c.eoi_id, EOI.c.applicant, OUTBOX.c.source,
    OUTBOX.c.state, OUTBOX.c.version, OUTBOX.c.at, OUTBOX.c.recorded_at, OUTBOX.c.closes_at,
)  # fmt: skip
_ENDPOINT: Final = (
    ENDPOINT.c.id, ENDPOINT.c.courier, ENDPOINT.c.url, ENDPOINT.c.headers, ENDPOINT.c.timeout_ms,
    ENDPOINT.c.concurrency, ENDPOINT.c.secret, ENDPOINT.c.old_secret, ENDPOINT.c.old_secret_until,
)  # fmt: skip
_ABOUT: Final = (CALL.c.title, CALL.c.opens_at, CALL.c.timezone, CALL.c.contact, EOI.c.applicant_name)
_SELECT: Final = (
    select(
        DELIVERY.c.id,
        DELIVERY.c.attempt,
        DELIVERY.c.forgiven,
        DELIVERY.c.recipient,
        DELIVERY.c.unable_since,
        *_ENDPOINT,
        *_ABOUT,
        *EVENT,
    )
    .select_from(DELIVERY)
    .join(OUTBOX, OUTBOX.c.position == DELIVERY.c.position)
    .join(CALL, CALL.c.id == OUTBOX.c.call_id)
    .outerjoin(EOI, EOI.c.id == OUTBOX.c.eoi_id)
    .outerjoin(ENDPOINT, ENDPOINT.c.id == DELIVERY.c.endpoint_id)
    .order_by(DELIVERY.c.id)
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


class Line(NamedTuple):
    """One receiver for whom something can be claimed."""

    endpoint_id: str
    ordered: bool
    failures: int
    #: How many deliveries are on their way to it.
    lent: int

    def room(self, at_most: int) -> int:
        """Return how many more it may be lent."""
        return at_most if self.failures < OPENS_AT else max(0, min(at_most, 1 - self.lent))


def lines(connection: Connection, now: datetime) -> list[Line]:
    """Return for whom something can be claimed."""
    return [
        Line(id_, bool(ordered), failures, lent)
        for id_, ordered, failures, lent in connection.rows(_READY_LINES, now=now)
    ]


def claim(
    connection: Connection, now: datetime, lines: Sequence[Line], *, until: datetime, at_most: int
) -> list[Delivery]:
    """Lease deliveries that are due and at the head of one of these lines; each counts one attempt more.

    Endpoints take turns, and what is lent out to each counts: one that hangs, with thousands of deliveries
    that are due, would else hold every worker for hours.
    """
    turns = [
        (turn, due_at, number)
        for line in (_as_it_is(connection, each, now) for each in lines)
        for turn, (due_at, number) in enumerate(
            connection.rows(
                _FIRST_READY[line.ordered],
                now=now,
                the_endpoint=line.endpoint_id,
                at_most=line.room(at_most),
            ),
            start=line.lent,
        )
    ]
    taken = [number for _, _, number in sorted(turns)[:at_most]]
    if not taken:
        return []
    count, ids = padded(taken)
    connection.write(_lend(count), None, until=until, **ids)
    return _loaded(connection, connection.rows(_load(count), **ids), now, until)


def _as_it_is(connection: Connection, line: Line, now: datetime) -> Line:
    """Return a line as it is now where one at a time may be tried; no other pump lends for it meanwhile."""
    if line.failures < OPENS_AT:
        return line
    asked = {"the_endpoint": line.endpoint_id, "now": now}
    lent = connection.row(_LENT_NOW, **asked) if connection.row(_HELD, **asked) else None
    return line._replace(lent=1 if lent is None else lent[0])


@lru_cache(maxsize=16)
def _lend(count: int) -> Prepared:
    lease = {"attempt": DELIVERY.c.attempt + 1, "leased_until": bindparam("until")}
    return Prepared(update(DELIVERY).where(one_of_so_many(DELIVERY.c.id, count)).values(**lease))


@lru_cache(maxsize=16)
def _load(count: int) -> Prepared:
    return Prepared(_SELECT.where(one_of_so_many(DELIVERY.c.id, count)))


def _loaded(
    connection: Connection, rows: Sequence[tuple[Any, ...]], now: datetime, until: datetime
) -> list[Delivery]:
    """Return what was lent; one whose event means nothing here is parked, so that it bars no other."""
    found = []
    for row in rows:
        try:
            found.append(_delivery(row, now, until))
        except DatabaseCorrupt:
            connection.write(_PARK_UNREADABLE, the_id=row[0])
    return found


@from_row
def _delivery(row: tuple[Any, ...], now: datetime, until: datetime) -> Delivery:
    number, attempt, forgiven, recipient, unable_since, *others = row
    endpoint_id, courier, url, headers, timeout_ms, concurrency, *secrets = others[: len(_ENDPOINT)]
    about, event = others[len(_ENDPOINT) :][: len(_ABOUT)], others[-len(EVENT) :]
    of_people = courier is not None and bool(whom_of(courier, url)[0])
    return Delivery(
        id=number,
        event=event_of(*event),
        courier=courier or LOG,
        address=recipient if of_people else url or "",
        attempt=attempt - forgiven,
        earlier_attempts=forgiven,
        leased_until=until,
        unable_since=unable_since,
        endpoint_id=endpoint_id or "",
        about=_about(*about),
        secrets=valid_secrets(now, *secrets),
        headers=headers or "",
        timeout_s=None if timeout_ms is None else timeout_ms / 1000,
        concurrency=concurrency,
    )


def _about(
    title: str, opens_at: datetime, timezone: str, contact: str | None, applicant_name: str | None
) -> About:
    return About(
        title=title, opens_at=opens_at, timezone=timezone, contact=contact, applicant_name=applicant_name
    )


def event_of(*columns: Any) -> Event:  # noqa: ANN401 -- as they were read
    """Return the event of the columns `EVENT`."""
    type_, call_id, reference, eoi_id, applicant, source, state, version, *instants = columns
    at, recorded_at, closes_at = instants
    return Event(
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
