"""Stopping the pump: what is on its way ends, or is delivered again; nothing is lost."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from scheduler.pump import Pump, PumpReport
from tests.databases.raw import Lock, RawDatabase
from workflow import CallView, Engine
from workflow.ports import Delayed, Delivered, Delivery, Outcome
from workflow.testing import FrozenClock, RecordingCourier, school

LONG_S = 30.0


class _Gate:
    """A courier that delivers when it is let go, and says when it has begun."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.attempts: list[Delivery] = []

    def deliver(self, delivery: Delivery) -> Outcome:
        self.attempts.append(delivery)
        self.begun.release()
        self.let_go.wait(LONG_S)
        return Delivered()


@contextmanager
def _on_its_way(engine: Engine) -> Iterator[tuple[Pump, _Gate]]:
    """Lend a pump with one delivery on its way."""
    gate = _Gate()
    pump = Pump(engine.outbox, {"log": gate}, clock=engine.clock)
    pump.step()
    assert gate.begun.acquire(timeout=LONG_S)
    try:
        yield pump, gate
    finally:
        gate.let_go.set()


def _couriers() -> set[threading.Thread]:
    return {each for each in threading.enumerate() if each.name.startswith("eoi-courier")}


def test_what_is_on_its_way_ends_and_is_written_down(engine: Engine, call: CallView) -> None:
    """A stop waits for a courier that is still at it, and leaves no thread behind."""
    before = _couriers()
    with _on_its_way(engine) as (pump, gate):
        reports: list[PumpReport] = []
        stopper = threading.Thread(target=lambda: reports.append(pump.stop(grace_s=LONG_S)))
        stopper.start()
        gate.let_go.set()
        stopper.join(LONG_S)
    assert reports == [PumpReport(delivered=1)]
    assert [each.state for each in engine.deliveries()] == ["delivered"]
    assert _couriers() <= before


def test_nothing_new_is_sent_while_the_pump_stops(engine: Engine, call: CallView) -> None:
    """What happens during the stop is left for the next start."""
    with _on_its_way(engine) as (pump, gate):
        stopper = threading.Thread(target=lambda: pump.stop(grace_s=LONG_S))
        stopper.start()
        engine.draft(call.id, answers={}, actor=school())
        while not pump._stopping:
            pump.bell.wait(pump.bell.rings, 0.001)
        assert pump.step() == PumpReport()
        gate.let_go.set()
        stopper.join(LONG_S)
        assert [each.event.type for each in gate.attempts] == ["call.opened"]
        assert pump.once() == PumpReport(delivered=1)


def test_what_does_not_end_in_time_is_given_up_and_delivered_again(
    engine: Engine, call: CallView, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A courier that outlasts the grace does not hold the stop up; its event is sent again later."""
    with _on_its_way(engine) as (pump, gate):
        assert pump.stop(grace_s=0.01) == PumpReport()
        assert [record.getMessage() for record in caplog.records] == ["pump.given-up"]
        assert [each.state for each in engine.deliveries()] == ["pending"]
        heir = RecordingCourier()
        clock.move_by(seconds=60)
        assert Pump(engine.outbox, {"log": heir}, clock=clock).once() == PumpReport(delivered=1)
        assert heir.delivered == [gate.attempts[0].event]


def test_a_pass_beside_it_does_not_wait_for_what_was_given_up(engine: Engine, call: CallView) -> None:
    """Whoever waits in `once` is let go when the pump is stopped."""
    with _on_its_way(engine) as (pump, _):
        waiting = threading.Thread(target=pump.once)
        waiting.start()
        while not pump.bell.waiting:
            assert waiting.is_alive()
        pump.stop(grace_s=0.01)
        waiting.join(LONG_S / 2)
        assert not waiting.is_alive()


class _Unlock(logging.Handler):
    """Lets the database go at the first line that says that something could not be written down."""

    def __init__(self, lock: Lock) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._lock = lock

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._lock.release()


def test_what_cannot_be_written_down_at_once_is_tried_again(
    engine: Engine, call: CallView, database: RawDatabase
) -> None:
    """A database that is locked at the moment of the stop does not make the receiver get it twice."""
    log = logging.getLogger("eoi.pump")
    with _on_its_way(engine) as (pump, gate), ExitStack() as stack:
        heard = pump.bell.rings
        gate.let_go.set()
        pump.bell.wait(heard, LONG_S)
        unlock = _Unlock(stack.enter_context(database.locked()))
        log.addHandler(unlock)
        begun_at = time.monotonic()
        try:
            assert pump.stop(grace_s=LONG_S) == PumpReport(delivered=1)
        finally:
            log.removeHandler(unlock)
        assert time.monotonic() - begun_at < LONG_S / 2
    assert unlock.lines[0] == "pump.not-recorded"
    assert [each.state for each in engine.deliveries()] == ["delivered"]


def test_what_had_not_begun_is_given_back(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    """A delivery that no worker had taken up yet is due again at once, for whoever comes next."""
    for urn in range(3):
        engine.draft(call.id, answers={}, actor=school(urn))
    gate = _Gate()
    pump = Pump(engine.outbox, {"log": gate}, clock=clock, workers=4)
    pump.step()
    assert gate.begun.acquire(timeout=LONG_S)
    stopper = threading.Thread(target=lambda: pump.stop(grace_s=LONG_S))
    stopper.start()
    while not pump._stopping:
        pump.bell.wait(pump.bell.rings, 0.001)
    gate.let_go.set()
    stopper.join(LONG_S)
    assert sorted(each.state for each in engine.deliveries()) == [
        "delivered",
        "pending",
        "pending",
        "pending",
    ]
    assert [each.attempts for each in engine.deliveries(state="pending")] == [0, 0, 0]
    heir = RecordingCourier()
    assert Pump(engine.outbox, {"log": heir}, clock=clock).once() == PumpReport(delivered=3)


def test_stopping_a_pump_that_never_ran_does_nothing(engine: Engine, call: CallView) -> None:
    """It can be stopped before, after and twice, and works afterwards."""
    pump = Pump(engine.outbox, {"log": RecordingCourier()}, clock=engine.clock)
    assert [pump.stop(grace_s=0), pump.stop(grace_s=LONG_S)] == [PumpReport(), PumpReport()]
    assert pump.once() == PumpReport(delivered=1)


def test_a_pass_beside_it_sends_nothing_after_a_stop(engine: Engine, call: CallView) -> None:
    """Who has stopped it may close what it works with: a pass that still runs sends nothing more."""
    for urn in range(4):
        engine.draft(call.id, answers={}, actor=school(urn))
    gate = _Gate()
    pump = Pump(engine.outbox, {"log": gate}, clock=engine.clock, workers=1)
    passing = threading.Thread(target=pump.once)
    passing.start()
    assert gate.begun.acquire(timeout=LONG_S)
    stopper = threading.Thread(target=lambda: pump.stop(grace_s=LONG_S))
    stopper.start()
    while not pump._stopping:
        pump.bell.wait(pump.bell.rings, 0.001)
    gate.let_go.set()
    stopper.join(LONG_S)
    passing.join(LONG_S)
    assert len(gate.attempts) == 1
    assert pump.once() == PumpReport(delivered=4)


def test_what_is_given_back_is_as_it_was(
    engine: Engine, call: CallView, clock: FrozenClock, database: RawDatabase
) -> None:
    """Its attempts, its instant and what went wrong the last time stand as they stood."""
    for urn in range(2):
        engine.draft(call.id, answers={}, actor=school(urn))
    failing = RecordingCourier(lambda _: Delayed(why="It is down.", status=503))
    Pump(engine.outbox, {"log": failing}, clock=clock).once()
    clock.move_by(seconds=60)
    before = database.rows("eoi_delivery")
    gate = _Gate()
    pump = Pump(engine.outbox, {"log": gate}, clock=clock, workers=3)
    pump.step()
    assert gate.begun.acquire(timeout=LONG_S)
    pump._recall()
    gate.let_go.set()
    pump.stop(grace_s=LONG_S)
    begun = {each.id for each in gate.attempts}
    assert len(before) == 3
    assert len(begun) < 3
    after = database.rows("eoi_delivery")
    assert [row for row in after if row["id"] not in begun] == [
        row for row in before if row["id"] not in begun
    ]
