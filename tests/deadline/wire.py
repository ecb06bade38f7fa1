"""An engine whose commands can be overtaken on their way to the lock: no thread, no sleep, no chance.

On SQLite the lock is the whole database's, and a command's first statement waits for it. On PostgreSQL it is
the call's, and the statement that takes a turn at the call waits for it; before that, under an idempotency
key, the one that claims the key.
"""

from collections.abc import Callable

from tests.databases.raw import RawDatabase
from workflow import Engine
from workflow.ports import Clock


class Wire:
    """A host's SQLAlchemy engine that calls `before_lock` and `before_commit`, each once, just before it."""

    def __init__(self, database: RawDatabase) -> None:
        """Connect to a database when asked to."""
        self._locking = database.locking
        self.before_lock: Callable[[], object] | None = None
        self.before_commit: Callable[[], object] | None = None
        #: Every statement that was run.
        self.heard: list[str] = []
        self.engine = database.host(hear=self._hear)
        self._failed: BaseException | None = None

    def check(self) -> None:
        """Raise what was raised meanwhile, which a driver may swallow; nothing is held up any more."""
        self.before_lock = self.before_commit = None
        if self._failed:
            raise self._failed

    def _hear(self, statement: str) -> None:
        self.heard.append(statement)
        meanwhile = None
        if any(word in statement for word in self._locking):
            meanwhile, self.before_lock = self.before_lock, None
        if statement == "COMMIT":
            meanwhile, self.before_commit = self.before_commit, None
        try:
            if meanwhile:
                meanwhile()
        except BaseException as exc:  # noqa: BLE001 -- raised again by `check`
            self._failed = exc


class SlowEngine(Engine):
    """An engine of which `wire` holds up the next command."""

    def __init__(self, database: RawDatabase, clock: Clock, *, settle_s: float = 2.0) -> None:
        """Work on a migrated database."""
        self.wire = Wire(database)
        super().__init__(self.wire.engine, clock=clock, settle_s=settle_s)

    def close(self) -> None:
        """Close every connection, and raise what was raised while a command was held up."""
        self.wire.engine.dispose()
        self.wire.check()
