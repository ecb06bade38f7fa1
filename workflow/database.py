"""Engines, pragmas, locks and driver errors: the one place that knows how a database behaves.

Built for SQLite today; what PostgreSQL does otherwise belongs here and nowhere else.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from os import fspath
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import sqlalchemy
from sqlalchemy import Dialect, PoolProxiedConnection, QueuePool
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from states.errors import BadInput, EoiError
from workflow import files
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
from workflow.statements import Cursor, Prepared, Unreadable

#: How long a writer waits for the write lock, in seconds.
LOCK_TIMEOUT_S: Final = 30.0
#: The longest that anybody may be made to wait, in seconds.
LONGEST_S: Final = 3600
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
# What the driver raises: its own errors; UnicodeDecodeError where a damaged file's text is no text;
# OverflowError and UnicodeEncodeError where a value cannot be stored.
_RAISED: Final = (sqlite3.Error, UnicodeError, OverflowError)

_BROKEN_REFERENCES: Final = (
    'SELECT broken."table", broken."rowid", broken.parent '
    "FROM sqlite_master AS ours JOIN pragma_foreign_key_check(ours.name) AS broken "
    "WHERE ours.type = 'table' AND ours.name GLOB 'eoi_*'"
)

P = ParamSpec("P")
V = TypeVar("V")


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
        except _RAISED as exc:
            raise translated(exc) from exc

    def rows(self, statement: Prepared, **parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows."""
        try:
            return statement.rows(self._cursor, self._dialect, parameters)
        except Unreadable as exc:
            raise DatabaseCorrupt from exc
        except _RAISED as exc:
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
        ((patience_ms,),) = self._ask("PRAGMA busy_timeout")
        self._execute("PRAGMA busy_timeout = 0")
        try:
            while not self._begun_immediate():
                if time.monotonic() > give_up_at:
                    raise DatabaseLocked(waited_s=self._lock_timeout_s)
                time.sleep(LOCK_PAUSE_S)
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
        """Switch the file to write-ahead logging: readers and the one writer do not wait for each other."""
        self._execute("PRAGMA journal_mode = WAL")

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
        except _RAISED as exc:
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
        except _RAISED as exc:
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
            BadInput: no URL, or one of a database that is not supported; a timeout that is none.
        """
        if not 0 <= lock_timeout_s <= LONGEST_S:
            msg = f"lock_timeout_s must be from 0 to {LONGEST_S} seconds, not {lock_timeout_s!r}."
            raise BadInput(msg, field="lock_timeout_s")
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
        except _RAISED as exc:
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
        with self._translating(), self.engine.connect() as connection:
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
            self._file = None


def from_row(build: Callable[P, V]) -> Callable[P, V]:
    """Let a function that builds views from rows say that the file is damaged, where none can be built."""

    @wraps(build)
    def view(*args: P.args, **kwargs: P.kwargs) -> V:
        try:
            return build(*args, **kwargs)
        except (KeyError, TypeError, ValueError) as exc:
            raise DatabaseCorrupt from exc

    return view


def translated(exc: BaseException | None, *, path: Path | None = None) -> EoiError:
    """Return our error for what a driver raised."""
    code = getattr(exc, "sqlite_errorcode", None)
    # What follows is the text of a row.
    driver = str(exc).partition(" with text ")[0]
    facts = {"driver": driver, "sqlite_code": code, "path": None if path is None else fspath(path)}
    if isinstance(exc, OverflowError | UnicodeEncodeError):
        return BadInput("A number or text in it cannot be stored.", **facts)
    if isinstance(exc, UnicodeDecodeError) or driver.startswith("Could not decode"):
        return DatabaseCorrupt(**facts)
    error = _BY_CODE.get(_primary(code), DatabaseUnavailable)
    return error(_message(error, driver, code, path), **facts)


def _primary(code: int | None) -> int:
    return (code or 0) & 0xFF


def _message(error: type[EoiError], driver: str, code: int | None, path: Path | None) -> str | None:
    """Return what says more than the error's own sentence; None where nothing does."""
    if error is DatabaseUnopened and path is not None:
        return _unopened(path)
    if error is DatabaseUnavailable and _primary(code) == sqlite3.SQLITE_IOERR:
        return f"The disk failed the database ({driver}): look at its room, its quota and its health."
    if error is DatabaseUnavailable:
        return f"The database failed: {driver}."
    if error is Conflict:
        return f"It collides with what is there: {driver}."
    return None


def _unopened(path: Path) -> str:
    if files.is_folder(path):
        return f"{path} is a folder, not a database file."
    if not files.exists(path) and files.exists(path.parent):
        return f"There is no database at {path}: `eoi db upgrade` (or engine.migrate()) makes one."
    return f"{path} cannot be opened: does its folder exist, and may this user write there?"


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
        except _RAISED:
            connection.close()
            raise
        return connection

    only_one: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if path is None else {}
    return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=QueuePool, **only_one)
