"""Statements about what has happened, and about what was refused."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, bindparam, case, func, insert, select
from sqlalchemy import update as update_statement

from states.facts import Actor
from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.tables import ATTEMPT, HISTORY, NOTE
from workflow.views import AttemptView, HistoryView

#: How many kinds of refused attempts of one actor on one thing are kept apart by for whom each was: whoever
#: asks says that themselves, and could make up another name each time.
MOST_ATTEMPTS: Final = 100

_VIEW: Final = (
    "seq", "trigger", "source", "target", "actor", "on_behalf_of", "via", "at", "recorded_at", "digest",
)  # fmt: skip
_INSERT: Final = Prepared(insert(HISTORY), columns=("subject_id", *_VIEW))
_INSERT_NOTE: Final = Prepared(insert(NOTE), columns=("subject_id", "seq", "reason"))
_SELECT: Final = (
    select(*(HISTORY.c[name] for name in _VIEW), NOTE.c.reason)
    .outerjoin_from(
        HISTORY, NOTE, and_(NOTE.c.subject_id == HISTORY.c.subject_id, NOTE.c.seq == HISTORY.c.seq)
    )
    .where(HISTORY.c.subject_id == bindparam("subject"))
    .order_by(HISTORY.c.seq)
)
_OF: Final = Prepared(_SELECT)
_PAGE: Final = Prepared(_SELECT.where(HISTORY.c.seq > bindparam("after")).limit(bindparam("at_most")))

_ATTEMPT_KEY: Final = ("subject_id", "actor", "on_behalf_of", "trigger", "code")
_THIS_ATTEMPT: Final = and_(*(ATTEMPT.c[name] == bindparam(f"the_{name}") for name in _ATTEMPT_KEY))
# Whoever waited longer for the lock is written down later, and may have arrived earlier.
_EARLIEST: Final = bindparam("earliest", type_=ATTEMPT.c.first_at.type)
_LATEST: Final = bindparam("latest", type_=ATTEMPT.c.last_at.type)
_COUNT_ATTEMPT: Final = Prepared(
    update_statement(ATTEMPT)
    .where(_THIS_ATTEMPT)
    .values(
        count=ATTEMPT.c.count + 1,
        first_at=case((ATTEMPT.c.first_at > _EARLIEST, _EARLIEST), else_=ATTEMPT.c.first_at),
        last_at=case((ATTEMPT.c.last_at < _LATEST, _LATEST), else_=ATTEMPT.c.last_at),
    )
)
_ADD_ATTEMPT: Final = Prepared(
    insert(ATTEMPT), columns=(*_ATTEMPT_KEY, "call_id", "count", "first_at", "last_at")
)
_ATTEMPT_VIEW: Final = (
    "subject_id", "call_id", "trigger", "code", "actor", "on_behalf_of", "count", "first_at", "last_at",
)  # fmt: skip
_SELECT_ATTEMPTS: Final = select(*(ATTEMPT.c[name] for name in _ATTEMPT_VIEW)).order_by(
    ATTEMPT.c.first_at, *(ATTEMPT.c[name] for name in _ATTEMPT_KEY)
)
_SELECT_ON: Final = _SELECT_ATTEMPTS.where(ATTEMPT.c.subject_id == bindparam("subject"))
_SELECT_FOR: Final = _SELECT_ATTEMPTS.where(ATTEMPT.c.call_id == bindparam("the_call"))
_ATTEMPTS_ON: Final = Prepared(_SELECT_ON)
_ATTEMPTS_FOR: Final = Prepared(_SELECT_FOR)
_PAGE_ON, _PAGE_FOR = (
    Prepared(
        query.where(ATTEMPT.c.first_at >= bindparam("since"))
        .limit(bindparam("at_most"))
        .offset(bindparam("seen"))
    )
    for query in (_SELECT_ON, _SELECT_FOR)
)
_KINDS_OF_ATTEMPT: Final = Prepared(
    select(func.count()).where(
        ATTEMPT.c.subject_id == bindparam("subject"), ATTEMPT.c.actor == bindparam("the_actor")
    )
)
_FIRST_ATTEMPT: Final = Prepared(
    select(func.min(ATTEMPT.c.first_at)).where(
        ATTEMPT.c.subject_id == bindparam("subject"),
        ATTEMPT.c.trigger == bindparam("the_trigger"),
        ATTEMPT.c.code == bindparam("the_code"),
    )
)


def add(
    connection: Connection,
    *,
    subject_id: str,
    seq: int,
    trigger: str,
    source: str | None,
    target: str,
    actor: Actor,
    at: datetime,
    recorded_at: datetime,
    digest: str | None,
    reason: str | None,
) -> None:
    """Append one change, and the free text beside it."""
    connection.write(
        _INSERT,
        subject_id=subject_id,
        seq=seq,
        trigger=trigger,
        source=source,
        target=target,
        actor=actor.id,
        on_behalf_of=actor.on_behalf_of,
        via=actor.via,
        at=at,
        recorded_at=recorded_at,
        digest=digest,
    )
    if reason:
        connection.write(_INSERT_NOTE, subject_id=subject_id, seq=seq, reason=reason)


def of(connection: Connection, subject_id: str) -> list[HistoryView]:
    """Return every change of a call or EOI, the first one first."""
    return [_view(row) for row in connection.rows(_OF, subject=subject_id)]


def page(connection: Connection, subject_id: str, *, after: int, limit: int) -> list[HistoryView]:
    """Return so many changes of a call or EOI after one, by its number."""
    return [_view(row) for row in connection.rows(_PAGE, subject=subject_id, after=after, at_most=limit)]


def add_attempt(
    connection: Connection,
    *,
    subject_id: str,
    call_id: str,
    trigger: str,
    code: str,
    actor: Actor,
    earliest_at: datetime,
    latest_at: datetime,
) -> None:
    """Count a refused attempt; of somebody who names ever other people, only the first ones by name.

    Its first instant is the earliest at which any of them can have arrived, its last one the latest.
    """
    key = (subject_id, actor.id, actor.on_behalf_of or "", trigger, code)
    _count(connection, key, call_id, (earliest_at, latest_at))


def _count(
    connection: Connection,
    key: tuple[str, str, str, str, str],
    call_id: str,
    arrival: tuple[datetime, datetime],
) -> None:
    this = {f"the_{name}": value for name, value in zip(_ATTEMPT_KEY, key, strict=True)}
    earliest, latest = arrival
    if not connection.run(_COUNT_ATTEMPT, earliest=earliest, latest=latest, **this):
        subject_id, who, behalf, trigger, code = key
        kinds = connection.row(_KINDS_OF_ATTEMPT, subject=subject_id, the_actor=who)
        if behalf and kinds is not None and kinds[0] >= MOST_ATTEMPTS:
            _count(connection, (subject_id, who, "", trigger, code), call_id, arrival)
            return
        new = dict(zip(_ATTEMPT_KEY, key, strict=True))
        connection.run(_ADD_ATTEMPT, **new, call_id=call_id, count=1, first_at=earliest, last_at=latest)


def attempts_on(connection: Connection, eoi_id: str) -> list[AttemptView]:
    """Return what was refused on one EOI."""
    return [_attempt(row) for row in connection.rows(_ATTEMPTS_ON, subject=eoi_id)]


def attempts_for(connection: Connection, call_id: str) -> list[AttemptView]:
    """Return what was refused on a call and on any of its EOIs."""
    return [_attempt(row) for row in connection.rows(_ATTEMPTS_FOR, the_call=call_id)]


def attempts_on_page(
    connection: Connection, eoi_id: str, *, since: datetime, seen: int, limit: int
) -> list[AttemptView]:
    """Return so many of what was refused on one EOI, from an instant on but for the first ones."""
    found = connection.rows(_PAGE_ON, subject=eoi_id, since=since, seen=seen, at_most=limit)
    return [_attempt(row) for row in found]


def attempts_for_page(
    connection: Connection, call_id: str, *, since: datetime, seen: int, limit: int
) -> list[AttemptView]:
    """Return so many of what was refused on a call and on its EOIs, as `attempts_on_page`."""
    found = connection.rows(_PAGE_FOR, the_call=call_id, since=since, seen=seen, at_most=limit)
    return [_attempt(row) for row in found]


def first_attempt_at(connection: Connection, eoi_id: str, *, trigger: str, code: str) -> datetime | None:
    """Return when what was refused so arrived first, at the earliest."""
    row = connection.row(_FIRST_ATTEMPT, subject=eoi_id, the_trigger=trigger, the_code=code)
    return row[0] if row else None


def _view(row: tuple[Any, ...]) -> HistoryView:
    *values, reason = row
    return HistoryView(**dict(zip(_VIEW, values, strict=True)), reason=reason)


def _attempt(row: tuple[Any, ...]) -> AttemptView:
    fields = dict(zip(_ATTEMPT_VIEW, row, strict=True))
    subject_id = fields.pop("subject_id")
    fields["eoi_id"] = None if subject_id == fields["call_id"] else subject_id
    fields["on_behalf_of"] = fields["on_behalf_of"] or None
    return AttemptView(**fields)
