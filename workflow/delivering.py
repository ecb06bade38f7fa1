"""The use cases of what is on its way to receivers, and of the feed that hosts read by themselves."""

from datetime import datetime
from typing import Final

from states.errors import BadInput
from workflow.columns import DELIVERY_STATES
from workflow.connection import Connection
from workflow.endpoints import require_keeper, require_looker
from workflow.errors import NobodyToTell, NotFound
from workflow.hooks import event_types
from workflow.ids import existing_id, shown
from workflow.inputs import LONGEST_PAGE, aware, whole_number
from workflow.outbox import fan_out
from workflow.store import deliveries, endpoints, feed
from workflow.store import redrive as again
from workflow.store.outbox import LOG, last_fed
from workflow.unit_of_work import own_transaction
from workflow.views import DeliveryDetail, DeliveryView, EndpointStats, Fed, Page

#: How long what was delivered is kept, in days.
KEEP_DAYS: Final = 90.0

_WHY_GONE: Final = "its endpoint was removed. Drop it (`eoi outbox drop`), or leave it to be forgotten."
_WHY_NOBODY: Final = (
    "whom it was for is not there, and nobody else who has not had this event. Import the contact "
    "(`eoi contact import`) and retry, or drop it (`eoi outbox drop`)."
)


def listed(
    connection: Connection, actor: object, *, state: object, endpoint: object, before: object, limit: object
) -> list[DeliveryView]:
    """Return what is on its way, and what was, the newest first.

    Raises:
        BadInput: no such state; a limit that is no number from 1 to 1000; a `before` that is no whole number.
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    require_looker(actor)
    return deliveries.listed(
        connection,
        state=_state_or_none(state),
        endpoint=_endpoint_or_none(endpoint),
        before=None if before is None else whole_number(before, field="before"),
        limit=whole_number(limit, field="limit", least=1, greatest=LONGEST_PAGE),
    )


def one(connection: Connection, actor: object, delivery_id: object) -> DeliveryDetail:
    """Return one delivery with every attempt.

    Raises:
        BadInput: the id is no whole number.
        NotFound: there is none with that id.
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    require_looker(actor)
    known = whole_number(delivery_id, field="delivery_id")
    found = deliveries.one(connection, known)
    if found is None:
        msg = f"No delivery has the id {known}."
        raise NotFound(msg)
    return found


def stats(connection: Connection, actor: object) -> list[EndpointStats]:
    """Return how it stands with what there is for each endpoint.

    Raises:
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    require_looker(actor)
    return deliveries.stats(connection)


def retry(connection: Connection, actor: object, delivery_id: object, *, now: datetime) -> int:
    """Put a parked delivery (None: all of them) back into its line; return how many there were.

    One that is for people goes to those who are there now: see `redrive`.

    Raises:
        BadInput: the id is no whole number.
        NobodyToTell: whom it was for is not there, and nobody else who has not had it.
        NotFound: nothing parked has that id.
        Refused: `role-missing`: no officer, no admin.
    """
    if delivery_id is None:
        return redrive(connection, actor, since=None, endpoint=None, delivered=False, now=now)
    require_keeper(actor, to="retry a delivery")
    known = whole_number(delivery_id, field="delivery_id")
    with own_transaction(connection):
        endpoint_id = _parked_for(connection, known)
        count = again.back_in_line(connection, now, again.Chosen(delivery_id=known, endpoint=endpoint_id))
        if not count:
            is_there = endpoints.one(connection, endpoint_id) is not None
            msg = f"Delivery {known} stays parked: {_WHY_NOBODY if is_there else _WHY_GONE}"
            raise NobodyToTell(msg)
    return count


def redrive(
    connection: Connection,
    actor: object,
    *,
    since: object,
    endpoint: object,
    delivered: bool,
    now: datetime,
) -> int:
    """Put what is parked back into its line; return how many wait there now that did not before.

    Of what is for people, whoever is there still gets what was theirs; whoever is there now, and has nothing
    of an event, gets it in the place of who is not; who is not there any more gets nothing.

    Args:
        connection: by which.
        actor: who asks.
        since: only of events that were recorded then or later; None: of all.
        endpoint: only for the one with this id; None: for all.
        delivered: send again what was delivered, too, to a receiver that has lost it.
        now: the present instant.

    Raises:
        BadInput: an instant without its zone; `delivered` without saying since when.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="send deliveries again")
    begin = None if since is None else aware(since, field="since")
    if delivered and begin is None:
        msg = "Say since when to send again what was delivered: it may be a great deal."
        raise BadInput(msg, field="since")
    chosen = again.Chosen(since=begin, endpoint=_endpoint_or_none(endpoint), delivered=delivered)
    with own_transaction(connection):
        return again.back_in_line(connection, now, chosen)


def drop(connection: Connection, actor: object, delivery_id: object, *, endpoint: object) -> int:
    """Forget a parked delivery (None: all of them) with its attempts; return how many there were.

    Args:
        connection: by which.
        actor: who asks.
        delivery_id: which.
        endpoint: only for the one with this id; None: for all.

    Raises:
        BadInput: the id is no whole number.
        NotFound: nothing parked has that id, or it is for another endpoint.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="drop a delivery")
    known = None if delivery_id is None else whole_number(delivery_id, field="delivery_id")
    chosen = again.Chosen(delivery_id=known, endpoint=_endpoint_or_none(endpoint))
    with own_transaction(connection, one_state=True):
        count = again.drop(connection, chosen)
        if known is not None and not count:
            raise _none_parked(known)
        return count


def forget(connection: Connection, before: datetime) -> int:
    """Forget what was delivered before an instant, in short transactions; return how many there were."""
    total = 0
    while True:
        with own_transaction(connection):
            count = deliveries.forget(connection, before)
        if not count:
            return total
        total += count


def events(
    connection: Connection, actor: object, *, after: object, pattern: object, limit: object
) -> Page[Fed]:
    """Return what has happened, each event once, in the order in which it could first be seen.

    An event has its place only once no earlier one can appear any more: whoever goes on from the last place
    they saw misses nothing, and sees the events of each EOI in order.

    - what waits is given its place, and its deliveries

    Args:
        connection: by which.
        actor: who asks.
        after: the place of the last event that was seen; 0: from the beginning.
        pattern: which events: `eoi.*`.
        limit: how many at the most.

    Raises:
        BadInput: a place that is no whole number, or that nothing has yet, as after an older database was
            restored; a pattern that fits nothing.
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    require_looker(actor)
    place = whole_number(after, field="after")
    count = whole_number(limit, field="limit", least=1, greatest=LONGEST_PAGE)
    types = () if pattern == "*" else tuple(map(str, event_types(pattern, field="pattern")))
    while fan_out(connection):
        pass
    upto = last_fed(connection)
    if place > upto:
        msg = f"Nothing has the place {place} yet, the last one is {upto}: is that a place in this database?"
        raise BadInput(msg, field="after")
    found = feed.after(connection, place, types=types, limit=count)
    end = found[-1][0] if len(found) == count else max([upto, *(each for each, _ in found)])
    return Page(tuple(Fed(cursor=each, event=event) for each, event in found), str(end))


def _parked_for(connection: Connection, delivery_id: int) -> str:
    endpoint_id = again.parked_for(connection, delivery_id)
    if endpoint_id is None:
        raise _none_parked(delivery_id)
    return endpoint_id


def _none_parked(delivery_id: int) -> NotFound:
    return NotFound(f"No parked delivery has the id {delivery_id}.")


def _state_or_none(state: object) -> str | None:
    if state is not None and (not isinstance(state, str) or state not in DELIVERY_STATES):
        msg = f"There is no state {shown(state)} of a delivery. States are: {', '.join(DELIVERY_STATES)}."
        raise BadInput(msg, field="state")
    return state


def _endpoint_or_none(endpoint: object) -> str | None:
    return None if endpoint is None else LOG if endpoint == LOG else existing_id(endpoint)
