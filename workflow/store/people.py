"""Whom an endpoint may stand for: words, the events that concern them, the addresses they lead to."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, bindparam, func, select

from states.events import EventType
from workflow.store.tables import CALL, CONTACT, EOI, OUTBOX

#: The courier that goes where a URL leads; the others go to people.
WEBHOOK: Final = "webhook"
#: The contacts of who applies; of the call's audience; of a list.
APPLICANT, AUDIENCE, LIST = "applicant", "audience", "list"
#: An EOI is nobody else's business; of a call no one in particular applies.
_ONLY_OF: Final = {APPLICANT: "eoi.", AUDIENCE: "call."}

# An office that stands on one list for several schools is told once, however its mailbox is spelled.
_MAILBOX: Final = func.lower(CONTACT.c.address)
_ONE_SPELLING: Final = func.min(CONTACT.c.address)


class Found(NamedTuple):
    """Where the addresses for an event are."""

    #: Each event, and by what its addresses are found: an organisation, or a list.
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


#: By a word -> the addresses. Those of a list want `list_name` for a parameter.
FOUND: Final = {
    APPLICANT: _found(
        CONTACT.c.organisation,
        EOI.c.applicant,
        OUTBOX.join(EOI, EOI.c.id == OUTBOX.c.eoi_id),
        "The organisation that applies has no contact on any list: import one, then retry.",
    ),
    AUDIENCE: _found(
        CONTACT.c.list_name,
        CALL.c.audience,
        OUTBOX.join(CALL, CALL.c.id == OUTBOX.c.call_id),
        "Nobody is on the list that is the call's audience, or it has none: import it, then retry.",
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
