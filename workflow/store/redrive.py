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
    bindparam,
    delete,
    or_,
    select,
    update,
)

from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.outbox import LOG, new_deliveries
from workflow.store.people import FOUND, Found, whom_of
from workflow.store.tables import DELIVERY, ENDPOINT, OUTBOX, TRY

_PARKED: Final = DELIVERY.c.state == "parked"
_BACK_IN_LINE: Final[dict[str, Any]] = {
    "state": "pending",
    "forgiven": DELIVERY.c.attempt,
    "due_at": bindparam("now"),
    "leased_until": None,
    "unable_since": None,
    "delivered_at": None,
}
# Two who send again at once would else both write to whoever is new.
_RECEIVER: Final = select(ENDPOINT.c.id, ENDPOINT.c.courier, ENDPOINT.c.url).with_for_update(key_share=True)
_RECEIVERS: Final = Prepared(_RECEIVER.order_by(ENDPOINT.c.id))
_THE_RECEIVER: Final = Prepared(_RECEIVER.where(ENDPOINT.c.id == bindparam("the_endpoint")))
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


class _Kept(NamedTuple):
    """A delivery that is meant, as it is kept."""

    id: int
    position: int
    recipient: str
    is_parked: bool


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
    for endpoint_id, courier, url in _receivers(connection, chosen.endpoint):
        whom, named = whom_of(courier, url)
        given = terms | named | {"the_endpoint": endpoint_id}
        if whom:
            meant = _meant(connection, chosen, given)
            more = _send_to_people(connection, _of_people(connection, whom, meant, given), endpoint_id, now)
        else:
            more = connection.run(_to_one(tuple(terms), delivered=chosen.delivered), **given, now=now)
        if more:
            connection.run(_PATIENCE_ANEW, the_endpoint=endpoint_id, now=now)
        count += more
    return count


def _receivers(connection: Connection, endpoint_id: str | None) -> list[tuple[Any, ...]]:
    """Return id, courier and URL of the one that is meant, or of all; nobody else sends to them again now."""
    log = (LOG, LOG, "")
    if endpoint_id is None:
        return [*connection.rows(_RECEIVERS), log]
    return [log] if endpoint_id == LOG else connection.rows(_THE_RECEIVER, the_endpoint=endpoint_id)


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


class _OfPeople(NamedTuple):
    """What is meant of an endpoint that stands for people, and what there is beside it."""

    meant: list[_Kept]
    #: Event -> mailbox -> address: who is there for it now.
    there: dict[int, dict[str, str]]
    #: Event -> mailboxes: who has a delivery of it.
    has: dict[int, set[str]]


def _meant(connection: Connection, chosen: Chosen, given: dict[str, Any]) -> list[_Kept]:
    rows = connection.rows(_kept(tuple(chosen.terms()), delivered=chosen.delivered), **given)
    return [_Kept(id_, position, to, state == "parked") for id_, position, to, state in rows]


def _of_people(connection: Connection, whom: str, meant: list[_Kept], given: dict[str, Any]) -> _OfPeople:
    """Read what there is beside them.

    Put together here: a planner that errs about sizes would compare each one with each. And who is there is
    asked once for each list or organisation, not for each event.
    """
    has, by_key = {each.position: set[str]() for each in meant}, dict[object, dict[str, str]]()
    there: dict[int, dict[str, str]] = {each.position: {} for each in meant}
    within = {"first": min(has, default=0), "last": max(has, default=0)}
    for position, recipient in connection.rows(_HAS, the_endpoint=given["the_endpoint"], **within):
        if position in has:
            has[position].add(recipient.lower())
    for position, key in connection.rows(_KEYS[whom], **given, **within):
        if position in has:
            if key not in by_key:
                by_key[key] = _mailboxes(connection, whom, key)
            there[position] = by_key[key]
    return _OfPeople(meant, there, has)


def _mailboxes(connection: Connection, whom: str, key: object) -> dict[str, str]:
    """Return each mailbox that there is now for an organisation or a list, and how it is spelled."""
    found = dict[str, str]()
    for (address,) in connection.rows(_ADDRESSES[whom], key=key):
        found.setdefault(address.lower(), address)
    return found


def _send_to_people(connection: Connection, found: _OfPeople, endpoint_id: str, now: datetime) -> int:
    """Put back what is for who is still there, and who is new in the place of who is not; return how many."""
    again = [each for each in found.meant if each.recipient.lower() in found.there[each.position]]
    back = {each.id for each in again}
    gone = [each for each in found.meant if each.is_parked and each.id not in back]
    new = [
        {"position": position, "recipient": address}
        for position in dict.fromkeys(each.position for each in gone)
        for mailbox, address in found.there[position].items()
        if mailbox not in found.has[position]
    ]
    told = {each["position"] for each in new}
    replaced = [{"the_id": each.id} for each in gone if each.position in told]
    connection.run_each(_NEW, [{**each, "the_endpoint": endpoint_id, "now": now} for each in new])
    connection.run_each(_FORGET_TRIES, replaced)
    connection.run_each(_FORGET, replaced)
    connection.run_each(_ONE_AGAIN, [{"the_id": each.id, "now": now} for each in again])
    return len(new) + len(again)


@cache
def _kept(narrowed: tuple[str, ...], *, delivered: bool) -> Prepared:
    kept = select(DELIVERY.c.id, DELIVERY.c.position, DELIVERY.c.recipient, DELIVERY.c.state)
    where = _chosen(("the_endpoint", *narrowed), delivered)
    # In one order: two who send again would else wait for one another.
    return Prepared(kept.where(*where).order_by(DELIVERY.c.id).with_for_update())


def _keys(found: Found) -> Prepared:
    """Return by what the addresses for each of these events are found."""
    within = OUTBOX.c.position.between(bindparam("first"), bindparam("last"))
    return Prepared(select(OUTBOX.c.position, found.key).select_from(found.events).where(within))


_KEYS: Final = {whom: _keys(found) for whom, found in FOUND.items()}
_ADDRESSES: Final = {whom: Prepared(found.addresses) for whom, found in FOUND.items()}
_HAS: Final = Prepared(
    select(DELIVERY.c.position, DELIVERY.c.recipient).where(
        DELIVERY.c.endpoint_id == bindparam("the_endpoint"),
        DELIVERY.c.position.between(bindparam("first"), bindparam("last")),
    )
)
_NEW: Final = Prepared(
    new_deliveries(
        OUTBOX,
        OUTBOX.c.position == bindparam("position"),
        endpoint=bindparam("the_endpoint", type_=DELIVERY.c.endpoint_id.type),
        to=bindparam("recipient", type_=DELIVERY.c.recipient.type),
        due_at=bindparam("now", type_=DELIVERY.c.due_at.type),
    )
)
_THE_ID: Final = DELIVERY.c.id == bindparam("the_id")
_ONE_AGAIN: Final = Prepared(update(DELIVERY).where(_THE_ID).values(**_BACK_IN_LINE))
_FORGET_TRIES: Final = Prepared(delete(TRY).where(TRY.c.delivery_id == bindparam("the_id")))
_FORGET: Final = Prepared(delete(DELIVERY).where(_THE_ID))


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
