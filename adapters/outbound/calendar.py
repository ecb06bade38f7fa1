"""The deadline of a call as an entry for somebody's calendar (iCalendar, RFC 5545).

One entry for each call: what is sent when the deadline moves has the same UID and a higher SEQUENCE, so that
a calendar replaces the old entry instead of showing two.
"""

from datetime import UTC, date, datetime
from typing import Final

from icalendar import Calendar, Event

from states.deadlines import deadline_in_words, last_day, zone
from states.events import Event as Told
from workflow.ports import About

#: Who made it. Source: RFC 5545, 3.7.3.
PRODID: Final = "-//eoi-workflow//deadlines//EN"


def deadline_calendar(told: Told, about: About) -> bytes:
    """Return a calendar with one entry: the day of the deadline, or its instant where it is within a day.

    No METHOD: it is neither an invitation nor anything to be answered.

    Args:
        told: what happened to the call; its version tells a later entry from an earlier one.
        about: of what the entry tells people.
    """
    calendar, entry = Calendar(), Event()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    entry.add("uid", f"{told.call_id}@eoi-workflow")
    entry.add("sequence", told.version - 1)
    entry.add("dtstamp", told.recorded_at.astimezone(UTC))
    entry.add("dtstart", _start(told.closes_at, about.timezone))
    entry.add("summary", f"Deadline: {about.title}")
    entry.add("description", _description(told, about))
    entry.add("transp", "TRANSPARENT")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())


def _start(closes_at: datetime, timezone: str) -> date | datetime:
    """Return the last day to apply where the whole of it counts, else the instant.

    An entry at midnight would stand on the day after the last one, which is a day too late.
    """
    day = last_day(closes_at, timezone)
    return day if day < closes_at.astimezone(zone(timezone)).date() else closes_at.astimezone(UTC)


def _description(told: Told, about: About) -> str:
    lines = [
        f"The deadline is {deadline_in_words(told.closes_at, about.timezone)}.",
        f"Call reference: {told.call_reference}",
        *([f"Contact: {about.contact}"] if about.contact else []),
    ]
    return "\n".join(lines)
