"""PostgreSQL, by plain psycopg."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy
from psycopg import sql as composed
from sqlalchemy import create_engine, make_url

from tests.databases.raw import PATIENCE_S, Ask, Databases, Hear, Lock, RawDatabase, holding
from tests.servers.databases import Postgres, text_of

_KEY: Final = (
    "SELECT string_agg(quote_ident(attname), ', ' ORDER BY place) FROM pg_index, "
    "unnest(indkey) WITH ORDINALITY AS each (number, place), pg_attribute "
    "WHERE indisprimary AND indrelid = %s::regclass AND attrelid = indrelid AND attnum = number"
)
_NAMES: Final = (
    r"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'eoi\_%' "
    'AND pg_table_is_visible(oid) ORDER BY relname COLLATE "C"'
)

_SCHEMA: Final = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
_REFUSE: Final = "RAISE EXCEPTION 'no room'"


class PostgresDatabase(RawDatabase):
    """A database on a server."""

    name = "postgresql"
    error = psycopg.Error
    locking = ("INSERT INTO eoi_key", "pg_advisory_xact_lock")

    def __init__(self, url: str) -> None:
        """Be at a URL."""
        self.url = self.place = url

    def connect(self) -> AbstractContextManager[psycopg.Connection]:
        """Lend a connection of the plain driver."""
        return closing(psycopg.connect(self.url, autocommit=True))

    def host(
        self,
        setup: str = "as it comes",
        hear: Hear | None = None,
        **pool: Any,
    ) -> sqlalchemy.Engine:
        """Return a host's own engine on it."""
        isolation: dict[str, Any] = {
            "as it comes": {},
            "its own way": {"isolation_level": "REPEATABLE READ"},
            "autocommit": {"isolation_level": "AUTOCOMMIT"},
        }[setup]
        terms: dict[str, Any] = {"cursor_factory": _heard_by(hear)} if hear else {}
        terms["options"] = f"-c lock_timeout={round(PATIENCE_S * 1000)}"
        url = make_url(self.url).set(drivername="postgresql+psycopg")
        return create_engine(url, connect_args=terms, **isolation, **pool)

    def another_way(self) -> str:
        """Return a URL with one more setting."""
        return text_of(make_url(self.url).update_query_dict({"application_name": "another"}))

    @contextmanager
    def locked(self) -> Iterator[Lock]:
        """Hold what every writer needs of each table."""
        with self.connect() as connection:

            def begin() -> Callable[[], object]:
                connection.execute("BEGIN")
                connection.execute(_lock(self.names()))
                return lambda: connection.execute("ROLLBACK")

            with holding(begin) as lock:
                yield lock

    def plant(self, when: str, do: str | None, *, where: str | None = None, name: str = "planted") -> None:
        """Make a trigger, and the function that it calls."""
        guard = f"WHEN ({where}) " if where else ""
        self.run(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN {do or _REFUSE}; RETURN NEW; END $$",
            f"CREATE TRIGGER {name} {when} FOR EACH ROW {guard}EXECUTE FUNCTION {name}()",
        )

    def uproot(self, name: str = "planted") -> None:
        """Drop what was planted: the function, and with it the trigger."""
        self.run(f"DROP FUNCTION {name}() CASCADE")

    def unseen(self, *statements: str) -> None:
        """Run statements while the triggers of history are switched off."""
        away, back = (f"ALTER TABLE eoi_history {word} TRIGGER USER" for word in ("DISABLE", "ENABLE"))
        self.run(away, *statements, back)

    def schema(self) -> dict[str, list[str]]:
        """Return every table, index, constraint, trigger, function, sequence and rule."""
        found: dict[str, list[str]] = {}
        for kind, name, part in self.ask(_SCHEMA):
            found.setdefault(f"{kind} {name}", []).append(part)
        return found

    def names(self) -> list[str]:
        """Return the tables of ours, in order."""
        return [name for (name,) in self.ask(_NAMES)]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return every row of a table, in the order of its key."""
        with self.connect() as connection:
            return self._rows(connection, table)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return every row of ours, as committed, by table."""
        with self.connect() as connection:
            names = [name for (name,) in connection.execute(_NAMES)]
            return {name: self._rows(connection, name) for name in names}

    @contextmanager
    def shell(self) -> Iterator[Ask]:
        """Lend what asks."""
        with self.connect() as connection:

            def ask(sql: str, *values: object) -> list[tuple[Any, ...]]:
                marked = sql.replace("?", "%s") if values else sql
                found = connection.execute(marked, values or None)
                return [_plain(row) for row in found.fetchall()] if found.description else []

            yield ask

    def run(self, *statements: str) -> None:
        """Run statements in a transaction."""
        with self.connect() as connection, connection.transaction():
            for statement in statements:
                connection.execute(statement)

    def _rows(self, connection: psycopg.Connection, table: str) -> list[dict[str, Any]]:
        ((key,),) = connection.execute(_KEY, [table]).fetchall()
        found = connection.execute(f"SELECT * FROM {table} ORDER BY {key}")  # noqa: S608 -- as above
        assert found.description
        columns = [column.name for column in found.description]
        return [dict(zip(columns, _plain(row), strict=True)) for row in found.fetchall()]


class PostgresDatabases(Databases):
    """Databases of a server, each a copy of one that is migrated."""

    name = "postgresql"

    def __init__(self, server: Postgres, template: str) -> None:
        """Copy `template`, the URL of a migrated one, on `server`."""
        self._server, self._template = server, template
        self._made: list[str] = []

    def new(self, *, migrated: bool = True) -> PostgresDatabase:
        """Make one."""
        url = self._server.new_database(template=self._template if migrated else None)
        self._made.append(url)
        return PostgresDatabase(url)

    def __exit__(self, *exc: object) -> None:
        """Drop them."""
        for url in self._made:
            self._server.drop_database(url)


def _lock(names: list[str]) -> composed.Composed:
    """Return what lets everybody read, and nobody write or share a row's lock."""
    tables = composed.SQL(", ").join(map(composed.Identifier, names))
    return composed.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(tables)


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as SQLite would have it: instants are text in UTC."""
    return tuple(
        f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value
        for value in row
    )


def _heard_by(hear: Hear) -> type[psycopg.Cursor[Any]]:
    class Heard(psycopg.Cursor[Any]):
        """Tells of each statement before it runs it."""

        def execute(self, query: Any, *rest: Any, **how: Any) -> "Heard":
            hear(query if isinstance(query, str) else str(query))
            return super().execute(query, *rest, **how)

    return Heard
