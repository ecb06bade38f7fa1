"""The threads that couriers work in: as many as are needed, fair to each receiver, gone in the end."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from functools import partial

import pytest

from scheduler.workers import PATIENCE_S, Lane, Workers

LONG_S = 20.0


class Held:
    """A task that stays under way until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.let_go = threading.Event()

    def __call__(self) -> str:
        """Wait, and return the thread's name."""
        self.begun.set()
        assert self.let_go.wait(LONG_S)
        return threading.current_thread().name


@pytest.fixture
def workers() -> Iterator[Workers[str]]:
    """Return workers of whom there are three at the most."""
    workers = Workers[str](3, name="worker")
    yield workers
    workers.dismiss()


def noted(order: list[str], lane: str) -> str:
    """Note whose turn it was."""
    order.append(lane)
    return lane


def spin(for_s: float) -> None:
    """Let the clock move on."""
    give_up_at = time.monotonic() + for_s
    while time.monotonic() <= give_up_at:
        pass


def _threads() -> int:
    return sum(each.name == "worker" for each in threading.enumerate())


def test_one_thread_does_for_a_quick_receiver(workers: Workers[str]) -> None:
    """However many wait: a second thread would only take the interpreter's lock from the first."""
    futures = [workers.submit(Lane("a"), lambda: str(threading.get_ident())) for _ in range(100)]
    assert len({future.result(LONG_S) for future in futures}) == 1


def test_who_has_waited_gets_more_threads_up_to_the_limit(workers: Workers[str]) -> None:
    """A slow receiver is sent several at a time, and never more than was said."""
    tasks = [Held() for _ in range(5)]
    for task in tasks:
        workers.submit(Lane("a"), task)
    while sum(task.begun.is_set() for task in tasks) < 3:
        workers.grow()
    workers.grow()
    assert ([task.begun.is_set() for task in tasks], workers.waiting) == ([True] * 3 + [False] * 2, 2)
    assert _threads() == 3
    for task in tasks:
        task.let_go.set()


def test_threads_that_compute_get_no_help() -> None:
    """Another one would only take the interpreter's lock from them; once they wait for others, it comes."""
    workers = Workers[str](3, name="worker", computed_s=lambda: 1e9 * time.monotonic())
    first, second, third = tasks = [Held() for _ in range(3)]
    futures = [workers.submit(Lane("a"), task) for task in tasks]
    first.let_go.set()
    assert second.begun.wait(LONG_S)
    spin(PATIENCE_S)
    workers.grow()
    assert _threads() == 1
    while not third.begun.is_set():
        workers.grow()
    for task in tasks:
        task.let_go.set()
    wait(futures, LONG_S)
    workers.dismiss()


def test_a_receiver_that_hangs_holds_no_other_one_up(workers: Workers[str]) -> None:
    """Each has a thread of its own at once, whatever another one's have to wait for."""
    slow, more = Held(), Held()
    hanging = [workers.submit(Lane("a"), slow), workers.submit(Lane("a"), more)]
    assert slow.begun.wait(LONG_S)
    assert workers.submit(Lane("b"), lambda: "quick").result(LONG_S) == "quick"
    assert workers.submit(Lane("c"), lambda: "quick").result(LONG_S) == "quick"
    slow.let_go.set()
    more.let_go.set()
    wait(hanging, LONG_S)


def test_the_lane_with_the_least_under_way_is_next() -> None:
    """What waits for a receiver that is at work already comes after what waits for another."""
    workers, first, order = Workers[str](2, name="worker"), Held(), list[str]()
    futures = [workers.submit(Lane("a"), first)]
    assert first.begun.wait(LONG_S)
    gate = Held()
    futures += [workers.submit(Lane("b"), gate)]
    assert gate.begun.wait(LONG_S)
    futures += [workers.submit(Lane(lane), partial(noted, order, lane)) for lane in ("a", "c")]
    gate.let_go.set()
    wait(futures[2:], LONG_S)
    first.let_go.set()
    wait(futures, LONG_S)
    assert order == ["c", "a"]
    workers.dismiss()


def test_what_a_task_raises_is_told_where_it_is_waited_for(workers: Workers[str]) -> None:
    """The thread goes on with the next one."""

    def fail() -> str:
        raise SystemExit(3)

    failed = workers.submit(Lane("a"), fail)
    assert workers.submit(Lane("a"), lambda: "next").result(LONG_S) == "next"
    assert isinstance(failed.exception(LONG_S), SystemExit)


def test_dismissed_workers_are_gone_and_leave_what_is_under_way(workers: Workers[str]) -> None:
    """What had not begun is cancelled; what had is let be; and they can be used again."""
    task = Held()
    under_way, waiting = workers.submit(Lane("a"), task), workers.submit(Lane("a"), lambda: "never")
    assert task.begun.wait(LONG_S)
    workers.dismiss()
    assert (waiting.cancelled(), under_way.done(), workers.waiting) == (True, False, 0)
    task.let_go.set()
    assert under_way.result(LONG_S) == "worker"
    workers.dismiss()
    assert _threads() == 0
    assert workers.submit(Lane("a"), lambda: "again").result(LONG_S) == "again"


def test_results_are_gathered_while_others_wait(workers: Workers[str]) -> None:
    """Who writes them down waits for so many, as long as threads have enough to do; and else for none."""
    gate = Held()
    futures = [workers.submit(Lane("a"), lambda: "quick") for _ in range(3)]
    held = workers.submit(Lane("a"), gate)
    left = workers.submit(Lane("a"), lambda: "left")
    begun_s = time.monotonic()
    workers.gather(3, within_s=LONG_S)
    assert time.monotonic() - begun_s < LONG_S
    assert [future.done() for future in (*futures, left)] == [True, True, True, False]
    workers.gather(1, within_s=0.01)
    assert not left.done()
    gate.let_go.set()
    wait([held, left], LONG_S)
    workers.gather(100, within_s=LONG_S)
    assert workers.waiting == 0


def test_a_machine_without_threads_to_spare_holds_up_and_loses_nothing(
    workers: Workers[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that could not be started is not waited for; the next look starts one, and all is done."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "worker":
            msg = "can't start new thread"
            raise RuntimeError(msg)
        start(thread)

    with monkeypatch.context() as machine:
        machine.setattr(threading.Thread, "start", refuse)
        future = workers.submit(Lane("a"), lambda: "done")
    stranded = workers.submit(Lane("a"), lambda: "done as well")
    assert not future.done()
    while not future.done():
        workers.grow()
    assert (future.result(LONG_S), stranded.result(LONG_S)) == ("done", "done as well")


def test_dismissing_waits_for_no_thread_that_never_was(
    workers: Workers[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What no thread could be started for is cancelled, and nobody waits for ever."""

    def refuse(_: threading.Thread) -> None:
        msg = "can't start new thread"
        raise RuntimeError(msg)

    with monkeypatch.context() as machine:
        machine.setattr(threading.Thread, "start", refuse)
        future = workers.submit(Lane("a"), lambda: "done")
    workers.dismiss()
    assert future.cancelled()


def test_what_has_waited_too_long_is_withdrawn_without_a_thread(workers: Workers[str]) -> None:
    """Whoever hangs holds every thread; what should have begun by now is given back all the same."""
    tasks = [Held() for _ in range(3)]
    under_way = [workers.submit(Lane(lane), task) for lane, task in zip("abc", tasks, strict=True)]
    assert all(task.begun.wait(LONG_S) for task in tasks)
    late = [workers.submit(Lane(lane), lambda: "never", begin_by_s=0.0) for lane in "abd"]
    waits = workers.submit(Lane("a"), lambda: "in the end")
    assert (workers.withdraw(), workers.withdraw(), workers.waiting) == (3, 0, 1)
    assert [future.cancelled() for future in (*late, waits)] == [True] * 3 + [False]
    for task in tasks:
        task.let_go.set()
    assert {future.result(LONG_S) for future in under_way} == {"worker"}
    assert waits.result(LONG_S) == "in the end"
