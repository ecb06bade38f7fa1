"""What can be asked without changing anything. What is not the actor's is not found."""

from collections.abc import Collection
from dataclasses import replace

from states.access import reads_all, sees_eoi
from states.errors import BadInput
from states.facts import Actor
from states.names import CallState, EoiState
from states.text import plain_id
from workflow.connection import Connection
from workflow.errors import NotFound
from workflow.ids import existing_id, is_id, shown
from workflow.inputs import page_of, some_actor
from workflow.store import calls, eois
from workflow.views import CallView, EoiView, Page


def call(connection: Connection, id_or_reference: str, actor: Actor | None) -> CallView:
    """Return a call; with its counts for those who see every EOI.

    Raises:
        NotFound: no such call.
        Refused: the actor has no role.
    """
    _let_in(actor)
    return _for(actor, find_call(connection, id_or_reference), connection)


def every_call(connection: Connection, actor: Actor | None) -> list[CallView]:
    """Return every call, the latest deadline first."""
    _let_in(actor)
    found = calls.every(connection)
    if not reads_all(actor):
        return [_without_counts(each) for each in found]
    counts = calls.counts_of_all(connection)
    return [replace(each, counts=counts.get(each.id, {})) for each in found]


def find_calls(
    connection: Connection,
    *,
    reference: str | None,
    state: str | None,
    after: str | None,
    limit: int,
    actor: Actor | None,
) -> Page[CallView]:
    """Return a page of calls, the newest first; with their counts for those who see every EOI.

    Raises:
        BadInput: no such state; a limit that is no number from 1 to 1000; an `after` that is no id.
        Refused: the actor has no role.
    """
    _let_in(actor)
    _check_page(state, list(CallState), after, limit)
    if reference is not None and (reference := _as_kept(reference)) is None:
        return Page(items=(), next=None)
    found = calls.find(connection, reference=reference, state=state, after=after, limit=limit + 1)
    items, more = found[:limit], len(found) > limit
    return Page(items=tuple(_for_all(actor, items, connection)), next=items[-1].id if more else None)


def find_call(connection: Connection, id_or_reference: object) -> CallView:
    """Return a call by its id, or by the council's own reference.

    Raises:
        NotFound: no such call.
    """
    found = None
    name = _as_kept(id_or_reference)
    if name is not None:
        found = calls.by_id(connection, name) if is_id(name) else calls.by_reference(connection, name)
    if found is None:
        msg = f"There is no call {shown(id_or_reference)}."
        raise NotFound(msg)
    return found


def call_id(connection: Connection, id_or_reference: object) -> str:
    """Return the id of a call that may be named by its reference.

    Raises:
        NotFound: no such call.
    """
    if isinstance(id_or_reference, str) and is_id(id_or_reference):
        return id_or_reference
    return find_call(connection, id_or_reference).id


def live_eoi(connection: Connection, call: object, applicant: str, actor: Actor) -> str:
    """Return the id of an applicant's one live EOI of a call, which may be named by its reference.

    Raises:
        NotFound: no such call; the applicant has none, or it is not one the actor may see.
    """
    found = find_call(connection, call)
    live = eois.live_id(connection, found.id, applicant) if sees_eoi(actor, applicant) else None
    if live is None:
        msg = f"{applicant} has no live EOI for {found.reference}."
        raise NotFound(msg, call_id=found.id)
    return live


def eoi(connection: Connection, eoi_id: str, actor: Actor | None) -> EoiView:
    """Return an EOI with its answers.

    Raises:
        NotFound: no such EOI, or not one the actor may see.
        Refused: the actor has no role.
    """
    _let_in(actor)
    found = eois.by_id(connection, existing_id(eoi_id))
    if found is None or not sees_eoi(actor, found.applicant):
        msg = f"There is no EOI {eoi_id}."
        raise NotFound(msg, eoi_id=eoi_id)
    return found


def find(
    connection: Connection,
    *,
    call: str | None,
    state: str | None,
    applicant: str | None,
    after: str | None,
    limit: int,
    actor: Actor | None,
) -> Page[EoiView]:
    """Return a page of EOIs, the oldest first; it ends early where answers are long.

    Raises:
        NotFound: no such call.
        BadInput: no such state; a limit that is no number from 1 to 1000; an `after` that is no id.
        Refused: the actor has no role.
    """
    _let_in(actor)
    _check_page(state, list(EoiState), after, limit)
    of_call = None if call is None else find_call(connection, call).id
    applicants = _applicants(applicant, actor)
    found, more = eois.find(
        connection, call_id=of_call, state=state, applicants=applicants, after=after, limit=limit
    )
    return Page(items=tuple(found), next=found[-1].id if more else None)


def subject_id(connection: Connection, eoi_or_call_id: str, actor: Actor | None) -> str:
    """Return the id of an EOI, or of a call by its id or reference.

    Raises:
        NotFound: no such thing, or not one the actor may see.
        Refused: the actor has no role.
    """
    _let_in(actor)
    if is_id(eoi_or_call_id):
        found = eois.load(connection, eoi_or_call_id)
        if found is not None and sees_eoi(actor, found.applicant):
            return found.id
    try:
        return find_call(connection, eoi_or_call_id).id
    except NotFound:
        msg = f"There is no EOI or call {shown(eoi_or_call_id)}."
        raise NotFound(msg) from None


def _let_in(actor: Actor | None) -> None:
    if actor is not None:
        some_actor(actor)


def _for(actor: Actor | None, found: CallView, connection: Connection) -> CallView:
    if not reads_all(actor):
        return _without_counts(found)
    return replace(found, counts=calls.counts(connection, found.id))


def _for_all(actor: Actor | None, found: list[CallView], connection: Connection) -> list[CallView]:
    if not found or not reads_all(actor):
        return [_without_counts(each) for each in found]
    counts = calls.counts_between(connection, found[-1].id, found[0].id)
    return [replace(each, counts=counts.get(each.id, {})) for each in found]


def _without_counts(found: CallView) -> CallView:
    return replace(found, counts=None, counts_at_close=None)


def _applicants(applicant: str | None, actor: Actor | None) -> frozenset[str] | None:
    asked = None
    if applicant is not None:
        kept = _as_kept(applicant)
        asked = frozenset(() if kept is None else (kept,))
    if actor is None or reads_all(actor):
        return asked
    return actor.organisations if asked is None else actor.organisations & asked


def _check_page(state: str | None, states: Collection[str], after: str | None, limit: int) -> None:
    if state is not None and state not in states:
        msg = f"There is no state {shown(state)}. States are: {', '.join(states)}."
        raise BadInput(msg, field="state")
    page_of(after, limit)


def _as_kept(name: object) -> str | None:
    """Return the form in which a reference or an organisation is kept; None for what nothing is called."""
    try:
        return plain_id(name, field="name")
    except BadInput:
        return None
