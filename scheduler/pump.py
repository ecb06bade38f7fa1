"""Telling of what has happened: claim, deliver, then write down how it ended.

Whoever claims a delivery has it for as long as the lease lasts; one who dies gives it back by that. What has
ended is written in one transaction, as results come in, and delivered again where that failed: at least once,
with the same event id each time. The order for each EOI and receiver is kept by `claim`.

`once` and `stop` let the threads go, so that a pump that nobody uses any more holds none.
"""

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from scheduler.loop import Bell
from scheduler.outcomes import carried_by, no_courier
from scheduler.workers import Lane, Workers
from states.errors import BadInput, EoiError
from workflow.backoff import delay_s, rest_s
from workflow.log import get_log
from workflow.outbox import LEASE_S, LEFT_S, WORKERS, Attempted, Outbox, is_unable
from workflow.ports import Clock, Courier, Delayed, Delivery, Outcome

#: How much of a lease may be over when a courier begins: what is left outlasts the longest attempt.
BEGIN_WITHIN: Final = 0.45
#: How many are claimed ahead at the most for each that can be on its way, so that no worker waits for the
#: database; so many only where they end that fast, or one that is slow would hold places that others want.
AHEAD: Final = 16
#: While deliveries wait for a worker and none ends, how often others are looked for, in seconds.
LOOK_S: Final = 0.5
#: While deliveries wait for a worker, so many are written down together, and nobody waits longer for it than
#: so many seconds.
TOGETHER: Final = 128
TOGETHER_S: Final = 0.1
#: How far apart two looks begin, in seconds, of which the first one had little to do: each takes a commit or
#: two from those who submit.
APART_S: Final = 0.05
#: How soon what could not be written down while stopping is tried again, in seconds.
AGAIN_S: Final = 0.5

#: What a delivery becomes -> what it counts as in a report.
_KINDS: Final = {"delivered": "delivered", "pending": "postponed", "parked": "parked"}
_NOT_TRIED: Final = Delayed(why="It was given back before it was tried.", of_receiver=False)

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


class _Carried(NamedTuple):
    """What came of asking a courier."""

    outcome: Outcome
    #: When it was asked, on the monotonic clock; None: it never was.
    begun_s: float | None = None
    ended_s: float = 0.0


class _Sent(NamedTuple):
    """A delivery on its way."""

    delivery: Delivery
    #: It was claimed as what was due at this instant.
    as_of: datetime
    #: Until when it is ours, on the monotonic clock.
    until_s: float


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
        left_s: float = LEFT_S,
    ) -> None:
        """Prepare; no thread runs before there is something to deliver.

        Args:
            outbox: where deliveries are claimed.
            couriers: name -> who carries: `webhook`, `log`.
            clock: tells what is due.
            workers: how many deliveries are on their way at once.
            lease_s: how long a claimed delivery is ours, in seconds.
            dice: gives random numbers, 0 <= number < 1, for the jitter.
            left_s: how long an endpoint is left to other nodes that this one cannot send to, in seconds.

        Raises:
            BadInput: a lease that ends before it begins, or nobody to work.
        """
        if not lease_s > 0 or workers < 1:
            msg = (
                f"A pump needs a lease of more than 0 seconds and a worker, not {lease_s!r} and {workers!r}."
            )
            raise BadInput(msg, field="lease_s" if workers >= 1 else "workers")
        self._outbox = outbox
        self._couriers = dict(couriers)
        self._clock = clock
        self._workers = Workers[_Carried](workers, name="eoi-courier")
        self._at_once = workers
        #: How many have ended between two steps of late, at the most.
        self._pace = 0
        self._look_at_s = -math.inf
        #: Before this no look begins beside those of `once`, on the monotonic clock.
        self._again_at_s = -math.inf
        self._lease_s = lease_s
        self._dice = dice
        self._lock = threading.Lock()
        self._stopping = False
        self._stops = 0
        self._on_their_way: dict[Future[_Carried], _Sent] = {}
        #: Endpoint -> until when it is left to other nodes, on the monotonic clock.
        self._left: dict[str, float] = {}
        self._left_s = left_s
        #: Rings when a delivery has ended, and when there may be something new.
        self.bell = Bell()
        #: How many deliveries are on their way that have outlasted their lease: their couriers hang.
        self.hanging = 0

    def once(self) -> PumpReport:
        """Deliver until nothing is left that was due when this began; return what became of it all.

        Raises:
            DatabaseUnavailable: what is on its way ends all the same; what could not be written down of it
                is delivered again.
        """
        as_of, report, stops = self._clock.now(), PumpReport(), self._stops
        try:
            while True:
                heard = self.bell.rings
                report += self._step(as_of, stops)
                if self._stops != stops or not self._waits_for(as_of):
                    return report
                self.bell.wait(heard)
        finally:
            self._rest()

    def step(self) -> PumpReport:
        """Write down what has ended, then send out what is due and there is room for. Waits for no courier.

        Where the last step had little to do and has just begun, this one waits a moment for more.

        - attempts that have ended, in one transaction
        - leases on the deliveries that are now on their way

        Raises:
            DatabaseUnavailable: nothing is lost; the next step writes down what this one could not.
        """
        time.sleep(max(0.0, self._again_at_s - time.monotonic()))
        begun_s = time.monotonic()
        report = self._step(None, self._stops)
        is_busy = max(self._workers.waiting, self._pace) >= self._at_once
        self._again_at_s = -math.inf if is_busy else begun_s + APART_S
        return report

    def _step(self, as_of: datetime | None, stops: int) -> PumpReport:
        """Take one step; as of an instant: send only what was due then. After a stop since, send nothing."""
        self._workers.gather(TOGETHER, within_s=TOGETHER_S)
        self._workers.withdraw()
        with self._lock:
            before = len(self._on_their_way)
            report = self._record()
            self._pace = max(before - len(self._on_their_way), self._pace // 2)
            if self._stops == stops and self._wants_more():
                self._send(as_of)
            self.hanging = self._count_hanging()
        self._workers.grow()
        if self._workers.waiting:
            self.bell.ring()  # to be looked after again, though nothing may have ended by then
        return report

    def stop(self, *, grace_s: float) -> PumpReport:
        """Send nothing more, and wait for what is on its way, at the most `grace_s` seconds.

        A database that hangs is waited for besides, as long as it does.

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
            self.bell.wait(heard, min(remaining_s, AGAIN_S))
        self._dismiss()
        return report

    def _waits_for(self, as_of: datetime) -> bool:
        """Return whether a delivery of that pass is on its way, or there was no room to look for one."""
        with self._lock:
            return not self._has_room() or any(sent.as_of <= as_of for sent in self._on_their_way.values())

    def _wants_more(self) -> bool:
        """Return whether to look for more: a few at a time would cost as much as many."""
        if self._stopping or not self._has_room():
            return False
        if self._workers.waiting and not self._pace and time.monotonic() < self._look_at_s:
            return False
        self._look_at_s = time.monotonic() + LOOK_S
        return True

    def _has_room(self) -> bool:
        return len(self._on_their_way) < max(self._at_once, self._target() // 2 + 1)

    def _target(self) -> int:
        """Return how many should be claimed: twice as many as end in a step keep every worker at it."""
        return min(AHEAD * self._at_once, self._at_once + 2 * self._pace)

    def _send(self, as_of: datetime | None) -> None:
        now = self._clock.now()
        as_of = as_of or now
        room = self._target() - len(self._on_their_way)
        now_s = time.monotonic()
        begin_by_s, until_s = now_s + BEGIN_WITHIN * self._lease_s, now_s + self._lease_s
        # Since `as_of` the clock may have moved on; the lease counts from now.
        late_s = max(0.0, (now - as_of).total_seconds())
        ours = {sent.delivery.id: future for future, sent in self._on_their_way.items()}
        self._left = {each: until_s_ for each, until_s_ in self._left.items() if until_s_ > now_s}
        lease_s = self._lease_s + late_s
        while taken := self._outbox.claim(as_of, limit=room, lease_s=lease_s, without=self._left):
            fresh = [delivery for delivery in taken if delivery.id not in ours]
            for delivery in taken:
                if delivery.id in ours:
                    self._keep(ours[delivery.id], delivery, as_of)
            for delivery in fresh:
                lane = Lane(delivery.endpoint_id, delivery.concurrency)
                future = self._workers.submit(
                    lane, partial(self._deliver, delivery, begin_by_s), begin_by_s=begin_by_s
                )
                self._on_their_way[future] = _Sent(delivery, as_of, until_s)
                future.add_done_callback(lambda _: self.bell.ring())
            room -= len(fresh)
            if len(fresh) == len(taken) or room <= 0:
                return

    def _keep(self, future: Future[_Carried], delivery: Delivery, as_of: datetime) -> None:
        """Go on waiting for a delivery that has outlasted its lease, under a new one.

        Sent beside itself again and again, it would in the end hold every worker, and stop all the others.
        """
        _log.warning("courier.hangs", courier=delivery.courier, delivery_id=delivery.id)
        self._on_their_way[future] = _Sent(delivery, as_of, until_s=-math.inf)

    def _count_hanging(self) -> int:
        now_s = time.monotonic()
        return sum(sent.until_s <= now_s for sent in self._on_their_way.values())

    def _deliver(self, delivery: Delivery, begin_by_s: float) -> _Carried:
        begun_s = time.monotonic()
        if begun_s > begin_by_s:
            return _Carried(_NOT_TRIED)  # the courier may need more than what is left of the lease
        courier = self._couriers.get(delivery.courier)
        outcome = no_courier(delivery) if courier is None else carried_by(courier, delivery)
        return _Carried(outcome, begun_s, time.monotonic())

    def _record(self) -> PumpReport:
        ended = [future for future in self._on_their_way if future.done()]
        if not ended:
            return PumpReport()  # whoever only stops need not reach the database, which may be what is gone
        now = self._clock.now()
        attempts = [self._attempted(self._on_their_way[future].delivery, future, now) for future in ended]
        counted = self._outbox.record(attempts, now, rest_s=lambda failures: rest_s(failures, self._dice()))
        for future in ended:
            del self._on_their_way[future]
        kinds = [
            _KINDS[attempt.becomes(now)] if counts else "overtaken"
            for attempt, counts in zip(attempts, counted, strict=True)
        ]
        for kind, attempt in zip(kinds, attempts, strict=True):
            if attempt.is_unable:
                self._leave(attempt.delivery)
            if kind == "parked" or not attempt.is_unable:
                _log_one(kind, attempt)
        return PumpReport(**Counter(kinds))

    def _leave(self, delivery: Delivery) -> None:
        """Leave an endpoint to other nodes for a while: who claims it again at once keeps it from them."""
        if delivery.endpoint_id not in self._left:
            _log.warning(
                "endpoint.left-to-others", endpoint_id=delivery.endpoint_id, courier=delivery.courier
            )
        self._left[delivery.endpoint_id] = time.monotonic() + self._left_s

    def _attempted(self, delivery: Delivery, future: Future[_Carried], now: datetime) -> Attempted:
        carried = _Carried(_NOT_TRIED) if future.cancelled() else future.result()
        if carried.begun_s is None or is_unable(carried.outcome):
            return Attempted(delivery=delivery, outcome=carried.outcome, begun_at=None)
        return Attempted(
            delivery=delivery,
            outcome=carried.outcome,
            retry_at=self._retry_at(delivery, carried.outcome, now),
            begun_at=now - timedelta(seconds=time.monotonic() - carried.begun_s),
            duration_s=carried.ended_s - carried.begun_s,
        )

    def _retry_at(self, delivery: Delivery, outcome: Outcome, now: datetime) -> datetime | None:
        if not isinstance(outcome, Delayed):
            return None
        gap_s = delay_s(delivery.attempt, self._dice(), asked_s=outcome.retry_after_s, wait_s=outcome.wait_s)
        return None if gap_s is None else now + timedelta(seconds=gap_s)

    def _rest(self) -> None:
        """Let the threads go where nothing is on its way."""
        with self._lock:
            if not self._on_their_way:
                self._workers.dismiss()

    def _recall(self) -> None:
        with self._lock:
            self._stopping = True
            self._stops += 1
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
        self._rest()
        with self._lock:
            if self._on_their_way:
                _log.warning("pump.given-up", count=len(self._on_their_way))
            self._on_their_way.clear()
            self.hanging = 0
            self._workers.dismiss()
            self._stopping = False
        self.bell.ring()  # who waits in `once` for what was given up need not wait any longer


def _log_one(kind: str, attempt: Attempted) -> None:
    delivery = attempt.delivery
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
