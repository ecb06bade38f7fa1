"""How many are on their way to one endpoint at once: as many as it takes, and others go on meanwhile."""

import threading
from collections import Counter

from scheduler.pump import Pump, PumpReport
from tests.outgoing.hand import A, B, Hand, webhook
from workflow import CallView, Engine
from workflow.ports import Delivered, Delivery, Outcome
from workflow.testing import FrozenClock

LONG_S = 20.0


class Counting:
    """A courier that counts how many are with each receiver at once, and lets them go in pairs."""

    def __init__(self, *, together: int) -> None:
        self._lock = threading.Lock()
        self._together = threading.Barrier(together)
        self._there = Counter[str]()
        #: The most that were there at once, by address.
        self.most = Counter[str]()

    def deliver(self, delivery: Delivery) -> Outcome:
        """Wait for the others who are to be there; count."""
        with self._lock:
            self._there[delivery.address] += 1
            self.most[delivery.address] = max(self.most[delivery.address], self._there[delivery.address])
        if delivery.address == A:
            self._together.wait(LONG_S)
        with self._lock:
            self._there[delivery.address] -= 1
        return Delivered()


def test_an_endpoint_that_takes_two_at_once_never_has_three(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """It has two, though eight could go and twelve are due."""
    webhook(engine, A, concurrency=2)
    hand.drafts(call.id, *range(1, 13))
    courier = Counting(together=2)
    pump = Pump(engine.outbox, {"webhook": courier}, clock=clock, workers=8)
    assert pump.once() == PumpReport(delivered=12)
    assert courier.most[A] == 2


def test_an_endpoint_that_takes_one_at_a_time_holds_no_other_up(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """While its first one hangs, everything goes to another receiver."""
    webhook(engine, A, concurrency=1)
    webhook(engine, B)
    hand.drafts(call.id, *range(1, 7))
    let_go, quick = threading.Event(), list[str]()

    def deliver(delivery: Delivery) -> Outcome:
        if delivery.address == A:
            assert let_go.wait(LONG_S)
        else:
            quick.append(delivery.address)
            if len(quick) == 6:
                let_go.set()
        return Delivered()

    pump = Pump(engine.outbox, {"webhook": _Carrying(deliver)}, clock=clock, workers=3)
    assert pump.once() == PumpReport(delivered=12)
    assert quick == [B] * 6


class _Carrying:
    """A courier of one function."""

    def __init__(self, deliver: object) -> None:
        self.deliver = deliver


def test_what_is_claimed_says_how_many_at_once(engine: Engine, call: CallView, hand: Hand) -> None:
    """And how long each step may take: what a pump and a courier go by."""
    webhook(engine, A, concurrency=2, timeout_s=1.25)
    hand.drafts(call.id, 1)
    (delivery,) = hand.claim()
    assert (delivery.concurrency, delivery.timeout_s) == (2, 1.25)
