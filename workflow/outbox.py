"""Events on their way out: written in the transaction that made them true, delivered by the pump.

`enqueue` is for use cases, inside their transaction. `Outbox` is for the pump: it fans events out to one
delivery for each endpoint, lends deliveries out under a lease, and records how each attempt ended. A
delivery waits until the one before it (same endpoint, same EOI or call) is delivered or parked.

So each receiver gets the events of an EOI in order, with one exception: when one is parked its line goes on,
and when a person sends it again it arrives after later ones. Its `version` says where it belongs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from states.events import Event
from workflow.connection import Connection
from workflow.database import Database
from workflow.errors import TransactionConflict
from workflow.ports import Delayed, Delivered, Delivery, Outcome
from workflow.store import deliveries
from workflow.store import outbox as store
from workflow.unit_of_work import own_transaction


def enqueue(connection: Connection, events: Sequence[Event]) -> None:
    """Write events into the outbox, in the transaction that makes them true."""
    for event in events:
        store.add_event(connection, event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """One attempt, and what is to become of the delivery."""

    delivery: Delivery
    outcome: Outcome
    #: When to try again; None where it arrived, or is to be parked.
    retry_at: datetime | None = None
    #: Whether the courier was asked at all; what was only lent and given back counts as no attempt.
    tried: bool = True


class Outbox:
    """The pump's side of the outbox."""

    def __init__(self, database: Database) -> None:
        """Work on this database."""
        self._database = database

    def claim(self, now: datetime, *, limit: int, lease_s: float) -> list[Delivery]:
        """Take deliveries that are due, so that no other pump has them while the lease lasts.

        - new events become one delivery for each endpoint that was there when they happened
        - each delivery taken counts one attempt more, and is leased until `now` + `lease_s`

        Args:
            now: the present instant.
            limit: how many at the most.
            lease_s: how long they are ours, in seconds; whoever dies gives them back so.
        """
        until = now + timedelta(seconds=lease_s)
        with self._database.connect() as connection:
            while True:
                fresh = _fanned_out(connection)
                taken = []
                if lines := deliveries.lines(connection, now):
                    with own_transaction(connection) as unit:
                        taken = deliveries.claim(unit.connection, now, lines, until=until, at_most=limit)
                # A batch of events may make no delivery at all, and the next one many.
                if taken or not fresh:
                    return taken

    def record(self, attempts: Sequence[Attempted], now: datetime) -> list[bool]:
        """Write down how attempts ended, all in one transaction; return of each whether it counted.

        An attempt counts only while its lease is the last one: if another pump has taken the delivery
        since, that one's outcome counts.
        """
        if not attempts:
            return []
        ended = [_ended(attempted, now) for attempted in attempts]
        with self._database.connect() as connection, own_transaction(connection) as unit:
            return deliveries.end(unit.connection, ended)

    def oldest_waiting(self) -> datetime | None:
        """Return when the oldest event was recorded that is not yet at all its receivers."""
        with self._database.connect() as connection:
            return store.oldest_waiting(connection)


def _fanned_out(connection: Connection) -> bool:
    """Make deliveries of the events that wait, all as they are at one moment; return whether any waited.

    An event may be committed while this runs: it must not be taken for one that has its deliveries.
    """
    if not store.any_waiting(connection):
        return False
    try:
        with own_transaction(connection, one_state=True) as unit:
            store.fan_out(unit.connection)
    except TransactionConflict:
        pass  # Another pump has made them.
    return True


def _ended(attempted: Attempted, now: datetime) -> deliveries.Ended:
    delivery, outcome, retry_at = attempted.delivery, attempted.outcome, attempted.retry_at
    if isinstance(outcome, Delivered):
        return deliveries.Ended(delivery=delivery, state="delivered", status=outcome.status, arrived_at=now)
    later = isinstance(outcome, Delayed) and retry_at is not None
    return deliveries.Ended(
        delivery=delivery,
        state="pending" if later else "parked",
        status=outcome.status,
        why=outcome.why,
        retry_at=retry_at,
        tried=attempted.tried,
    )
