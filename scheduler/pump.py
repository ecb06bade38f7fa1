"""Telling of what has happened: claim, deliver, then write down how it ended.

Whoever claims a delivery has it for as long as the lease lasts; one who dies gives it back by that. What has
ended is written in one transaction, as results come in, and delivered again where that failed: at least once,
with the same event id each time. The order for each EOI and receiver is kept by `claim`.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from scheduler.backoff import delay_s
from scheduler.loop import Bell
from states.errors import EoiError
from workflow.log import get_log
from workflow.outbox import Attempted, Outbox
from workflow.ports import Clock, Courier, Delayed, Delivered, Delivery, Outcome, Undeliverable

#: How many deliveries are on their way at once.
WORKERS: Final = 16
#: How long a claimed delivery is ours, in seconds; more than any courier takes.
LEASE_S: Final = 60.0
#: The longest text of an unexpected error that is kept, in characters.
LONGEST_WHY: Final = 500

_log = get_log("pump")


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpReport:
    """What became of the deliveries of one pass."""

    #: They arrived.
    delivered: int = 0
    #: They did not, and are tried again.
    postponed: int = 0
    #: They did not, and wait for a person.
    parked: int = 0
    #: Their lease had ended, and another pump's outcome counts.
    overtaken: int = 0

    def __add__(self, other: "PumpReport") -> "PumpReport":
        """Return both together."""
        return PumpReport(
            delivered=self.delivered + other.delivered,
            postponed=self.postponed + other.postponed,
            parked=self.parked + other.parked,
            overtaken=self.overtaken + other.overtaken,
        )


class _Sent(NamedTuple):
    """A delivery on its way."""

    delivery: Delivery
    #: It was claimed as what was due at this instant.
    as_of: datetime


class Pump:
    """Delivers what waits in the outbox, several at once. Threads may share one."""

    def __init__(
        self,
        outbox: Outbox,
        couriers: Mapping[str, Courier],
        *,
        clock: Clock,
        workers: int = WORKERS,
        lease_s: float = LEASE_S,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """Prepare; no thread runs before there is something to deliver.

        Args:
            outbox: where deliveries are claimed.
            couriers: name -> who carries: `webhook`, `log`.
            clock: tells what is due.
            workers: how many deliveries are on their way at once.
            lease_s: how long a claimed delivery is ours, in seconds.
            dice: gives random numbers, 0 <= number < 1, for the jitter.
        """
        self._outbox = outbox
        self._couriers = dict(couriers)
        self._clock = clock
        self._workers = workers
        self._lease_s = lease_s
        self._dice = dice
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._on_their_way: dict[Future[Outcome], _Sent] = {}
        #: Rings when a delivery has ended, and when there may be something new.
        self.bell = Bell()

    def once(self) -> PumpReport:
        """Deliver until nothing is left that was due when this began; return what became of it all."""
        as_of, report = self._clock.now(), PumpReport()
        while True:
            heard = self.bell.rings
            report += self.step(as_of=as_of)
            if not self._waits_for(as_of):
                return report
            self.bell.wait(heard)

    def step(self, *, as_of: datetime | None = None) -> PumpReport:
        """Write down what has ended, then send out what is due and there is room for. Waits for nobody.

        - attempts that have ended, in one transaction
        - leases on the deliveries that are now on their way

        Args:
            as_of: send what was due at this instant; None: what is due now.

        Raises:
            DatabaseUnavailable: nothing is lost; the next step writes down what this one could not.
        """
        with self._lock:
            report = self._record()
            self._send(as_of or self._clock.now())
        return report

    def stop(self, *, grace_s: float) -> PumpReport:
        """Send nothing more, and wait for what is on its way, at the most `grace_s` seconds.

        - what has not begun is given back, due at once
        - what has not ended by then is given up: its lease ends by itself, and it is delivered again
        """
        give_up_at, report = time.monotonic() + grace_s, PumpReport()
        self._recall()
        while True:
            heard = self.bell.rings
            report += self._record_or_log()
            remaining_s = give_up_at - time.monotonic()
            if not self._on_their_way or remaining_s <= 0:
                break
            self.bell.wait(heard, remaining_s)
        self._dismiss()
        return report

    def _waits_for(self, as_of: datetime) -> bool:
        with self._lock:
            return any(sent.as_of <= as_of for sent in self._on_their_way.values())

    def _send(self, as_of: datetime) -> None:
        room = self._workers - len(self._on_their_way)
        if room <= 0:
            return
        # Since `as_of` the clock may have moved on; the lease counts from now.
        late_s = max(0.0, (self._clock.now() - as_of).total_seconds())
        for delivery in self._outbox.claim(as_of, limit=room, lease_s=self._lease_s + late_s):
            future = self._pool().submit(self._deliver, delivery)
            self._on_their_way[future] = _Sent(delivery, as_of)
            future.add_done_callback(lambda _: self.bell.ring())

    def _deliver(self, delivery: Delivery) -> Outcome:
        courier = self._couriers.get(delivery.courier)
        if courier is None:
            return Undeliverable(why=f"No courier here is called {delivery.courier!r}.")
        return courier.deliver(delivery)

    def _record(self) -> PumpReport:
        ended = [future for future in self._on_their_way if future.done()]
        now = self._clock.now()
        attempts = [self._attempted(self._on_their_way[future].delivery, future, now) for future in ended]
        counted = self._outbox.record(attempts, now)
        for future in ended:
            del self._on_their_way[future]
        for attempt in attempts:
            _log_one(attempt)
        return _report(attempts, overtaken=len(attempts) - counted)

    def _attempted(self, delivery: Delivery, future: Future[Outcome], now: datetime) -> Attempted:
        if future.cancelled():
            recalled = Delayed(why="The pump was stopped before it was tried.")
            return Attempted(delivery=delivery, outcome=recalled, retry_at=now)
        outcome = _outcome(future, delivery)
        return Attempted(delivery=delivery, outcome=outcome, retry_at=self._retry_at(delivery, outcome, now))

    def _retry_at(self, delivery: Delivery, outcome: Outcome, now: datetime) -> datetime | None:
        if not isinstance(outcome, Delayed):
            return None
        gap_s = delay_s(delivery.attempt, self._dice(), asked_s=outcome.retry_after_s)
        return None if gap_s is None else now + timedelta(seconds=gap_s)

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="eoi-courier")
        return self._threads

    def _recall(self) -> None:
        with self._lock:
            for future in self._on_their_way:
                future.cancel()

    def _record_or_log(self) -> PumpReport:
        try:
            with self._lock:
                return self._record()
        except EoiError as exc:
            _log.warning("pump.not-recorded", code=exc.code, count=len(self._on_their_way))
            return PumpReport()

    def _dismiss(self) -> None:
        with self._lock:
            if self._on_their_way:
                _log.warning("pump.given-up", count=len(self._on_their_way))
            self._on_their_way.clear()
            if self._threads is not None:
                self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None


def _outcome(future: Future[Outcome], delivery: Delivery) -> Outcome:
    """Return how it ended; a courier that raised, or answered with something else, has not delivered."""
    exc = future.exception()
    if exc is not None:
        _log.error("courier.failed", courier=delivery.courier, event_id=delivery.event.id, exc_info=exc)
        return Delayed(why=f"{type(exc).__name__}: {exc}"[:LONGEST_WHY])
    outcome = future.result()
    if isinstance(outcome, Outcome):
        return outcome
    return Delayed(why=f"The courier {delivery.courier!r} answered with {type(outcome).__name__}.")


def _kind(attempt: Attempted) -> str:
    if isinstance(attempt.outcome, Delivered):
        return "delivered"
    return "parked" if attempt.retry_at is None else "postponed"


def _report(attempts: list[Attempted], *, overtaken: int) -> PumpReport:
    kinds = [_kind(attempt) for attempt in attempts]
    return PumpReport(
        delivered=kinds.count("delivered"),
        postponed=kinds.count("postponed"),
        parked=kinds.count("parked"),
        overtaken=overtaken,
    )


def _log_one(attempt: Attempted) -> None:
    kind, delivery = _kind(attempt), attempt.delivery
    tell = _log.warning if kind == "parked" else _log.info
    tell(
        f"delivery.{kind}",
        delivery_id=delivery.id,
        event_id=delivery.event.id,
        type=delivery.event.type.value,
        courier=delivery.courier,
        attempt=delivery.attempt,
        status=attempt.outcome.status,
    )
