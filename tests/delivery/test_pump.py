"""The pump: what it does with what couriers answer, and what it does when they do not."""

import logging
import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from scheduler.pump import Pump, PumpReport
from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from workflow import BadInput, CallView, DatabaseLocked, Engine
from workflow.backoff import GAPS
from workflow.outbox import PATIENCE_S
from workflow.ports import Courier, Delayed, Delivered, Delivery, Outcome, Undeliverable
from workflow.testing import FrozenClock, RecordingCourier, officer, race, results, school

LONG_S = 30.0


def _pump(engine: Engine, courier: Courier, **more: Any) -> Pump:
    couriers = {"log": courier, "webhook": courier}
    return Pump(engine.outbox, couriers, clock=engine.clock, **({"dice": lambda: 0.0} | more))


def _unable(engine: Engine) -> Pump:
    """Return the pump of a program that has just begun, and has no courier."""
    return Pump(engine.outbox, {}, clock=engine.clock)


def _extend(engine: Engine, call: CallView) -> None:
    later = call.closes_at + timedelta(days=9)
    engine.extend_call(call.id, closes_at=later, actor=officer(), reason="Snow.")


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


def test_what_is_due_is_delivered_and_written_down(engine: Engine, call: CallView) -> None:
    """One pass delivers each event once, and the outbox says so."""
    engine.draft(call.id, answers={}, actor=school())
    courier = RecordingCourier(lambda _: Delivered(status=202))
    pump = _pump(engine, courier)
    assert pump.once() == PumpReport(delivered=2)
    assert pump.once() == PumpReport()
    assert [event.type for event in courier.delivered] == ["call.opened", "eoi.drafted"]
    assert [(each.state, each.last_status) for each in engine.deliveries()] == [("delivered", 202)] * 2


def test_looks_that_find_little_are_apart(
    engine: Engine, call: CallView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the background, events that trickle in are taken together: each look costs a commit or two."""
    monkeypatch.setattr("scheduler.pump.APART_S", apart_s := 1.0)  # longer than the looks of a slow machine
    courier = RecordingCourier(lambda _: Delivered())
    pump = _pump(engine, courier)
    begun_s = time.monotonic()
    for count in range(2):
        engine.draft(call.id, answers={}, actor=school(f"URN:{count}"))
        pump.step()
    assert time.monotonic() - begun_s >= apart_s
    pump.once()
    assert len(courier.delivered) == 3


def test_what_failed_is_tried_again_after_its_gap(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    """A failed attempt is repeated with the same event once its gap is over, and not before."""
    answers: list[Outcome] = [Delivered(status=200), Delayed(why="It is down.", status=503)]
    courier = RecordingCourier(lambda _: answers.pop())
    pump = _pump(engine, courier, dice=lambda: 0.5)
    assert pump.once() == PumpReport(postponed=1)
    (waiting,) = engine.deliveries()
    due_at = clock.now() + timedelta(seconds=3.75)
    assert (waiting.state, waiting.attempts, waiting.due_at) == ("pending", 1, due_at)
    assert (waiting.last_status, waiting.last_error) == (503, "It is down.")
    clock.move_to(due_at - timedelta(microseconds=1))
    assert pump.once() == PumpReport()
    clock.move_to(due_at)
    assert pump.once() == PumpReport(delivered=1)
    first, second = courier.attempts
    assert (first.event == second.event, second.attempt) == (True, 2)
    (arrived,) = engine.deliveries()
    assert (arrived.state, arrived.delivered_at, arrived.last_error) == ("delivered", due_at, None)


def test_a_receiver_that_asks_us_to_wait_is_left_alone(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """A Retry-After takes the place of a shorter gap."""
    pump = _pump(engine, RecordingCourier(lambda _: Delayed(why="Later.", retry_after_s=120)))
    pump.once()
    assert engine.deliveries()[0].due_at == clock.now() + timedelta(seconds=120)


def test_after_the_last_attempt_a_delivery_is_parked(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """A receiver that never answers is given up after all gaps, and a person finds the delivery parked."""
    courier = RecordingCourier(lambda _: Delayed(why="Nobody there."))
    pump = _pump(engine, courier)
    report = PumpReport()
    while not report.parked:
        due_at = engine.deliveries()[0].due_at if courier.attempts else None
        clock.move_to(due_at or clock.now())
        report += pump.once()
    assert (report.postponed, report.parked) == (GAPS, 1)
    (parked,) = engine.deliveries(state="parked")
    assert (parked.attempts, parked.last_error) == (GAPS + 1, "Nobody there.")
    clock.move_by(days=30)
    assert pump.once() == PumpReport()
    engine.retry(parked.id, actor=officer())
    assert pump.once() == PumpReport(postponed=1)
    assert courier.attempts[-1].attempt == 1


def test_what_is_of_no_use_to_try_again_is_parked_at_once(engine: Engine, call: CallView) -> None:
    """Where a courier says that a person must look at it, nobody tries again."""
    pump = _pump(engine, RecordingCourier(lambda _: Undeliverable(why="Not allowed.")))
    assert pump.once() == PumpReport(parked=1)
    assert [each.last_error for each in engine.deliveries(state="parked")] == ["Not allowed."]


def test_a_courier_that_this_program_has_not_got_is_left_to_others(engine: Engine, call: CallView) -> None:
    """The delivery waits, and says which one it wants; whoever has it takes it at once."""
    pump = Pump(engine.outbox, {"webhook": RecordingCourier()}, clock=engine.clock)
    assert pump.once() == PumpReport(postponed=1)
    assert pump.once() == PumpReport()
    (waiting,) = engine.deliveries()
    assert (waiting.state, waiting.attempts) == ("pending", 0)
    assert waiting.last_error == "No courier here is called 'log'."
    assert _pump(engine, RecordingCourier()).once() == PumpReport(delivered=1)
    assert engine.delivery(waiting.id).tries[0].number == 1


def test_what_no_program_can_send_is_parked_in_the_end(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """After 75 hours it waits for a person with the reason, and so does what has waited behind it as long."""
    _extend(engine, call)
    assert _unable(engine).once() == PumpReport(postponed=1)
    clock.move_by(seconds=PATIENCE_S - 1)
    engine.draft(call.id, answers={}, actor=school())
    assert _unable(engine).once() == PumpReport(postponed=2)
    clock.move_by(seconds=1)
    assert _unable(engine).once() == PumpReport(parked=1, postponed=1)
    parked = engine.deliveries(state="parked")
    assert [(each.type, each.attempts) for each in parked] == [("call.extended", 0), ("call.opened", 0)]
    assert {each.last_error for each in parked} == {"No courier here is called 'log'."}
    assert [each.type for each in engine.deliveries(state="pending")] == ["eoi.drafted"]


def test_what_is_sent_again_is_given_its_whole_time_anew(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """Whoever sends it again, or enables its endpoint, begins the 75 hours anew."""
    endpoint = engine.add_endpoint("https://receiver.example/", actor=officer())
    _extend(engine, call)
    for begin_anew in (engine.enable_endpoint, engine.disable_endpoint, engine.enable_endpoint):
        _unable(engine).once()
        clock.move_by(seconds=PATIENCE_S)
        begin_anew(endpoint.id, actor=officer())
    _unable(engine).once()
    assert engine.deliveries(endpoint=endpoint.id, state="parked") == []
    clock.move_by(seconds=PATIENCE_S)
    _unable(engine).once()
    (parked,) = engine.deliveries(endpoint=endpoint.id, state="parked")
    engine.retry(parked.id, actor=officer())
    _unable(engine).once()
    assert engine.delivery(parked.id).state == "pending"


def test_what_was_tried_meanwhile_is_given_its_whole_time_anew(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """A node that can send it, though the receiver fails, shows that there is one."""
    _unable(engine).once()
    clock.move_by(seconds=PATIENCE_S)
    assert _pump(engine, RecordingCourier(lambda _: Delayed(why="Down."))).once() == PumpReport(postponed=1)
    clock.move_by(seconds=60)
    assert _unable(engine).once() == PumpReport(postponed=1)


def test_what_this_program_could_not_send_is_looked_at_again(engine: Engine, call: CallView) -> None:
    """An endpoint may have been given a secret that it can read; so it is left to others for a while only."""
    answers: list[Outcome] = [Delivered(), Delayed(why="Another key.", unable=True)]
    pump = _pump(engine, RecordingCourier(lambda _: answers.pop()), left_s=0.0)
    assert pump.once() == PumpReport(postponed=1, delivered=1)
    assert [(each.attempts, each.last_error) for each in engine.deliveries()] == [(1, None)]


def test_one_failing_receiver_repeats_nothing_to_the_others(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """Each endpoint has its own attempts: one that is down leaves the other with one of each event."""
    for host in ("up", "down"):
        engine.add_endpoint(f"https://{host}.example/", actor=officer())
    engine.draft(call.id, answers={}, actor=school())
    courier = RecordingCourier(lambda each: Delayed(why="no") if "down" in each.address else Delivered())
    pump = _pump(engine, courier)
    pump.once()
    for _ in range(3):
        clock.move_by(seconds=5)
        pump.once()
    tries = [each.address for each in courier.attempts if each.event.type == "eoi.drafted"]
    assert sorted(tries) == ["https://down.example/"] * 4 + ["https://up.example/"]


def test_a_process_that_dies_between_delivery_and_record_delivers_again(
    engine: Engine, call: CallView, clock: FrozenClock, new_engine: NewEngine
) -> None:
    """At least once: what nobody wrote down is sent again under the same event id when its lease is over."""
    gate = _Gate()
    died = _pump(engine, gate)
    died.step()
    assert gate.begun.acquire(timeout=LONG_S)
    gate.let_go.set()  # it is delivered, and `died` is never asked again: nothing of it is written down
    with new_engine() as other:
        courier = RecordingCourier()
        heir = _pump(other, courier)
        assert heir.once() == PumpReport()
        clock.move_by(seconds=60)
        assert heir.once() == PumpReport(delivered=1)
    assert courier.attempts[0].event.id == gate.attempts[0].event.id == f"{call.id}:1"
    assert [each.attempts for each in engine.deliveries()] == [2]
    died.stop(grace_s=0)


def test_two_pumps_share_the_work(
    engine: Engine, call: CallView, clock: FrozenClock, new_engine: NewEngine
) -> None:
    """Pumps on the same database deliver each event exactly once between them while their leases hold."""
    for urn in range(40):
        engine.draft(call.id, answers={}, actor=school(urn))
    couriers = [RecordingCourier(), RecordingCourier()]
    pumps = [_pump(new_engine(), courier) for courier in couriers]
    results(race(lambda number: pumps[number].once(), len(pumps)))
    told = [event.id for courier in couriers for event in courier.delivered]
    assert (len(told), len(set(told))) == (41, 41)


def test_what_a_late_pump_says_is_only_counted_as_overtaken(
    engine: Engine,
    call: CallView,
    clock: FrozenClock,
    new_engine: NewEngine,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A pump whose lease had ended learns that another one's outcome counts."""
    gate = _Gate()
    late = _pump(engine, gate)
    late.step()
    assert gate.begun.acquire(timeout=LONG_S)
    clock.move_by(seconds=60)
    with new_engine() as other:
        _pump(other, RecordingCourier(lambda _: Undeliverable(why="no"))).once()
    gate.let_go.set()
    caplog.clear()
    with caplog.at_level(logging.INFO, "eoi.pump"):
        assert late.stop(grace_s=LONG_S) == PumpReport(overtaken=1)
    assert [record.getMessage() for record in caplog.records] == ["delivery.overtaken"]
    assert [each.state for each in engine.deliveries()] == ["parked"]


def test_what_could_not_be_written_down_is_written_down_later(
    engine: Engine, call: CallView, database: RawDatabase
) -> None:
    """Where the database is locked when a delivery ends, nothing is lost and nothing is sent twice."""
    gate = _Gate()
    pump = _pump(engine, gate)
    pump.step()
    assert gate.begun.acquire(timeout=LONG_S)
    heard = pump.bell.rings
    with database.locked():
        gate.let_go.set()
        pump.bell.wait(heard, LONG_S)
        with pytest.raises(DatabaseLocked):
            pump.step()
        assert [each.state for each in engine.deliveries()] == ["pending"]
    assert pump.step() == PumpReport(delivered=1)
    assert len(gate.attempts) == 1
    pump.stop(grace_s=LONG_S)


def test_a_courier_that_hangs_holds_one_worker_and_nobody_else_up(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """Lease after lease, a hanging delivery is not sent beside itself; others go past it."""
    gate, good = _Gate(), RecordingCourier()
    engine.add_endpoint("https://a.example/eoi", actor=officer())
    pump = Pump(engine.outbox, {"log": gate, "webhook": good}, clock=clock, workers=2)
    pump.step()
    assert gate.begun.acquire(timeout=LONG_S)
    for urn in range(5):
        clock.move_by(seconds=60)
        engine.draft(call.id, answers={}, actor=school(urn))
        heard = pump.bell.rings
        pump.step()
        pump.bell.wait(heard, LONG_S)
        pump.step()
        assert pump.hanging == 1
    assert (len(gate.attempts), len(good.delivered)) == (1, 5)
    gate.let_go.set()
    assert pump.stop(grace_s=LONG_S) == PumpReport(delivered=1)
    assert pump.hanging == 0


def test_couriers_that_all_hang_are_told_of_and_hold_back_nothing_that_they_have_not_begun(
    engine: Engine, call: CallView, database: RawDatabase
) -> None:
    """Every worker hangs: health hears of them, and what was claimed for them is there for another node."""
    for urn in range(9):
        engine.draft(call.id, answers={}, actor=school(urn))
    gate = _Gate()
    pump = _pump(engine, gate, workers=2, lease_s=0.4)
    while pump.hanging < 2:
        heard = pump.bell.rings
        pump.step()
        pump.bell.wait(heard, 0.02)
    gone_past = "SELECT count(*) FROM eoi_delivery WHERE attempt = 0 AND leased_until IS NULL"
    with database.shell() as ask:
        assert ask(gone_past) == [(8,)]
    gate.let_go.set()
    pump.stop(grace_s=LONG_S)


def test_a_slow_receiver_is_claimed_no_more_for_than_there_are_workers(
    engine: Engine, call: CallView, database: RawDatabase
) -> None:
    """What waits is left to other nodes, and leaves room for other receivers; a quick one gets more."""
    for urn in range(60):
        engine.draft(call.id, answers={}, actor=school(urn))
    gate = _Gate()
    pump = _pump(engine, gate, workers=2)
    lent = "SELECT count(*) FROM eoi_delivery WHERE leased_until IS NOT NULL"
    pump.step()
    assert gate.begun.acquire(timeout=LONG_S)
    with database.shell() as ask:
        assert ask(lent) == [(2,)]
        gate.let_go.set()
        most = 0
        while pump._waits_for(engine.clock.now()):
            heard = pump.bell.rings
            pump.step()
            most = max(most, *ask(lent)[0])
            pump.bell.wait(heard, 0.05)
    assert most > 2
    assert len(gate.attempts) == 61
    pump.stop(grace_s=LONG_S)


def test_one_pass_takes_up_again_what_was_given_back(
    engine: Engine, new_engine: NewEngine, call: CallView
) -> None:
    """Of a receiver so slow that leases are half over, what could not begin in time is delivered, too."""
    for urn in range(5):
        engine.draft(call.id, answers={}, actor=school(urn))
    slowness = threading.Event()

    def take_a_while(_: Delivery) -> Outcome:
        slowness.wait(0.3)
        return Delivered()

    pump = _pump(new_engine(clock=None), RecordingCourier(take_a_while), workers=2, lease_s=0.5)
    assert (pump.once().delivered, engine.deliveries(state="pending")) == (6, [])


def test_one_pass_ends_though_the_clock_stands_still(engine: Engine, call: CallView) -> None:
    """What is postponed, or happens during a pass, is left for the next one."""
    head = school()

    def answer(each: Delivery) -> Outcome:
        if each.attempt == 1 and each.event.type == "call.opened":
            engine.draft(call.id, answers={}, actor=head)
        return Delayed(why="no")

    courier = RecordingCourier(answer)
    assert _pump(engine, courier).once().postponed in (1, 2)


@pytest.mark.parametrize(("field", "value"), [("lease_s", 0), ("lease_s", -1.0), ("workers", 0)])
def test_a_pump_that_could_never_deliver_is_refused(engine: Engine, field: str, value: float) -> None:
    """A lease that ends at once would be claimed for ever; without a worker nothing would be."""
    with pytest.raises(BadInput) as refused:
        _pump(engine, RecordingCourier(), **{field: value})
    assert refused.value.field == field


def test_one_pass_waits_for_room(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    """Where other deliveries hold every worker, a pass delivers what was due to it once they are through."""
    for urn in range(3):
        engine.draft(call.id, answers={}, actor=school(urn))
    gate = _Gate()
    pump = _pump(engine, gate, workers=1)
    begun_at = clock.now()
    clock.move_by(seconds=1)
    pump.step()
    assert gate.begun.acquire(timeout=LONG_S)
    clock.move_to(begun_at)  # as for a pass that read the clock just before that step did
    one_pass = threading.Thread(target=pump.once)
    one_pass.start()
    gate.let_go.set()
    one_pass.join(LONG_S)
    assert [each.state for each in engine.deliveries()] == ["delivered"] * 4


def test_no_thread_is_left_after_a_pass(engine: Engine, call: CallView) -> None:
    """A pump that nobody uses any more holds no thread."""
    names, before = list[str](), set(threading.enumerate())
    courier = RecordingCourier(lambda _: names.append(threading.current_thread().name) or Delivered())  # type: ignore[func-returns-value]  # append says nothing
    assert _pump(engine, courier).once() == PumpReport(delivered=1)
    assert names[0].startswith("eoi-courier")
    assert set(threading.enumerate()) <= before


def test_a_slow_receiver_is_sent_as_many_at_once_as_there_are_workers(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """None of these ends before all of them are on their way, though one thread begins alone."""
    for urn in range(3):
        engine.draft(call.id, answers={}, actor=school(urn))
    together = threading.Barrier(4)
    courier = RecordingCourier(lambda _: Delivered(status=together.wait(LONG_S)))
    assert _pump(engine, courier, workers=4).once() == PumpReport(delivered=4)


def test_what_has_waited_for_half_its_lease_is_given_back(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """Its courier might need more than what is left; it counts as no attempt, and the next pass has it."""
    pump = _pump(engine, RecordingCourier(), lease_s=1e-9)
    pump.step()
    while pump._on_their_way:
        pump._record()
    assert [(each.state, each.attempts) for each in engine.deliveries()] == [("pending", 0)]
    assert _pump(engine, RecordingCourier()).once() == PumpReport(delivered=1)
