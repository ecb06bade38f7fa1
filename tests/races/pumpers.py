"""What a process does in the race of pumps: it writes events, or delivers them and remembers each attempt."""

import random
import threading
import time
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

from scheduler.pump import Pump
from workflow import Engine
from workflow.ports import Delayed, Delivered, Delivery, Outcome
from workflow.testing import admin, officer, school

#: What share of the attempts does not arrive.
FAILS = 0.1


class Sent(NamedTuple):
    """One attempt, by the machine's monotonic clock, which all processes share."""

    delivery_id: int
    attempt: int
    address: str
    subject: str
    version: int
    began_s: float
    ended_s: float
    arrived: bool


class Courier:
    """Delivers at once, now and then not at all, and remembers."""

    def __init__(self, seed: int) -> None:
        self._dice, self._lock = random.Random(seed), threading.Lock()  # noqa: S311 -- to be drawn again
        self.sent: list[Sent] = []

    def deliver(self, delivery: Delivery) -> Outcome:
        """Deliver it; the receiver takes a moment."""
        began_s, event = time.monotonic(), delivery.event
        with self._lock:
            arrived = self._dice.random() >= FAILS
        time.sleep(0.001)  # a receiver's time, in which others may claim
        which = (delivery.id, delivery.attempt, delivery.address, event.subject, event.version)
        with self._lock:
            self.sent.append(Sent(*which, began_s, time.monotonic(), arrived))
        return Delivered() if arrived else Delayed(why="not now")


def write_events(together: Barrier, url: str, call_id: str, schools: int) -> list[Sent]:
    """Let each school draft, save, submit and withdraw, in turns; call it off at the end."""
    with Engine(url) as engine:
        engine.calls()
        together.wait()
        heads = [school(number) for number in range(schools)]
        eois = [engine.draft(call_id, answers={}, actor=head).eoi_id for head in heads]
        for places in range(2):
            for eoi, head in zip(eois, heads, strict=True):
                engine.save(eoi, answers={"places": places}, actor=head)
        for trigger in ("submit", "withdraw"):
            for eoi, head in zip(eois, heads, strict=True):
                engine.fire(eoi, trigger, actor=head)
        engine.cancel_call(call_id, actor=admin(), reason="The end.")
    return []


def deliver(together: Barrier, url: str, call_id: str, seed: int) -> list[Sent]:
    """Deliver until the call is called off and nothing waits any more."""
    courier = Courier(seed)
    with Engine(url) as engine:
        # Such dice take the shortest gap away: what has failed is due at once.
        pump = Pump(engine.outbox, {"webhook": courier}, clock=engine.clock, workers=4, dice=lambda: -1.0)
        engine.calls()
        together.wait()
        while engine.call(call_id).state == "open" or engine.outbox.oldest_waiting() is not None:
            pump.once()
    return courier.sent


def add_receivers(engine: Engine, many: int) -> list[str]:
    """Add receivers; return where each is."""
    return [engine.add_endpoint(f"https://{n}.example/eoi", actor=officer()).url for n in range(many)]
