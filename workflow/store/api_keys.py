"""Statements about keys of the HTTP door."""

import json
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, insert, or_, select, update

from states.names import Role
from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.rows import from_row
from workflow.store.tables import API_KEY
from workflow.views import KeyView

#: States in which a key opens the door.
VALID: Final = frozenset({"current", "rotated"})

_SEEN: Final = (
    "id", "name", "prefix", "roles", "organisations", "created_at", "created_by",
    "expires_at", "last_used_at", "superseded_at", "old_until", "revoked_at", "revoked_by",
)  # fmt: skip
_INSERT: Final = Prepared(
    insert(API_KEY),
    columns=(
        "id", "name", "prefix", "hash", "roles", "organisations", "created_at", "created_by", "expires_at",
    ),
)  # fmt: skip
_SELECT: Final = select(*(API_KEY.c[name] for name in _SEEN))
_IS_IT: Final = API_KEY.c.id == bindparam("the_id")
_IS_CURRENT: Final = (API_KEY.c.superseded_at.is_(None), API_KEY.c.revoked_at.is_(None))
_ALL: Final = Prepared(_SELECT.order_by(API_KEY.c.id))
_ONE: Final = Prepared(
    _SELECT.where(or_(API_KEY.c.id == bindparam("the_name"), API_KEY.c.prefix == bindparam("the_name")))
)
_CURRENT: Final = Prepared(_SELECT.where(API_KEY.c.name == bindparam("the_name"), *_IS_CURRENT))
_OF_NAME: Final = Prepared(_SELECT.where(API_KEY.c.name == bindparam("the_name")))
_HASHED: Final = Prepared(
    select(*_SELECT.selected_columns, API_KEY.c.hash).where(API_KEY.c.prefix == bindparam("the_prefix"))
)
_SUPERSEDE: Final = Prepared(
    update(API_KEY)
    .where(_IS_IT, *_IS_CURRENT)
    .values(superseded_at=bindparam("now"), old_until=bindparam("until"))
)
_REVOKE: Final = Prepared(
    update(API_KEY)
    .where(_IS_IT, API_KEY.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"), revoked_by=bindparam("who"))
)
_USED: Final = Prepared(
    update(API_KEY)
    .where(_IS_IT, or_(API_KEY.c.last_used_at.is_(None), API_KEY.c.last_used_at <= bindparam("before")))
    .values(last_used_at=bindparam("now"))
)


def add(connection: Connection, view: KeyView, *, hashed: str) -> None:
    """Write a new key; a Conflict where its name has a current one, or its prefix is taken."""
    connection.run(
        _INSERT,
        id=view.id,
        name=view.name,
        prefix=view.prefix,
        hash=hashed,
        roles=json.dumps(view.roles),
        organisations=json.dumps(view.organisations),
        created_at=view.created_at,
        created_by=view.created_by,
        expires_at=view.expires_at,
    )


def every(connection: Connection, now: datetime) -> list[KeyView]:
    """Return every key that ever was, the oldest first."""
    return [_view(row, now) for row in connection.rows(_ALL)]


def one(connection: Connection, id_or_prefix: str, now: datetime) -> KeyView | None:
    """Return one key; None where there is none."""
    row = connection.row(_ONE, the_name=id_or_prefix)
    return None if row is None else _view(row, now)


def current(connection: Connection, name: str, now: datetime) -> KeyView | None:
    """Return the key of a name that nothing has taken the place of, and nobody revoked; expired or not."""
    row = connection.row(_CURRENT, the_name=name)
    return None if row is None else _view(row, now)


def valid_of(connection: Connection, name: str, now: datetime) -> list[KeyView]:
    """Return the keys of a name that open the door."""
    found = [_view(row, now) for row in connection.rows(_OF_NAME, the_name=name)]
    return [each for each in found if each.state in VALID]


def hashed(connection: Connection, prefix: str, now: datetime) -> tuple[KeyView, str] | None:
    """Return the key that a prefix is of, with the hash of the whole; None where there is none."""
    row = connection.row(_HASHED, the_prefix=prefix)
    return None if row is None else (_view(row[:-1], now), row[-1])


def supersede(connection: Connection, key_id: str, *, now: datetime, until: datetime) -> bool:
    """Let another take its place, and it be valid until then; return whether it was a current one."""
    return connection.run(_SUPERSEDE, the_id=key_id, now=now, until=until) == 1


def revoke(connection: Connection, key_id: str, *, now: datetime, who: str) -> bool:
    """Let it be valid no more; return whether it was not revoked before."""
    return connection.run(_REVOKE, the_id=key_id, now=now, who=who) == 1


def used(connection: Connection, key_id: str, *, now: datetime, before: datetime) -> None:
    """Write down that it is used now, unless a use after `before` is written down."""
    connection.run(_USED, the_id=key_id, now=now, before=before)


@from_row
def _view(row: tuple[Any, ...], now: datetime) -> KeyView:
    facts = dict(zip(_SEEN, row, strict=True))
    facts["roles"] = tuple(Role(each) for each in json.loads(facts["roles"]))
    facts["organisations"] = tuple(json.loads(facts["organisations"]))
    return KeyView(**facts, state=_state(now, facts["expires_at"], facts["old_until"], facts["revoked_at"]))


def _state(
    now: datetime, expires_at: datetime | None, old_until: datetime | None, revoked_at: datetime | None
) -> str:
    if revoked_at is not None:
        return "revoked"
    if old_until is not None and old_until <= now:
        return "ended"
    if expires_at is not None and expires_at <= now:
        return "expired"
    return "current" if old_until is None else "rotated"
