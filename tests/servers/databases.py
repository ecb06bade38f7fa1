"""Databases for tests on a PostgreSQL: made from a template, under names of their own, and dropped."""

import secrets
import time
from abc import ABC, abstractmethod
from typing import Final, Self

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.servers.programs import VARIABLE

#: What every database of the tests is called, where the test does not say it.
PREFIX: Final = "eoi_test_"
WAIT_S: Final = 5.0


class Postgres(ABC):
    """A server on which tests make databases. `PostgresServer` is our own, `GivenPostgres` is not."""

    def __init__(self) -> None:
        self._made: set[str] = set()

    @abstractmethod
    def __enter__(self) -> Self:
        """Return the server, ready."""

    @abstractmethod
    def __exit__(self, *exc: object) -> None:
        """Leave nothing behind."""

    @property
    @abstractmethod
    def managed(self) -> bool:
        """Return whether the server's process is ours: it can be stopped, killed and started again."""

    @abstractmethod
    def _address(self, database: str | None = None) -> URL:
        """Return where a database is, for its owner; none: where databases are made, for who may do that."""

    @property
    @abstractmethod
    def _owner(self) -> sql.Composable:
        """Return to whom new databases belong."""

    @property
    def _copying(self) -> sql.Composable:
        """Return how a template is copied, if not as the server does it by itself."""
        return sql.SQL("")

    def url(self, database: str) -> str:
        """Return what `Engine(...)` takes, and psycopg too."""
        return text_of(self._address(database))

    def new_database(self, name: str | None = None, *, template: str | None = None) -> str:
        """Make a database and return its URL.

        Args:
            name: what it is called; a new name if not given.
            template: the URL or name of another, to copy; nobody may be connected to that.
        """
        name = name or PREFIX + secrets.token_hex(8)
        origin = sql.Identifier(database_of(template)) if template else sql.SQL("template0 ENCODING 'UTF8'")
        with self._administration() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}{}").format(
                    sql.Identifier(name), self._owner, origin, self._copying
                )
            )
        self._made.add(name)
        return self.url(name)

    def drop_database(self, database: str) -> None:
        """Drop a database, given by its URL or name, whoever is connected to it."""
        name = database_of(database)
        with self._administration() as connection:
            _disconnect_all(connection, name)  # and by FORCE whoever comes back in between
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
        self._made.discard(name)

    def _administration(self) -> psycopg.Connection:
        return psycopg.connect(text_of(self._address()), autocommit=True)


class GivenPostgres(Postgres):
    """A server that somebody runs for us. We make databases there, nothing else, and drop them all."""

    def __init__(self, url: str) -> None:
        """Take the URL of a database there, whose user may make others (CREATEDB)."""
        super().__init__()
        self._url = make_url(url).set(drivername="postgresql")  # libpq knows no "+psycopg"

    @property
    def managed(self) -> bool:
        """Return no: somebody else's process."""
        return False

    def __enter__(self) -> Self:
        """See that it is there."""
        try:
            self._administration().close()
        except psycopg.Error as exc:
            raise ConnectionError(f"{VARIABLE} names a server that lets nobody in: {exc}") from exc
        return self

    def __exit__(self, *exc: object) -> None:
        """Drop all that was made."""
        for name in sorted(self._made):
            self.drop_database(name)

    @property
    def _owner(self) -> sql.Composable:
        return sql.SQL("DEFAULT")

    def _address(self, database: str | None = None) -> URL:
        return self._url.set(database=database) if database else self._url


def _disconnect_all(connection: psycopg.Connection, name: str) -> None:
    """Cut all connections to a database and see them gone: DROP DATABASE itself waits in steps of 100 ms."""
    connected = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    end = time.monotonic() + WAIT_S
    while connection.execute(connected, [name]).fetchone() and time.monotonic() < end:
        time.sleep(0.001)


def database_of(url: str) -> str:
    """Return the name of a URL's database; a plain name is itself."""
    return (make_url(url).database or "") if "://" in url else url


def ask(url: str, statement: str) -> list[tuple[object, ...]]:
    """Return what a statement of its own connection answers."""
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def text_of(url: URL) -> str:
    """Return a URL as it is written, password and all."""
    return url.render_as_string(hide_password=False).replace(" ", "%20")  # libpq takes no spaces
