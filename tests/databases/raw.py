"""A database as its plain driver has it, with nothing of ours: what tests look at, change and hold up.

What a test says of one database it says of the other: a SQLite file and a PostgreSQL database answer alike.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol, Self

import sqlalchemy

#: How a host may have set up its engine. Its own way: on SQLite it begins its transactions itself, as
#: SQLAlchemy's manual has it; on PostgreSQL each sees one state of the database.
SETUPS: Final = ("as it comes", "its own way", "autocommit")
#: How long a host waits for a lock, in seconds.
PATIENCE_S: Final = 0.05
#: What is told of each statement, just before it is run.
Hear = Callable[[str], None]


class Ask(Protocol):
    """Asks, by one connection."""

    def __call__(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of one statement."""
        ...


class Cursor(Protocol):
    """What both drivers answer with."""

    def fetchall(self) -> Sequence[tuple[Any, ...]]:
        """Return every row."""
        ...


class Driver(Protocol):
    """What both drivers' connections do; these commit each statement, where none begins a transaction."""

    def execute(self, sql: str, /) -> Cursor:
        """Run one statement."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Lock:
    """What another program holds, so that nobody else can write; everybody can read."""

    def __init__(self, release: Callable[[], object]) -> None:
        """Be held until `release` was called."""
        self._release = release
        self.held = True

    def release(self) -> None:
        """Let go of it; twice is harmless."""
        if self.held:
            self.held = False
            self._release()


class RawDatabase(ABC):
    """A database of one test."""

    name: ClassVar[str]
    #: What the driver raises.
    error: ClassVar[type[Exception]]
    #: What stands in the first statement of a command that waits for anybody.
    locking: ClassVar[tuple[str, ...]]
    #: What `Engine(...)` takes.
    url: str
    #: What the ledger takes: the file, or the URL of what is none.
    place: Path | str

    @abstractmethod
    def connect(self) -> AbstractContextManager[Driver]:
        """Lend a connection of the plain driver."""

    @abstractmethod
    def host(
        self,
        setup: str = "as it comes",
        hear: Hear | None = None,
        **pool: Any,
    ) -> sqlalchemy.Engine:
        """Return a host's own engine on it, to be disposed of.

        Args:
            setup: one of `SETUPS`.
            hear: called with each statement, just before it is run.
            pool: what else `create_engine` takes.
        """

    @abstractmethod
    def another_way(self) -> str:
        """Return another URL that leads here."""

    @abstractmethod
    def locked(self) -> AbstractContextManager[Lock]:
        """Be another program that writes: let everybody read, and nobody write."""

    @abstractmethod
    def plant(self, when: str, do: str | None, *, where: str | None = None, name: str = "planted") -> None:
        """Make a trigger.

        Args:
            when: `AFTER INSERT ON eoi_revision`.
            do: the statement, which may name NEW; None: refuse.
            where: for which rows.
            name: what it is called.
        """

    @abstractmethod
    def uproot(self, name: str = "planted") -> None:
        """Drop what was planted."""

    @abstractmethod
    def unseen(self, *statements: str) -> None:
        """Run statements as somebody would who knows of the triggers: history is as any table meanwhile."""

    @abstractmethod
    def schema(self) -> dict[str, list[str]]:
        """Return all that stands in the schema, of anybody's: `table eoi_call` -> each part, in order."""

    @abstractmethod
    def names(self) -> list[str]:
        """Return the tables of ours, in order."""

    @abstractmethod
    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return every row of a table, as committed, in the order of its key."""

    @abstractmethod
    def shell(self) -> AbstractContextManager[Ask]:
        """Lend what `ask` does, on one connection that commits each statement."""

    def ask(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of one statement, whose values are marked `?`; an instant is its text in UTC."""
        with self.shell() as ask:
            return ask(sql, *values)

    @abstractmethod
    def run(self, *statements: str) -> None:
        """Run statements in a transaction, as somebody with a shell would."""

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return every row of ours, as committed, by table."""
        return {name: self.rows(name) for name in self.names()}


class Databases(ABC):
    """Where databases for one test come from."""

    name: ClassVar[str]

    @abstractmethod
    def new(self, *, migrated: bool = True) -> RawDatabase:
        """Make one; in a migrated one nothing has happened yet."""

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *exc: object) -> None:
        """Leave nothing behind."""


@contextmanager
def holding(begin: Callable[[], Callable[[], object]]) -> Iterator[Lock]:
    """Lend a lock that `begin` takes, and whose release it returns."""
    lock = Lock(begin())
    try:
        yield lock
    finally:
        lock.release()
