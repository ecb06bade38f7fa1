"""Statements about jobs."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from states.facts import Actor
from workflow.columns import JOB_ENDED
from workflow.connection import Connection
from workflow.job_views import JobView
from workflow.statements import Prepared
from workflow.store import job_files
from workflow.store.filtering import Filtered
from workflow.store.locks import turn_alone
from workflow.store.rows import from_row
from workflow.store.tables import JOB

_SEEN: Final = (
    "id", "kind", "state", "actor", "on_behalf_of", "parameters", "done", "total", "refused", "counts",
    "attempt", "created_at", "started_at", "finished_at", "code", "why",
)  # fmt: skip
_BESIDES: Final = (
    "via", "roles", "organisations", "keyed", "place", "lost", "media_type", "file_name",
    "result_size", "errors_size",
)  # fmt: skip
_ALL: Final = (*_SEEN, *_BESIDES)
_NEW: Final = (
    "id", "kind", "state", "actor", "on_behalf_of", "via", "roles", "organisations", "keyed", "parameters",
    "done", "refused", "counts", "place", "attempt", "lost", "created_at", "result_size", "errors_size",
    "turn",
)  # fmt: skip
_SELECT: Final = select(*(JOB.c[name] for name in _ALL))
_IS_IT: Final = JOB.c.id == bindparam("the_id")
_IS_OPEN: Final = JOB.c.finished_at.is_(None)
#: Whoever has had it since it was claimed, has it still.
_IS_HELD: Final = and_(_IS_IT, JOB.c.attempt == bindparam("the_attempt"), JOB.c.state == "running")
_IS_FREE: Final = and_(
    _IS_OPEN, or_(JOB.c.leased_until.is_(None), JOB.c.leased_until <= bindparam("free_at"))
)

_INSERT: Final = Prepared(insert(JOB), columns=_NEW)
_ONE: Final = Prepared(_SELECT.where(_IS_IT))
_LIST: Final = Filtered(
    _SELECT.order_by(JOB.c.id.desc()).limit(bindparam("at_most")),
    {
        "after": JOB.c.id < bindparam("after"),
        "state": JOB.c.state == bindparam("state"),
        "kind": JOB.c.kind == bindparam("kind"),
        "actor": JOB.c.actor == bindparam("actor"),
    },
)
_FREE: Final = Filtered(
    _SELECT.order_by(JOB.c.turn, JOB.c.created_at, JOB.c.id)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True),
    {"free_at": _IS_FREE},
    choices={"kind": JOB.c.kind},
)
_ALONE: Final = Prepared(select(turn_alone(literal("jobs of ") + bindparam("the_actor"))))
_IS_THEIRS: Final = JOB.c.actor == bindparam("the_actor")
_COUNTS: Final[tuple[ColumnElement[Any], ...]] = (
    func.count(case((_IS_THEIRS, literal(1)))),
    func.max(case((_IS_THEIRS, JOB.c.turn))),
    func.min(case((JOB.c.state == "queued", JOB.c.turn))),
)
_LINE: Final = Prepared(select(*_COUNTS).where(_IS_OPEN))
_HELD_BY: Final = Prepared(
    select(
        func.coalesce(
            func.sum(case((JOB.c.media_type.is_(None), literal(0)), else_=JOB.c.result_size)), literal(0)
        ),
        func.coalesce(func.sum(JOB.c.errors_size), literal(0)),
    ).where(JOB.c.actor == bindparam("the_actor"))
)
_WAITING: Final = Prepared(select(JOB.c.state, func.count()).where(_IS_OPEN).group_by(JOB.c.state))
_OLDEST: Final = Prepared(
    select(JOB.c.created_at)
    .where(_IS_OPEN, JOB.c.state == "queued")
    .order_by(JOB.c.created_at)
    .limit(literal(1))
)
_FIRST_LEASE: Final = Prepared(
    select(JOB.c.leased_until)
    .where(_IS_OPEN, JOB.c.leased_until.is_not(None))
    .order_by(JOB.c.leased_until)
    .limit(literal(1))
)
_CLAIM: Final = Prepared(
    update(JOB)
    .where(_IS_IT)
    .values(
        state="running",
        attempt=JOB.c.attempt + 1,
        lost=bindparam("lost"),
        leased_until=bindparam("until"),
        started_at=func.coalesce(JOB.c.started_at, bindparam("now", type_=JOB.c.started_at.type)),
    )
)
_PROGRESS: Final = {
    name: bindparam(f"new_{name}", type_=JOB.c[name].type)
    for name in (
        "done", "total", "refused", "counts", "place", "media_type", "file_name", "result_size",
        "errors_size",
    )
}  # fmt: skip
_ADVANCE: Final = Prepared(update(JOB).where(_IS_HELD).values(**_PROGRESS, leased_until=bindparam("until")))
#: What was done before it was heard that it is cancelled.
_LAST: Final = Prepared(
    update(JOB)
    .where(_IS_IT, JOB.c.attempt == bindparam("the_attempt"), JOB.c.state == "cancelled")
    .values(**_PROGRESS)
)
_GIVE_BACK: Final = Prepared(
    update(JOB).where(_IS_HELD).values(state="queued", leased_until=None, turn=JOB.c.turn + literal(1))
)
_END: Final = Prepared(
    update(JOB)
    .where(_IS_IT, _IS_OPEN)
    .values(
        state=bindparam("to"),
        leased_until=None,
        finished_at=bindparam("now"),
        code=bindparam("new_code"),
        why=bindparam("new_why"),
    )
)
_DELETE: Final = Prepared(delete(JOB).where(_IS_IT))
_IS_OLD: Final = JOB.c.finished_at < bindparam("before")
_OLD: Final = Prepared(
    select(JOB.c.id)
    .where(_IS_OLD)
    .order_by(JOB.c.finished_at)
    .limit(bindparam("at_most"))
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJob:
    """A job, with what is not shown of it."""

    view: JobView
    #: As whom it is done.
    actor: Actor
    keyed: bool
    #: Up to where it is done, as whatever does it counts.
    place: int
    lost: int
    media_type: str | None
    file_name: str | None
    result_size: int
    errors_size: int


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far whoever has a job has come."""

    done: int
    total: int | None
    refused: int
    counts: dict[str, int]
    place: int
    media_type: str | None
    file_name: str | None
    result_size: int
    errors_size: int

    def columns(self) -> dict[str, object]:
        """Return the parameters of a statement that writes it."""
        facts = {name: getattr(self, name) for name in _PROGRESS}
        return {f"new_{name}": value for name, value in (facts | {"counts": json.dumps(self.counts)}).items()}


def add(connection: Connection, view: JobView, actor: Actor, *, keyed: bool, turn: int) -> None:
    """Write a new job."""
    connection.run(
        _INSERT,
        id=view.id,
        kind=view.kind,
        state=view.state,
        actor=actor.id,
        on_behalf_of=actor.on_behalf_of,
        via=actor.via,
        roles=json.dumps(sorted(actor.roles)),
        organisations=json.dumps(sorted(actor.organisations)),
        keyed=keyed,
        parameters=json.dumps(view.parameters),
        done=0,
        refused=0,
        counts="{}",
        place=0,
        attempt=0,
        lost=0,
        created_at=view.created_at,
        result_size=0,
        errors_size=0,
        turn=turn,
    )


def one(connection: Connection, job_id: str) -> StoredJob | None:
    """Return one job; None where there is none."""
    row = connection.row(_ONE, the_id=job_id)
    return None if row is None else _stored(row)


def find(
    connection: Connection,
    *,
    actor: str | None,
    state: str | None,
    kind: str | None,
    after: str | None,
    limit: int,
) -> list[StoredJob]:
    """Return jobs, the newest first."""
    found = _LIST.rows(connection, limit=limit, after=after, state=state, kind=kind, actor=actor)
    return [_stored(row) for row in found]


def keep_alone(connection: Connection, actor: str) -> None:
    """Let nobody else start a job of this actor before this transaction ends."""
    connection.row(_ALONE, the_actor=actor)


def line_of(connection: Connection, actor: str) -> tuple[int, int]:
    """Return how many jobs of an actor have not ended, and which turn the next one has.

    Its turn comes after that of the actor's last one, and not before that of those who are next now.
    """
    count, own_last, next_of_all = connection.rows(_LINE, the_actor=actor)[0]
    return count, max(0 if own_last is None else own_last + 1, next_of_all or 0)


def held_by(connection: Connection, actor: str) -> int:
    """Return how many bytes the files of an actor's jobs have."""
    row = connection.row(_HELD_BY, the_actor=actor)
    return 0 if row is None else sum(map(int, row))


def waiting(connection: Connection) -> dict[str, int]:
    """Return how many have not ended, by state."""
    return {state: int(count) for state, count in connection.rows(_WAITING)}


def oldest_queued(connection: Connection) -> datetime | None:
    """Return since when the oldest one waits that nobody has; None where none does."""
    row = connection.row(_OLDEST)
    return None if row is None else row[0]


def lent_until(connection: Connection) -> datetime | None:
    """Return when the first lease ends of those that are lent; None where none is."""
    row = connection.row(_FIRST_LEASE)
    return None if row is None else row[0]


def first_free(connection: Connection, kinds: Collection[str], now: datetime) -> StoredJob | None:
    """Return the next job of some kinds that nobody has, and let nobody else take it meanwhile."""
    rows = _FREE.rows(connection, limit=1, choices={"kind": sorted(kinds)}, free_at=now)
    return _stored(rows[0]) if rows else None


def claim(connection: Connection, job_id: str, *, lost: int, now: datetime, until: datetime) -> None:
    """Lend it until then; one attempt more."""
    connection.run(_CLAIM, the_id=job_id, lost=lost, now=now, until=until)


def advance(
    connection: Connection, job_id: str, attempt: int, progress: Progress, *, until: datetime
) -> bool:
    """Write down how far it has come, and lend it until then; return whether it still was lent."""
    return (
        connection.run(_ADVANCE, the_id=job_id, the_attempt=attempt, until=until, **progress.columns()) == 1
    )


def tell_last(connection: Connection, job_id: str, attempt: int, progress: Progress) -> bool:
    """Write down what was done before it was cancelled; return whether it was, while lent."""
    return connection.run(_LAST, the_id=job_id, the_attempt=attempt, **progress.columns()) == 1


def give_back(connection: Connection, job_id: str, attempt: int) -> bool:
    """Let others take it, of other actors first; return whether it still was lent."""
    return connection.run(_GIVE_BACK, the_id=job_id, the_attempt=attempt) == 1


def end(
    connection: Connection,
    job_id: str,
    *,
    to: str,
    now: datetime,
    code: str | None = None,
    why: str | None = None,
) -> bool:
    """End it; return whether it had not ended before. What it was given is kept no longer."""
    if connection.run(_END, the_id=job_id, to=to, now=now, new_code=code, new_why=why) != 1:
        return False
    job_files.drop(connection, job_id, "input")
    return True


def forget(connection: Connection, job_id: str) -> None:
    """Delete it, and all its files."""
    job_files.drop_all(connection, job_id)
    connection.run(_DELETE, the_id=job_id)


def old(connection: Connection, before: datetime, *, at_most: int) -> list[str]:
    """Return the ids of those that ended before an instant, the oldest first."""
    return [row[0] for row in connection.rows(_OLD, before=before, at_most=at_most)]


@from_row
def _stored(row: tuple[Any, ...]) -> StoredJob:
    facts: dict[str, Any] = dict(zip(_ALL, row, strict=True))
    seen = {name: facts[name] for name in _SEEN}
    actor = Actor(
        facts["actor"],
        json.loads(facts["roles"]),
        json.loads(facts["organisations"]),
        on_behalf_of=facts["on_behalf_of"],
        via=facts["via"],
    )
    seen |= {name: _object(facts[name]) for name in ("parameters", "counts")}
    has_result = facts["state"] in JOB_ENDED and facts["media_type"] and facts["result_size"]
    view = JobView(
        **seen,
        result_bytes=facts["result_size"] if has_result else None,
        errors_bytes=facts["errors_size"] or None,
    )
    kept = {name: facts[name] for name in _BESIDES if name not in ("via", "roles", "organisations")}
    return StoredJob(view=view, actor=actor, **kept | {"keyed": bool(facts["keyed"])})


def _object(text: str) -> Mapping[str, Any]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError
    return found
