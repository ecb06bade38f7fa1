"""SQLite, by the sqlite3 of the standard library."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import create_engine, event

from tests.databases.raw import PATIENCE_S, Ask, Databases, Hear, Lock, RawDatabase, holding

_REFUSE: Final = "SELECT RAISE(ABORT, 'no room')"
_NAMES: Final = (
    r"SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'eoi\_%' ESCAPE '\' ORDER BY name"
)


class SqliteFile(RawDatabase):
    """A file."""

    name = "sqlite"
    error = sqlite3.Error
    locking = ("BEGIN IMMEDIATE",)

    def __init__(self, path: Path) -> None:
        """Be at a place, where a file need not be yet."""
        self.path = self.place = path
        self.url = f"sqlite:///{quote(str(path))}"

    def connect(self) -> AbstractContextManager[sqlite3.Connection]:
        """Lend a connection of the plain driver."""
        return closing(self._connect())

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    def host(
        self,
        setup: str = "as it comes",
        hear: Hear | None = None,
        **pool: Any,
    ) -> sqlalchemy.Engine:
        """Return a host's own engine on it."""
        isolation: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if setup == "autocommit" else {}
        made = create_engine(
            f"sqlite:///{self.path}",
            connect_args={"timeout": PATIENCE_S, "check_same_thread": False},
            **isolation,
            **pool,
        )
        if setup == "its own way":
            event.listen(made, "connect", lambda dbapi, _: setattr(dbapi, "isolation_level", None))
            event.listen(made, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        if hear:
            event.listen(made, "connect", lambda dbapi, _: dbapi.set_trace_callback(_once(hear)))
            event.listen(made, "connect", lambda dbapi, _: dbapi.execute("PRAGMA synchronous = OFF"))
        return made

    def another_way(self) -> str:
        """Return the URL of a symbolic link."""
        link = self.path.with_name(f"link to {self.path.name}")
        link.symlink_to(self.path)
        return f"sqlite:///{quote(str(link))}"

    @contextmanager
    def locked(self) -> Iterator[Lock]:
        """Hold the write lock."""
        with self.connect() as connection:

            def begin() -> Callable[[], object]:
                connection.execute("BEGIN IMMEDIATE")
                return lambda: connection.execute("ROLLBACK")

            with holding(begin) as lock:
                yield lock

    def plant(self, when: str, do: str | None, *, where: str | None = None, name: str = "planted") -> None:
        """Make a trigger."""
        guard = f"WHEN {where} " if where else ""
        self.run(f"CREATE TRIGGER {name} {when} {guard}BEGIN {do or _REFUSE}; END")

    def uproot(self, name: str = "planted") -> None:
        """Drop what was planted."""
        self.run(f"DROP TRIGGER {name}")

    def unseen(self, *statements: str) -> None:
        """Run statements while the triggers of history are away; they come back as they were."""
        triggers = self.ask(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'eoi_history'"
        )
        self.run(
            *(f"DROP TRIGGER {name}" for name, _ in triggers), *statements, *(sql for _, sql in triggers)
        )

    def schema(self) -> dict[str, list[str]]:
        """Return every table, index and trigger, each as the sorted parts of its text."""
        rows = self.ask("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {f"{kind} {name}": sorted(_parts(sql)) for kind, name, sql in rows}

    def names(self) -> list[str]:
        """Return the tables of ours, in order."""
        return [name for (name,) in self.ask(_NAMES)]

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return every row of a table, in the order of its key."""
        with self.connect() as connection:
            connection.row_factory = sqlite3.Row
            columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
            key = ", ".join(row["name"] for row in sorted(columns, key=lambda row: row["pk"]) if row["pk"])
            found = connection.execute(f"SELECT * FROM {table} ORDER BY {key}")  # noqa: S608 -- names of our own
            return [dict(row) for row in found.fetchall()]

    @contextmanager
    def shell(self) -> Iterator[Ask]:
        """Lend what asks."""
        with self.connect() as connection:
            yield lambda sql, *values: connection.execute(sql, values).fetchall()

    def run(self, *statements: str) -> None:
        """Run statements in a transaction."""
        with self.connect() as connection:
            for statement in ("BEGIN", *statements, "COMMIT"):
                connection.execute(statement)


def _once(hear: Hear) -> Hear:
    """Leave out what SQLite says once more for each row that a trigger looks at."""
    last = [""]

    def listen(statement: str) -> None:
        if [statement] != last:
            last[:] = [statement]
            hear(statement)

    return listen


class SqliteFiles(Databases):
    """Files in a folder: the first is `eoi.db`."""

    name = "sqlite"

    def __init__(self, folder: Path, template: Path) -> None:
        """Copy `template`, a migrated file, into `folder`."""
        self._folder, self._template, self._made = folder, template, 0

    def new(self, *, migrated: bool = True) -> SqliteFile:
        """Make one; without tables not even the file is there."""
        self._made += 1
        path = self._folder / ("eoi.db" if self._made == 1 else f"eoi-{self._made}.db")
        if migrated:
            shutil.copy(self._template, path)
        return SqliteFile(path)

    def __exit__(self, *exc: object) -> None:
        """Leave the folder to whoever made it."""


def _parts(sql: str) -> list[str]:
    """Return what a statement's commas and lines part: a column that was added stands behind another one."""
    depth, parts = 0, [""]
    for char in sql:
        depth += (char == "(") - (char == ")")
        if char == "\n" or (char == "," and depth == 1):
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip(" \t,") for part in parts if part.strip(" \t,")]
