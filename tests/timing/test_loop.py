"""The bell, and the threads that take a step at each ring."""

import logging
import sys
import threading
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from scheduler.loop import Bell, Loop
from workflow import BadInput

LONG_S = 30.0
#: A period that no test lives to see the end of: where a loop takes a step, it heard a ring.
PERIOD_S = 3600.0


@contextmanager
def _running(step: Callable[[], object], bell: Bell, *, period_s: float = PERIOD_S) -> Iterator[Loop]:
    loop = Loop("sweep", step, bell=bell, period_s=period_s)
    loop.start()
    try:
        yield loop
    finally:
        loop.stop()


class _Steps:
    """A step that says when it is taken."""

    def __init__(self, *raising: BaseException) -> None:
        self.taken = 0
        self._raising = list(raising)
        self._changed = threading.Condition()

    def __call__(self) -> None:
        with self._changed:
            self.taken += 1
            self._changed.notify_all()
        if self._raising:
            raise self._raising.pop(0)

    def wait_for(self, count: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.taken >= count, LONG_S)


def test_a_ring_that_came_before_the_wait_is_not_lost() -> None:
    """Whoever was busy when the bell rang does not wait for the next ring."""
    bell = Bell()
    heard = bell.rings
    bell.ring()
    bell.wait(heard)  # without a limit: a lost ring would hang here
    assert bell.rings == heard + 1


def test_a_bell_that_does_not_ring_is_waited_for_no_longer_than_asked() -> None:
    """A wait with a limit ends without a ring."""
    bell = Bell()
    bell.wait(bell.rings, 0.001)
    assert bell.rings == 0


def test_one_ring_wakes_everybody() -> None:
    """Each of several threads that wait hears the same ring."""
    bell, awake = Bell(), list[int]()
    heard = bell.rings

    def wait() -> None:
        bell.wait(heard, LONG_S)
        awake.append(1)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    bell.ring()
    for thread in threads:
        thread.join(LONG_S)
    assert awake == [1, 1, 1, 1]


def test_a_ring_during_a_step_leads_to_another_step() -> None:
    """What is rung for while a step runs is seen by the next step, at once."""
    bell, inside, go_on = Bell(), threading.Event(), threading.Event()
    steps = _Steps()

    def step() -> None:
        steps()
        if steps.taken == 1:
            inside.set()
            go_on.wait(LONG_S)

    with _running(step, bell):
        assert inside.wait(LONG_S)
        bell.ring()
        go_on.set()
        assert steps.wait_for(2)


def test_a_step_is_taken_at_each_period_without_any_ring() -> None:
    """Where nobody rings, the loop looks by itself."""
    steps = _Steps()
    with _running(steps, Bell(), period_s=0.01):
        assert steps.wait_for(4)


class _Rests(Bell):
    """A bell that remembers how long was to be waited for it."""

    def __init__(self) -> None:
        super().__init__()
        self.rests_s = list[float | None]()

    def wait(self, heard: int, timeout_s: float | None = None) -> None:
        self.rests_s.append(timeout_s)
        super().wait(heard, timeout_s)


def test_a_step_that_takes_longer_than_a_period_is_followed_at_once() -> None:
    """What fell due while a step waited for somebody does not wait for a whole period besides."""
    bell, steps = _Rests(), _Steps()

    def step() -> None:
        if steps.taken == 0:
            time.sleep(0.02)  # longer than a period: the time it takes is what this is about
        steps()

    with _running(step, bell, period_s=0.01):
        assert steps.wait_for(2)
    assert bell.rests_s[0] == 0.0


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (BadInput("no"), "BadInput: What was given cannot be used."),
        (ZeroDivisionError("by 0"), "ZeroDivisionError: unexpected; the log says what it was."),
        (SystemExit(3), "SystemExit: unexpected; the log says what it was."),
        (CancelledError("late"), "CancelledError: unexpected; the log says what it was."),
    ],
)
def test_a_step_that_raises_is_logged_and_counted_and_the_loop_lives_on(
    raised: BaseException, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a step raises, even a hook's sys.exit() or cancelled task, the next step is taken."""
    bell, steps = Bell(), _Steps(raised)
    with caplog.at_level(logging.WARNING, "eoi.runner"), _running(steps, bell) as loop:
        assert steps.wait_for(1)
        for _ in range(20_000):
            if loop.last_error or not loop.alive:
                break
            bell.wait(bell.rings, 0.001)
        assert [loop.alive, loop.errors, loop.last_error] == [True, 1, said]
        bell.ring()
        assert steps.wait_for(2)
    assert [record.getMessage() for record in caplog.records] == ["runner.failed"]
    assert [loop.errors, loop.last_error] == [1, None]


def test_stopping_waits_for_the_step_that_runs() -> None:
    """When `stop` returns, no step runs any more, and none will."""
    bell, inside, go_on, ended = Bell(), threading.Event(), threading.Event(), []

    def step() -> None:
        inside.set()
        go_on.wait(LONG_S)
        ended.append(1)

    loop = Loop("pump", step, bell=bell, period_s=PERIOD_S)
    loop.start()
    assert inside.wait(LONG_S)
    stopper = threading.Thread(target=loop.stop)
    stopper.start()
    assert ended == []
    assert loop.alive
    go_on.set()
    stopper.join(LONG_S)
    assert (ended, loop.alive) == ([1], False)
    bell.ring()
    assert ended == [1]


def test_a_loop_can_be_started_again() -> None:
    """A stopped loop takes steps again after a new start."""
    bell, steps = Bell(), _Steps()
    loop = Loop("pump", steps, bell=bell, period_s=PERIOD_S)
    for count in (1, 2):
        loop.start()
        assert steps.wait_for(count)
        loop.stop()
    assert steps.taken == 2


def test_stopping_what_was_never_started_does_nothing() -> None:
    """A loop that never ran can be stopped, twice."""
    loop = Loop("pump", _Steps(), bell=Bell(), period_s=PERIOD_S)
    loop.stop()
    loop.stop()
    assert (loop.alive, loop.age_s) == (False, None)


def test_a_loop_is_fresh_from_its_start_and_after_each_step_that_went_well() -> None:
    """A thread that was just started is not yet late; one that was never started is."""
    bell = Bell()
    loop = Loop("pump", _Steps(BadInput("no")), bell=bell, period_s=0.0)
    assert not loop.is_fresh(LONG_S)
    loop.take_step()
    assert (loop.is_fresh(LONG_S), loop.age_s) == (False, None)
    loop.take_step()
    assert loop.is_fresh(LONG_S)
    assert not loop.is_fresh(-sys.float_info.min)


def test_a_loop_knows_its_own_thread() -> None:
    """Inside a step, and only there, the loop is where one is."""
    steps, seen = _Steps(), []

    def step() -> None:
        seen.append(loop.is_here)
        steps()

    loop = Loop("pump", step, bell=Bell(), period_s=PERIOD_S)
    loop.take_step()
    loop.start()
    assert steps.wait_for(2)
    loop.stop()
    assert seen == [False, True]
    assert not loop.is_here
