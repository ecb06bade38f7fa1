"""Set-based moves: every EOI of a call that is in one of some states, in a handful of statements.

England has 24,453 schools, and a close moves all their drafts in one transaction: never a loop.
"""

from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Insert, Table, bindparam, insert, literal, or_, select, update

from states.events import Event, EventType
from states.facts import Actor
from states.lifecycle import Move
from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.tables import CALL, EOI, HISTORY, NOTE, OUTBOX

_NEXT: Final = EOI.c.version + 1


_TOLD: Final = (
    "call_id", "call_reference", "applicant", "source", "state", "at", "recorded_at", "closes_at",
)  # fmt: skip
_EVENTS: Final = Prepared(
    select(
        OUTBOX.c.eoi_id,
        OUTBOX.c.version,
        OUTBOX.c.call_id,
        CALL.c.reference,
        EOI.c.applicant,
        OUTBOX.c.source,
        OUTBOX.c.state,
        OUTBOX.c.at,
        OUTBOX.c.recorded_at,
        OUTBOX.c.closes_at,
    )
    .join_from(OUTBOX, CALL, CALL.c.id == OUTBOX.c.call_id)
    .join(EOI, EOI.c.id == OUTBOX.c.eoi_id)
    .where(
        OUTBOX.c.position > bindparam("after"),
        OUTBOX.c.position <= bindparam("upto"),
        OUTBOX.c.call_id == bindparam("the_call"),
        OUTBOX.c.type == bindparam("the_type"),
    )
    .order_by(OUTBOX.c.position)
)


class _Statements:
    """What a move of all needs, for one set of source states."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        moved = (EOI.c.call_id == bindparam("the_call")) & or_(*(EOI.c.state == source for source in sources))
        self.history = Prepared(_history(moved))
        self.notes = Prepared(_notes(moved))
        self.outbox = Prepared(_outbox(moved))
        self.advance = Prepared(
            update(EOI)
            .where(moved)
            .values(state=bindparam("to"), version=_NEXT, updated_at=bindparam("new_updated_at"))
        )


def move_all(
    connection: Connection,
    move: Move,
    *,
    call_id: str,
    closes_at: datetime,
    actor: Actor,
    at: datetime,
    recorded_at: datetime,
    reason: str | None = None,
) -> int:
    """Make `move` for every EOI of the call that is in one of its sources; return how many there were.

    - one row of history each, with the note where a reason is given
    - one row of the outbox each
    - state, version and updated_at of each
    """
    statements = _for(move.sources)
    instants = {"p_at": at, "p_recorded_at": recorded_at}
    connection.run(
        statements.history,
        the_call=call_id,
        p_trigger=move.trigger,
        p_target=move.target,
        p_actor=actor.id,
        p_on_behalf_of=actor.on_behalf_of,
        p_via=actor.via,
        **instants,
    )
    if reason:
        connection.run(statements.notes, the_call=call_id, p_reason=reason)
    connection.run(
        statements.outbox,
        the_call=call_id,
        p_type=move.event,
        p_state=move.target,
        p_closes_at=closes_at,
        **instants,
    )
    return connection.run(statements.advance, the_call=call_id, to=move.target, new_updated_at=recorded_at)


def events(connection: Connection, type_: EventType, *, call_id: str, after: int, upto: int) -> list[Event]:
    """Return what a move of all has told, out of its span of the outbox."""
    rows = connection.rows(_EVENTS, after=after, upto=upto, the_call=call_id, the_type=type_)
    return [
        Event(
            id=f"{eoi_id}:{version}",
            type=type_,
            eoi_id=eoi_id,
            version=version,
            **dict(zip(_TOLD, rest, strict=True)),
        )
        for eoi_id, version, *rest in rows
    ]


@cache
def _for(sources: tuple[str, ...]) -> _Statements:
    return _Statements(sources)


def _history(moved: ColumnElement[bool]) -> Insert:
    given = ("trigger", "target", "actor", "on_behalf_of", "via", "at", "recorded_at")
    copied = {"subject_id": EOI.c.id, "seq": _NEXT, "source": EOI.c.state, "digest": EOI.c.digest}
    return _insert_from(HISTORY, copied, given, moved)


def _notes(moved: ColumnElement[bool]) -> Insert:
    return _insert_from(NOTE, {"subject_id": EOI.c.id, "seq": _NEXT}, ("reason",), moved)


def _outbox(moved: ColumnElement[bool]) -> Insert:
    given = ("type", "state", "at", "recorded_at", "closes_at")
    copied = {
        "call_id": EOI.c.call_id,
        "eoi_id": EOI.c.id,
        "source": EOI.c.state,
        "version": _NEXT,
        "fanned_out": literal(False),  # noqa: FBT003 -- a value, no flag
    }
    return _insert_from(OUTBOX, copied, given, moved)


def _insert_from(
    table: Table, copied: dict[str, Any], given: tuple[str, ...], moved: ColumnElement[bool]
) -> Insert:
    """One row for each EOI moved: `copied` from it, `given` as parameters named `p_…`."""
    binds = [bindparam(f"p_{name}", type_=table.c[name].type) for name in given]
    rows = select(*copied.values(), *binds).where(moved).order_by(EOI.c.id)
    return insert(table).from_select([*copied, *given], rows)
