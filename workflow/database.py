"""Engines, pragmas, locks and driver errors: the one place that knows how a database behaves.

Built for SQLite today; what PostgreSQL does otherwise belongs here and nowhere else.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import fspath
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import Dialect, PoolProxiedConnection, QueuePool
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from states.errors import BadInput, EoiError
from workflow.errors import (
    Conflict,
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseUnavailable,
    DatabaseUnopened,
    TransactionConflict,
)
from workflow.statements import Cursor, Prepared

#: How long a writer waits for the write lock, in seconds.
LOCK_TIMEOUT_S: Final = 30.0
#: How long it pauses between two tries, in seconds. SQLite's own pauses grow to 100 ms, so that beside a
#: busy writer others waited over a second.
LOCK_PAUSE_S: Final = 0.001

#: SQLite's primary result codes (https://www.sqlite.org/rescode.html) and what they mean to us.
_BY_CODE: Final[dict[int, type[EoiError]]] = {
    sqlite3.SQLITE_BUSY: DatabaseLocked,
    sqlite3.SQLITE_LOCKED: DatabaseLocked,
    sqlite3.SQLITE_READONLY: DatabaseReadOnly,
    sqlite3.SQLITE_CORRUPT: DatabaseCorrupt,
    sqlite3.SQLITE_FULL: DatabaseFull,
    sqlite3.SQLITE_CANTOPEN: DatabaseUnopened,
    sqlite3.SQLITE_NOTADB: DatabaseForeign,
    sqlite3.SQLITE_CONSTRAINT: Conflict,
}

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
        except sqlite3.Error as exc:
            raise translated(exc) from exc

    def rows(self, statement: Prepared, **parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows."""
        try:
            return statement.rows(self._cursor, self._dialect, parameters)
        except sqlite3.Error as exc:
            raise translated(exc) from exc

    def row(self, statement: Prepared, **parameters: object) -> tuple[Any, ...] | None:
        """Run a statement; return its first row, if there is one."""
        rows = self.rows(statement, **parameters)
        return rows[0] if rows else None

    def begin_read(self) -> None:
        """Begin a transaction that sees one state of the database and takes no write lock."""
        self._execute("BEGIN")

    def begin_write(self) -> None:
        """Begin a transaction that holds the write lock from its first instant.

        Raises:
            DatabaseLocked: somebody else held it for too long.
        """
        give_up_at = time.monotonic() + self._lock_timeout_s
        self._execute("PRAGMA busy_timeout = 0")
        try:
            while not self._begun_immediate():
                if time.monotonic() > give_up_at:
                    raise DatabaseLocked(waited_s=self._lock_timeout_s)
                time.sleep(LOCK_PAUSE_S)
        finally:
            self._execute(f"PRAGMA busy_timeout = {int(LOCK_TIMEOUT_S * 1000)}")

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

    def undo_to_savepoint(self) -> None:
        """Undo what was done since the savepoint, and leave the host's own work alone."""
        self._execute("ROLLBACK TO SAVEPOINT eoi_command")
        self.release_savepoint()

    def commit(self) -> None:
        """End the transaction; from here on it is durable."""
        self._execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction as if it had never been; harmless where none runs."""
        if self._dbapi.driver_connection.in_transaction:
            self._execute("ROLLBACK")

    def keep_a_log(self) -> None:
        """Switch the file to write-ahead logging: readers and the one writer do not wait for each other."""
        self._execute("PRAGMA journal_mode = WAL")

    def damage(self) -> list[str]:
        """Return what SQLite finds wrong with the file's pages, and with the references of our tables."""
        pages = [str(line) for (line,) in self._ask("PRAGMA quick_check") if line != "ok"]
        return pages or [
            f"{table}: row {row} refers to a row of {parent} that is not there."
            for table, row, parent in self._ask(_BROKEN_REFERENCES)
        ]

    def _ask(self, sql: str) -> Sequence[Sequence[Any]]:
        try:
            self._cursor.execute(sql)
            return self._cursor.fetchall()
        except sqlite3.Error as exc:
            raise translated(exc) from exc

    def _begun_immediate(self) -> bool:
        try:
            self._execute("BEGIN IMMEDIATE")
        except DatabaseLocked:
            return False
        return True

    def _execute(self, sql: str) -> None:
        try:
            self._cursor.execute(sql)
        except sqlite3.Error as exc:
            raise translated(exc) from exc


class Database:
    """Where the rows are: a URL's database, or a host's own SQLAlchemy engine."""

    def __init__(
        self,
        target: str | sqlalchemy.Engine,
        *,
        check: Callable[["Database"], None],
        lock_timeout_s: float = LOCK_TIMEOUT_S,
    ) -> None:
        """Prepare a pool; nothing is opened yet.

        Args:
            target: a URL (`sqlite:///eoi.db`, `sqlite://` for memory), or a host's engine, on which
                nothing is changed: no listener, no pragma.
            check: called once, before the first use; it raises where the tables are not what we need.
            lock_timeout_s: how long a writer waits for the write lock, in seconds.

        Raises:
            BadInput: no URL, or one of a database that is not supported.
        """
        self._check = check
        self._checked = False
        self._lock_timeout_s = lock_timeout_s
        self._owned = isinstance(target, str)
        #: The file, where there is one that is ours to make.
        self.path: Path | None = None
        if isinstance(target, sqlalchemy.Engine):
            _require_sqlite(target.dialect.name)
            self.engine = target
        else:
            url = _url(target)
            self.path = Path(url.database) if url.database not in (None, "", ":memory:") else None
            self.engine = _own_engine(self.path)
        self.dialect = self.engine.dialect

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Lend a connection of the pool; whatever is not committed by the end is rolled back.

        Raises:
            DatabaseUnavailable: it cannot be opened, or none was free in time.
        """
        self._check_once()
        with self._pooled() as pooled:
            yield Connection(pooled, self.dialect, lock_timeout_s=self._lock_timeout_s)

    @contextmanager
    def _pooled(self) -> Iterator[PoolProxiedConnection]:
        try:
            pooled = self.engine.raw_connection()
        except sqlite3.Error as exc:
            raise translated(exc, path=self.path) from exc
        except DBAPIError as exc:
            raise translated(exc.orig, path=self.path) from exc
        except PoolTimeoutError as exc:
            msg = "Every connection of the pool was busy for too long: try again."
            raise DatabaseUnavailable(msg) from exc
        try:
            yield pooled
        finally:
            pooled.close()

    def _check_once(self) -> None:
        if not self._checked:
            self._check(self)
            self._checked = True

    def of_session(self, session: Session) -> Connection:
        """Return the connection that a host's session works on."""
        self._check_once()
        return Connection(session.connection().connection, self.dialect)

    @contextmanager
    def core(self, *, check: bool = True) -> Iterator[sqlalchemy.Connection]:
        """Lend a connection for statements of varying shape, run by Core; reads only."""
        if check:
            self._check_once()
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as exc:
            raise translated(exc.orig, path=self.path) from exc
        except sqlite3.Error as exc:
            raise translated(exc, path=self.path) from exc

    def make_file(self) -> bool:
        """Create the database's file, readable for its owner alone; return whether it was missing.

        Raises:
            DatabaseUnopened: its folder does not exist or cannot be written.
        """
        if self.path is None or self.path.exists():
            return False
        try:
            self.path.touch(mode=0o600, exist_ok=True)
        except OSError as exc:
            msg = f"{self.path} cannot be made: {exc.strerror}."
            raise DatabaseUnopened(msg, path=fspath(self.path)) from exc
        return True

    def keep_a_log(self) -> None:
        """Switch the file to write-ahead logging, for good; a host's engine is left as it is."""
        if self._owned and self.path is not None:
            with self._pooled() as pooled:
                Connection(pooled, self.dialect).keep_a_log()

    def begin_migration(self, connection: sqlalchemy.Connection) -> None:
        """Take the write lock for the whole migration: all of it is done, or none of it.

        SQLite's DDL is transactional, and its driver begins no transaction for DDL by itself.
        """
        pooled = connection.connection
        Connection(pooled, self.dialect, lock_timeout_s=self._lock_timeout_s).begin_write()

    def damage(self) -> list[str]:
        """Return what the database finds wrong with its own pages and with our references; empty is well.

        Asks SQLite's `quick_check`, and `foreign_key_check` of our tables alone; reads the whole file.

        Raises:
            DatabaseUnavailable: it cannot even be asked; `DatabaseCorrupt` where the damage is the reason.
        """
        with self._pooled() as pooled:
            return Connection(pooled, self.dialect).damage()

    def close(self) -> None:
        """Close the pool of a database that we opened; a host's engine is the host's to close."""
        if self._owned:
            self.engine.dispose()


def translated(exc: BaseException | None, *, path: Path | None = None) -> EoiError:
    """Return our error for a driver's."""
    code = getattr(exc, "sqlite_errorcode", None)
    error = _BY_CODE.get((code or 0) & 0xFF, DatabaseUnavailable)
    facts = {"driver": str(exc), "sqlite_code": code, "path": None if path is None else fspath(path)}
    if error is DatabaseUnopened and path is not None and not path.exists():
        msg = f"There is no database at {path}: `eoi db upgrade` (or engine.migrate()) makes one."
        return DatabaseUnopened(msg, **facts)
    if error is DatabaseUnavailable:
        return DatabaseUnavailable(f"The database failed: {exc}.", **facts)
    if error is Conflict:
        return Conflict(f"It collides with what is there: {exc}.", **facts)
    return error(**facts)


def _url(target: str) -> URL:
    try:
        url = make_url(target)
    except ArgumentError:
        msg = f"{target!r} is no database URL: give one such as sqlite:///eoi.db."
        raise BadInput(msg, field="db") from None
    _require_sqlite(url.get_backend_name())
    return url


def _require_sqlite(name: str) -> None:
    if name != "sqlite":
        msg = f"This version stores in SQLite (sqlite:///eoi.db); {name} is not supported yet."
        raise BadInput(msg, field="db")


def _own_engine(path: Path | None) -> sqlalchemy.Engine:
    """Build an engine whose connections never create a file, and begin no transaction of themselves.

    A database in memory lives in one connection, which everybody takes in turn.
    """
    # Opened from wherever the process may have moved to: a relative path means the folder it started in.
    name = ":memory:" if path is None else f"file:{quote(fspath(path.absolute()))}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            name, uri=path is not None, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    only_one: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if path is None else {}
    return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=QueuePool, **only_one)
