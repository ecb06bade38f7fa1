"""A connection to PostgreSQL: many writers at a time; who moves a call holds that call's lock."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg import Connection as Driver
from psycopg.pq import Format, TransactionStatus
from psycopg.rows import tuple_row
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from states.errors import EoiError
from workflow.connection import LOCK_TIMEOUT_S, SAVEPOINT, Connection, Write
from workflow.databases.postgres.driver import RAISED, translated
from workflow.databases.postgres.numbered import NumberedCursor
from workflow.databases.postgres.together import in_one_statement
from workflow.errors import CommitUnknown, Conflict, DatabaseUnavailable, TransactionConflict
from workflow.statements import Cursor, Prepared

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: Microseconds since then: a number has no DateStyle.
_NOW: Final = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_RUNS = (TransactionStatus.ACTIVE, TransactionStatus.INTRANS, TransactionStatus.INERROR)


class PostgresConnection(Connection):
    """One connection to a PostgreSQL database."""

    dialect = PGDialect_psycopg(paramstyle="format")  # type: ignore[no-untyped-call]  # SQLAlchemy's
    raised = RAISED
    #: Whether a transaction has begun that no `begin_write` has asked for yet.
    _begun = False
    #: Whether the host waits for locks for ever, and we do not.
    _waits_for_ever = False

    def __init__(self, dbapi: Any, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:  # noqa: ANN401 -- PEP 249
        """Wrap a DB-API connection, pooled or bare; a host's own settings of it change nothing here."""
        super().__init__(dbapi, lock_timeout_s=lock_timeout_s)
        self._plain: psycopg.Cursor = dbapi.cursor(row_factory=tuple_row)

    def _new_cursor(self) -> Cursor:
        # Rows are tuples, and instants are read whatever the DateStyle: psycopg knows their text in ISO only.
        factory = self._driver.cursor_factory
        if factory is psycopg.Cursor:
            ours = NumberedCursor(self._driver, row_factory=tuple_row)
            ours.format = Format.BINARY
            return ours
        binary = not issubclass(factory, psycopg.ClientCursor)  # which reads text alone
        theirs: Cursor = self._dbapi.cursor(binary=binary, row_factory=tuple_row)
        return theirs

    def translated(self, exc: BaseException) -> EoiError:
        """Return our error for what the driver raised."""
        return translated(exc)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction runs; False where the connection is broken, and the server undoes it."""
        return self._driver.info.transaction_status in _RUNS

    @property
    def is_broken(self) -> bool:
        """Whether the connection is gone; False once it was taken out of its pool for that."""
        driver: Driver | None = self._dbapi.driver_connection
        return driver is not None and driver.closed

    @property
    def _driver(self) -> Driver:
        driver: Driver = self._dbapi.driver_connection
        return driver

    def run_each(self, statement: Prepared, each: Sequence[Mapping[str, object]]) -> list[int]:
        """Run a statement once for each set of parameters, all in one trip to the server."""
        self.flush()
        if not each:
            return []
        try:
            with self._driver.pipeline():
                cursors = [self._dbapi.cursor() for _ in each]
                for cursor, parameters in zip(cursors, each, strict=True):
                    statement.run(cursor, self.dialect, dict(parameters))
        except self.raised as exc:
            raise self.translated(exc) from exc
        return [cursor.rowcount for cursor in cursors]

    def _run_together(self, waiting: Sequence[Write]) -> Sequence[int]:
        """Run statements that do not depend on one another, as one: all see what was there before it.

        Where what one of them was to change has changed, another one may be the first to notice: what that
        change has left, history above all, is in its way.
        """
        if len(waiting) == 1:
            return super()._run_together(waiting)
        together = in_one_statement(tuple(each.statement for each in waiting))
        try:
            return together.counts(self._cursor, self.dialect, [each.parameters for each in waiting])
        except self.raised as exc:
            error = self.translated(exc)
            overtaken = [each.else_raise for each in waiting if each.else_raise is not None]
            raise (overtaken[0] if overtaken and isinstance(error, Conflict) else error) from exc

    def begin_read(self) -> None:
        """Begin a transaction that sees one state of the database and writes nothing."""
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def begin_write(self, *, wait_s: float | None = None, one_state: bool = False) -> None:
        """Begin a transaction that writes; it locks what it touches, and nothing yet.

        Each statement sees what is committed when it begins, whatever the server's default may be: what is
        read after a lock must be what the lock protects.

        Args:
            wait_s: wait no longer than this for any lock, in seconds; None: as long as for any command.
            one_state: let all its statements see one state; what somebody else changes in it meanwhile ends
                it with `TransactionConflict`.
        """
        if self._begun and wait_s is None and not one_state:
            self._begun = False  # by `begin_and_read_time`, on these terms
            return
        if self._begun:
            self.rollback()
        self.execute(self._beginning(wait_s, "REPEATABLE READ" if one_state else "READ COMMITTED"))

    def begin_and_read_time(self) -> datetime:
        """Begin a transaction that writes, for `begin_write` to go on with; return the server's time."""
        time = self.server_time(f"{self._beginning()}; {_NOW}")
        self._begun = True
        return time

    def server_time(self, sql: str = _NOW) -> datetime:
        """Return the server's time, UTC: the last thing that `sql` asks for."""
        self.execute(sql)
        ((microseconds,),) = self._last_rows()
        return _EPOCH + timedelta(microseconds=microseconds)

    def _beginning(self, wait_s: float | None = None, level: str = "READ COMMITTED") -> str:
        wait_ms = self._wait_ms(wait_s)
        # Not READ WRITE: who makes a database or a role read-only by its default means us too.
        return f"BEGIN ISOLATION LEVEL {level}; SET LOCAL lock_timeout = {wait_ms}"

    def _last_rows(self) -> Sequence[Sequence[Any]]:
        """Return what the last of several commands has answered."""
        while self._plain.nextset():
            pass
        return self._plain.fetchall()

    def _wait_ms(self, wait_s: float | None = None) -> int:
        longest_s = self.lock_timeout_s if wait_s is None else min(wait_s, self.lock_timeout_s)
        return round(longest_s * 1000) or 1  # 0 would mean for ever

    def _say(self, sql: str) -> Cursor:
        # Never prepared: there may be several commands in it.
        return self._plain.execute(sql, prepare=False)

    def rollback(self) -> None:
        """End the transaction as if it had never been; harmless where none runs."""
        self._begun = False
        super().rollback()

    def join_write(self) -> None:
        """Make ready to write inside the transaction of a host; one that has failed says so itself."""
        if self._driver.info.transaction_status is TransactionStatus.IDLE and self._driver.autocommit:
            self.execute("BEGIN")

    def set_savepoint(self) -> None:
        """Mark the place in a host's transaction; wait for a lock no longer than any command of ours.

        A host that has set a time-out of its own keeps it.
        """
        self.execute(
            f"SAVEPOINT {SAVEPOINT}; SELECT CASE current_setting('lock_timeout') "
            f"WHEN '0' THEN set_config('lock_timeout', '{self._wait_ms()}', true) END IS NOT NULL"
        )
        ((self._waits_for_ever,),) = self._last_rows()

    def release_savepoint(self) -> None:
        """Let what was done since stand as part of the host's transaction, and the host wait as before."""
        before = "SET LOCAL lock_timeout = 0; " if self._waits_for_ever else ""
        self.execute(f"{before}RELEASE SAVEPOINT {SAVEPOINT}")

    def require_latest(self) -> None:
        """Pass only where each statement sees what is committed when it begins.

        Raises:
            TransactionConflict: the host's transaction is at another isolation level.
        """
        ((level,),) = self.ask("SHOW transaction_isolation")
        if level != "read committed":
            msg = f"The host's transaction is {level}: to close or cancel a call it must be read committed."
            raise TransactionConflict(msg)

    def hold_still(self, table: str) -> None:
        """Wait until nobody's transaction writes into `table`, and let none begin to before this one ends."""
        self.execute(f"LOCK TABLE {table} IN SHARE MODE")

    def commit(self) -> None:
        """End the transaction; from here on it is durable.

        Raises:
            CommitUnknown: the connection broke before the server's answer came.
        """
        self.flush()
        try:
            super().commit()
        except DatabaseUnavailable as exc:
            if not self.is_broken:
                raise
            raise CommitUnknown(driver=exc.facts["driver"], sqlstate=exc.facts["sqlstate"]) from exc
