"""Statements about events from elsewhere that nothing handled."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, literal, select

from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.filtering import Filtered
from workflow.store.rows import from_row
from workflow.store.tables import UNHANDLED
from workflow.views import UnhandledView

_SEEN: Final = ("id", "source", "event_id", "type", "subject", "actor", "on_behalf_of", "at")
_INSERT: Final = Prepared(insert(UNHANDLED), columns=_SEEN)
_SELECT: Final = (
    select(*(UNHANDLED.c[name] for name in _SEEN)).order_by(UNHANDLED.c.id.desc()).limit(bindparam("at_most"))
)
_LIST: Final = Filtered(_SELECT, {"after": UNHANDLED.c.id < bindparam("after")})
_IS_OLD: Final = UNHANDLED.c.at < bindparam("before")
_ANY_OLD: Final = Prepared(select(literal(1)).where(_IS_OLD).limit(literal(1)))
_OLD: Final = (
    select(UNHANDLED.c.id)
    .where(_IS_OLD)
    .order_by(UNHANDLED.c.at)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)
_PRUNE: Final = Prepared(delete(UNHANDLED).where(UNHANDLED.c.id.in_(_OLD)))


def add(connection: Connection, view: UnhandledView) -> None:
    """Write one down."""
    connection.write(_INSERT, **{name: getattr(view, name) for name in _SEEN})


def find(connection: Connection, *, after: str | None, limit: int) -> list[UnhandledView]:
    """Return those that came before `after`, the newest first."""
    return [_view(row) for row in _LIST.rows(connection, limit=limit, after=after)]


def any_before(connection: Connection, before: datetime) -> bool:
    """Return whether one came before an instant."""
    return connection.row(_ANY_OLD, before=before) is not None


def prune(connection: Connection, before: datetime, *, at_most: int) -> int:
    """Delete those that came before an instant, the oldest first; return how many there were."""
    return connection.run(_PRUNE, before=before, at_most=at_most)


@from_row
def _view(row: tuple[Any, ...]) -> UnhandledView:
    return UnhandledView(**dict(zip(_SEEN, row, strict=True)))
