"""An engine whose commands can be overtaken on their way to the lock: no thread, no sleep, no chance."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import sqlalchemy

from workflow import Engine
from workflow.ports import Clock


class Wire:
    """A host's SQLAlchemy engine that calls `before_lock` and `before_commit`, each once, just before it."""

    def __init__(self, file: Path) -> None:
        """Connect to a database file when asked to."""
        self._file = file
        self.before_lock: Callable[[], object] | None = None
        self.before_commit: Callable[[], object] | None = None
        #: Every statement that was run with its values, and once more for each row that a trigger looks at.
        self.heard: list[str] = []
        self.engine = sqlalchemy.create_engine("sqlite://", creator=self._connect)
        self._failed: BaseException | None = None

    def check(self) -> None:
        """Raise what was raised meanwhile, which sqlite3 swallows; nothing is held up any more."""
        self.before_lock = self.before_commit = None
        if self._failed:
            raise self._failed

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = OFF")
        connection.set_trace_callback(self._hear)
        return connection

    def _hear(self, statement: str) -> None:
        self.heard.append(statement)
        meanwhile = None
        if statement == "BEGIN IMMEDIATE":
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

    def __init__(self, file: Path, clock: Clock, *, settle_s: float = 2.0) -> None:
        """Work on a database file that is there."""
        self.wire = Wire(file)
        super().__init__(self.wire.engine, clock=clock, settle_s=settle_s)

    def close(self) -> None:
        """Close every connection, and raise what was raised while a command was held up."""
        self.wire.engine.dispose()
        self.wire.check()
