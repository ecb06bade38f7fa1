"""Whose turn it is at a call, an actor's jobs or a list of contacts, where several may write at a time.

Those who move a call's EOIs share the call; who moves the call itself has it alone. On PostgreSQL a row's own
lock is not fair: who wants it alone waits for as long as others come to share it. So everybody queues at an
advisory lock first, which is fair. The row's lock comes after it in the same statement: it makes that
statement read the row as it is once the turn has come, and holds off whoever writes the row without a turn.
On SQLite a writer has the whole database.
"""

from typing import Any, Final

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

#: Keeps our locks apart from a host's own.
_SPACE: Final = 4623


class _Turn(ColumnElement[bool]):
    """True, once the turn has come; it ends with the transaction."""

    inherit_cache = False
    type = Boolean()

    def __init__(self, what: ColumnElement[str], lock: str) -> None:
        self.what = what
        self.lock = lock


def turn_shared(call_id: ColumnElement[str]) -> ColumnElement[bool]:
    """Wait for whoever has the call alone, and for those who wanted that before us."""
    return _Turn(call_id, "pg_advisory_xact_lock_shared")


def turn_alone(what: ColumnElement[str]) -> ColumnElement[bool]:
    """Wait for everybody who shares it, or has it alone; let nobody in before this transaction ends."""
    return _Turn(what, "pg_advisory_xact_lock")


@compiles(_Turn)
def _no_wait(turn: _Turn, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401, ARG001 -- SQLAlchemy's signature
    return "1"


@compiles(_Turn, "postgresql")
def _wait(turn: _Turn, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401 -- as above
    return f"{turn.lock}({_SPACE}, hashtext({compiler.process(turn.what, **how)})) IS NOT NULL"
