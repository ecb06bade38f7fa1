"""Statements that put deliveries back into their line, or drop them.

Whom an endpoint stands for is asked anew. Who is there still gets what was theirs; who is there now and has
nothing of an event yet gets it in the place of whoever is gone, or never was; who is gone gets nothing more.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.outbox import LOG, SUBJECT
from workflow.store.people import FOUND, whom_of
from workflow.store.tables import DELIVERY, ENDPOINT, OUTBOX, TRY

_PARKED: Final = DELIVERY.c.state == "parked"
_MAILBOX: Final = func.lower(DELIVERY.c.recipient)
_BACK_IN_LINE: Final[dict[str, Any]] = {
    "state": "pending",
    "forgiven": DELIVERY.c.attempt,
    "due_at": bindparam("now"),
    "leased_until": None,
    "delivered_at": None,
}
# Two who send again at once would else both write to whoever is new.
_RECEIVERS: Final = Prepared(
    select(ENDPOINT.c.id, ENDPOINT.c.courier, ENDPOINT.c.url)
    .order_by(ENDPOINT.c.id)
    .with_for_update(key_share=True)
)
_OF: Final = Prepared(select(DELIVERY.c.endpoint_id).where(DELIVERY.c.id == bindparam("the_id"), _PARKED))
_PATIENCE_ANEW: Final = Prepared(
    update(ENDPOINT)
    .where(ENDPOINT.c.id == bindparam("the_endpoint"), ENDPOINT.c.failing_since.is_not(None))
    .values(failing_since=bindparam("now"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which deliveries are meant: of those that are parked, all that nothing here rules out."""

    #: Only this one.
    delivery_id: int | None = None
    #: Only of events that were recorded then or later.
    since: datetime | None = None
    #: Only for this receiver.
    endpoint: str | None = None
    #: What was delivered, too: to a receiver that has lost it.
    delivered: bool = False

    def terms(self) -> dict[str, Any]:
        """Return the parameters by which they are narrowed, those of the endpoint aside."""
        given = {"the_id": self.delivery_id, "since": self.since}
        return {name: value for name, value in given.items() if value is not None}


class _Again(NamedTuple):
    """Statements that send to people again, in this order."""

    to_who_is_new: Prepared
    forget_tries: Prepared
    forget: Prepared
    to_who_is_there: Prepared


def parked_for(connection: Connection, delivery_id: int) -> str | None:
    """Return for which endpoint a delivery is parked; None where none is parked by that id."""
    row = connection.row(_OF, the_id=delivery_id)
    return None if row is None else str(row[0])


def back_in_line(connection: Connection, now: datetime, chosen: Chosen) -> int:
    """Put deliveries back into their line, due now; return how many wait there now that did not before.

    What a line delivered while they were parked stays delivered; what still waits there comes after them. A
    receiver that fails is given its whole time anew. What is for an endpoint that is gone stays as it is: it
    would wait for ever.
    """
    terms, count = chosen.terms(), 0
    for endpoint_id, courier, url in (*connection.rows(_RECEIVERS), (LOG, LOG, "")):
        if chosen.endpoint not in (None, endpoint_id):
            continue
        whom, named = whom_of(courier, url)
        given = terms | named | {"the_endpoint": endpoint_id, "now": now}
        if whom:
            again = _to_people(whom, tuple(terms), delivered=chosen.delivered)
            more = connection.run(again.to_who_is_new, **given)
            connection.run(again.forget_tries, **given)
            connection.run(again.forget, **given)
            more += connection.run(again.to_who_is_there, **given)
        else:
            more = connection.run(_to_one(tuple(terms), delivered=chosen.delivered), **given)
        if more:
            connection.run(_PATIENCE_ANEW, the_endpoint=endpoint_id, now=now)
        count += more
    return count


def drop(connection: Connection, chosen: Chosen) -> int:
    """Forget deliveries that are parked, with their attempts; return how many."""
    terms = chosen.terms() | ({} if chosen.endpoint is None else {"the_endpoint": chosen.endpoint})
    tries, deliveries = _drop(tuple(terms))
    connection.run(tries, **terms)
    return connection.run(deliveries, **terms)


@cache
def _to_one(narrowed: tuple[str, ...], *, delivered: bool) -> Prepared:
    return Prepared(
        update(DELIVERY).where(*_chosen(("the_endpoint", *narrowed), delivered)).values(**_BACK_IN_LINE)
    )


@cache
def _to_people(whom: str, narrowed: tuple[str, ...], *, delivered: bool) -> _Again:
    parked = _chosen(("the_endpoint", *narrowed), delivered=False)
    chosen = _chosen(("the_endpoint", *narrowed), delivered)
    there = _there(whom, select(DELIVERY.c.position).where(*chosen))
    is_there = tuple_(DELIVERY.c.position, _MAILBOX).in_(select(there.c.position, there.c.mailbox))
    gone = (*parked, ~is_there, _in_line_instead())
    return _Again(
        to_who_is_new=_to_who_is_new(there, select(DELIVERY.c.position).where(*parked, ~is_there)),
        forget_tries=Prepared(delete(TRY).where(TRY.c.delivery_id.in_(select(DELIVERY.c.id).where(*gone)))),
        forget=Prepared(delete(DELIVERY).where(*gone)),
        to_who_is_there=Prepared(update(DELIVERY).where(*chosen, is_there).values(**_BACK_IN_LINE)),
    )


def _to_who_is_new(there: Any, places: Select[Any]) -> Prepared:  # noqa: ANN401 -- a subquery of Core's
    has_it = select(DELIVERY.c.position, _MAILBOX).where(
        DELIVERY.c.endpoint_id == bindparam("the_endpoint"), DELIVERY.c.position.in_(places)
    )
    rows = (
        select(
            OUTBOX.c.position,
            bindparam("the_endpoint", type_=DELIVERY.c.endpoint_id.type),
            SUBJECT,
            there.c.address,
            literal("pending"),
            literal(0),
            bindparam("now", type_=DELIVERY.c.due_at.type),
        )
        .join_from(there, OUTBOX, OUTBOX.c.position == there.c.position)
        .where(
            there.c.position.in_(places),
            tuple_(there.c.position, there.c.mailbox).not_in(has_it),
        )
        .order_by(OUTBOX.c.position)
    )
    names = ["position", "endpoint_id", "subject_id", "recipient", "state", "attempt", "due_at"]
    return Prepared(insert(DELIVERY).from_select(names, rows))


def _there(whom: str, places: Select[Any]) -> Any:  # noqa: ANN401 -- a subquery of Core's
    """Return each of these events beside each address that there is for it now."""
    found = FOUND[whom]
    return (
        select(OUTBOX.c.position, found.address.label("address"), func.lower(found.address).label("mailbox"))
        .select_from(found.source)
        .where(OUTBOX.c.position.in_(places), found.address != "")
        .subquery("there")
    )


def _in_line_instead() -> ColumnElement[bool]:
    """Return whether somebody else waits for the same event, by the index of lines."""
    other = DELIVERY.alias("other")
    return (
        exists()
        .where(
            other.c.endpoint_id == DELIVERY.c.endpoint_id,
            other.c.subject_id == DELIVERY.c.subject_id,
            other.c.position == DELIVERY.c.position,
            other.c.state == "pending",
        )
        .correlate(DELIVERY)
    )


@cache
def _drop(narrowed: tuple[str, ...]) -> tuple[Prepared, Prepared]:
    these = _chosen(narrowed, delivered=False)
    return (
        Prepared(delete(TRY).where(TRY.c.delivery_id.in_(select(DELIVERY.c.id).where(*these)))),
        Prepared(delete(DELIVERY).where(*these)),
    )


def _chosen(narrowed: tuple[str, ...], delivered: bool) -> tuple[ColumnElement[bool], ...]:  # noqa: FBT001 -- a fact of `Chosen`
    by: dict[str, ColumnElement[bool]] = {
        "the_id": DELIVERY.c.id == bindparam("the_id"),
        "since": DELIVERY.c.position.in_(
            select(OUTBOX.c.position).where(OUTBOX.c.recorded_at >= bindparam("since"))
        ),
        "the_endpoint": DELIVERY.c.endpoint_id == bindparam("the_endpoint"),
    }
    state = or_(_PARKED, DELIVERY.c.state == "delivered") if delivered else _PARKED
    return (state, *(by[name] for name in narrowed))
