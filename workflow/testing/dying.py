"""A process that dies at a chosen moment, as far as its database can tell.

Its connections are cut, what was not committed is undone, no code of the engine's runs any more; what stands
in memory, on other threads and in other libraries is not touched.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal, TypeVar, cast, get_args

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.orm import Session

from states.errors import BadInput, EoiError
from workflow.connection import Connection
from workflow.engine import Engine
from workflow.host_session import after_outermost_commit
from workflow.statements import Prepared

T = TypeVar("T")

#: begin: a transaction that writes begins. write: its first statement that writes. commit: it is committed.
#: deliver: a receiver is given something, by the kit.
Step = Literal["begin", "write", "commit", "deliver"]
#: On which side of a step.
Side = Literal["before", "after"]

_STEPS: Final[tuple[str, ...]] = get_args(Step)


class Crashed(BaseException):
    """The process died here, by the test's own wish; no `except Exception` holds it up."""


class Fate:
    """When one process dies, and whether it has."""

    def __init__(self) -> None:
        """Live."""
        self._lock = threading.Lock()
        self._moment: tuple[Side, Step] | None = None
        self._died = ""
        #: Whether it is dead; nothing of it is done from then on.
        self.is_over = False

    def await_(self, side: Side, step: Step) -> None:
        """Die when that comes next.

        Raises:
            BadInput: there is no such step.
        """
        if step not in _STEPS:
            msg = f"A process dies before or after one of these: {', '.join(_STEPS)}; not {step!r}."
            raise BadInput(msg, field="step")
        self._moment = side, step

    def spare(self) -> None:
        """Live on."""
        self._moment = None

    def awaits(self, side: Side, step: Step) -> bool:
        """Return whether it dies there."""
        return self._moment == (side, step)

    def come(self, side: Side, step: Step) -> None:
        """Be there: die, where that is the moment, or be dead already.

        Raises:
            Crashed: it is dead.
        """
        with self._lock:
            if self.awaits(side, step):
                self._died, self.is_over, self._moment = f"{side} {step}", True, None
        self.require_alive()

    def require_alive(self) -> None:
        """Go on only in a process that lives.

        Raises:
            Crashed: it is dead.
        """
        if self.is_over:
            msg = f"The process died {self._died}."
            raise Crashed(msg)


class MortalEngine(Engine):
    """An engine whose process can be told to die."""

    def __init__(self, database: str | sqlalchemy.Engine, *, fate: Fate, **settings: Any) -> None:  # noqa: ANN401 -- Engine's
        """Prepare, as any engine."""
        super().__init__(database, **settings)
        self._database.between = lambda lent, session: cast("Connection", _Mortal(lent, session, fate))

    def require_afterlife(self) -> None:
        """Pass only where anything is left of a database once its process is dead.

        Raises:
            BadInput: it is in memory.
        """
        if not self._database.outlives_us():
            msg = "A database in memory dies with its process: give the kit a folder, or another database."
            raise BadInput(msg, field="database")


class _Mortal:
    """A connection of a process that may die; all that it does not stop at is the connection's own."""

    def __init__(self, connection: Connection, session: Session | None, fate: Fate) -> None:
        self._connection, self._fate = connection, fate
        if session is not None:
            self._follow(session)

    def begin_write(self, *, wait_s: float | None = None, one_state: bool = False) -> None:
        """Begin a transaction that writes."""
        self._take("begin", partial(self._connection.begin_write, wait_s=wait_s, one_state=one_state))

    def join_write(self) -> None:
        """Begin to write in a host's transaction."""
        self._take("begin", self._connection.join_write)

    def write(self, statement: Prepared, else_raise: EoiError | None = None, /, **parameters: object) -> None:
        """Run a statement that writes, soon."""
        self._take("write", partial(self._connection.write, statement, else_raise, **parameters))

    def run(self, statement: Prepared, **parameters: object) -> int:
        """Run a statement that writes."""
        return self._take("write", partial(self._connection.run, statement, **parameters))

    def run_each(self, statement: Prepared, each: Sequence[Mapping[str, object]]) -> list[int]:
        """Run a statement that writes, several times."""
        return self._take("write", partial(self._connection.run_each, statement, each))

    def commit(self) -> None:
        """Commit."""
        self._take("commit", self._connection.commit)

    def rollback(self) -> None:
        """Roll back, where there is somebody left to say so."""
        if not self._is_cut():
            self._connection.rollback()

    def undo_to_savepoint(self) -> bool:
        """Undo our part in a host's transaction; there is none left when the process is dead."""
        return not self._is_cut() and self._connection.undo_to_savepoint()

    @property
    def is_broken(self) -> bool:
        """Whether the connection is gone."""
        return self._is_cut() or self._connection.is_broken

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- as the connection has it
        """Let the dead say nothing, and the living what they like."""
        self._or_cut(self._fate.require_alive)
        return getattr(self._connection, name)

    def _take(self, step: Step, do: Callable[[], T]) -> T:
        self._reach("before", step)
        result = do()
        self._reach("after", step)
        return result

    def _reach(self, side: Side, step: Step) -> None:
        if self._fate.awaits(side, step):
            self._connection.flush()  # what was said until now has come to the database
        self._or_cut(partial(self._fate.come, side, step))

    def _or_cut(self, pass_: Callable[[], None]) -> None:
        try:
            pass_()
        except Crashed:
            self._connection.cut()
            raise

    def _is_cut(self) -> bool:
        """Return whether the process is dead; the connection goes with it."""
        if self._fate.is_over:
            self._connection.cut()
        return self._fate.is_over

    def _follow(self, session: Session) -> None:
        """Go along to the commit, which is the host's here."""
        if self._fate.awaits("before", "commit"):
            event.listen(session, "before_commit", self._before_commit)
        if self._fate.awaits("after", "commit"):
            after_outermost_commit(session, partial(self._fate.come, "after", "commit"))

    def _before_commit(self, session: Session) -> None:
        """Come to the host's commit; SQLAlchemy calls the end of a savepoint one, too."""
        if session.get_nested_transaction() is None:
            self._reach("before", "commit")
