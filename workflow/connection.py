"""One connection: its statements, its transactions, its locks.

What a database wants of its own stands in `databases`.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, NamedTuple

from sqlalchemy import Dialect

from states.errors import EoiError
from workflow.errors import DatabaseCorrupt
from workflow.statements import Cursor, Prepared, Unreadable

#: How long a writer waits for a lock, in seconds.
LOCK_TIMEOUT_S: Final = 30.0


#: How long at once somebody waits whose waiting holds up others, in seconds.
BRIEFLY_S: Final = 0.05
#: What our place in a host's transaction is called.
SAVEPOINT: Final = "eoi_command"


class Write(NamedTuple):
    """A statement that writes, and waits to be run."""

    statement: Prepared
    parameters: dict[str, object]
    #: What to raise where it does not change exactly one row.
    else_raise: EoiError | None


class Connection(ABC):
    """One connection of the pool, or of a host's session, that runs prepared statements."""

    #: Compiles the statements; our own, so that a host's settings of its dialect change nothing in them.
    dialect: ClassVar[Dialect]
    #: What the driver raises.
    raised: ClassVar[tuple[type[BaseException], ...]]

    def __init__(self, dbapi: Any, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:  # noqa: ANN401 -- PEP 249
        """Wrap a DB-API connection, pooled or bare."""
        self._dbapi = dbapi
        self._cursor = self._new_cursor()
        #: How long a command waits for a lock, in seconds.
        self.lock_timeout_s = lock_timeout_s
        self._waiting: list[Write] = []

    def _new_cursor(self) -> Cursor:
        """Return the cursor by which prepared statements are run."""
        cursor: Cursor = self._dbapi.cursor()
        return cursor

    def write(self, statement: Prepared, else_raise: EoiError | None = None, /, **parameters: object) -> None:
        """Run a statement that writes, at the latest before the next one is read or the transaction ends.

        So a database that is far off gets several in one trip. Statements that wait together must not depend
        on what one of them changes.

        Args:
            statement: what to run.
            else_raise: what to raise, then, where it does not change exactly one row.
            parameters: by name.
        """
        self._waiting.append(Write(statement, parameters, else_raise))

    def flush(self) -> None:
        """Run what was to be written and waits."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for each, count in zip(waiting, self._run_together(waiting), strict=True):
            if each.else_raise is not None and count != 1:
                raise each.else_raise

    def _run_together(self, waiting: Sequence["Write"]) -> Sequence[int]:
        """Run statements that do not depend on one another; return how many rows each changed."""
        return [self._run(each.statement, each.parameters) for each in waiting]

    def run(self, statement: Prepared, **parameters: object) -> int:
        """Run a statement; return how many rows it changed."""
        self.flush()
        return self._run(statement, parameters)

    def _run(self, statement: Prepared, parameters: dict[str, object]) -> int:
        try:
            return statement.run(self._cursor, self.dialect, parameters)
        except self.raised as exc:
            raise self.translated(exc) from exc

    def run_each(self, statement: Prepared, each: Sequence[Mapping[str, object]]) -> list[int]:
        """Run a statement once for each set of parameters; return how many rows each run changed."""
        return [self.run(statement, **parameters) for parameters in each]

    def rows(self, statement: Prepared, **parameters: object) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows."""
        self.flush()
        try:
            return statement.rows(self._cursor, self.dialect, parameters)
        except Unreadable as exc:
            raise DatabaseCorrupt from exc
        except self.raised as exc:
            raise self.translated(exc) from exc

    def row(self, statement: Prepared, **parameters: object) -> tuple[Any, ...] | None:
        """Run a statement; return its first row, if there is one."""
        rows = self.rows(statement, **parameters)
        return rows[0] if rows else None

    @abstractmethod
    def translated(self, exc: BaseException) -> EoiError:
        """Return our error for what the driver raised."""

    @property
    @abstractmethod
    def in_transaction(self) -> bool:
        """Whether a transaction runs; False where the database has undone it of itself, or is gone."""

    @property
    def is_broken(self) -> bool:
        """Whether nothing can be said on it any more."""
        return False

    @abstractmethod
    def begin_read(self) -> None:
        """Begin a transaction that sees one state of the database and takes no write lock."""

    @abstractmethod
    def begin_write(self, *, wait_s: float | None = None, one_state: bool = False) -> None:
        """Begin a transaction that writes.

        Args:
            wait_s: wait no longer than this for a lock, in seconds; None: as long as for any command.
            one_state: let all its statements see one state of the database.

        Raises:
            DatabaseLocked: somebody else held the whole database for too long.
        """

    @abstractmethod
    def join_write(self) -> None:
        """Make ready to write inside the transaction of a host, at once or not at all.

        Raises:
            TransactionConflict: that transaction cannot write any more.
        """

    @abstractmethod
    def require_latest(self) -> None:
        """Pass only where each statement sees what is committed when it begins, or nobody else commits.

        What has the call alone counts and moves everything that is there, also what came a moment ago.

        Raises:
            TransactionConflict: the host's transaction sees an older state.
        """

    @abstractmethod
    def hold_still(self, table: str) -> None:
        """Wait until nobody's transaction writes into `table`, and let none begin to before this one ends."""

    def set_savepoint(self) -> None:
        """Mark the place in a host's transaction to which a refusal goes back."""
        self.execute(f"SAVEPOINT {SAVEPOINT}")

    def release_savepoint(self) -> None:
        """Let what was done since the savepoint stand as part of the host's transaction."""
        self.execute(f"RELEASE SAVEPOINT {SAVEPOINT}")

    def undo_to_savepoint(self) -> bool:
        """Undo what was done since the savepoint, and leave the host's own work alone.

        Returns:
            Whether there is a transaction left; a database may have undone all of it.
        """
        self._waiting.clear()
        if not self.in_transaction:
            return False
        self.execute(f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
        self.release_savepoint()
        return True

    def commit(self) -> None:
        """End the transaction; from here on it is durable."""
        self.flush()
        self.execute("COMMIT")

    def rollback(self) -> None:
        """End the transaction as if it had never been; harmless where none runs."""
        self._waiting.clear()
        if self.in_transaction:
            self.execute("ROLLBACK")

    def cut(self) -> None:
        """End it without a word, as the death of its process does: what was not committed is undone."""
        self._waiting.clear()
        if self._dbapi.is_valid:
            self._dbapi.invalidate()

    def execute(self, sql: str) -> None:
        """Run a command of the database's own, without parameters."""
        self.flush()
        try:
            self._say(sql)
        except self.raised as exc:
            raise self.translated(exc) from exc

    def ask(self, sql: str) -> Sequence[Sequence[Any]]:
        """Put a question of the database's own, without parameters; return its rows."""
        self.flush()
        try:
            return self._say(sql).fetchall()
        except self.raised as exc:
            raise self.translated(exc) from exc

    def _say(self, sql: str) -> Cursor:
        """Run a command of the database's own; return what holds its answer."""
        self._cursor.execute(sql)
        return self._cursor
