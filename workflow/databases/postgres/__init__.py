"""PostgreSQL: one server, any number of nodes. Needs the extra `postgres` (psycopg 3)."""

from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import psycopg
import sqlalchemy
from psycopg import Connection as Driver
from sqlalchemy import PoolProxiedConnection, SingletonThreadPool, StaticPool, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool.base import ResetStyle

from states.errors import BadInput, EoiError
from workflow.database import Check, Database, SharedClock
from workflow.databases.postgres import catalogue
from workflow.databases.postgres.clock import DatabaseClock
from workflow.databases.postgres.connection import PostgresConnection
from workflow.databases.postgres.driver import translated
from workflow.errors import CommitUnknown, ConnectionLost, DatabaseUnavailable, DatabaseUnopened

#: Drivers that a URL may name; psycopg 3 it is in any case.
_SCHEMES: Final = ("postgresql", "postgres", "postgresql+psycopg")
#: What a connection of ours is opened with, where its URL says nothing else (libpq's words).
_LIBPQ: Final[dict[str, str | int]] = {
    "application_name": "eoi-workflow",
    # A server that is gone is noticed within a minute: while an answer is waited for, and (in milliseconds)
    # where not even the question arrives.
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
    # Whatever the server's or the environment's: SQL_ASCII would give bytes, and LATIN1 not take all names.
    "client_encoding": "utf8",
}
# A node that froze amid a transaction holds its locks for a minute. By a statement, since a pooler in front
# takes no options of a connection; and only where nobody has said another value.
_NOT_IDLE: Final = (
    "SELECT set_config('idle_in_transaction_session_timeout', '60000', false) "
    "WHERE (SELECT source FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout') = 'default'"
)
#: Everybody who migrates takes this lock.
_MIGRATING: Final = text(
    "SELECT set_config('lock_timeout', :wait_ms, true), pg_advisory_xact_lock(hashtextextended('eoi', 0)), "
    "set_config('lock_timeout', :briefly_ms, true)"
)

_INVALID: Final = (
    "SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
    r"WHERE NOT indisvalid AND relname LIKE '%eoi\_%' AND pg_table_is_visible(indexrelid) ORDER BY relname"
)
_MAY_BE_LOST: Final = (
    "synchronous_commit is off: what was acknowledged may be lost when the server fails; ALTER ROLE or ALTER "
    "DATABASE … SET synchronous_commit = on"
)
_PLACE: Final = (
    "SELECT pg_postmaster_start_time()::text, current_database()::text, to_regclass('eoi_call')::oid::bigint"
)


class PostgresDatabase(Database):
    """A PostgreSQL database: a URL's, or a host's engine."""

    name = "postgresql"
    connection = PostgresConnection

    @classmethod
    def at(cls, url: str, *, check: Check, lock_timeout_s: float, pool_size: int) -> Self:
        """Return the database that a URL names.

        Raises:
            BadInput: another driver than psycopg 3.
        """
        engine = _own_engine(_url(url), pool_size)
        return cls(engine, owned=True, check=check, lock_timeout_s=lock_timeout_s)

    @classmethod
    def of_host(cls, engine: sqlalchemy.Engine, *, check: Check, lock_timeout_s: float) -> Self:
        """Return the database of a host's engine.

        Raises:
            BadInput: it does not work by psycopg 3.
        """
        _require_psycopg(engine.dialect.driver)
        return super().of_host(engine, check=check, lock_timeout_s=lock_timeout_s)

    def clock(self) -> SharedClock:
        """Return the database's clock."""
        return DatabaseClock(lambda: self.connect(check=False))

    @contextmanager
    def core(self, *, check: bool = True) -> Iterator[sqlalchemy.Connection]:
        """Lend a connection to Core, in transactions as Core begins them."""
        with super().core(check=check) as connection:
            driver = _driver(connection.connection)
            self._settle(driver)  # a rollback of ours would undo what a host's listener has set
            before = driver.autocommit
            if before:
                driver.autocommit = False
            try:
                # A host that reads in streams would declare a cursor for whatever is not a SELECT, too.
                yield connection.execution_options(stream_results=False)
            finally:
                connection.rollback()
                if before and not driver.closed:
                    driver.autocommit = True

    def prepare(self) -> None:
        """Pass only where the database can hold every name.

        Raises:
            DatabaseUnopened: its encoding is another than UTF-8, which was said when it was made.
        """
        with self.connect(check=False) as connection:
            ((encoding,),) = connection.ask("SHOW server_encoding")
        if encoding != "UTF8":
            msg = (
                f"The database's encoding is {encoding}, in which not every name can be written: make "
                "another one (createdb --encoding=UTF8 --template=template0), and give its URL."
            )
            raise DatabaseUnopened(msg)

    def begin_migration(self, connection: sqlalchemy.Connection, *, wait_s: float) -> None:
        """Take the lock that every migration takes; PostgreSQL's DDL is transactional.

        A table is waited for no longer than `wait_s`: whoever comes after waits as well.
        """
        wait_ms = round(self.lock_timeout_s * 1000) or 1
        waits = {"wait_ms": wait_ms, "briefly_ms": min(wait_ms, round(wait_s * 1000))}
        connection.execute(_MIGRATING, {name: str(ms) for name, ms in waits.items()})

    @contextmanager
    def rehearsal(self) -> Iterator[sqlalchemy.Connection]:
        """Lend a connection on which tables are made as temporary ones, and are gone at its end."""
        with self.core() as connection:
            connection.execute(text("SET LOCAL search_path TO pg_temp"))
            try:
                yield connection
            finally:
                connection.rollback()

    def standing(self, connection: sqlalchemy.Connection) -> Mapping[str, str]:
        """Return every part of our tables that this connection finds."""
        return catalogue.standing(connection)

    def damage(self) -> list[str]:
        """Return which of our indexes cannot be used; the pages themselves are the server's to watch."""
        with self.connect(check=False) as connection:
            return [f"index {name}: not valid; REINDEX it" for (name,) in connection.ask(_INVALID)]

    def risks(self) -> list[str]:
        """Return whether what was acknowledged may be lost.

        How the server writes to its disk (`fsync`) is its owner's to say; this, whoever owns a role may.
        """
        with self.connect(check=False) as connection:
            ((level,),) = connection.ask("SHOW synchronous_commit")
        return [_MAY_BE_LOST] if level == "off" else []

    def backup(self, to: Path) -> None:  # noqa: ARG002 -- there is no such file
        """Refuse: the server's own tools do that.

        Raises:
            BadInput: always.
        """
        msg = (
            "A PostgreSQL database is backed up by pg_dump or the server's own means: see docs/operations.md."
        )
        raise BadInput(msg, field="db")

    def _translated(self, exc: BaseException | None) -> EoiError:
        return translated(exc, connecting=True)

    def _place(self, dbapi: PoolProxiedConnection) -> Hashable:
        (place,) = self._wrapped(dbapi).ask(_PLACE)
        return tuple(place)

    def _learn(self, exc: DatabaseUnavailable, pooled: PoolProxiedConnection) -> None:
        if isinstance(exc, ConnectionLost | CommitUnknown):
            self._forget(pooled)

    def _settle(self, driver: Driver) -> None:
        """Commit what a host's listener has said as the connection was lent; never the host's own work.

        Raises:
            DatabaseUnavailable: the connection may be in the middle of a transaction of the host's.
        """
        if not driver.info.transaction_status:
            return
        pool = self.engine.pool
        lent_to_others_too = isinstance(pool, StaticPool | SingletonThreadPool)
        if lent_to_others_too or pool._reset_on_return is ResetStyle.reset_none:  # noqa: SLF001 -- nothing public says it
            msg = "The connection that the host's pool lends is in the middle of a transaction: end it first."
            raise DatabaseUnavailable(msg)
        driver.commit()

    @contextmanager
    def _pooled(self) -> Iterator[PoolProxiedConnection]:
        """Lend a connection on which nothing begins a transaction but we; a host gets it back as it was."""
        with super()._pooled() as pooled:
            driver = _driver(pooled)
            before = driver.autocommit
            if not before:
                with self._translating():
                    self._settle(driver)
                    driver.autocommit = True
            try:
                yield pooled
            finally:
                if driver.info.transaction_status and not _ended(driver):
                    self._forget(pooled)
                elif not before and not self.owned:
                    driver.autocommit = False


def _ended(driver: Driver) -> bool:
    """Undo what was not committed; False where that cannot be said any more: the server does it by itself."""
    try:
        driver.rollback()
    except psycopg.Error:
        return False
    return True


def _driver(pooled: PoolProxiedConnection) -> Driver:
    driver = pooled.driver_connection
    assert isinstance(driver, Driver)  # noqa: S101 -- `_require_psycopg` has seen to it
    return driver


def _url(text: str) -> URL:
    url = make_url(text)
    if url.drivername not in _SCHEMES:
        _require_psycopg(url.drivername.partition("+")[2])
    return url.set(drivername="postgresql+psycopg")


def _require_psycopg(driver: str) -> None:
    if driver != "psycopg":
        msg = f"PostgreSQL is reached by psycopg 3 (postgresql+psycopg://host/eoi), not by {driver}."
        raise BadInput(msg, field="db")


def _own_engine(url: URL, pool_size: int) -> sqlalchemy.Engine:
    given = {name: value for name, value in _LIBPQ.items() if name not in url.query}
    terms: dict[str, Any] = {
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_use_lifo": True,
        "pool_reset_on_return": None,
    }
    engine = sqlalchemy.create_engine(url, connect_args=given, use_native_hstore=False, **terms)
    sqlalchemy.event.listen(engine, "connect", _made)
    return engine


def _made(driver: Driver, _: object) -> None:
    """Set a connection of our own, once for all its transactions."""
    driver.autocommit = True
    driver.execute(_NOT_IDLE)
