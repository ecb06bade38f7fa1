"""Whom an endpoint may stand for: words, the events that concern them, the addresses they lead to."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, func, select

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
_ONE_SPELLING: Final = func.min(CONTACT.c.address).label("address")
_OF_LIST: Final = (
    select(CONTACT.c.list_name, _ONE_SPELLING).group_by(CONTACT.c.list_name, _MAILBOX).subquery("contact")
)
_OF_APPLICANT: Final = (
    select(CONTACT.c.organisation, _ONE_SPELLING)
    .group_by(CONTACT.c.organisation, _MAILBOX)
    .subquery("contact")
)


class Found(NamedTuple):
    """Where the addresses for an event are."""

    #: The address; empty where nobody is there.
    address: Any
    #: Each event, beside each of its addresses, or beside none.
    source: Any
    #: What is to be done where nobody is there.
    why_nobody: str


_ADDRESS_OF_LIST: Final = func.coalesce(_OF_LIST.c.address, "")
#: By a word -> the addresses. Those of a list want `list_name` for a parameter.
FOUND: Final[dict[str, Found]] = {
    APPLICANT: Found(
        func.coalesce(_OF_APPLICANT.c.address, ""),
        OUTBOX.join(EOI, EOI.c.id == OUTBOX.c.eoi_id).outerjoin(
            _OF_APPLICANT, _OF_APPLICANT.c.organisation == EOI.c.applicant
        ),
        "The organisation that applies has no contact on any list: import one, then retry.",
    ),
    AUDIENCE: Found(
        _ADDRESS_OF_LIST,
        OUTBOX.join(CALL, CALL.c.id == OUTBOX.c.call_id).outerjoin(
            _OF_LIST, _OF_LIST.c.list_name == CALL.c.audience
        ),
        "Nobody is on the list that is the call's audience, or it has none: import it, then retry.",
    ),
    LIST: Found(
        _ADDRESS_OF_LIST,
        OUTBOX.outerjoin(_OF_LIST, _OF_LIST.c.list_name == bindparam("list_name")),
        "Nobody is on this list: import it, then retry.",
    ),
}


def whom_of(courier: str, url: str) -> tuple[str, dict[str, str]]:
    """Return the word for whom an endpoint stands, and the parameters that `FOUND` wants for it.

    The word is empty where its deliveries all go to one place.
    """
    word, _, name = url.partition(":")
    if courier != WEBHOOK and url in (APPLICANT, AUDIENCE):
        return url, {}
    return (LIST, {"list_name": name}) if courier != WEBHOOK and word == LIST and name else ("", {})


def concerns(whom: str, types: Iterable[EventType]) -> bool:
    """Return whether any of these events is for them: an EOI is nobody else's business, a call is for all."""
    return any(each.startswith(_ONLY_OF.get(whom, "")) for each in types)
