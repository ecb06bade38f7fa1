"""The bare drivers: a connection as a careful program without any library would open it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.contest import MEMORY, SQLITE, Database, Place

#: What a floor's connection is set to on SQLite: as durable as the engine's.
PRAGMAS: Final = ("busy_timeout = 30000", "foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL")

_OURS: Final = "table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'"


class Raw:
    """One open connection, in no transaction that was not begun by hand."""

    def __init__(self, place: Place) -> None:
        """Open it."""
        self.database = place.database
        self.connection: Any = (
            _sqlite(file_of(place.url)) if place.database == SQLITE else _postgres(place.url)
        )
        #: The driver's own `execute`; its statements must be `marked` before.
        self.execute: Callable[..., Any] = (
            self.connection.cursor().execute if place.database == SQLITE else self.connection.execute
        )

    def run(self, text: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run one statement; return its rows. Instants may be given as Python has them."""
        values = [self.value(each) for each in parameters]
        cursor = self.execute(marked(self.database, text), values)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def value(self, value: object) -> object:
        """Return a value as the driver takes it."""
        return instant(self.database, value) if isinstance(value, datetime) else value

    def settle(self) -> None:
        """Let what was written come to rest, so that a turn does not pay for what prepared it."""
        if self.database == SQLITE:
            self.run("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            self.run("ANALYZE")


def marked(database: Database, text: str) -> str:
    """Return a statement with the marks for its parameters that the database's driver wants."""
    return text if database == SQLITE else text.replace("?", "%s")


def instant(database: Database, at: datetime) -> object:
    """Return an instant as the database's driver takes it: SQLite has texts."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f") if database == SQLITE else at


def file_of(url: str) -> Path:
    """Return the file of an SQLite URL."""
    return Path(url.removeprefix("sqlite:///"))


@contextmanager
def raw(place: Place) -> Iterator[Raw]:
    """Lend a bare connection."""
    opened = Raw(place)
    try:
        yield opened
    finally:
        opened.connection.close()


def count_rows(place: Place) -> dict[str, int]:
    """Return the rows of every table in a place, those of a peer's other files too."""
    if place.database == SQLITE:
        counts: dict[str, int] = {}
        for file in sorted(file_of(place.url).parent.glob("*.db")):
            counts |= _count(Raw(Place(database=SQLITE, url=f"sqlite:///{file}", size=0)))
        return counts
    return {} if place.database == MEMORY else _count(Raw(place))


def _count(opened: Raw) -> dict[str, int]:
    if opened.database == SQLITE:
        tables = opened.run(
            "SELECT name, name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    else:
        tables = opened.run(
            "SELECT table_name, quote_ident(table_schema) || '.' || quote_ident(table_name) "
            f"FROM information_schema.tables WHERE {_OURS}"
        )
    counts = {name: int(opened.run(f"SELECT count(*) FROM {table}")[0][0]) for name, table in tables}
    opened.connection.close()
    return counts


def _sqlite(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _postgres(url: str) -> "psycopg.Connection[tuple[Any, ...]]":
    return psycopg.connect(url, autocommit=True)
