"""Whom an endpoint may stand for: words, the events that concern them, the addresses they lead to."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    and_,
    bindparam,
    func,
    or_,
    select,
    type_coerce,
)

from states.events import EventType
from workflow.store.tables import CALL, CONTACT, EOI, OUTBOX

#: The courier that goes where a URL leads; the others go to people.
WEBHOOK: Final = "webhook"
#: The contacts of who applies; of the call's audience, and of who has begun an EOI in it; of a list.
APPLICANT, AUDIENCE, LIST = "applicant", "audience", "list"
#: An EOI is nobody else's business; of a call no one in particular applies.
_ONLY_OF: Final = {APPLICANT: "eoi.", AUDIENCE: "call."}

#: An event that has no deliveries yet. In the index's own words, NOT fanned_out: SQLite uses a partial index
#: for nothing else.
WAITING: Final = ~type_coerce(OUTBOX.c.fanned_out, Integer)

# An office that stands on one list for several schools is told once, however its mailbox is spelled.
_MAILBOX: Final = func.lower(CONTACT.c.address)
_ONE_SPELLING: Final = func.min(CONTACT.c.address)


class Found(NamedTuple):
    """Where the addresses for an event are."""

    #: Each event, and by what its addresses are found: an organisation, a call, or a list.
    events: Any
    key: Any
    #: The addresses of one `key`.
    addresses: Select[Any]
    #: Each event beside each of its addresses, or beside none; and the address, empty where nobody is there.
    source: Any
    address: Any
    #: What is to be done where nobody is there.
    why_nobody: str


def _found(
    by: Any,  # noqa: ANN401 -- Core's expressions
    key: Any,  # noqa: ANN401 -- as above
    events: Any,  # noqa: ANN401 -- as above
    why_nobody: str,
) -> Found:
    contact = (
        select(by.label("key"), _ONE_SPELLING.label("address")).group_by(by, _MAILBOX).subquery("contact")
    )
    return Found(
        events=events,
        key=key,
        addresses=select(_ONE_SPELLING)
        .where(by == bindparam("key"))
        .group_by(_MAILBOX)
        .order_by(_ONE_SPELLING),
        source=events.outerjoin(contact, contact.c.key == key),
        address=func.coalesce(contact.c.address, ""),
        why_nobody=why_nobody,
    )


def _found_of_calls(why_nobody: str) -> Found:
    """Return where those are who are to hear of a call: its audience, and who has begun an EOI in it.

    Who has begun need be on no list of the council's, and must hear of a new deadline as all the others do.
    """
    waiting = select(OUTBOX.c.call_id).where(WAITING, OUTBOX.c.eoi_id.is_(None))
    contact = _audience(waiting).union_all(_begun_besides(waiting)).subquery("contact")
    events = OUTBOX.join(CALL, CALL.c.id == OUTBOX.c.call_id)
    return Found(
        events=events,
        key=CALL.c.id,
        addresses=_addresses_of_call(bindparam("key", type_=CALL.c.id.type)),
        source=events.outerjoin(contact, contact.c.key == CALL.c.id),
        address=func.coalesce(contact.c.address, ""),
        why_nobody=why_nobody,
    )


def _by_list() -> Subquery:
    """Return each mailbox of each list, in one spelling. Grouped before it is joined: lists are long."""
    mailboxes = select(CONTACT.c.list_name, _MAILBOX.label("mailbox"), _ONE_SPELLING.label("address"))
    return mailboxes.group_by(CONTACT.c.list_name, _MAILBOX).subquery()


def _audience(calls: Select[Any]) -> Select[Any]:
    """Return each of these calls beside each mailbox of its audience."""
    listed = _by_list()
    return (
        select(CALL.c.id.label("key"), listed.c.address)
        .join(listed, listed.c.list_name == CALL.c.audience)
        .where(CALL.c.id.in_(calls))
    )


def _begun_besides(calls: Select[Any]) -> Select[Any]:
    """Return each of these calls beside each mailbox of who has begun there that is not of its audience."""
    listed = _by_list()
    is_told = and_(listed.c.list_name == CALL.c.audience, listed.c.mailbox == _MAILBOX)
    return (
        select(CALL.c.id, _ONE_SPELLING)
        .join(EOI, EOI.c.call_id == CALL.c.id)
        .join(CONTACT, CONTACT.c.organisation == EOI.c.applicant)
        .outerjoin(listed, is_told)
        .where(CALL.c.id.in_(calls), listed.c.address.is_(None))
        .group_by(CALL.c.id, _MAILBOX)
    )


def _addresses_of_call(call_id: ColumnElement[str]) -> Select[Any]:
    """Return each mailbox of who is to hear of one call, in one spelling."""
    audience = select(CALL.c.audience).where(CALL.c.id == call_id).scalar_subquery()
    begun = select(EOI.c.applicant).where(EOI.c.call_id == call_id)
    return (
        select(_ONE_SPELLING)
        .where(or_(CONTACT.c.list_name == audience, CONTACT.c.organisation.in_(begun)))
        .group_by(_MAILBOX)
        .order_by(_ONE_SPELLING)
    )


#: By a word -> the addresses. Those of a list want `list_name` for a parameter.
FOUND: Final = {
    APPLICANT: _found(
        CONTACT.c.organisation,
        EOI.c.applicant,
        OUTBOX.join(EOI, EOI.c.id == OUTBOX.c.eoi_id),
        "The organisation that applies has no contact on any list: import one, then retry.",
    ),
    AUDIENCE: _found_of_calls(
        "Nobody is on the list that is the call's audience, or it has none, and nobody who has begun an EOI "
        "has a contact: import it, then retry."
    ),
    LIST: _found(
        CONTACT.c.list_name,
        bindparam("list_name", type_=CONTACT.c.list_name.type),
        OUTBOX,
        "Nobody is on this list: import it, then retry.",
    ),
}


def whom_of(courier: str, url: str) -> tuple[str, dict[str, str]]:
    """Return the word for whom an endpoint stands, and the parameters that `FOUND` wants for it.

    The word is empty where its deliveries all go to one place.
    """
    word, _, name = url.partition(":")
    if courier == WEBHOOK:
        return "", {}
    if word == LIST and name:
        return LIST, {"list_name": name}
    return (url, {}) if url in (APPLICANT, AUDIENCE) else ("", {})


def concerns(whom: str, types: Iterable[EventType]) -> bool:
    """Return whether any of these events is for them: an EOI is nobody else's business, a call is for all."""
    return any(each.startswith(_ONLY_OF.get(whom, "")) for each in types)
