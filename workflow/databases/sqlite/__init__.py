"""SQLite: one file, or memory."""

import sqlite3
from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from os import fspath
from pathlib import Path
from typing import Any, Final, Self

import sqlalchemy
from sqlalchemy import PoolProxiedConnection, QueuePool, inspect, text

from states.errors import EoiError
from workflow.database import Check, Database
from workflow.databases.sqlite import files
from workflow.databases.sqlite.backup import backup
from workflow.databases.sqlite.connection import SqliteConnection
from workflow.databases.sqlite.driver import RAISED, translated
from workflow.databases.sqlite.line import Line
from workflow.errors import DatabaseReadOnly, DatabaseUnavailable, DatabaseUnopened

_STANDING: Final = text(
    "SELECT type || ' ' || name, sql FROM sqlite_master "
    "WHERE type IN ('index', 'trigger') AND tbl_name GLOB 'eoi_*' AND sql IS NOT NULL"
)


class SqliteDatabase(Database):
    """A SQLite database: a file of ours, memory, or a host's engine."""

    name = "sqlite"
    connection = SqliteConnection
    _file: files.Identity | None = None
    #: Where our threads wait for the write lock. On a host's engine there is none: it may be in use on both
    #: sides of a fork, and a line would be taken along with whoever stood in it.
    _line: Line | None = None

    @classmethod
    def at(cls, url: str, *, check: Check, lock_timeout_s: float, pool_size: int) -> Self:
        """Return the database that a URL names.

        Raises:
            BadInput: no such URL.
        """
        path = files.file_of(url)
        engine = _own_engine(
            path,
            lock_timeout_s,
            pool_size,
            look=lambda: database._look_at_file(),  # noqa: PLW0108 -- it is made in the next line
        )
        database = cls(engine, owned=True, check=check, lock_timeout_s=lock_timeout_s)
        database.path, database._line = path, Line()
        return database

    def is_there(self) -> bool:
        """Return whether its file is there, where it is one of ours."""
        return self.path is None or files.exists(self.path)

    def make_file(self) -> None:
        """Create the database's file where it is missing, readable for its owner alone.

        Raises:
            DatabaseUnopened: its folder does not exist or cannot be written.
        """
        if self.path is None:
            return
        if self._file is not None:
            self._require_still_there(self.path)
        files.make(self.path)

    def prepare(self) -> None:
        """Switch the file to write-ahead logging, for good; a host's engine is left as it is."""
        if self.owned and self.path is not None:
            with self._pooled() as pooled:
                SqliteConnection(pooled, lock_timeout_s=self.lock_timeout_s).keep_a_log()

    def begin_migration(self, connection: sqlalchemy.Connection, *, wait_s: float) -> None:  # noqa: ARG002 -- it has the whole database
        """Take the write lock for the whole migration.

        SQLite's DDL is transactional, and its driver begins no transaction for DDL by itself; a host's
        listener may.
        """
        connection.begin()
        ours = SqliteConnection(connection.connection, lock_timeout_s=self.lock_timeout_s)
        ours.begin_or_join_write()

    @contextmanager
    def rehearsal(self) -> Iterator[sqlalchemy.Connection]:
        """Lend a connection to a database in memory, where nothing is yet."""
        engine = _own_engine(None, self.lock_timeout_s, 1, look=_pass)
        try:
            with engine.connect() as connection:
                self.begin_migration(connection, wait_s=self.lock_timeout_s)
                yield connection
        finally:
            engine.dispose()

    def standing(self, connection: sqlalchemy.Connection) -> Mapping[str, str]:
        """Return the indexes, triggers and CHECKs of our tables, each with its whole text."""
        found = {name: " ".join(sql.split()) for name, sql in connection.execute(_STANDING)}
        inspector = inspect(connection)
        for table in inspector.get_table_names():
            if table.startswith("eoi_"):
                for check in inspector.get_check_constraints(table):
                    found[f"check {table}.{check['name']}"] = " ".join(check["sqltext"].split())
        return found

    def damage(self) -> list[str]:
        """Return what the database finds wrong with its own pages and with our references; empty is well.

        Asks SQLite's `quick_check`, and `foreign_key_check` of our tables alone; reads the whole file.
        """
        with self._pooled() as pooled:
            return SqliteConnection(pooled).damage()

    def backup(self, to: Path) -> None:
        """Copy the database into a new file, readable for its owner alone, while others work with it.

        The copy is one state of the database, whole and checked, or it is not there.

        Raises:
            BadInput: there is something at that place already.
            DatabaseUnavailable: it could not be written; `DatabaseCorrupt` where the database is damaged.
        """
        with self._pooled() as pooled:
            backup(pooled.driver_connection, to)

    def close(self) -> None:
        """Close the pool of a database that we opened, and forget which file it was."""
        super().close()
        if self.owned:
            self._file = None

    def _wrapped(self, dbapi: PoolProxiedConnection) -> SqliteConnection:
        return SqliteConnection(dbapi, lock_timeout_s=self.lock_timeout_s, line=self._line)

    def _translated(self, exc: BaseException | None) -> EoiError:
        return translated(exc, path=self.path)

    def _place(self, dbapi: PoolProxiedConnection) -> Hashable:
        file = _main_file(dbapi)
        return files.identity(Path(file)) if file else None

    def _look_before_use(self, dbapi: PoolProxiedConnection) -> None:
        """Pass only while the file that was opened (by a host: on this connection) stands at its place.

        What is written to a file that was removed is lost, and SQLite says nothing in WAL mode.
        """
        if self.path is not None:
            self._require_still_there(self.path)
        elif not self.owned and (file := _opened(dbapi)) is not None:
            _require_still(*file)

    def _look_at_file(self) -> None:
        """Pass only while one of our connections may be opened at its place."""
        if self.path is not None:
            files.require_no_orphan(self.path)
            if self._file is not None:
                _require_still(self.path, self._file)

    def _require_still_there(self, path: Path) -> None:
        self._file = self._file or files.identity(path)
        _require_still(path, self._file)

    def _learn(self, exc: DatabaseUnavailable, pooled: PoolProxiedConnection) -> None:
        if isinstance(exc, DatabaseReadOnly) and self.path is not None:
            self._forget(pooled)  # It stays so for this connection, also when the file can be written again.


def _require_still(path: Path, opened: files.Identity | None) -> None:
    found = files.identity(path)
    if found is None or found != opened:
        happened, then = ("removed", "put it back") if found is None else ("replaced", "look which is right")
        msg = (
            f"{path} was {happened} while it was open: nothing more is written. Stop every program that uses "
            f"it, {then} (a file's -wal and -shm go wherever it goes), and start again."
        )
        raise DatabaseUnopened(msg, path=fspath(path))


def _opened(dbapi: PoolProxiedConnection) -> tuple[Path, files.Identity | None] | None:
    """Return which file a host's connection has open, looked at when it was first met; None: memory."""
    if "eoi_file" not in dbapi.info:
        file = _main_file(dbapi)
        identity = files.identity(Path(file)) if file else None  # None: memory, also by SQLite's memdb
        dbapi.info["eoi_file"] = (Path(file), identity) if identity else None
    found: tuple[Path, files.Identity | None] | None = dbapi.info["eoi_file"]
    return found


def _main_file(dbapi: PoolProxiedConnection) -> str:
    cursor = dbapi.cursor()
    cursor.execute("PRAGMA database_list")
    return next(str(file) for _, name, file in cursor.fetchall() if name == "main")


def _own_engine(
    path: Path | None, lock_timeout_s: float, pool_size: int, *, look: Callable[[], None]
) -> sqlalchemy.Engine:
    """Build an engine whose connections never create a file, and begin no transaction of themselves.

    A database in memory lives in one connection, which everybody takes in turn.

    Args:
        path: the file; None: memory.
        lock_timeout_s: how long a writer waits for a lock, in seconds.
        pool_size: how many connections there may be.
        look: raises where the file at its place is not ours. Asked before one is opened, for beside a log of
            ours SQLite would take another file for the one it belongs to; and after that, before anything is
            read by it: what had been opened just then would stay another file's when ours is back.
    """
    name = ":memory:" if path is None else f"{path.as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        look()
        connection = sqlite3.connect(
            name, uri=path is not None, timeout=lock_timeout_s, isolation_level=None, check_same_thread=False
        )
        try:
            look()
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
        except (*RAISED, EoiError):
            connection.close()
            raise
        return connection

    size = 1 if path is None else pool_size
    terms: dict[str, Any] = {"pool_size": size, "max_overflow": 0}
    return sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=QueuePool, **terms)


def _pass() -> None:
    """Find nothing: memory is nobody else's."""
