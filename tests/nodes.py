"""Other nodes on one database, and whether they wait for somebody: no sleep, no chance."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final

import pytest

from tests.databases.raw import RawDatabase
from tests.deadline.wire import SlowEngine
from workflow import Engine
from workflow.testing import FrozenClock

#: How long a thread may take to get anywhere, in milliseconds; it takes a few.
PATIENCE_MS: Final = 30_000
_WAITING: Final = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


class Nodes:
    """Other nodes, each with a thread of its own, of which one can see that they wait for somebody."""

    def __init__(self, database: RawDatabase, clock: FrozenClock, pool: ThreadPoolExecutor) -> None:
        self._database, self._clock, self._pool = database, clock, pool
        self._trying: list[tuple[Future[Any], threading.Event]] = []

    def start(self, do: Callable[[Engine], Any]) -> Future[Any]:
        """Let another node do something; return when it waits for a lock, or has not had to."""
        trying = threading.Event()

        def work() -> object:
            with SlowEngine(self._database, self._clock) as engine:
                engine.wire.before_lock = trying.set
                return do(engine)

        future = self._pool.submit(work)
        self._trying.append((future, trying))
        for _ in range(PATIENCE_MS):
            if future.done() or self._all_wait():
                return future
            wait([future], 0.001)  # No server tells when somebody begins to wait: it is looked for.
        pytest.fail("A node neither waits nor comes to an end.")

    def _all_wait(self) -> bool:
        still = [trying for future, trying in self._trying if not future.done()]
        if self._database.name == "sqlite":
            return all(trying.is_set() for trying in still)
        return len(self._database.ask(_WAITING)) == len(still)
