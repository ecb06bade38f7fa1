"""Statements about idempotency keys."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import bindparam, delete, insert, literal, select, update

from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.tables import KEY


class StoredAnswer(NamedTuple):
    """What was answered under a key, and to which request."""

    fingerprint: str
    answer: str


#: When a key was claimed that is nobody's.
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)

_FIND: Final = Prepared(select(KEY.c.fingerprint, KEY.c.answer).where(KEY.c.scope == bindparam("the_scope")))
_CLAIM: Final = Prepared(insert(KEY), columns=("scope", "fingerprint", "answer", "created_at"))
_ANY_OLD: Final = Prepared(select(literal(1)).where(KEY.c.created_at < bindparam("before")).limit(literal(1)))
_OLD: Final = (
    select(KEY.c.scope)
    .where(KEY.c.created_at < bindparam("before"))
    .order_by(KEY.c.created_at)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
_PRUNE: Final = Prepared(delete(KEY).where(KEY.c.scope.in_(_OLD)))
_FORGET: Final = Prepared(delete(KEY).where(KEY.c.scope == bindparam("the_scope")))
_ANSWER: Final = Prepared(
    update(KEY).where(KEY.c.scope == bindparam("the_scope")).values(answer=bindparam("new_answer"))
)


def find(connection: Connection, scope: str) -> StoredAnswer | None:
    """Return what was answered under this key."""
    row = connection.row(_FIND, the_scope=scope)
    return None if row is None else StoredAnswer._make(row)


def claim(connection: Connection, scope: str, *, fingerprint: str, at: datetime) -> None:
    """Take the key; a Conflict where it is taken already."""
    connection.run(_CLAIM, scope=scope, fingerprint=fingerprint, answer="", created_at=at)


def any_before(connection: Connection, before: datetime) -> bool:
    """Return whether a key was claimed before an instant."""
    return connection.row(_ANY_OLD, before=before) is not None


def prune(connection: Connection, before: datetime, *, at_most: int) -> int:
    """Delete keys that were claimed before an instant, the oldest first; return how many there were."""
    return connection.run(_PRUNE, before=before, at_most=at_most)


def try_out(connection: Connection, scope: str) -> None:
    """Write a key that is nobody's, and take it away again."""
    claim(connection, scope, fingerprint="", at=_LONG_AGO)
    connection.run(_FORGET, the_scope=scope)


def answer(connection: Connection, scope: str, answer: str) -> None:
    """Keep the answer under a key that this transaction has claimed."""
    connection.write(_ANSWER, the_scope=scope, new_answer=answer)
