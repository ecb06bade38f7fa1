"""Days on which an office or its schools are closed, out of an iCalendar file (RFC 5545).

Whole-day events, events of several days (DTEND is exclusive, clause 3.6.1) and timed events, which
count for every local day they touch. Repetition is read where it is plain (daily, weekly, yearly) and
refused where it is not: a closed day left out unsaid would be worse. Cancelled events do not count.
"""

from calendar import isleap
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import chain, count, islice, takewhile
from typing import Final, NoReturn

from icalendar import Calendar, Event

from adapters.inbound.documents import BadDocument, text_of
from states.deadlines import zone
from workflow.ids import shown

#: What repeats without an end is read up to here.
LAST_DAY: Final = date(2100, 12, 31)
#: The most closed days that one file may hold.
MOST: Final = 20_000

# How many days are looked at, the same day in several events counted each time.
_MOST_STEPS: Final = 10 * MOST
_DAY: Final = timedelta(days=1)
_MONTH: Final = timedelta(days=30)
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PARTS: Final = {"FREQ", "INTERVAL", "COUNT", "UNTIL"}
_PLAIN: Final = {
    "DAILY": _PARTS,
    "WEEKLY": _PARTS | {"BYDAY", "WKST"},
    "YEARLY": _PARTS | {"BYMONTH", "BYMONTHDAY"},
}
_READ: Final = {"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "STATUS"}
# How much of what the library says of a broken file is told, in characters: it may quote the whole of it.
_LONGEST_WHAT: Final = 300
_TOO_MANY: Final = f"holds more than {MOST:,} days"
# What the library, or a value of another kind than the property should have, can raise.
_BROKEN: Final = (ValueError, LookupError, TypeError, AttributeError, OverflowError)


def closed_days_from_ics(data: bytes, *, timezone: str = "Europe/London") -> frozenset[date]:
    """Return every local day that an event of the calendar touches.

    Args:
        data: the .ics file, whole.
        timezone: IANA name of the zone whose days are meant.

    Raises:
        BadDocument: `bad-calendar` (broken, repeating in a way that is not read, more than `MOST`
            days), or what `documents` refuses.
        BadDeadline: `unknown-timezone`.
    """
    zone(timezone)
    events = _events(text_of(data, what="calendar"))
    days: set[date] = set()
    try:
        moved = _moved(events, timezone)
        found = chain.from_iterable(_days(event, moved, timezone) for event in events)
        for _, day in zip(range(_MOST_STEPS), found, strict=False):
            days.add(day)
            if len(days) > MOST:
                _refuse(_TOO_MANY)
        if next(found, None):
            _refuse("names the same days over and over, more often than anybody means")
    except _BROKEN as error:
        _refuse(f"cannot be read: {error}", cause=error)
    return frozenset(days)


def _events(text: str) -> list[Event]:
    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except _BROKEN as error:
        _refuse(f"cannot be read: {error}", cause=error)
    if not calendars or any(calendar.name != "VCALENDAR" for calendar in calendars):
        _refuse("is no whole iCalendar file, from BEGIN:VCALENDAR to END:VCALENDAR")
    return [event for calendar in calendars for event in calendar.events]


def _moved(events: Iterable[Event], timezone: str) -> set[tuple[str, date]]:
    """Return the repetitions that have an event of their own instead: by their event's UID and their day."""
    own = (event for event in events if "RECURRENCE-ID" in event)
    return {(str(event.get("UID")), _local(_dt(event["RECURRENCE-ID"]), timezone)) for event in own}


def _days(event: Event, moved: Container[tuple[str, date]], timezone: str) -> Iterator[date]:
    """Yield the days of one event and of all its repetitions."""
    broken = [f"{name}: {what}" for name, what in event.errors if name in _READ]
    if broken:
        raise ValueError(broken[0])
    if event.get("STATUS") == "CANCELLED":
        return
    first, length = _span(event, timezone)
    left_out = set(_listed(event, "EXDATE", timezone))
    for start in chain(_repetitions(event, first, timezone), _listed(event, "RDATE", timezone)):
        instead = "RECURRENCE-ID" not in event and (str(event.get("UID")), start) in moved
        if start not in left_out and not instead:
            yield from (start + number * _DAY for number in range(length))


def _span(event: Event, timezone: str) -> tuple[date, int]:
    """Return the first local day of an event and how many it touches."""
    start, end = event.start, event.end
    first = _local(start, timezone)
    if not isinstance(start, datetime):
        last = max(first, _local(end, timezone) - _DAY)
    else:
        last = max(first, _local(end - timedelta.resolution, timezone))
    length = (last - first).days + 1
    if length > MOST:
        _refuse(_TOO_MANY)
    return first, length


def _listed(event: Event, name: str, timezone: str) -> list[date]:
    """Return the days of EXDATE or RDATE, which may stand there once, several times or not at all."""
    found = event.get(name, [])
    lines = found if isinstance(found, list) else [found]
    return [_local(_dt(each), timezone) for line in lines for each in line.dts]


def _repetitions(event: Event, first: date, timezone: str) -> Iterator[date]:
    """Yield the first day of each repetition, the event's own day first (RFC 5545, clause 3.3.10)."""
    rule = event.get("RRULE")
    if rule is None:
        return iter((first,))
    parts = (
        {} if isinstance(rule, list) else dict(each.split("=") for each in rule.to_ical().decode().split(";"))
    )
    if not _is_plain(parts, first) or "EXRULE" in event or not _keeps_local_time(event.start, timezone):
        named = shown(str(event["SUMMARY"])) if "SUMMARY" in event else "an event"
        _refuse(f"repeats {named} in a way that is not read: list its days singly")
    until = _local(rule["UNTIL"][0], timezone) if "UNTIL" in parts else LAST_DAY
    number = int(parts.get("COUNT", MOST + 1))
    return islice(takewhile(lambda day: day <= min(until, LAST_DAY), _endless(parts, first)), number)


def _is_plain(parts: Mapping[str, str], first: date) -> bool:
    weekdays = parts.get("BYDAY", _WEEKDAYS[first.weekday()]).split(",")
    return (
        parts.get("FREQ") in _PLAIN
        and parts.keys() <= _PLAIN[parts["FREQ"]]
        and int(parts.get("INTERVAL", 1)) > 0
        and set(weekdays) <= set(_WEEKDAYS)
        and _WEEKDAYS[first.weekday()] in weekdays
        and parts.get("WKST", "MO") == "MO"
        and parts.get("BYMONTH", str(first.month)) == str(first.month)
        and parts.get("BYMONTHDAY", str(first.day)) == str(first.day)
    )


def _keeps_local_time(start: date, timezone: str) -> bool:
    """Tell whether an event is at one local time all the year round, as 11pm in UTC is not."""
    if not isinstance(start, datetime) or start.tzinfo is None:
        return True
    place, own = zone(timezone), start.tzinfo
    months = [start.replace(tzinfo=None) + number * _MONTH for number in range(12)]
    return all(place.utcoffset(each) == own.utcoffset(each) for each in months)


def _endless(parts: Mapping[str, str], first: date) -> Iterator[date]:
    step = int(parts.get("INTERVAL", 1))
    if parts["FREQ"] == "DAILY":
        yield from (first + number * _DAY for number in count(0, step))
    elif parts["FREQ"] == "WEEKLY":
        weekdays = parts.get("BYDAY", _WEEKDAYS[first.weekday()]).split(",")
        offsets = sorted(_WEEKDAYS.index(each) - first.weekday() for each in weekdays)
        days = (first + (7 * week + offset) * _DAY for week in count(0, step) for offset in offsets)
        yield from (day for day in days if day >= first)
    else:
        years = range(first.year, LAST_DAY.year + 1, step)
        yield from (
            first.replace(year=year) for year in years if (first.month, first.day) != (2, 29) or isleap(year)
        )


def _dt(value: object) -> object:
    """Return what a property of the library holds."""
    return getattr(value, "dt", None)


def _local(at: object, timezone: str) -> date:
    """Return the local day of an instant; of a date, or a time without a zone, its own."""
    if isinstance(at, datetime):
        return at.astimezone(zone(timezone)).date() if at.tzinfo else at.date()
    if isinstance(at, date):
        return at
    msg = f"{at!r} is no date"
    raise TypeError(msg)


def _refuse(what: str, *, cause: Exception | None = None) -> NoReturn:
    msg = f"The calendar {what if len(what) <= _LONGEST_WHAT else f'{what[:_LONGEST_WHAT]}…'}."
    raise BadDocument(msg, code="bad-calendar") from cause
