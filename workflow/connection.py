"""One connection: its statements, its transactions, its locks. What SQLite wants of them stands here."""

import time
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Dialect

from workflow.driver import RAISED, translated
from workflow.errors import DatabaseCorrupt, DatabaseLocked, TransactionConflict
from workflow.statements import Cursor, Prepared, Unreadable

#: How long a writer waits for the write lock, in seconds.
LOCK_TIMEOUT_S: Final = 30.0
#: How long it pauses between two tries, in seconds. SQLite's own pauses grow to 100 ms, so that beside a
#: busy writer others waited over a second.
LOCK_PAUSE_S: Final = 0.001

_BROKEN_REFERENCES: Final = (
    'SELECT broken."table", broken."rowid", broken.parent '
    "FROM sqlite_master AS ours JOIN pragma_foreign_key_check(ours.name) AS broken "
    "WHERE ours.type = 'table' AND ours.name GLOB 'eoi_*'"
)


class Connection:
    """One connection of the pool, or of a host's session, that runs prepared statements."""

    def __init__(self, dbapi: Any, dialect: Dialect, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:  # noqa: ANN401 -- PEP 249
        """Wrap a DB-API connection, pooled or bare."""
        self._dbapi = dbapi
        self._cursor: Cursor = dbapi.cursor()
        self._dialect = dialect
        self._lock_timeout_s = lock_timeout_s

    def run(self, statement: Prepared, **parameters: object) -> int:
        """Run a statement; return how many rows it changed."""
        try:
            return statement.run(self._cursor, self._dialect, parameters)
        except RAISED as exc:
            raise translated(exc) from exc

    def rows(self, statement: Prepared, **parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows."""
        try:
            return statement.rows(self._cursor, self._dialect, parameters)
        except Unreadable as exc:
            raise DatabaseCorrupt from exc
        except RAISED as exc:
            raise translated(exc) from exc

    def row(self, statement: Prepared, **parameters: object) -> tuple[Any, ...] | None:
        """Run a statement; return its first row, if there is one."""
        rows = self.rows(statement, **parameters)
        return rows[0] if rows else None

    def begin_read(self) -> None:
        """Begin a transaction that sees one state of the database and takes no write lock."""
        self._execute("BEGIN")

    def begin_write(self, *, wait_s: float | None = None) -> None:
        """Begin a transaction that holds the write lock from its first instant.

        Args:
            wait_s: wait no longer than this for the lock, in seconds; None: as long as for any command.

        Raises:
            DatabaseLocked: somebody else held it for too long.
        """
        longest_s = self._lock_timeout_s if wait_s is None else min(wait_s, self._lock_timeout_s)
        ((patience_ms,),) = self._ask("PRAGMA busy_timeout")
        self._execute("PRAGMA busy_timeout = 0")
        try:
            self._insist("BEGIN IMMEDIATE", longest_s)
        finally:
            self._execute(f"PRAGMA busy_timeout = {patience_ms}")

    def join_write(self) -> None:
        """Take the write lock inside the transaction of a host, at once or not at all.

        Raises:
            TransactionConflict: the host's transaction began with a read, and somebody wrote since;
                or another program holds the lock.
        """
        try:
            if self._dbapi.driver_connection.in_transaction:
                self._execute("UPDATE eoi_call SET version = version WHERE NULL")
            else:
                self._execute("BEGIN IMMEDIATE")
        except DatabaseLocked as exc:
            raise TransactionConflict from exc

    def set_savepoint(self) -> None:
        """Mark the place in a host's transaction to which a refusal goes back."""
        self._execute("SAVEPOINT eoi_command")

    def release_savepoint(self) -> None:
        """Let what was done since the savepoint stand as part of the host's transaction."""
        self._execute("RELEASE SAVEPOINT eoi_command")

    def undo_to_savepoint(self) -> bool:
        """Undo what was done since the savepoint, and leave the host's own work alone.

        Returns:
            Whether there is a transaction left; a disk that is full or fails makes SQLite undo all of it.
        """
        if not self._dbapi.driver_connection.in_transaction:
            return False
        self._execute("ROLLBACK TO SAVEPOINT eoi_command")
        self.release_savepoint()
        return True

    def commit(self) -> None:
        """End the transaction; from here on it is durable."""
        self._execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction as if it had never been; harmless where none runs."""
        if self._dbapi.driver_connection.in_transaction:
            self._execute("ROLLBACK")

    def keep_a_log(self) -> None:
        """Switch the file to write-ahead logging: readers and the one writer do not wait for each other.

        SQLite itself does not wait here where two do it at once.

        Raises:
            DatabaseLocked: somebody else held the file for too long.
        """
        self._insist("PRAGMA journal_mode = WAL", self._lock_timeout_s)

    def damage(self) -> list[str]:
        """Return what SQLite finds wrong with the file's pages, and with the references of our tables."""
        lines = [line for (text,) in self._ask("PRAGMA quick_check") for line in str(text).splitlines()]
        return [line for line in lines if line != "ok" and not line.startswith("***")] or [
            f"{table}: row {row} refers to a row of {parent} that is not there."
            for table, row, parent in self._ask(_BROKEN_REFERENCES)
        ]

    def _ask(self, sql: str) -> Sequence[Sequence[Any]]:
        try:
            self._cursor.execute(sql)
            return self._cursor.fetchall()
        except RAISED as exc:
            raise translated(exc) from exc

    def _insist(self, sql: str, longest_s: float) -> None:
        """Run what needs a lock, again and again until it is had."""
        give_up_at = time.monotonic() + longest_s
        while not self._had(sql):
            if time.monotonic() > give_up_at:
                raise DatabaseLocked(waited_s=longest_s)
            time.sleep(LOCK_PAUSE_S)

    def _had(self, sql: str) -> bool:
        try:
            self._execute(sql)
        except DatabaseLocked:
            return False
        return True

    def _execute(self, sql: str) -> None:
        try:
            self._cursor.execute(sql)
        except RAISED as exc:
            raise translated(exc) from exc
