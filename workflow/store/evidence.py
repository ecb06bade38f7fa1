"""Statements that find rows which contradict one another: what was written together must say the same.

They find what was changed, taken away or put in beside the engine. Whoever rewrites everything alike is not
found so: that takes an anchor outside the database.
"""

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import (
    CompoundSelect,
    Select,
    Table,
    and_,
    bindparam,
    case,
    except_,
    func,
    literal,
    or_,
    select,
)

from workflow.connection import Connection
from workflow.manifest import digest_of
from workflow.statements import Prepared
from workflow.store.tables import API_KEY, CALL, EOI, HISTORY, OUTBOX, REVISION

#: How many of one kind are named.
MOST: Final = 20
#: How many revisions are in memory at once; each may be of 256 KiB.
PAGE: Final = 100

_NEXT: Final = HISTORY.alias("later")
_SAVED: Final = or_(HISTORY.c.trigger == "draft", HISTORY.c.trigger == "save")
_HAPPENED: Final = select(
    HISTORY.c.subject_id,
    HISTORY.c.seq,
    HISTORY.c.source,
    HISTORY.c.target,
    HISTORY.c.at,
    HISTORY.c.recorded_at,
)
_TOLD: Final = select(
    func.coalesce(OUTBOX.c.eoi_id, OUTBOX.c.call_id),
    OUTBOX.c.version,
    OUTBOX.c.source,
    OUTBOX.c.state,
    OUTBOX.c.at,
    OUTBOX.c.recorded_at,
)
_SAVES: Final = select(HISTORY.c.subject_id, HISTORY.c.seq).where(_SAVED)
_REVISIONS: Final = select(REVISION.c.eoi_id, REVISION.c.version)


def _unlike_history(thing: Table) -> Select[Any]:
    """What is not in the state, or at the version, to which its history came."""
    return (
        select(thing.c.id)
        .outerjoin_from(thing, HISTORY, HISTORY.c.subject_id == thing.c.id)
        .group_by(thing.c.id)
        .having(
            or_(
                func.count(HISTORY.c.seq) != thing.c.version,
                func.min(HISTORY.c.seq) != 1,
                func.max(HISTORY.c.seq) != thing.c.version,
                func.max(case((HISTORY.c.seq == thing.c.version, HISTORY.c.target))) != thing.c.state,
            )
        )
    )


def _only_in(one: Select[Any], other: Select[Any]) -> Select[Any]:
    return select(except_(one, other).subquery().c[0])


def _orphans() -> CompoundSelect[Any]:
    return except_(select(HISTORY.c.subject_id), select(EOI.c.id), select(CALL.c.id))


def _broken_chains() -> Select[Any]:
    """Where a change does not begin where the one before it ended, or changes what only a save may."""
    return (
        select(HISTORY.c.subject_id)
        .join(_NEXT, and_(_NEXT.c.subject_id == HISTORY.c.subject_id, _NEXT.c.seq == HISTORY.c.seq + 1))
        .where(
            or_(
                _NEXT.c.source.is_distinct_from(HISTORY.c.target),
                and_(_NEXT.c.trigger != "save", _NEXT.c.digest.is_distinct_from(HISTORY.c.digest)),
            )
        )
    )


def _unlike_facts() -> Select[Any]:
    """An EOI whose digest, instants or reviewer are not those of its history."""
    trigger, decided = HISTORY.c.trigger, or_(HISTORY.c.trigger == "approve", HISTORY.c.trigger == "decline")
    return (
        select(EOI.c.id)
        .join(HISTORY, HISTORY.c.subject_id == EOI.c.id)
        .where(
            or_(
                and_(HISTORY.c.seq == EOI.c.version, EOI.c.digest.is_distinct_from(HISTORY.c.digest)),
                and_(trigger == "submit", EOI.c.submitted_at.is_distinct_from(HISTORY.c.at)),
                and_(trigger == "review", EOI.c.reviewed_by.is_distinct_from(HISTORY.c.actor)),
                and_(
                    trigger == "review", EOI.c.reviewed_on_behalf_of.is_distinct_from(HISTORY.c.on_behalf_of)
                ),
                and_(decided, EOI.c.decided_at.is_distinct_from(HISTORY.c.at)),
            )
        )
    )


def _unlike_deadlines() -> Select[Any]:
    """A call whose deadline is not the one that was told last."""
    of_itself = and_(OUTBOX.c.call_id == CALL.c.id, OUTBOX.c.eoi_id.is_(None))
    return (
        select(CALL.c.id)
        .join(OUTBOX, and_(of_itself, OUTBOX.c.version == CALL.c.version))
        .where(OUTBOX.c.closes_at != CALL.c.closes_at)
    )


def _left_without_one() -> Select[Any]:
    """A key that was rotated, and none of its name was made at that instant."""
    other = API_KEY.alias("other")
    took_its_place = and_(
        other.c.name == API_KEY.c.name,
        other.c.id != API_KEY.c.id,
        other.c.created_at == API_KEY.c.superseded_at,
    )
    return (
        select(API_KEY.c.prefix)
        .outerjoin_from(API_KEY, other, took_its_place)
        .where(API_KEY.c.superseded_at.is_not(None), other.c.id.is_(None))
    )


def _first(found: Select[Any] | CompoundSelect[Any]) -> Prepared:
    ids = found.subquery()
    return Prepared(select(ids.c[0]).distinct().order_by(ids.c[0]).limit(literal(MOST)))


#: What is wrong -> the ids of the calls and EOIs, or the prefixes of the keys, with which it is.
_WRONG: Final = {
    "call {}: not as its history says": _first(_unlike_history(CALL)),
    "EOI {}: not as its history says": _first(_unlike_history(EOI)),
    "EOI {}: its facts are not those of its history": _first(_unlike_facts()),
    "call {}: its deadline is not the one that was told": _first(_unlike_deadlines()),
    "history of {}: of nothing that is there": _first(_orphans()),
    "history of {}: one change does not follow from the other": _first(_broken_chains()),
    "history of {}: a change without its event": _first(_only_in(_HAPPENED, _TOLD)),
    "outbox of {}: an event without its change": _first(_only_in(_TOLD, _HAPPENED)),
    "EOI {}: what was saved is missing": _first(_only_in(_SAVES, _REVISIONS)),
    "EOI {}: content that nobody saved": _first(_only_in(_REVISIONS, _SAVES)),
    "key {}: rotated, and no other took its place": _first(_left_without_one()),
}

_CONTENT: Final = Prepared(
    select(REVISION.c.eoi_id, REVISION.c.version, REVISION.c.manifest, HISTORY.c.digest)
    .join(HISTORY, and_(HISTORY.c.subject_id == REVISION.c.eoi_id, HISTORY.c.seq == REVISION.c.version))
    .where(
        or_(
            REVISION.c.eoi_id > bindparam("the_eoi"),
            and_(REVISION.c.eoi_id == bindparam("the_eoi"), REVISION.c.version > bindparam("the_version")),
        )
    )
    .order_by(REVISION.c.eoi_id, REVISION.c.version)
    .limit(literal(PAGE))
)


def contradictions(connection: Connection) -> list[str]:
    """Return what does not agree, in words, the first of each kind; empty is well. Reads every row."""
    found = [words.format(id_) for words, find in _WRONG.items() for (id_,) in connection.rows(find)]
    changed = dict.fromkeys(
        eoi_id
        for eoi_id, text, digest in _content(connection)
        if not isinstance(text, str) or digest_of(text) != digest
    )
    return found + [f"EOI {eoi_id}: what was saved has been changed" for eoi_id in list(changed)[:MOST]]


def _content(connection: Connection) -> Iterator[tuple[str, str, str | None]]:
    """Walk through everything that was saved: whose it is, its text, the digest in history."""
    page = connection.rows(_CONTENT, the_eoi="", the_version=0)
    while page:
        for eoi_id, _, manifest, digest in page:
            yield eoi_id, manifest, digest
        page = connection.rows(_CONTENT, the_eoi=page[-1][0], the_version=page[-1][1])
