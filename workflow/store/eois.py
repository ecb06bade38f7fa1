"""Statements about EOIs, one at a time."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, insert, select, update

from states.names import STEPPED_ASIDE, EoiState
from workflow.connection import Connection
from workflow.errors import Overtaken
from workflow.manifest import LARGEST, answers_in
from workflow.statements import Prepared
from workflow.store.filtering import Filtered
from workflow.store.locks import turn_shared
from workflow.store.rows import from_row
from workflow.store.tables import CALL, EOI, REVISION
from workflow.views import EoiView

#: How long the answers of one page are together at the most, in characters: each may be 256 KiB, and takes
#: many times that once it is read.
MOST_ANSWERS: Final = 4 * LARGEST


class LoadedEoi(NamedTuple):
    """An EOI with as much of its call as a decision needs."""

    id: str
    call_id: str
    applicant: str
    state: str
    version: int
    digest: str
    reviewed_by: str | None
    reviewed_on_behalf_of: str | None
    call_reference: str
    call_state: str
    opens_at: datetime
    closes_at: datetime
    closed_at: datetime | None
    timezone: str
    contact: str | None


_SELECT_LOADED: Final = (
    select(
        EOI.c.id,
        EOI.c.call_id,
        EOI.c.applicant,
        EOI.c.state,
        EOI.c.version,
        EOI.c.digest,
        EOI.c.reviewed_by,
        EOI.c.reviewed_on_behalf_of,
        CALL.c.reference,
        CALL.c.state,
        CALL.c.opens_at,
        CALL.c.closes_at,
        CALL.c.closed_at,
        CALL.c.timezone,
        CALL.c.contact,
    )
    .join_from(EOI, CALL, EOI.c.call_id == CALL.c.id)
    .where(EOI.c.id == bindparam("eoi_id"))
)
_LOAD: Final = Prepared(_SELECT_LOADED)
_LOCK: Final = Prepared(_SELECT_LOADED.where(turn_shared(EOI.c.call_id)).with_for_update(read=True, of=CALL))

_VIEW: Final = (
    "id", "call_id", "applicant", "applicant_name", "state", "version",
    "created_at", "updated_at", "submitted_at", "decided_at", "digest",
)  # fmt: skip
# The standing revision is the newest that is no newer than the EOI: moves that save nothing leave none.
_STANDING: Final = (
    select(REVISION.c.manifest)
    .where(REVISION.c.eoi_id == EOI.c.id)
    .order_by(REVISION.c.version.desc())
    .limit(1)
    .scalar_subquery()
)
_SELECT: Final = select(*(EOI.c[name] for name in _VIEW), _STANDING.label("manifest"))
_BY_ID: Final = Prepared(_SELECT.where(EOI.c.id == bindparam("eoi_id")))
_LIVE: Final = Prepared(
    select(EOI.c.id).where(
        EOI.c.call_id == bindparam("the_call"),
        EOI.c.applicant == bindparam("the_applicant"),
        *(EOI.c.state != state for state in STEPPED_ASIDE),
    )
)
_INSERT: Final = Prepared(
    insert(EOI),
    columns=(
        "id", "call_id", "applicant", "applicant_name", "state", "version", "digest",
        "created_at", "updated_at",
    ),
)  # fmt: skip
_ADD_REVISION: Final = Prepared(insert(REVISION), columns=("eoi_id", "version", "manifest"))


def _advance(*also: str) -> Prepared:
    return Prepared(
        update(EOI)
        .where(EOI.c.id == bindparam("eoi_id"), EOI.c.version == bindparam("seen"))
        .values(
            state=bindparam("to"),
            version=bindparam("new_version"),
            updated_at=bindparam("new_updated_at"),
            **{name: bindparam(f"new_{name}") for name in also},
        )
    )


_STATES: Final = {state.value: state for state in EoiState}
_LIST: Final = Filtered(
    _SELECT.order_by(EOI.c.id).limit(bindparam("at_most")),
    {
        "the_call": EOI.c.call_id == bindparam("the_call"),
        "the_state": EOI.c.state == bindparam("the_state"),
        "after": EOI.c.id > bindparam("after"),
    },
    choices={"applicant": EOI.c.applicant},
)

#: The facts that a move may write beside state and version.
_ADVANCE: Final = {
    also: _advance(*also)
    for also in [
        (),
        ("submitted_at",),
        ("reviewed_by", "reviewed_on_behalf_of"),
        ("decided_at",),
        ("digest",),
    ]
}


def load(connection: Connection, eoi_id: str) -> LoadedEoi | None:
    """Return what a decision about this EOI needs."""
    row = connection.row(_LOAD, eoi_id=eoi_id)
    return None if row is None else LoadedEoi._make(row)


def lock(connection: Connection, eoi_id: str) -> LoadedEoi | None:
    """Return what a decision about this EOI needs, with its call's lock, which others may share.

    The EOI itself is not locked: whoever changes it tests its version.
    """
    row = connection.row(_LOCK, eoi_id=eoi_id)
    return None if row is None else LoadedEoi._make(row)


def by_id(connection: Connection, eoi_id: str) -> EoiView | None:
    """Return an EOI with its standing answers."""
    row = connection.row(_BY_ID, eoi_id=eoi_id)
    return None if row is None else _views([row])[0]


def live_id(connection: Connection, call_id: str, applicant: str) -> str | None:
    """Return the id of the EOI that stands in the way of a new one by this applicant, if there is one."""
    row = connection.row(_LIVE, the_call=call_id, the_applicant=applicant)
    return None if row is None else str(row[0])


def add(connection: Connection, **values: object) -> None:
    """Write a new EOI."""
    connection.write(_INSERT, **values)


def add_revision(connection: Connection, *, eoi_id: str, version: int, manifest: str) -> None:
    """Keep the exact bytes of what was saved."""
    connection.write(_ADD_REVISION, eoi_id=eoi_id, version=version, manifest=manifest)


def advance(
    connection: Connection, eoi_id: str, *, seen: int, to: str, at: datetime, also: dict[str, object]
) -> None:
    """Change state and version.

    Args:
        connection: holds the call's lock.
        eoi_id: which one.
        seen: the version it must still have.
        to: the new state.
        at: the new `updated_at`.
        also: further columns to write; one of the sets in `_ADVANCE`.

    Raises:
        Overtaken: at the latest with the commit: the version is no longer the one seen.
    """
    new = {f"new_{name}": value for name, value in also.items()}
    connection.write(
        _ADVANCE[tuple(also)],
        Overtaken(eoi_id=eoi_id),
        eoi_id=eoi_id,
        seen=seen,
        to=to,
        new_version=seen + 1,
        new_updated_at=at,
        **new,
    )


def find(
    connection: Connection,
    *,
    call_id: str | None,
    state: str | None,
    applicants: Collection[str] | None,
    after: str | None,
    limit: int,
) -> tuple[list[EoiView], bool]:
    """Return EOIs in the order of their ids, which is that of their making, and whether there are more.

    None filters nothing. At the most `limit`; fewer where their answers are long, but one at the least.
    """
    found = _LIST.rows(
        connection,
        the_call=call_id,
        the_state=state,
        after=after,
        limit=limit + 1,
        choices={"applicant": applicants},
    )
    fitting = _fitting(found[:limit])
    return _views(fitting), len(fitting) < len(found)


@from_row
def _fitting(rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
    """Return as many of them as one page holds."""
    if sum(len(row[-1]) for row in rows) <= MOST_ANSWERS:
        return rows
    sizes = accumulate(len(row[-1]) for row in rows)
    return rows[: max(1, sum(size <= MOST_ANSWERS for size in sizes))]


@from_row
def _views(rows: Sequence[tuple[Any, ...]]) -> list[EoiView]:
    return [_view(row) for row in rows]


def _view(row: tuple[Any, ...]) -> EoiView:
    # Each by its name: by a dict it would take half as long again, and a page has many.
    (
        id_,
        call_id,
        applicant,
        applicant_name,
        state,
        version,
        created_at,
        updated_at,
        submitted_at,
        decided_at,
        digest,
        manifest,
    ) = row
    return EoiView(
        id=id_,
        call_id=call_id,
        applicant=applicant,
        applicant_name=applicant_name,
        state=_STATES[state],
        version=version,
        answers=answers_in(manifest),
        created_at=created_at,
        updated_at=updated_at,
        submitted_at=submitted_at,
        decided_at=decided_at,
        digest=digest,
    )
