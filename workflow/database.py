"""Where the rows are: an engine of our own or a host's, its pool, its file.

With `connection` and `driver` the one place that knows which database it is. Built for SQLite today; what
PostgreSQL does otherwise belongs into these three and nowhere else.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from os import fspath
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import PoolProxiedConnection, QueuePool, StaticPool
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from states.errors import BadInput
from workflow import files
from workflow.connection import LOCK_TIMEOUT_S, Connection
from workflow.driver import RAISED, translated
from workflow.errors import DatabaseReadOnly, DatabaseUnavailable, DatabaseUnopened, TransactionConflict


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
        #: The file, where there is one that is ours to make; absolute, wherever the process may move to.
        self.path: Path | None = None
        self._file: tuple[int, int] | None = None
        if isinstance(target, sqlalchemy.Engine):
            _require_sqlite(target.dialect.name)
            self.engine = target
        else:
            self.path = _file(target)
            self.engine = _own_engine(self.path, lock_timeout_s)
        self.dialect = self.engine.dialect
        # Such a pool lends its only connection to every thread at once, amid another's transaction.
        shared = isinstance(self.engine.pool, StaticPool)
        self._turn: AbstractContextManager[object] = threading.RLock() if shared else nullcontext()

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        """Lend a connection of the pool; whatever is not committed by the end is rolled back.

        Raises:
            DatabaseUnavailable: it cannot be opened, or none was free in time.
        """
        self._check_once()
        with self._pooled() as pooled:
            try:
                yield Connection(pooled, self.dialect, lock_timeout_s=self._lock_timeout_s)
            except DatabaseReadOnly:
                # It stays so for this connection, also when the file can be written again.
                if self.path is not None:
                    pooled.invalidate()
                raise

    @contextmanager
    def _pooled(self) -> Iterator[PoolProxiedConnection]:
        with self._turn:
            with self._translating():
                pooled = self.engine.raw_connection()
            try:
                self._require_same_file()
                yield pooled
            finally:
                pooled.close()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        """Turn what the driver and the pool raise into our errors."""
        try:
            yield
        except RAISED as exc:
            raise translated(exc, path=self.path) from exc
        except DBAPIError as exc:
            raise translated(exc.orig, path=self.path) from exc
        except PoolTimeoutError as exc:
            msg = "Every connection of the pool was busy for too long: try again."
            raise DatabaseUnavailable(msg) from exc

    def _require_same_file(self) -> None:
        """Pass only while the file that was opened first stands at its place.

        What is written to a file that was removed is lost, and SQLite says nothing in WAL mode.
        """
        if self.path is None:
            return
        found = files.identity(self.path)
        self._file = self._file or found
        if found is None or found != self._file:
            happened = "removed" if found is None else "replaced"
            msg = (
                f"{self.path} was {happened} while it was open: nothing more is written. "
                "Stop every program that uses it, put the right file there, and start again."
            )
            raise DatabaseUnopened(msg, path=fspath(self.path))

    def _check_once(self) -> None:
        if not self._checked:
            self._check(self)
            self._checked = True

    def of_session(self, session: Session) -> Connection:
        """Return the connection that a host's session works on.

        Raises:
            BadInput: it works on another database, or cannot be used at all.
            TransactionConflict: its transaction has failed and waits to be rolled back.
        """
        self._check_once()
        with self._translating():
            connection = _begun(session)
            _require_sqlite(connection.dialect.name)
            self._require_this_database(connection)
            return Connection(connection.connection, self.dialect)

    def _require_this_database(self, connection: sqlalchemy.Connection) -> None:
        """Pass only a host's connection to the database that we work on, by whichever engine of the host."""
        if connection.engine.pool is self.engine.pool:
            return
        theirs = _main_file(connection.connection)
        with self._pooled() as pooled:
            ours = _main_file(pooled)
        if not theirs or not ours or files.identity(Path(theirs)) != files.identity(Path(ours)):
            msg = f"The session works on another database ({theirs or 'in memory'}), not on {ours or 'ours'}."
            raise BadInput(msg, field="session")

    @contextmanager
    def core(self, *, check: bool = True) -> Iterator[sqlalchemy.Connection]:
        """Lend a connection for statements of varying shape, run by Core; reads only."""
        if check:
            self._check_once()
        with self._turn, self._translating(), self.engine.connect() as connection:
            self._require_same_file()
            yield connection

    def make_file(self) -> bool:
        """Create the database's file, readable for its owner alone; return whether it was missing.

        Raises:
            DatabaseUnopened: its folder does not exist or cannot be written.
        """
        if self.path is None:
            return False
        if self._file is not None:
            self._require_same_file()
        return files.make(self.path)

    def keep_a_log(self) -> None:
        """Switch the file to write-ahead logging, for good; a host's engine is left as it is."""
        if self._owned and self.path is not None:
            with self._pooled() as pooled:
                Connection(pooled, self.dialect, lock_timeout_s=self._lock_timeout_s).keep_a_log()

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
            self._file = None


def _file(url: str) -> Path | None:
    try:
        name = make_url(url).get_backend_name()
    except (ArgumentError, ValueError):
        msg = f"{url!r} is no database URL: give one such as sqlite:///eoi.db."
        raise BadInput(msg, field="db") from None
    _require_sqlite(name)
    return files.file_of(str(url))


def _begun(session: Session) -> sqlalchemy.Connection:
    try:
        return session.connection()
    except PendingRollbackError as exc:
        msg = "The host's transaction has failed: roll it back and try again."
        raise TransactionConflict(msg) from exc
    except InvalidRequestError as exc:
        msg = f"The session cannot be used: {exc.args[0]}"
        raise BadInput(msg, field="session") from exc


def _main_file(dbapi: PoolProxiedConnection) -> str:
    cursor = dbapi.cursor()
    cursor.execute("PRAGMA database_list")
    return next(str(file) for _, name, file in cursor.fetchall() if name == "main")


def _require_sqlite(name: str) -> None:
    if name != "sqlite":
        msg = f"This version stores in SQLite (sqlite:///eoi.db); {name} is not supported yet."
        raise BadInput(msg, field="db")


def _own_engine(path: Path | None, lock_timeout_s: float) -> sqlalchemy.Engine:
    """Build an engine whose connections never create a file, and begin no transaction of themselves.

    A database in memory lives in one connection, which everybody takes in turn.
    """
    name = ":memory:" if path is None else f"{path.as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            name, uri=path is not None, timeout=lock_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
        except RAISED:
            connection.close()
            raise
        return connection

    only_one: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if path is None else {}
    return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=QueuePool, **only_one)
