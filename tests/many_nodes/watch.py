"""Looks at the bare rows all the time, by a clock of its own: when was each call closed?"""

import threading
from datetime import datetime, timedelta
from typing import Self

from tests.clock import now
from tests.databases.raw import RawDatabase

#: How long it rests between two looks, in seconds.
PERIOD_S = 0.02


class Watch:
    """Notes of each call when it was last seen open, and when it was first seen closed."""

    def __init__(self, database: RawDatabase) -> None:
        """Look at this database while it is used in a `with`."""
        self._database = database
        #: Call -> when the last look began that found it open.
        self.open_at: dict[str, datetime] = {}
        #: Call -> when the first look ended that found it closed.
        self.closed_at: dict[str, datetime] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def late_s(self, call_id: str, due: datetime) -> tuple[float, float]:
        """Return how long after `due` it was closed, at least and at the most, in seconds."""
        least, most = self.open_at[call_id] - due, self.closed_at[call_id] - due
        return least / timedelta(seconds=1), most / timedelta(seconds=1)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        with self._database.shell() as ask:
            while not self._stop.wait(PERIOD_S):
                before = now()
                found = ask("SELECT id, state FROM eoi_call")
                after = now()
                for call_id, state in found:
                    if state == "open":
                        self.open_at[call_id] = before
                    else:
                        self.closed_at.setdefault(call_id, after)
