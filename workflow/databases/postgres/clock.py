"""The clock of the database, by which all its nodes agree."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

from workflow.connection import Connection


class DatabaseClock:
    """Tells the database's time; each look is a trip there."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection]]) -> None:
        """Ask through a connection that `connect` lends."""
        self._connect = connect

    def now(self) -> datetime:
        """Return the instant at which it was asked.

        What was spent waiting for a connection is taken off, so that nobody is later for it. What the
        question itself takes is not: nobody is earlier than they were.

        Raises:
            DatabaseUnavailable: it cannot be asked.
        """
        asked = time.monotonic()
        with self._connect() as connection:
            waited = timedelta(seconds=time.monotonic() - asked)
            return told_by(connection) - waited


def told_by(connection: Connection) -> datetime:
    """Return the database's time: the instant at which the question came in there."""
    ((at,),) = connection.ask("SELECT clock_timestamp()")
    now: datetime = at
    return now.astimezone(UTC)
