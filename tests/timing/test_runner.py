"""The runner: sweeps first, closes promptly, delivers, and stops in good order."""

import logging
import threading
from datetime import UTC, datetime, timedelta

import pytest

from scheduler import Runner
from tests.databases.lent import NewEngine
from workflow import CallState, Engine, Event
from workflow.ports import Delivered, Delivery, Outcome
from workflow.testing import FrozenClock, RecordingCourier, new_call, officer, school

LONG_S = 30.0
#: A period that no test lives to see the end of: where a runner looks, it was woken.
PERIOD_S = 3600.0


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    """Return an engine whose clock is moved."""
    return new_engine()


@pytest.fixture
def real(new_engine: NewEngine) -> Engine:
    """Return an engine with a real clock, which closes a call a tenth of a second after its deadline."""
    return new_engine(clock=None, settle_s=0.1)


def _runner(
    engine: Engine, *, period_s: float = PERIOD_S, sweeps: bool = True, delivers: bool = True
) -> Runner:
    return Runner(
        engine,
        {"log": RecordingCourier()},
        sweep_period_s=period_s,
        pump_period_s=period_s,
        sweeps=sweeps,
        delivers=delivers,
    )


class _Closed:
    """A hook that says when calls are closed, and by which thread."""

    def __init__(self, engine: Engine) -> None:
        self.events: list[Event] = []
        self.threads: list[str] = []
        self._changed = threading.Condition()
        engine.on("call.closed", self._hear)

    def _hear(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self.threads.append(threading.current_thread().name)
            self._changed.notify_all()

    def wait(self, count: int = 1) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: len(self.events) >= count, LONG_S)


def _threads() -> set[str]:
    ours = ("eoi-", "APScheduler", "ThreadPoolExecutor")
    return {each.name for each in threading.enumerate() if each.name.startswith(ours)}


def _in(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)  # noqa: TID251 -- the real clock is what is tested


def test_what_fell_due_while_nothing_ran_is_closed_before_start_returns(
    engine: Engine, clock: FrozenClock
) -> None:
    """A node that starts late sweeps first, and history says both the planned and the actual instant."""
    call = engine.open_call(new_call(), actor=officer())
    clock.move_to(call.closes_at + timedelta(days=2))
    with _runner(engine):
        found = engine.call(call.id)
    assert (found.state, found.closed_at) == (CallState.CLOSED, clock.now())
    *_, row = engine.history(call.id)
    assert (row.trigger, row.at, row.recorded_at) == ("close", call.closes_at, clock.now())


@pytest.mark.slow
def test_a_call_is_closed_promptly_by_the_alarm(real: Engine) -> None:
    """With a period of an hour, a call that closes in 0.3 s is closed long before that is over."""
    closed = _Closed(real)
    with _runner(real):
        call = real.open_call(new_call(closes_at=_in(0.3)), actor=officer())
        assert closed.wait()
    (event,) = closed.events
    assert event.at == call.closes_at
    late = event.recorded_at - call.closes_at
    assert timedelta(seconds=0.1) <= late < timedelta(seconds=LONG_S / 3)
    assert closed.threads == ["eoi-sweep"]


@pytest.mark.slow
def test_a_call_opened_by_another_process_is_noticed_within_a_period(
    real: Engine, new_engine: NewEngine
) -> None:
    """A deadline that no hook of this process heard of is met all the same."""
    closed = _Closed(real)
    with _runner(real, period_s=0.1), new_engine(clock=None, settle_s=0.1) as other:
        call = other.open_call(new_call(closes_at=_in(0.3)), actor=officer())
        assert closed.wait()
    late = closed.events[0].recorded_at - call.closes_at
    assert timedelta(seconds=0.1) <= late < timedelta(seconds=LONG_S / 3)


@pytest.mark.slow
def test_the_alarm_of_a_call_that_was_extended_does_nothing(real: Engine) -> None:
    """At the old deadline an extended call stays open; at the new one it is closed."""
    closed = _Closed(real)
    with _runner(real) as runner:
        call = real.open_call(new_call(closes_at=_in(0.4)), actor=officer())
        later = real.extend_call(
            call.id, closes_at=call.closes_at + timedelta(seconds=0.6), actor=officer(), reason="More time."
        )
        assert closed.wait()
        assert runner.health().overdue_s == 0
    assert [event.at for event in closed.events] == [later.closes_at]
    assert closed.events[0].recorded_at >= later.closes_at + timedelta(seconds=0.1)


def test_an_extension_moves_the_alarm_at_once(engine: Engine, clock: FrozenClock) -> None:
    """What is armed follows the next deadline of all, settle included, without waiting for the period."""
    runner = _runner(engine)
    with runner:
        call = engine.open_call(new_call(), actor=officer())
        assert _armed(runner, call.closes_at + timedelta(seconds=2))
        later = call.closes_at + timedelta(days=1)
        engine.extend_call(call.id, closes_at=later, actor=officer(), reason="More time.")
        assert _armed(runner, later + timedelta(seconds=2))


def _armed(runner: Runner, due: datetime) -> bool:
    """Wait until the sweep has armed the alarm for `due`, and only for that."""
    give_up_at = _in(LONG_S)
    while runner._alarm.armed != (f"close:{due.isoformat()}",):
        if _in(0) > give_up_at:
            return False
        runner._bell.wait(runner._bell.rings, 0.001)
    return True


def test_wake_looks_now(engine: Engine, clock: FrozenClock) -> None:
    """A host that knows that something is due need not wait for the period."""
    closed = _Closed(engine)
    call = engine.open_call(new_call(), actor=officer())
    with _runner(engine) as runner:
        clock.move_to(call.closes_at + timedelta(seconds=2))
        runner.wake()
        assert closed.wait()
    assert engine.call(call.id).state == CallState.CLOSED


def test_what_is_committed_in_this_process_is_delivered_at_once(engine: Engine) -> None:
    """A commit wakes the pump; the period is only for what other processes commit."""
    arrived = threading.Event()

    def answer(_: Delivery) -> Outcome:
        arrived.set()
        return Delivered()

    courier = RecordingCourier(answer)
    with Runner(engine, {"log": courier}, sweep_period_s=PERIOD_S, pump_period_s=PERIOD_S):
        engine.open_call(new_call(), actor=officer())
        assert arrived.wait(LONG_S)


def test_once_makes_one_pass(engine: Engine, clock: FrozenClock) -> None:
    """A cron line sweeps and delivers once, and is told what that did."""
    call = engine.open_call(new_call(), actor=officer())
    engine.draft(call.id, answers={}, actor=school())
    clock.move_to(call.closes_at + timedelta(seconds=2))
    courier = RecordingCourier()
    report = Runner(engine, {"log": courier}).once()
    assert [(closed.id, closed.state) for closed in report.swept.closed] == [(call.id, "closed")]
    assert (report.swept.lapsed, report.pumped.delivered) == (1, 4)
    assert sorted(event.type for event in courier.delivered) == [
        "call.closed", "call.opened", "eoi.drafted", "eoi.lapsed",
    ]  # fmt: skip


def test_once_may_be_called_beside_the_threads(engine: Engine, clock: FrozenClock) -> None:
    """A pass by hand and the threads share the work, and deliver nothing twice."""
    courier = RecordingCourier()
    with Runner(engine, {"log": courier}, sweep_period_s=0.001, pump_period_s=0.001) as runner:
        call = engine.open_call(new_call(), actor=officer())
        for urn in range(20):
            engine.draft(call.id, answers={}, actor=school(urn))
            runner.once()
    ids = [event.id for event in courier.delivered]
    assert (len(ids), len(set(ids))) == (21, 21)


def test_a_runner_leaves_no_thread_behind(engine: Engine) -> None:
    """After `stop`, after `once`, and after a second start and stop, there is no thread of ours."""
    runner = _runner(engine)
    engine.open_call(new_call(), actor=officer())
    runner.once()
    assert _threads() == set()
    for urn in range(2):
        runner.start()
        runner.start()
        engine.draft("46/23", answers={}, actor=school(urn))
        assert {"eoi-sweep", "eoi-pump", "APScheduler"} <= _threads()
        runner.stop()
        runner.stop()
        assert _threads() == set()
    runner.once()  # What a stop has given back.
    assert [each.state for each in engine.deliveries()] == ["delivered"] * 3


def test_an_engine_does_not_remember_runners_that_have_stopped(engine: Engine) -> None:
    """A host may build a runner for every pass: no commit becomes slower by that, and nothing is kept."""
    runners = [_runner(engine) for _ in range(3)]
    for runner in runners:
        with runner:
            runner.once()
    rings = [runner._bell.rings for runner in runners]
    engine.open_call(new_call(), actor=officer())
    assert [runner._bell.rings for runner in runners] == rings
    assert set(engine._hooks._by_type.values()) <= {()}


def test_a_runner_can_be_started_again(engine: Engine, clock: FrozenClock) -> None:
    """Stopped and started, it closes and delivers as before."""
    closed = _Closed(engine)
    runner = _runner(engine)
    runner.start()
    runner.stop()
    call = engine.open_call(new_call(), actor=officer())
    clock.move_to(call.closes_at + timedelta(seconds=2))
    with runner:
        assert closed.wait()
        assert runner.health().threads == {"sweep": True, "pump": True, "alarm": True}
    assert engine.call(call.id).state == CallState.CLOSED


def test_a_hook_cannot_stop_the_runner_whose_thread_it_runs_in(
    engine: Engine, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread cannot wait for itself: the hook is told so, and the runner goes on."""
    call = engine.open_call(new_call(), actor=officer())
    with _runner(engine) as runner, caplog.at_level(logging.ERROR):
        engine.on("call.closed", lambda _: runner.stop())
        closed = _Closed(engine)
        clock.move_to(call.closes_at + timedelta(seconds=2))
        runner.wake()
        assert closed.wait()
        assert runner.health().ok
    assert [record.getMessage() for record in caplog.records] == ["hook.failed"]
    assert "cannot stop it" in caplog.text


def test_a_hook_may_stop_the_runner_that_is_being_started(engine: Engine, clock: FrozenClock) -> None:
    """The first sweep runs in the thread that starts; a hook that stops the runner there does not hang it."""
    call = engine.open_call(new_call(), actor=officer())
    clock.move_to(call.closes_at + timedelta(seconds=2))
    runner = _runner(engine)
    engine.on("call.closed", lambda _: runner.stop())
    runner.start()
    assert _threads() == set()
    assert not runner.health().ok


def test_a_runner_that_only_closes_delivers_nothing(engine: Engine, clock: FrozenClock) -> None:
    """Split off, the sweep closes what is due and tells nobody; it is well, though the pump is elsewhere."""
    closed = _Closed(engine)
    call = engine.open_call(new_call(), actor=officer())
    with _runner(engine, delivers=False) as runner:
        assert {"eoi-sweep", "APScheduler"} <= _threads()
        assert "eoi-pump" not in _threads()
        clock.move_to(call.closes_at + timedelta(seconds=2))
        runner.wake()
        assert closed.wait()
        health, report = runner.health(), runner.once()
        assert (health.ok, health.threads) == (True, {"sweep": True, "alarm": True})
        assert (health.pump_age_s, report.pumped.delivered) == (None, 0)
    assert [each.state for each in engine.deliveries()] == []
    assert _threads() == set()


def test_a_runner_that_only_delivers_closes_nothing(engine: Engine, clock: FrozenClock) -> None:
    """Split off, the pump delivers and closes nothing; that a close is late is told, and not its illness."""
    arrived = threading.Event()

    def answer(_: Delivery) -> Outcome:
        arrived.set()
        return Delivered()

    call = engine.open_call(new_call(), actor=officer())
    clock.move_to(call.closes_at + timedelta(days=1))
    engine.call(call.id)
    with Runner(engine, {"log": RecordingCourier(answer)}, pump_period_s=PERIOD_S, sweeps=False) as runner:
        assert arrived.wait(LONG_S)
        assert _threads() & {"eoi-sweep", "APScheduler"} == set()
        health, report = runner.health(), runner.once()
        assert (health.ok, health.threads, health.sweep_age_s) == (True, {"pump": True}, None)
        assert health.overdue_s > timedelta(hours=23).total_seconds()
        assert (report.swept.closed, report.pruned, report.forgotten) == ((), 0, 0)
    assert engine.call(call.id).state == CallState.OPEN
    assert _threads() == set()


def test_a_runner_without_any_part_is_as_well_as_its_database(engine: Engine) -> None:
    """Where a process only answers requests, its health is that of the database, and no thread runs."""
    with _runner(engine, sweeps=False, delivers=False) as runner:
        health = runner.health()
        assert (health.ok, health.threads, _threads()) == (True, {}, set())
        engine.open_call(new_call(), actor=officer())
    engine.close()
    assert _threads() == set()


def test_a_part_that_has_ended_makes_its_runner_ill(engine: Engine) -> None:
    """What runs alone is looked at all the same: before the start, and after the stop, it is not well."""
    for runner in (_runner(engine, sweeps=False), _runner(engine, delivers=False)):
        assert not runner.health().ok
        with runner:
            assert runner.health().ok
        assert not runner.health().ok
