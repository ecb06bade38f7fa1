"""A connection to PostgreSQL: many writers at a time; who moves a call holds that call's lock."""

from collections.abc import Mapping, Sequence

from psycopg import Connection as Driver
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from states.errors import EoiError
from workflow.connection import Connection
from workflow.databases.postgres.driver import RAISED, translated
from workflow.errors import CommitUnknown, ConnectionLost, TransactionConflict
from workflow.statements import Prepared

_RUNS = (TransactionStatus.ACTIVE, TransactionStatus.INTRANS, TransactionStatus.INERROR)


class PostgresConnection(Connection):
    """One connection to a PostgreSQL database."""

    dialect = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    raised = RAISED

    def translated(self, exc: BaseException) -> EoiError:
        """Return our error for what the driver raised."""
        return translated(exc)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction runs; False where the connection is broken, and the server undoes it."""
        return self._driver.info.transaction_status in _RUNS

    @property
    def _driver(self) -> Driver:
        driver: Driver = self._dbapi.driver_connection
        return driver

    def run_each(self, statement: Prepared, each: Sequence[Mapping[str, object]]) -> list[int]:
        """Run a statement once for each set of parameters, all in one trip to the server."""
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
        level = "REPEATABLE READ" if one_state else "READ COMMITTED"
        longest_s = self._lock_timeout_s if wait_s is None else min(wait_s, self._lock_timeout_s)
        wait_ms = round(longest_s * 1000) or 1  # 0 would mean for ever
        self.execute(f"BEGIN ISOLATION LEVEL {level} READ WRITE; SET LOCAL lock_timeout = {wait_ms}")

    def join_write(self) -> None:
        """Make ready to write inside the transaction of a host.

        Raises:
            TransactionConflict: a statement of that transaction has failed.
        """
        status = self._driver.info.transaction_status
        if status is TransactionStatus.INERROR:
            msg = "The host's transaction has failed: roll it back and try again."
            raise TransactionConflict(msg)
        if status is TransactionStatus.IDLE and self._driver.autocommit:
            self.execute("BEGIN")

    def require_writable(self) -> None:
        """Pass only where this may write: no standby, no session that only reads."""
        self.execute("UPDATE eoi_call SET version = version WHERE NULL")

    def hold_still(self, table: str) -> None:
        """Wait until nobody's transaction writes into `table`, and let none begin to before this one ends."""
        self.execute(f"LOCK TABLE {table} IN SHARE MODE")

    def commit(self) -> None:
        """End the transaction; from here on it is durable.

        Raises:
            CommitUnknown: the connection broke before the server's answer came.
        """
        try:
            super().commit()
        except ConnectionLost as exc:
            raise CommitUnknown(driver=exc.facts["driver"]) from exc
