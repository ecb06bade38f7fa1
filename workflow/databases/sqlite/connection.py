"""A connection to SQLite: one writer at a time, who has the whole database."""

import sqlite3
from typing import Any, Final

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from states.errors import EoiError
from workflow.connection import LOCK_TIMEOUT_S, Connection
from workflow.databases.sqlite.driver import RAISED, translated
from workflow.databases.sqlite.line import Line
from workflow.errors import DatabaseLocked, TransactionConflict

_BROKEN_REFERENCES: Final = (
    'SELECT broken."table", broken."rowid", broken.parent '
    "FROM sqlite_master AS ours JOIN pragma_foreign_key_check(ours.name) AS broken "
    "WHERE ours.type = 'table' AND ours.name GLOB 'eoi_*'"
)

#: Who says that it waits no longer than this for the lock does not stand in line for it, in seconds: a sweep.
BESIDE_S: Final = 1.0


class SqliteConnection(Connection):
    """One connection to a SQLite database."""

    dialect = SQLiteDialect_pysqlite()
    raised = RAISED

    def __init__(
        self,
        dbapi: Any,  # noqa: ANN401 -- PEP 249
        *,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
        line: Line | None = None,
    ) -> None:
        """Wrap a DB-API connection, pooled or bare.

        Args:
            dbapi: the connection.
            lock_timeout_s: how long a command waits for a lock, in seconds.
            line: where other threads wait for the same write lock.
        """
        super().__init__(dbapi, lock_timeout_s=lock_timeout_s)
        self._line = line or Line()

    def translated(self, exc: BaseException) -> EoiError:
        """Return our error for what the driver raised."""
        return translated(exc)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction runs; a disk that is full or fails makes SQLite undo all of it."""
        driver: sqlite3.Connection = self._dbapi.driver_connection
        return driver.in_transaction

    def begin_read(self) -> None:
        """Begin a transaction that sees one state of the database and takes no write lock."""
        self.execute("BEGIN")

    def begin_write(self, *, wait_s: float | None = None, one_state: bool = False) -> None:  # noqa: ARG002 -- it always sees one
        """Begin a transaction that holds the write lock from its first instant.

        Args:
            wait_s: wait no longer than this for the lock, in seconds; None: as long as for any command.
            one_state: no matter; there is no other.

        Raises:
            DatabaseLocked: somebody else held it for too long.
        """
        longest_s = self.lock_timeout_s if wait_s is None else min(wait_s, self.lock_timeout_s)
        ((patience_ms,),) = self.ask("PRAGMA busy_timeout")
        self.execute("PRAGMA busy_timeout = 0")
        try:
            self._insist("BEGIN IMMEDIATE", longest_s, beside=wait_s is not None and wait_s <= BESIDE_S)
        finally:
            self.execute(f"PRAGMA busy_timeout = {patience_ms}")

    def begin_or_join_write(self) -> None:
        """Take the write lock, in the transaction that runs where one does; no table need be there for it."""
        if not self.in_transaction:
            self.begin_write()
            return
        ((version,),) = self.ask("PRAGMA user_version")
        self.execute(f"PRAGMA user_version = {version}")

    def join_write(self) -> None:
        """Take the write lock inside the transaction of a host, at once or not at all.

        Raises:
            TransactionConflict: the host's transaction began with a read, and somebody wrote since;
                or another program holds the lock.
        """
        try:
            if self.in_transaction:
                self.execute("UPDATE eoi_call SET version = version WHERE NULL")
            else:
                self.execute("BEGIN IMMEDIATE")
        except DatabaseLocked as exc:
            raise TransactionConflict from exc

    def require_latest(self) -> None:
        """Do nothing: who has the write lock sees the latest state."""

    def hold_still(self, table: str) -> None:
        """Do nothing: who writes has the whole database."""

    def keep_a_log(self) -> None:
        """Switch the file to write-ahead logging: readers and the one writer do not wait for each other.

        SQLite itself does not wait here where two do it at once.

        Raises:
            DatabaseLocked: somebody else held the file for too long.
        """
        self._insist("PRAGMA journal_mode = WAL", self.lock_timeout_s)

    def damage(self) -> list[str]:
        """Return what SQLite finds wrong with the file's pages, and with the references of our tables."""
        lines = [line for (text,) in self.ask("PRAGMA quick_check") for line in str(text).splitlines()]
        return [line for line in lines if line != "ok" and not line.startswith("***")] or [
            f"{table}: row {row} refers to a row of {parent} that is not there."
            for table, row, parent in self.ask(_BROKEN_REFERENCES)
        ]

    def commit(self) -> None:
        """End the transaction; from here on it is durable."""
        try:
            super().commit()
        finally:
            self._line.call()

    def rollback(self) -> None:
        """End the transaction as if it had never been; harmless where none runs."""
        try:
            super().rollback()
        finally:
            self._line.call()

    def cut(self) -> None:
        """End it without a word, as the death of its process does.

        While anybody holds a statement of it, as an exception does that nobody has dropped yet, SQLite closes
        it by name alone, and its lock stays: so the transaction is ended before.
        """
        if self._dbapi.is_valid and self.in_transaction:
            self._say("ROLLBACK")
        super().cut()
        self._line.call()

    def _insist(self, sql: str, longest_s: float, *, beside: bool = False) -> None:
        """Run what needs a lock, again and again until it is had."""
        wait = self._line.ask_beside if beside else self._line.wait
        if not wait(lambda: self._had(sql), longest_s):
            raise DatabaseLocked(waited_s=longest_s)

    def _had(self, sql: str) -> bool:
        try:
            self.execute(sql)
        except DatabaseLocked:
            return False
        return True
