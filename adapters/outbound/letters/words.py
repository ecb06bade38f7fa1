"""What a letter may say: the variables of the templates, from an event and what people are told beside it."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

from states.deadlines import (
    date_in_words,
    day_it_counts_for,
    deadline_in_words,
    happening_in_words,
    last_day,
)
from states.events import Event, EventType, Ping
from workflow.ports import About

#: How an applicant, or the audience of a call, reads the state that an event has led to.
STATES: Final[Mapping[EventType | Ping, str]] = {
    EventType.CALL_OPENED: "Open",
    EventType.CALL_EXTENDED: "Open",
    EventType.CALL_CLOSED: "Closed",
    EventType.CALL_CANCELLED: "Cancelled",
    EventType.EOI_DRAFTED: "Not submitted",
    EventType.EOI_SAVED: "Not submitted",
    EventType.EOI_SUBMITTED: "Received",
    EventType.EOI_REVIEWED: "Being reviewed",
    EventType.EOI_APPROVED: "Selected",
    EventType.EOI_DECLINED: "Not selected",
    EventType.EOI_WITHDRAWN: "Withdrawn",
    EventType.EOI_LAPSED: "Not submitted in time",
    EventType.EOI_REINSTATED: "Being reviewed",
    EventType.EOI_CANCELLED: "Call cancelled",
}
#: The events with whose letters the deadline is sent for a calendar.
WITH_CALENDAR: Final = (EventType.CALL_OPENED, EventType.CALL_EXTENDED)

# What programs for mail make a link of, in a name: an address on the web, or a mailbox. "St.Mary's" is none.
_LINK: Final = re.compile(r"://|www\.|@|\w\.(?:[a-z]{2}|[A-Z]{2}|(?i:com|net|org|uk)\b)")
# Categories of what ends a line, steers a terminal, or is half a character.
_UNFIT: Final = ("Cc", "Zl", "Zp", "Cs")


def words(event: Event, about: About) -> dict[str, str | bool]:
    """Return every variable by its name: texts of one line, empty where there is nothing to say."""
    timezone = about.timezone
    return {
        "call_reference": one_line(event.call_reference),
        "call_title": one_line(about.title),
        "contact": one_line(about.contact),
        "deadline": deadline_in_words(event.closes_at, timezone),
        "last_day": date_in_words(last_day(event.closes_at, timezone)),
        "applicant": one_line(event.applicant),
        "applicant_name": _name(about.applicant_name),
        "eoi_id": event.eoi_id or "",
        "state": STATES[event.type],
        "happened_at": happening_in_words(event.at, event.closes_at, timezone),
        "happened_on": date_in_words(day_it_counts_for(event.at, event.closes_at, timezone)),
        "before_deadline": event.at < event.closes_at,
        "calendar": event.type in WITH_CALENDAR,
    }


def one_line(text: str | None) -> str:
    """Return a text of one line without control characters, whatever was kept; empty for none."""
    fit = "".join(" " if unicodedata.category(char) in _UNFIT else char for char in text or "")
    return " ".join(fit.split())


def _name(text: str | None) -> str:
    """Return an applicant's name; empty where it would lead somewhere: the council has not written it."""
    name = one_line(text)
    return "" if _LINK.search(name) else name
