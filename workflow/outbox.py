"""Events on their way out: written in the transaction that made them true, delivered by the pump.

`enqueue` is for use cases, inside their transaction. `Outbox` is for the pump: it fans events out to one
delivery for each endpoint, lends deliveries out under a lease, and records how each attempt ended. A
delivery waits until the one before it (same endpoint, same EOI or call) is delivered or parked.

So each receiver gets the events of an EOI in order, with one exception: when one is parked its line goes on,
and when a person sends it again it arrives after later ones. Its `version` says where it belongs.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeGuard

from states.events import Event
from workflow.backoff import QUICK_S
from workflow.connection import Connection
from workflow.database import Database
from workflow.errors import Conflict, TransactionConflict
from workflow.ports import Delayed, Delivered, Delivery, Outcome, Undeliverable
from workflow.store import deliveries, endings, endpoints, lending
from workflow.store import outbox as store
from workflow.unit_of_work import own_transaction

#: How many deliveries are on their way at once from each node.
WORKERS: Final = 16
#: How long a claimed delivery is its pump's, in seconds; more than twice what any courier takes.
LEASE_S: Final = 60.0
#: How long a node leaves an endpoint to others that it is unable to send to, in seconds.
LEFT_S: Final = 60.0
#: How long an endpoint may fail, or no node be able to send to it, in seconds, until what has waited as
#: long for it is parked.
PATIENCE_S: Final = 75 * 3600.0


def enqueue(connection: Connection, events: Sequence[Event]) -> None:
    """Write events into the outbox, in the transaction that makes them true."""
    for event in events:
        store.add_event(connection, event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """One attempt, and what is to become of the delivery."""

    delivery: Delivery
    outcome: Outcome
    #: When the courier was asked; None: it never was, and what was only lent and given back is no attempt.
    begun_at: datetime | None
    #: When to try again; None where it arrived, or is to be parked.
    retry_at: datetime | None = None
    #: How long it took, in seconds.
    duration_s: float = 0.0

    @property
    def is_unable(self) -> bool:
        """Whether whoever had it could not try it at all."""
        return is_unable(self.outcome)

    def becomes(self, now: datetime) -> str:
        """Return the delivery's next state: delivered, pending or parked."""
        if isinstance(self.outcome, Delivered):
            return "delivered"
        if self.begun_at is None:
            return "parked" if self.is_unable and _is_over(self.delivery.unable_since, now) else "pending"
        return "pending" if self.retry_at is not None else "parked"


class Outbox:
    """The pump's side of the outbox."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def claim(
        self, now: datetime, *, limit: int, lease_s: float, without: Collection[str] = ()
    ) -> list[Delivery]:
        """Take deliveries that are due, so that no other pump has them while the lease lasts.

        - new events become one delivery for each endpoint that was there when they happened
        - each delivery taken counts one attempt more, and is leased until `now` + `lease_s`

        Args:
            now: the present instant.
            limit: how many at the most.
            lease_s: how long they are ours, in seconds; whoever dies gives them back so.
            without: endpoints whose deliveries are left to other nodes; empty: the log.
        """
        left = {each or store.LOG for each in without}
        until = now + timedelta(seconds=lease_s)
        with self._database.connect() as connection:
            while True:
                fresh = fan_out(connection)
                taken = []
                if lines := [each for each in lending.lines(connection, now) if each.endpoint_id not in left]:
                    with own_transaction(connection) as unit:
                        taken = lending.claim(unit.connection, now, lines, until=until, at_most=limit)
                # A batch of events may make no delivery at all, and the next one many.
                if taken or not fresh:
                    return taken

    def record(
        self, attempts: Sequence[Attempted], now: datetime, *, rest_s: Callable[[int], float]
    ) -> list[bool]:
        """Write down how attempts ended, all in one transaction; return of each whether it counted.

        An attempt counts only while its lease is the last one: if another pump has taken the delivery
        since, that one's outcome counts.

        - each attempt, and what becomes of its delivery
        - of each endpoint whether it is well; one that has failed too often in a row rests
        - an endpoint that wants nothing more is disabled
        - what no node was able to send for as long as `PATIENCE_S` is parked, and what waits there as long

        Args:
            attempts: what ended.
            now: the present instant.
            rest_s: how long an endpoint rests that has failed so often since its circuit opened, in seconds.
        """
        if not attempts:
            return []
        ended = [_ended(attempted, now) for attempted in attempts]
        with self._database.connect() as connection, own_transaction(connection) as unit:
            counts = endings.end(unit.connection, ended)
            counted = [each for each, counts_ in zip(attempts, counts, strict=True) if counts_]
            _look_after_endpoints(unit.connection, counted, now, rest_s)
            _give_up_unable(unit.connection, counted, now)
        return counts

    def next_due(self, now: datetime) -> datetime | None:
        """Return the first instant after `now` at which there may be something to claim; None: never.

        That is a delivery's own instant, or the end of its lease, or of its endpoint's rest. What is due by
        `now` itself, or has no deliveries yet, is for `claim`.
        """
        with self._database.connect() as connection:
            return deliveries.next_due(connection, now)

    def oldest_waiting(self) -> datetime | None:
        """Return when the oldest event was recorded that is not yet at all its receivers."""
        with self._database.connect() as connection:
            return store.oldest_waiting(connection)

    def waiting(self) -> dict[tuple[str, str], int]:
        """Return how many deliveries have not arrived, by courier and state (`pending`, `parked`)."""
        with self._database.connect() as connection:
            return deliveries.waiting(connection)


def is_unable(outcome: Outcome) -> bool:
    """Return whether whoever had a delivery could not try it at all."""
    return isinstance(outcome, Delayed) and outcome.unable


def fan_out(connection: Connection) -> bool:
    """Make deliveries of the events that wait, all as they are at one moment; return whether any waited.

    An event may be committed while this runs: it must not be taken for one that has its deliveries.
    """
    if not store.any_waiting(connection):
        return False
    try:
        with own_transaction(connection, one_state=True) as unit:
            store.fan_out(unit.connection)
    except (TransactionConflict, Conflict):
        pass  # Another one has made them, or given the same places to others: those come with the next look.
    return True


def _look_after_endpoints(
    connection: Connection, attempts: Sequence[Attempted], now: datetime, rest_s: Callable[[int], float]
) -> None:
    """Write down which endpoints are well, ail, or want nothing more; in the order of their ids."""
    tried = [each for each in attempts if each.begun_at is not None]
    well = {each.delivery.endpoint_id for each in tried if _shows_it_well(each.outcome)}
    ailing = Counter(each.delivery.endpoint_id for each in tried if _shows_it_ailing(each.outcome))
    asked = _asked_to_wait(tried, now)
    gone = {
        each.delivery.endpoint_id: each.outcome.why
        for each in attempts
        if isinstance(each.outcome, Undeliverable) and each.outcome.gone
    }
    for endpoint_id in sorted((well | ailing.keys() | gone.keys()) - {""}):
        if endpoint_id in well:
            endpoints.is_well(connection, endpoint_id, soon=now + timedelta(seconds=QUICK_S[1]))
        elif endpoint_id in ailing:
            _let_rest(connection, endpoint_id, ailing[endpoint_id], now, rest_s)
        if endpoint_id in asked:
            endpoints.rest(connection, endpoint_id, asked[endpoint_id])
        if endpoint_id in gone:
            endpoints.disable(connection, endpoint_id, now=now, why=gone[endpoint_id])


def _give_up_unable(connection: Connection, attempts: Sequence[Attempted], now: datetime) -> None:
    """Park what else has waited where no node was able to send; in the order of the endpoints' ids."""
    given_up = {
        each.delivery.endpoint_id or store.LOG: _why(each) or ""
        for each in attempts
        if each.is_unable and each.becomes(now) == "parked"
    }
    for endpoint_id, why in sorted(given_up.items()):
        deliveries.give_up(connection, endpoint_id, before=now - timedelta(seconds=PATIENCE_S), why=why)


def _is_over(since: datetime | None, now: datetime) -> bool:
    return since is not None and since <= now - timedelta(seconds=PATIENCE_S)


def _shows_it_well(outcome: Outcome) -> bool:
    """Return whether the receiver is there and takes what it is sent, though perhaps not this."""
    if isinstance(outcome, Undeliverable):
        return outcome.status is not None  # else it was never asked: the address alone spoke against it
    return isinstance(outcome, Delivered) or not outcome.of_receiver


def _asked_to_wait(attempts: Sequence[Attempted], now: datetime) -> dict[str, datetime]:
    """Return until when receivers are to be left alone, as far as they or their couriers are heeded."""
    until = dict[str, datetime]()
    for each in attempts:
        outcome, endpoint_id = each.outcome, each.delivery.endpoint_id
        if not _shows_it_ailing(outcome) or each.retry_at is None:
            continue
        if said := [span for span in (outcome.retry_after_s, outcome.wait_s) if span is not None]:
            asked_s = min(max(said), (each.retry_at - now).total_seconds())
            until[endpoint_id] = max(until.get(endpoint_id, now), now + timedelta(seconds=max(asked_s, 0)))
    return until


def _shows_it_ailing(outcome: Outcome) -> TypeGuard[Delayed]:
    return isinstance(outcome, Delayed) and outcome.of_receiver


def _let_rest(
    connection: Connection, endpoint_id: str, more: int, now: datetime, rest_s: Callable[[int], float]
) -> None:
    found = endpoints.ails(connection, endpoint_id, more, now)
    if found is None or found[0] < endpoints.OPENS_AT:
        return
    failures, since = found
    endpoints.rest(
        connection, endpoint_id, now + timedelta(seconds=rest_s(failures - endpoints.OPENS_AT + 1))
    )
    long_ago = now - timedelta(seconds=PATIENCE_S)
    if since <= long_ago:
        why = f"Its endpoint has failed without a break since {since:%Y-%m-%d %H:%M} UTC, {failures} times."
        deliveries.give_up(connection, endpoint_id, before=long_ago, why=why)


def _ended(attempted: Attempted, now: datetime) -> endings.Ended:
    outcome, state = attempted.outcome, attempted.becomes(now)
    return endings.Ended(
        delivery=attempted.delivery,
        state=state,
        status=outcome.status,
        why=_why(attempted),
        retry_at=attempted.retry_at,
        arrived_at=now if state == "delivered" else None,
        begun_at=attempted.begun_at,
        unable_at=now if attempted.is_unable else None,
        duration_ms=round(1000 * attempted.duration_s),
        answer=outcome.answer,
    )


def _why(attempted: Attempted) -> str | None:
    """Return what to keep of why it did not arrive; nothing where it was merely given back."""
    outcome = attempted.outcome
    if isinstance(outcome, Delivered):
        return None
    return outcome.why if attempted.is_unable or attempted.begun_at is not None else None
