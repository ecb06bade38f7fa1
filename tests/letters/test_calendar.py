"""The deadline for a calendar, read back by icalendar: on the right day, and one entry for each call."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from icalendar import Calendar, Event

from adapters.outbound.calendar import deadline_calendar
from tests.letters.facts import ABOUT, CALL, event
from workflow import EventType
from workflow.ports import About


def _entry(about: About = ABOUT, **other: Any) -> Event:
    calendar = Calendar.from_ical(deadline_calendar(event(EventType.CALL_OPENED, **other), about))
    assert (calendar["version"], "method" in calendar) == ("2.0", False)
    (entry,) = calendar.walk("VEVENT")
    assert isinstance(entry, Event)
    return entry


def test_a_whole_day_stands_on_its_day() -> None:
    """By 17 March is an entry on 17 March; midnight would stand on the 18th, a day too late."""
    entry = _entry()
    assert entry.decoded("dtstart") == date(2023, 3, 17)
    assert "dtend" not in entry
    assert entry["summary"] == "Deadline: Primary Phase Specialist Resource Bases"
    assert entry["description"] == (
        "The deadline is 11:59pm on Friday 17 March 2023.\n"
        "Call reference: 46/23\n"
        "Contact: Programme Management Team"
    )
    assert entry["transp"] == "TRANSPARENT"
    assert entry.decoded("dtstamp") == datetime(2023, 3, 14, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("closes_at", "timezone", "starts"),
    [
        (datetime(2023, 3, 24, 12, tzinfo=UTC), "Europe/London", datetime(2023, 3, 24, 12, tzinfo=UTC)),
        (datetime(2023, 7, 1, 11, tzinfo=UTC), "Europe/London", datetime(2023, 7, 1, 11, tzinfo=UTC)),
        (datetime(2023, 7, 1, 23, tzinfo=UTC), "Europe/London", date(2023, 7, 1)),
        (datetime(2023, 7, 2, tzinfo=UTC), "Europe/London", datetime(2023, 7, 2, tzinfo=UTC)),
        (datetime(2023, 3, 26, tzinfo=UTC), "Europe/London", date(2023, 3, 25)),
        (datetime(2023, 3, 18, 4, tzinfo=UTC), "America/New_York", date(2023, 3, 17)),
    ],
)
def test_another_deadline_stands_at_its_instant(closes_at: datetime, timezone: str, starts: Any) -> None:
    """Within a day it is the instant, the same everywhere; whole days are those of the call's zone."""
    assert _entry(replace(ABOUT, timezone=timezone), closes_at=closes_at).decoded("dtstart") == starts


def test_an_extension_takes_the_place_of_the_first_entry() -> None:
    """The same UID, and a higher SEQUENCE each time."""
    entries = [_entry(version=version) for version in (1, 2, 5)]
    assert [str(each["uid"]) for each in entries] == [f"{CALL}@eoi-workflow"] * 3
    assert [each.decoded("sequence") for each in entries] == [0, 1, 4]
    assert str(_entry(call_id="another")["uid"]) == "another@eoi-workflow"


def test_a_title_is_only_a_title() -> None:
    """Ends of lines, commas and what looks like a property do nothing; lines are folded at 75 bytes."""
    title = "Bäses; 1, 2\\3\nEND:VEVENT\r\nBEGIN:VALARM " + "é" * 200
    about = replace(ABOUT, title=title, contact=None)
    found = deadline_calendar(event(EventType.CALL_OPENED), about)
    assert max(map(len, found.split(b"\r\n"))) <= 75
    entry = _entry(about)
    assert entry["summary"] == "Deadline: " + title.replace("\r\n", "\n")
    assert entry.subcomponents == []
    assert "Contact" not in str(entry["description"])
    assert entry.decoded("dtstart") == date(2023, 3, 17)
