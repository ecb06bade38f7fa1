"""Where the rows are: an engine of our own or a host's, and its pool.

What the two databases do differently stands in `databases`, and nowhere else.
"""

import math
import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Protocol, Self

import sqlalchemy
from sqlalchemy import PoolProxiedConnection, StaticPool
from sqlalchemy.exc import DBAPIError, InvalidRequestError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from states.errors import BadInput, EoiError
from workflow.connection import Connection
from workflow.errors import DatabaseUnavailable, TransactionConflict
from workflow.ports import Clock


class SharedClock(Clock, Protocol):
    """The database's own clock, by which all nodes agree."""

    def read(self, connection: Connection, since_s: float) -> datetime:
        """Return the instant that it was at `since_s` of this machine's monotonic clock, UTC.

        What has passed since, until it is asked, is taken off: to wait for a connection makes nobody late.
        What the question itself takes is not: nobody is earlier than they were.
        """
        ...

    def begin(self, connection: Connection, since_s: float) -> datetime:
        """Begin a transaction that writes, and return that instant; all in one trip."""
        ...


class Check(Protocol):
    """Raises where a database's tables are not what we need."""

    def __call__(self, database: "Database", connection: sqlalchemy.Connection | None = None, /) -> None:
        """Look, by this connection where one is given."""
        ...


class Between(Protocol):
    """Stands between a connection and whoever it is lent to."""

    def __call__(self, connection: Connection, session: Session | None, /) -> Connection:
        """Return what is lent in its place; `session`: the host's, where it is that one's connection."""
        ...


class Database(ABC):
    """Where the rows are: a URL's database, or a host's own SQLAlchemy engine."""

    #: The name by which SQLAlchemy knows such a database.
    name: ClassVar[str]
    #: How its connections behave.
    connection: ClassVar[type[Connection]]
    #: The file, where there is one that is ours to make; absolute, wherever the process may move to.
    path: Path | None = None
    #: When a connection was last found to be of no use, on this machine's monotonic clock.
    _forgot_at_s = -math.inf
    #: The process that has opened the pool's connections; None: there are none yet.
    _used_by: int | None = None

    def __init__(
        self,
        engine: sqlalchemy.Engine,
        *,
        owned: bool,
        check: Check,
        lock_timeout_s: float,
    ) -> None:
        """Work on an engine's pool; nothing is opened yet.

        Args:
            engine: whose pool; a host's is left as it is: no listener, no setting that outlasts a loan.
            owned: whether it is ours, to be closed by us.
            check: called once, before the first use; it raises where the tables are not what we need.
            lock_timeout_s: how long a writer waits for a lock, in seconds.
        """
        self.engine = engine
        self.owned = owned
        self._check = check
        self._checked = False
        #: How long a command waits for a lock, in seconds.
        self.lock_timeout_s = lock_timeout_s
        # Such a pool lends its only connection to every thread at once, amid another's transaction.
        shared = isinstance(engine.pool, StaticPool)
        self._turn: AbstractContextManager[object] = threading.RLock() if shared else nullcontext()
        #: What each connection goes through on its way out: the test kit cuts it there.
        self.between: Between = _nothing_between

    @classmethod
    @abstractmethod
    def at(cls, url: str, *, check: Check, lock_timeout_s: float, pool_size: int) -> Self:
        """Return the database that a URL names.

        Raises:
            BadInput: no URL of ours, or another driver than ours.
        """

    @classmethod
    def of_host(cls, engine: sqlalchemy.Engine, *, check: Check, lock_timeout_s: float) -> Self:
        """Return the database of a host's engine.

        Raises:
            BadInput: it works by another driver than ours.
        """
        return cls(engine, owned=False, check=check, lock_timeout_s=lock_timeout_s)

    @contextmanager
    def connect(self, *, check: bool = True) -> Iterator[Connection]:
        """Lend a connection of the pool; whatever is not committed by the end is rolled back.

        Raises:
            DatabaseUnavailable: it cannot be opened, or none was free in time.
        """
        if check:
            self.check_once()
        with self._pooled() as pooled:
            try:
                yield self.between(self._wrapped(pooled), None)
            except DatabaseUnavailable as exc:
                self._learn(exc, pooled)
                raise

    @contextmanager
    def core(self, *, check: bool = True) -> Iterator[sqlalchemy.Connection]:
        """Lend a connection to Core, for what is not prepared: the schema and its migrations."""
        if check:
            self.check_once()
        self._require_same_process()
        with self._turn, self._translating(), self.engine.connect() as connection:
            self._look_before_use(connection.connection)
            yield connection

    def of_session(self, session: Session) -> Connection:
        """Return the connection that a host's session works on.

        Raises:
            BadInput: it works on another database, or cannot be used at all.
            TransactionConflict: its transaction has failed and waits to be rolled back.
        """
        with self._translating():
            connection = _begun(session)
            if connection.dialect.name != self.name:
                msg = f"The session works on {connection.dialect.name}, and the engine on {self.name}."
                raise BadInput(msg, field="session")
            self._require_this_database(connection)
            self._look_before_use(connection.connection)
            wrapped = self._wrapped(connection.connection)
            # By the host's own connection: its pool may have no other, or what the host holds bar it.
            if not self._checked:
                with suppress(DatabaseUnavailable):  # no table of ours: the look says so
                    wrapped.join_write()  # the write lock first, else what is looked at is soon a stale state
                self.check_once(connection)
            return self.between(wrapped, session)

    def clock(self) -> SharedClock | None:
        """Return the clock that all nodes on this database share; None: each machine has its own."""
        return None

    def is_there(self) -> bool:
        """Return whether there is anything to connect to, as far as can be seen without trying."""
        return True

    def outlives_us(self) -> bool:
        """Return whether what is committed is still there when this process is gone."""
        with self._pooled() as pooled:
            return self._place(pooled) is not None

    def make_file(self) -> None:  # noqa: B027 -- nothing to do where it is none
        """Make the database's file, where it is one and is missing."""

    def prepare(self) -> None:  # noqa: B027 -- as `make_file`
        """Set for good how the database works, where it is ours, before its first tables are made."""

    @abstractmethod
    def begin_migration(self, connection: sqlalchemy.Connection, *, wait_s: float) -> None:
        """Begin a transaction in which nobody else migrates: all of it is done, or none of it.

        Args:
            connection: fresh from `core`.
            wait_s: wait no longer than this for a table that others use, in seconds.
        """

    @abstractmethod
    def rehearsal(self) -> AbstractContextManager[sqlalchemy.Connection]:
        """Lend a connection on which the tables can be made beside the real ones; nothing of it stays."""

    @abstractmethod
    def standing(self, connection: sqlalchemy.Connection) -> Mapping[str, str]:
        """Return what this connection finds of ours beside what Alembic looks at: name -> what it is."""

    @abstractmethod
    def damage(self) -> list[str]:
        """Return what the database finds wrong with what it stores of ours; empty is well.

        Raises:
            DatabaseUnavailable: it cannot even be asked; `DatabaseCorrupt` where the damage is the reason.
        """

    def risks(self) -> list[str]:
        """Return by which setting what is acknowledged may be lost; empty is well.

        Raises:
            DatabaseUnavailable: it cannot be asked.
        """
        return []

    @abstractmethod
    def backup(self, to: Path) -> None:
        """Copy the database into a new file, while others go on working with it.

        Raises:
            BadInput: there is something at that place already, or this database is backed up otherwise.
            DatabaseUnavailable: the copy could not be written; nothing is left of it.
        """

    def close(self) -> None:
        """Close the pool of a database that we opened; a host's engine is the host's to close."""
        if self.owned:
            self.engine.dispose(close=self._used_by == os.getpid())  # else a fork's parent goes on with it
            self._used_by = None

    def check_once(self, connection: sqlalchemy.Connection | None = None) -> None:
        """Look at the tables before the first use; by this connection, where one is given."""
        if not self._checked:
            self._check(self, connection)
            self._checked = True

    @abstractmethod
    def _translated(self, exc: BaseException | None) -> EoiError:
        """Return our error for what the driver raised while a connection was opened or used by Core."""

    @abstractmethod
    def _place(self, dbapi: PoolProxiedConnection) -> Hashable:
        """Return what says which database a connection works on; None where nothing can."""

    def _look_before_use(self, dbapi: PoolProxiedConnection) -> None:  # noqa: B027 -- as `make_file`
        """Raise where the database is no longer the one that was opened."""

    def _learn(self, exc: DatabaseUnavailable, pooled: PoolProxiedConnection) -> None:  # noqa: B027 -- as `make_file`
        """Take a connection out of the pool that is of no use after such an error."""

    def _wrapped(self, dbapi: PoolProxiedConnection) -> Connection:
        return self.connection(dbapi, lock_timeout_s=self.lock_timeout_s)

    @contextmanager
    def _pooled(self) -> Iterator[PoolProxiedConnection]:
        with self._turn:
            pooled = self._lent()
            try:
                self._look_before_use(pooled)
                yield pooled
            finally:
                pooled.close()

    def _lent(self) -> PoolProxiedConnection:
        """Take a connection out of the pool; of ours, one younger than the last that was forgotten."""
        self._require_same_process()
        while True:
            with self._translating():
                pooled = self.engine.raw_connection()
            since_s = pooled.info.setdefault("eoi_since_s", time.monotonic())
            if not self.owned or since_s >= self._forgot_at_s:
                return pooled
            pooled.invalidate()

    def _require_same_process(self) -> None:
        """Pass only where our pool was not taken along by a fork: two processes would talk at once.

        Raises:
            DatabaseUnavailable: it was.
        """
        here = os.getpid()
        if not self.owned or self._used_by in (None, here):
            self._used_by = here
            return
        msg = "This engine was in use before the process forked: build one in each process, after the fork."
        raise DatabaseUnavailable(msg)

    def _forget(self, pooled: PoolProxiedConnection) -> None:
        """Take a connection that is of no use out of the pool; what happened to it happened to older ones."""
        self._forgot_at_s = time.monotonic()
        if pooled.is_valid:
            pooled.invalidate()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        """Turn what the driver and the pool raise into our errors."""
        try:
            yield
        except self.connection.raised as exc:
            raise self._translated(exc) from exc
        except DBAPIError as exc:
            raise self._translated(exc.orig) from exc
        except PoolTimeoutError as exc:
            msg = "Every connection of the pool was busy for too long: try again."
            raise DatabaseUnavailable(msg) from exc

    def _require_this_database(self, connection: sqlalchemy.Connection) -> None:
        """Pass only a host's connection to the database that we work on, by whichever engine of the host."""
        if connection.engine.pool is self.engine.pool:
            return
        theirs = self._place(connection.connection)
        with self._pooled() as pooled:
            ours = self._place(pooled)
        if theirs is None or theirs != ours:
            msg = "The session works on another database than the engine."
            raise BadInput(msg, field="session")


def _nothing_between(connection: Connection, _: Session | None) -> Connection:
    return connection


def _begun(session: Session) -> sqlalchemy.Connection:
    try:
        if session.get_bind().dialect.is_async:
            msg = "The session works by an asynchronous driver: open a synchronous one, in a thread."
            raise BadInput(msg, field="session")
        return session.connection()
    except PendingRollbackError as exc:
        msg = "The host's transaction has failed: roll it back and try again."
        raise TransactionConflict(msg) from exc
    except InvalidRequestError as exc:
        msg = f"The session cannot be used: {exc.args[0]}"
        raise BadInput(msg, field="session") from exc
