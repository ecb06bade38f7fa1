"""How many are on their way to one endpoint at once: as many as it takes, and others go on meanwhile."""

import threading

from scheduler.pump import Pump, PumpReport
from tests.outgoing.hand import A, B, Hand, webhook
from workflow import CallView, Engine
from workflow.ports import Delivered, Delivery, Outcome
from workflow.testing import FrozenClock, RecordingCourier

LONG_S = 20.0
#: More than a thread needs to be started for what waits.
A_WHILE_S = 0.3


class Counting:
    """A courier that counts how many are with a receiver at once, and waits a while for a third."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._there = 0
        #: The most that were there at once.
        self.most = 0

    def deliver(self, delivery: Delivery) -> Outcome:
        """Let nobody go before two have met, nor before a third has had the time to come."""
        with self._changed:
            self._there += 1
            self.most = max(self.most, self._there)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self.most >= 2, LONG_S)
            self._changed.wait_for(lambda: self.most >= 3, A_WHILE_S)
            self._there -= 1
        return Delivered()


def test_an_endpoint_that_takes_two_at_once_never_has_three(
    engine: Engine, call: CallView, hand: Hand, *, clock: FrozenClock
) -> None:
    """It has two, though eight could go and five are due."""
    webhook(engine, A, concurrency=2)
    hand.drafts(call.id, *range(1, 6))
    courier = Counting()
    pump = Pump(engine.outbox, {"webhook": courier}, clock=clock, workers=8)
    assert pump.once() == PumpReport(delivered=5)
    assert courier.most == 2


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

    pump = Pump(engine.outbox, {"webhook": RecordingCourier(deliver)}, clock=clock, workers=3)
    assert pump.once() == PumpReport(delivered=12)
    assert quick == [B] * 6


def test_what_is_claimed_says_how_many_at_once(engine: Engine, call: CallView, hand: Hand) -> None:
    """And how long each step may take: what a pump and a courier go by."""
    webhook(engine, A, concurrency=2, timeout_s=1.25)
    hand.drafts(call.id, 1)
    (delivery,) = hand.claim()
    assert (delivery.concurrency, delivery.timeout_s) == (2, 1.25)
