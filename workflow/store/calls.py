"""Statements about calls."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, insert, select, update

from states.names import CallState
from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.filtering import Filtered
from workflow.store.locks import turn_alone, turn_shared
from workflow.store.rows import from_row
from workflow.store.tables import CALL, EOI
from workflow.views import CallView

_VIEW: Final = (
    "id", "reference", "title", "state", "opens_at", "closes_at", "closed_at",
    "timezone", "phase", "contact", "audience", "version", "counts_at_close",
)  # fmt: skip
_SELECT: Final = select(*(CALL.c[name] for name in _VIEW))

_BY_ID: Final = Prepared(_SELECT.where(CALL.c.id == bindparam("call_id")))
_LOCK_SHARED: Final = Prepared(
    _SELECT.where(CALL.c.id == bindparam("call_id"), turn_shared(CALL.c.id)).with_for_update(read=True)
)
_LOCK_ALONE: Final = Prepared(
    _SELECT.where(CALL.c.id == bindparam("call_id"), turn_alone(CALL.c.id)).with_for_update()
)
_BY_REFERENCE: Final = Prepared(_SELECT.where(CALL.c.reference == bindparam("the_reference")))
_ALL: Final = Prepared(_SELECT.order_by(CALL.c.closes_at.desc(), CALL.c.id))
_LIST: Final = Filtered(
    _SELECT.order_by(CALL.c.id.desc()).limit(bindparam("at_most")),
    {
        "the_reference": CALL.c.reference == bindparam("the_reference"),
        "the_state": CALL.c.state == bindparam("the_state"),
        "after": CALL.c.id < bindparam("after"),
    },
)
_DUE: Final = Prepared(
    select(CALL.c.id)
    .where(CALL.c.state == "open", CALL.c.closes_at <= bindparam("latest"))
    .order_by(CALL.c.closes_at, CALL.c.id)
)
_NEXT: Final = Prepared(select(func.min(CALL.c.closes_at)).where(CALL.c.state == "open"))
_INSERT: Final = Prepared(
    insert(CALL),
    columns=(
        "id", "reference", "title", "state", "opens_at", "closes_at", "timezone",
        "closing_words", "phase", "contact", "audience", "version",
    ),
)  # fmt: skip
_CHANGE: Final = {
    names: Prepared(
        update(CALL)
        .where(CALL.c.id == bindparam("call_id"), CALL.c.version == bindparam("seen"))
        .values(
            state=bindparam("to"),
            version=CALL.c.version + 1,
            **{name: bindparam(f"new_{name}") for name in names},
        )
    )
    for names in [("closes_at",), ("closed_at", "counts_at_close"), ("cancelled_at",)]
}
_HAS_EOIS: Final = Prepared(select(EOI.c.id).where(EOI.c.call_id == bindparam("the_call")).limit(1))
_COUNTS: Final = Prepared(
    select(EOI.c.state, func.count())
    .where(EOI.c.call_id == bindparam("the_call"))
    .group_by(EOI.c.state)
    .order_by(EOI.c.state)
)
_COUNTS_OF_MANY: Final = (
    select(EOI.c.call_id, EOI.c.state, func.count())
    .group_by(EOI.c.call_id, EOI.c.state)
    .order_by(EOI.c.call_id, EOI.c.state)
)
_COUNTS_OF_ALL: Final = Prepared(_COUNTS_OF_MANY)
_COUNTS_BETWEEN: Final = Prepared(
    _COUNTS_OF_MANY.where(EOI.c.call_id >= bindparam("first"), EOI.c.call_id <= bindparam("last"))
)


def by_id(connection: Connection, call_id: str) -> CallView | None:
    """Return a call, without counts of now."""
    row = connection.row(_BY_ID, call_id=call_id)
    return None if row is None else _view(row)


def lock_shared(connection: Connection, call_id: str) -> CallView | None:
    """Return a call, which nobody moves until the transaction ends; others may share it."""
    row = connection.row(_LOCK_SHARED, call_id=call_id)
    return None if row is None else _view(row)


def lock_alone(connection: Connection, call_id: str) -> CallView | None:
    """Return a call, of which nobody moves anything until the transaction ends."""
    row = connection.row(_LOCK_ALONE, call_id=call_id)
    return None if row is None else _view(row)


def by_reference(connection: Connection, reference: str) -> CallView | None:
    """Return the call with the council's own reference, without counts of now."""
    row = connection.row(_BY_REFERENCE, the_reference=reference)
    return None if row is None else _view(row)


def every(connection: Connection) -> list[CallView]:
    """Return every call, the latest deadline first, without counts of now."""
    return [_view(row) for row in connection.rows(_ALL)]


def find(
    connection: Connection, *, reference: str | None, state: str | None, after: str | None, limit: int
) -> list[CallView]:
    """Return calls without counts of now, the newest first; None filters nothing."""
    found = _LIST.rows(connection, the_reference=reference, the_state=state, after=after, limit=limit)
    return [_view(row) for row in found]


def due(connection: Connection, latest: datetime) -> list[str]:
    """Return the ids of the open calls that close at `latest` or before, the earliest first."""
    return [call_id for (call_id,) in connection.rows(_DUE, latest=latest)]


def next_closing(connection: Connection) -> datetime | None:
    """Return the earliest closing of all open calls."""
    row = connection.row(_NEXT)
    return row[0] if row else None


def has_eois(connection: Connection, call_id: str) -> bool:
    """Return whether any EOI was ever begun for it."""
    return connection.row(_HAS_EOIS, the_call=call_id) is not None


def counts(connection: Connection, call_id: str) -> dict[str, int]:
    """Return its EOIs by state."""
    return {state: count for state, count in connection.rows(_COUNTS, the_call=call_id)}  # noqa: C416 -- pairs, by name


def counts_of_all(connection: Connection) -> dict[str, dict[str, int]]:
    """Return the EOIs by state, for each call that has any."""
    return _by_call(connection.rows(_COUNTS_OF_ALL))


def counts_between(connection: Connection, first: str, last: str) -> dict[str, dict[str, int]]:
    """Return the EOIs by state, for each call that has any, from one id to another."""
    return _by_call(connection.rows(_COUNTS_BETWEEN, first=first, last=last))


def _by_call(rows: Iterable[Any]) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for call_id, state, count in rows:
        counts.setdefault(call_id, {})[state] = count
    return counts


def add(connection: Connection, **values: object) -> None:
    """Write a new call."""
    connection.write(_INSERT, **values)


def extend(connection: Connection, call_id: str, seen: int, *, closes_at: datetime) -> bool:
    """Move the deadline; False where the version is no longer the one seen."""
    changed = connection.run(
        _CHANGE["closes_at",], call_id=call_id, seen=seen, to=CallState.OPEN, new_closes_at=closes_at
    )
    return changed == 1


def close(
    connection: Connection, call_id: str, seen: int, *, closed_at: datetime, counts: Mapping[str, int]
) -> bool:
    """Close it, with the counts; False where the version is no longer the one seen."""
    changed = connection.run(
        _CHANGE["closed_at", "counts_at_close"],
        call_id=call_id,
        seen=seen,
        to=CallState.CLOSED,
        new_closed_at=closed_at,
        new_counts_at_close=json.dumps(counts, sort_keys=True),
    )
    return changed == 1


def cancel(connection: Connection, call_id: str, seen: int, *, cancelled_at: datetime) -> bool:
    """Cancel it; False where the version is no longer the one seen."""
    changed = connection.run(
        _CHANGE["cancelled_at",],
        call_id=call_id,
        seen=seen,
        to=CallState.CANCELLED,
        new_cancelled_at=cancelled_at,
    )
    return changed == 1


@from_row
def _view(row: tuple[Any, ...]) -> CallView:
    values = dict(zip(_VIEW, row, strict=True))
    values["state"] = CallState(values["state"])
    if values["counts_at_close"] is not None:
        values["counts_at_close"] = json.loads(values["counts_at_close"])
    return CallView(**values, counts=None)
