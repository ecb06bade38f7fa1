"""The clock of the database, by which all its nodes agree."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import cast

from workflow.connection import Connection
from workflow.databases.postgres.connection import PostgresConnection


class DatabaseClock:
    """Tells the database's time; see `SharedClock`."""

    def __init__(self, connect: Callable[[], AbstractContextManager[Connection]]) -> None:
        """Ask through a connection that `connect` lends, where there is none yet."""
        self._connect = connect

    def now(self) -> datetime:
        """Return the instant at which it was asked, UTC; a trip to the database.

        Raises:
            DatabaseUnavailable: it cannot be asked.
        """
        since_s = time.monotonic()
        with self._connect() as connection:
            return self.read(connection, since_s)

    def read(self, connection: Connection, since_s: float) -> datetime:
        """Return the instant that it was at `since_s` of this machine's monotonic clock, UTC."""
        waited = timedelta(seconds=time.monotonic() - since_s)
        return cast("PostgresConnection", connection).server_time() - waited

    def begin(self, connection: Connection, since_s: float) -> datetime:
        """Begin a transaction that writes, and return that instant; all in one trip."""
        waited = timedelta(seconds=time.monotonic() - since_s)
        return cast("PostgresConnection", connection).begin_and_read_time() - waited
