"""Threads that carry out what waits: fair to each lane, and no more of them than it needs.

To a quick receiver one thread sends more than sixteen do, who take the interpreter's lock from one another;
to a slow one, sixteen send sixteen times as much. So there is one thread at first, and more where something
has waited. Threads that have nothing to do end.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Final, Generic, NamedTuple, TypeVar

from workflow.log import get_log

T = TypeVar("T")

#: How long something waits before more threads are started for it, in seconds.
PATIENCE_S: Final = 0.05
#: Threads that compute for this part of the time or more, all together, are left to themselves: another one
#: would only take the interpreter's lock from them.
COMPUTING: Final = 0.4
#: How long a thread waits for something to do, in seconds, before it ends.
IDLE_S: Final = 1.0

_log = get_log("pump")


class Lane(NamedTuple):
    """What is done for one receiver; no lane holds another one up."""

    key: Hashable
    #: How many are under way at once; None: as many as there are threads.
    most: int | None = None


class _Task(NamedTuple, Generic[T]):
    """What waits to be done."""

    lane: Lane
    do: Callable[[], T]
    future: "Future[T]"
    since_s: float
    #: Until when it must have been begun, on the monotonic clock.
    begin_by_s: float


class Workers(Generic[T]):
    """At most so many threads; who submits, and who waits for what has ended, may be any thread."""

    def __init__(self, most: int, *, name: str, computed_s: Callable[[], float] = time.thread_time) -> None:
        """Prepare; no thread runs before there is something to do.

        Args:
            most: how many threads there are at the most.
            name: what they are called.
            computed_s: tells how long the present thread has computed, in seconds.
        """
        self._most = most
        self._name = name
        self._thread_time = computed_s
        self._lock = threading.Lock()
        self._submitted = threading.Condition(self._lock)
        self._finished = threading.Condition(self._lock)
        self._lanes: dict[Lane, deque[_Task[T]]] = {}
        self._under_way = Counter[Lane]()
        self._threads = set[threading.Thread]()
        self._ended = 0
        self._gathered = 0
        #: How many must have ended for whoever gathers to be woken: each time costs a turn of the lock.
        self._wanted = math.inf
        #: Since when, on the monotonic clock, the threads have computed for how long, in seconds.
        self._since_s = -math.inf
        self._computed_s = 0.0
        self._dismissed = False
        #: How many wait for a thread.
        self.waiting = 0

    def submit(self, lane: Lane, do: Callable[[], T], *, begin_by_s: float = math.inf) -> "Future[T]":
        """Let a thread do it; next is always the lane with the least under way, of those with room.

        Args:
            lane: what it belongs to; one that hangs holds no other one up while there are threads left.
            do: what to do.
            begin_by_s: what has not begun by then, on the monotonic clock, may be withdrawn.
        """
        task = _Task(lane, do, Future[T](), time.monotonic(), begin_by_s)
        with self._lock:
            self._dismissed = False
            if not self.waiting and not self._under_way:
                self._look_anew(task.since_s)
            is_new = lane not in self._lanes and not self._under_way[lane]
            needs_thread = is_new and self._free() <= self._ready() and len(self._threads) < self._most
            self._lanes.setdefault(lane, deque()).append(task)
            self.waiting += 1
            self._submitted.notify()
            if needs_thread:
                self._start()
        return task.future

    def withdraw(self) -> int:
        """Cancel what should have begun by now and has not; return how many. Takes no thread."""
        with self._lock:
            now_s = time.monotonic()
            late = [task for lane in self._lanes.values() for task in lane if task.begin_by_s <= now_s]
            for task in late:
                self._lanes[task.lane].remove(task)
                if not self._lanes[task.lane]:
                    del self._lanes[task.lane]
            self.waiting -= len(late)
        for task in late:
            task.future.cancel()
        return len(late)

    def grow(self) -> None:
        """Start as many threads again as there are, where something has waited for too long for others."""
        with self._lock:
            ready, now_s = self._ready(), time.monotonic()
            if self._free() >= ready or now_s - self._since_s <= PATIENCE_S:
                return
            oldest_s = min(tasks[0].since_s for lane, tasks in self._lanes.items() if self._room(lane))
            computing = self._computed_s / (now_s - self._since_s)
            self._look_anew(now_s)
            if now_s - oldest_s > PATIENCE_S and computing < COMPUTING:
                there = len(self._threads)
                for _ in range(min(max(1, there), self._most - there, ready)):
                    self._start()

    def gather(self, enough: int, *, within_s: float) -> None:
        """While something waits for a thread, wait until so many have ended since the last time.

        Args:
            enough: how many.
            within_s: wait no longer than this, in seconds.
        """
        give_up_at = time.monotonic() + within_s
        with self._lock:
            self._wanted = self._gathered + enough
            while self.waiting and self._ended < self._wanted:
                left_s = give_up_at - time.monotonic()
                if left_s <= 0:
                    break
                self._finished.wait(left_s)
            self._gathered, self._wanted = self._ended, math.inf

    def dismiss(self) -> None:
        """Cancel what waits, and let the threads go; come back when those are gone that do nothing."""
        with self._lock:
            self._dismissed = True
            left = [task for lane in self._lanes.values() for task in lane]
            self._lanes.clear()
            self.waiting = 0
            before = set(self._threads)
            self._submitted.notify_all()
            self._finished.wait_for(lambda: self._free() <= 0)
            gone = before - self._threads
        for thread in gone:
            thread.join()
        for task in left:
            task.future.cancel()

    def _look_anew(self, now_s: float) -> None:
        self._since_s, self._computed_s = now_s, 0.0

    def _free(self) -> int:
        """Return how many threads carry nothing out."""
        return len(self._threads) - self._under_way.total()

    def _room(self, lane: Lane) -> int:
        """Return how many more of a lane may be under way."""
        return self._most if lane.most is None else max(0, lane.most - self._under_way[lane])

    def _ready(self) -> int:
        """Return how many wait for nothing but a thread."""
        return sum(min(len(tasks), self._room(lane)) for lane, tasks in self._lanes.items())

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as exc:  # the machine has none left: those that there are go on
            _log.warning("workers.no-thread", threads=len(self._threads), why=str(exc))
            return
        self._threads.add(thread)

    def _work(self) -> None:
        while (task := self._next()) is not None:
            begun_s = self._thread_time()
            if task.future.set_running_or_notify_cancel():
                _carry_out(task)
            with self._lock:
                self._computed_s += self._thread_time() - begun_s
                self._under_way[task.lane] -= 1
                self._under_way += Counter()  # lanes in which nothing is under way are none
                self._ended += 1
                if self._ended >= self._wanted or not self.waiting:
                    self._finished.notify_all()

    def _next(self) -> "_Task[T] | None":
        """Return what is next; None where there is nothing, and the thread is to end."""
        with self._lock:
            self._submitted.wait_for(lambda: self._ready() or self._dismissed, IDLE_S)
            if not self._ready():
                self._threads.discard(threading.current_thread())
                self._finished.notify_all()
                return None
            lane = min(filter(self._room, self._lanes), key=lambda each: self._under_way[each])
            task = self._lanes[lane].popleft()
            if not self._lanes[lane]:
                del self._lanes[lane]
            self.waiting -= 1
            self._under_way[lane] += 1
            return task


def _carry_out(task: _Task[T]) -> None:
    try:
        result = task.do()
    except BaseException as exc:  # noqa: BLE001 -- whoever waits for the future is told, whatever it is
        task.future.set_exception(exc)
    else:
        task.future.set_result(result)
