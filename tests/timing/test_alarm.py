"""The alarm clock: it rings when armed, and is not trusted with more than that."""

import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from apscheduler.jobstores.memory import MemoryJobStore

from scheduler.alarm import Alarm
from scheduler.loop import Bell

LONG_S = 30.0
DUE = datetime(2023, 3, 18, 0, 0, 2, tzinfo=UTC)
LATER = DUE + timedelta(days=1)


class _Ringing(Bell):
    """A bell that can be waited for."""

    def has_rung(self, times: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.rings >= times, LONG_S)


@pytest.fixture
def bell() -> _Ringing:
    """Return the bell that the alarm rings."""
    return _Ringing()


@pytest.fixture
def alarm(bell: _Ringing) -> Iterator[Alarm]:
    """Lend an alarm that is started."""
    alarm = Alarm(bell.ring)
    alarm.start()
    yield alarm
    alarm.stop()


def _threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each is not threading.main_thread()]


def test_it_rings_once_when_the_delay_is_over(alarm: Alarm, bell: _Ringing) -> None:
    """An armed alarm rings, and is not armed any more."""
    alarm.arm(DUE, delay_s=0.02)
    assert bell.has_rung(1)
    assert (bell.rings, alarm.armed) == (1, ())


def test_what_it_is_armed_for_carries_its_instant(alarm: Alarm) -> None:
    """Whoever looks sees for which instant the alarm is set."""
    alarm.arm(DUE, delay_s=3600)
    assert alarm.armed == ("close:2023-03-18T00:00:02+00:00",)


def test_arming_again_takes_the_place_of_what_was_armed(alarm: Alarm, bell: _Ringing) -> None:
    """There is one alarm at a time: the old one of a call that was extended never rings."""
    alarm.arm(DUE, delay_s=0.2)
    alarm.arm(LATER, delay_s=0.4)
    assert alarm.armed == (f"close:{LATER.isoformat()}",)
    assert bell.has_rung(1)
    assert [bell.rings, *alarm.armed] == [1]


def test_it_is_disarmed_by_arming_it_for_nothing(alarm: Alarm) -> None:
    """Where nothing waits for its instant, nothing is armed."""
    alarm.arm(DUE, delay_s=3600)
    alarm.arm(None)
    assert alarm.armed == ()


@pytest.mark.parametrize("delay_s", [0.0, -1.0, -86_400.0])
def test_nothing_is_armed_for_what_is_already_due(alarm: Alarm, delay_s: float) -> None:
    """Whoever arms has just looked; an alarm for the past would ring again and again."""
    alarm.arm(LATER, delay_s=3600)
    alarm.arm(DUE, delay_s=delay_s)
    assert alarm.armed == ()


def test_the_same_alarm_is_not_set_anew_at_every_look(alarm: Alarm) -> None:
    """The sweep arms every second; as long as nothing has moved, the alarm stays as it is."""
    alarm.arm(DUE, delay_s=3600)
    (before,) = _scheduler(alarm).get_jobs()
    alarm.arm(DUE, delay_s=3600)
    (after,) = _scheduler(alarm).get_jobs()
    assert after is before


def test_a_clock_that_was_put_right_moves_the_alarm(alarm: Alarm) -> None:
    """The same instant is armed anew when the clock says that it is nearer than was thought."""
    alarm.arm(DUE, delay_s=3600)
    (before,) = _scheduler(alarm).get_jobs()
    alarm.arm(DUE, delay_s=60)
    (after,) = _scheduler(alarm).get_jobs()
    assert before.next_run_time - after.next_run_time > timedelta(minutes=58)


def test_an_alarm_that_rang_a_little_early_is_set_again(alarm: Alarm, bell: _Ringing) -> None:
    """Where the sweep finds that there are some hundredths of a second left, it is woken for them too."""
    alarm.arm(DUE, delay_s=0.01)
    assert bell.has_rung(1)
    alarm.arm(DUE, delay_s=0.02)
    assert bell.has_rung(2)


def test_an_alarm_that_comes_too_late_still_rings(alarm: Alarm, bell: _Ringing) -> None:
    """A machine that was busy or asleep past the instant rings afterwards: no deadline is dropped."""
    _scheduler(alarm).pause()
    alarm.arm(DUE, delay_s=0.01)
    (job,) = _scheduler(alarm).get_jobs()
    an_hour_ago = job.next_run_time - timedelta(hours=1)
    job.modify(next_run_time=an_hour_ago)
    _scheduler(alarm).resume()
    assert bell.has_rung(1)


class _Broken(MemoryJobStore):  # type: ignore[misc]  # APScheduler has no types
    """A job store that fails where APScheduler does not expect it."""

    def get_next_run_time(self) -> datetime:
        raise ZeroDivisionError


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_scheduler_is_noticed_and_built_anew(
    alarm: Alarm, bell: _Ringing, caplog: pytest.LogCaptureFixture
) -> None:
    """A scheduler whose thread has died, though it says it runs, is replaced when the alarm is armed next."""
    dead = _scheduler(alarm)
    dead.add_jobstore(_Broken(), "broken")
    dead._thread.join(LONG_S)
    assert (dead.running, alarm.alive) == (True, False)
    alarm.arm(DUE, delay_s=0.01)
    assert alarm.alive
    assert bell.has_rung(1)
    assert [record.getMessage() for record in caplog.records] == ["alarm.rebuilt"]


def test_a_scheduler_that_somebody_shut_down_is_built_anew(alarm: Alarm, bell: _Ringing) -> None:
    """Neither arming nor stopping trips over a scheduler that is not running."""
    _scheduler(alarm).shutdown(wait=False)
    assert not alarm.alive
    alarm.arm(DUE, delay_s=0.01)
    assert bell.has_rung(1)


def test_starting_and_stopping_twice_is_harmless() -> None:
    """An alarm can be started and stopped more than once, and leaves no thread behind."""
    before = _threads()
    alarm = Alarm(lambda: None)
    alarm.stop()
    for _ in range(2):
        alarm.start()
        alarm.start()
        assert [alarm.alive, len(_threads()) - len(before)] == [True, 1]
        alarm.stop()
        alarm.stop()
        assert [alarm.alive, _threads()] == [False, before]


def test_an_alarm_that_is_not_started_is_not_armed(bell: _Ringing) -> None:
    """Arming starts no thread: not before the start, not after the stop."""
    before = _threads()
    alarm = Alarm(bell.ring)
    alarm.arm(DUE, delay_s=3600)
    alarm.start()
    alarm.stop()
    alarm.arm(DUE, delay_s=3600)
    assert [alarm.alive, alarm.armed, _threads()] == [False, (), before]


def test_an_alarm_that_is_stopped_as_it_rings_is_silent_about_it(caplog: pytest.LogCaptureFixture) -> None:
    """Stopping at the very instant at which it rings leaves no complaint in the log, and no traceback."""
    caplog.set_level(logging.DEBUG)
    for _ in range(50):
        bell = Bell()
        alarm = Alarm(bell.ring)
        alarm.start()
        alarm.arm(DUE, delay_s=0.0005)
        bell.wait(0, LONG_S)  # APScheduler is still busy with the job that has just rung
        alarm.stop()
        assert (bell.rings, alarm.alive, alarm.armed) == (1, False, ())
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_apscheduler_says_nothing_in_a_hosts_log(
    alarm: Alarm, bell: _Ringing, caplog: pytest.LogCaptureFixture
) -> None:
    """A host that logs all from INFO on does not hear of every alarm; nor are its own loggers touched."""
    caplog.set_level(logging.INFO)
    alarm.arm(DUE, delay_s=0.01)
    assert bell.has_rung(1)
    alarm.stop()
    assert caplog.records == []
    assert logging.getLogger("apscheduler").level == logging.NOTSET
    assert logging.getLogger("apscheduler.executors.default").level == logging.NOTSET


def test_what_it_rings_never_has_to_do_with_the_scheduler(alarm: Alarm) -> None:
    """The body of every job only rings the bell: a job that touches its scheduler can deadlock it."""
    alarm.arm(DUE, delay_s=3600)
    (job,) = _scheduler(alarm).get_jobs()
    assert (job.func, job.args, job.kwargs) == (alarm._ring, (), {})
    assert (job.misfire_grace_time, job.coalesce, job.max_instances) == (None, True, 1)


def _scheduler(alarm: Alarm) -> Any:
    clockwork = alarm._clockwork
    assert clockwork is not None
    return clockwork.scheduler
