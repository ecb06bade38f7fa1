"""From "apply by 17 March 2023" in Europe/London to a UTC instant, and from an instant to plain words.

Imports only errors. Asks no clock: what is the case now is the business of whoever calls.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from datetime import timezone as fixed_offset
from typing import Final
from zoneinfo import ZoneInfo

from states.errors import BadDeadline

#: English whatever the machine's locale; Monday first, as `date.weekday()` counts.
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
#: January first; `MONTHS[date.month - 1]`.
MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

# Names that read as zones and are none: leap-second and duplicate trees, and links to the machine's own zone.
_ZONE_NAME: Final = re.compile(r"(?!right/|posix/|posixrules\Z|localtime\Z|Factory\Z)[A-Za-z0-9_+/-]{1,64}")
_TICK: Final = timedelta.resolution
_NOON: Final = time(12)
_UNITS: Final = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


def zone(timezone: str) -> ZoneInfo:
    """Return the time zone of that IANA name.

    Raises:
        BadDeadline: `unknown-timezone`: there is none, or it is a path or no name at all.
    """
    try:
        if not isinstance(timezone, str) or not _ZONE_NAME.fullmatch(timezone):
            raise ValueError  # noqa: TRY301 -- one place says what is wrong
        return ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        msg = f"There is no time zone {str(timezone)[:64]!r}. Give an IANA name, such as Europe/London."
        raise BadDeadline(msg, code="unknown-timezone", field="timezone") from None


def closing_instant(closes_on: date, timezone: str) -> datetime:
    """Return the first UTC instant after a local day.

    Args:
        closes_on: the last day to apply, inclusive, in `timezone`. The whole of a bare date
            counts (*Microsoft v JJH* [2022] EWCA Civ 1509).
        timezone: IANA name.

    Returns:
        2023-03-17 in Europe/London -> 2023-03-18T00:00:00Z.

    Raises:
        BadDeadline: an instant where a day is wanted, an unknown zone, a year that cannot be reckoned
            with, or a day that a zone left out when it moved across the date line.
    """
    if isinstance(closes_on, datetime) or not isinstance(closes_on, date):
        msg = f"closes_on is a date, such as 2023-03-17, not {closes_on!r}. A time goes into closes_at."
        raise BadDeadline(msg, field="closes_on")
    place = zone(timezone)
    try:
        midnight = datetime.combine(closes_on + timedelta(days=1), time(), place)
        ends = [each for each in _both(midnight) if _ends_day(each, closes_on, place)]
    except OverflowError:
        raise _out_of_range(closes_on, field="closes_on") from None
    if not ends:
        msg = f"{date_in_words(closes_on)} did not take place in {timezone}: the calendar there left it out."
        raise BadDeadline(msg, code="local-time-missing", field="closes_on")
    return max(ends)


def instant(local: datetime, timezone: str) -> datetime:
    """Return the UTC instant of a local wall time, which must exist, and exist once.

    Args:
        local: naive. Its `fold` is not heeded: hardly anybody sets it on purpose.
        timezone: IANA name.

    Raises:
        BadDeadline: `local-time-missing` or `local-time-twice` (a clock change), with `facts`
            `earlier` and `later`, the two instants it may mean; an unknown zone; an aware `local`.
    """
    if not isinstance(local, datetime) or local.tzinfo is not None:
        msg = f"A local time without an offset is wanted, not {local!r}."
        raise BadDeadline(msg)
    place = zone(timezone)
    try:
        before, after = _both(local.replace(tzinfo=place))
    except OverflowError:
        raise _out_of_range(local) from None
    if before == after:
        return before
    raise (_twice if before < after else _missing)(local, place, before, after)


def last_day(closes_at: datetime, timezone: str) -> date:
    """Return the last local day on which something can be in time.

    Args:
        closes_at: aware; the first instant that is too late.
        timezone: IANA name.
    """
    return _local(closes_at, timezone, less=_TICK).date()


def deadline_in_words(closes_at: datetime, timezone: str) -> str:
    """Tell a deadline as the last moment that people think of as in time.

    Args:
        closes_at: aware; the first instant that is too late.
        timezone: IANA name of the zone in which to tell it.

    Returns:
        "11:59pm on Friday 17 March 2023" where a day begins at `closes_at` (the GOV.UK style guide
        on times: "consider using 11:59pm"), otherwise "noon on Friday 17 March 2023", "5:30pm on …".
    """
    local, day = _local(closes_at, timezone), last_day(closes_at, timezone)
    if day < local.date():
        return f"11:59pm on {date_in_words(day)}"
    return f"{_clock(local)} on {date_in_words(local.date())}"


def moment_in_words(at: datetime, timezone: str) -> str:
    """Tell an instant to the second: "12:00:01am on Saturday 18 March 2023".

    Args:
        at: aware.
        timezone: IANA name of the zone in which to tell it.
    """
    local = _local(at, timezone)
    if local.time().replace(microsecond=0) == time():
        return f"midnight at the start of {date_in_words(local.date())}"
    return f"{_clock(local)} on {date_in_words(local.date())}"


def day_it_counts_for(at: datetime, closes_at: datetime, timezone: str) -> date:
    """Return the local day on which something happened; at a deadline, the last day to apply.

    Args:
        at: aware.
        closes_at: aware; the first instant that is too late, as it then stood.
        timezone: IANA name.
    """
    return last_day(at, timezone) if at == closes_at else _local(at, timezone).date()


def happening_in_words(at: datetime, closes_at: datetime, timezone: str) -> str:
    """Tell when something happened, to the second; what happened at a deadline, as the deadline is told.

    Args:
        at: aware.
        closes_at: aware; the first instant that is too late, as it then stood.
        timezone: IANA name of the zone in which to tell it.
    """
    return (deadline_in_words if at == closes_at else moment_in_words)(at, timezone)


def date_in_words(day: date) -> str:
    """Tell a date: "Friday 17 March 2023"."""
    return f"{WEEKDAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def span_in_words(span: timedelta) -> str:
    """Tell a length of time by its greatest unit and the next: "3 days 14 hours", "1 day", "59 minutes".

    What is left over is dropped, never rounded up; a negative span is told by its length.
    """
    left = abs(span) // timedelta(seconds=1)
    counts = []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        counts.append((count, f"{count} {unit}" if count == 1 else f"{count} {unit}s"))
    first = next((index for index, (count, _) in enumerate(counts) if count), len(counts))
    told = [words for count, words in counts[first : first + 2] if count]
    return " ".join(told) or "less than 1 second"


def _both(local: datetime) -> tuple[datetime, datetime]:
    """Return the two readings of a wall time in UTC: by the clock before a change, and by that after it."""
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _ends_day(at: datetime, day: date, place: ZoneInfo) -> bool:
    """Tell whether `day` is still running just before `at`, and over at it."""
    return (at - _TICK).astimezone(place).date() == day < at.astimezone(place).date()


def _twice(local: datetime, place: ZoneInfo, first: datetime, second: datetime) -> BadDeadline:
    msg = (
        f"{_digits(local)} on {date_in_words(local.date())} comes twice in {place.key}: the clocks go back. "
        f"Give it with an offset: {_spelt(local, first)} is the first, {_spelt(local, second)} the second."
    )
    return BadDeadline(msg, code="local-time-twice", earlier=first, later=second)


def _missing(local: datetime, place: ZoneInfo, by_old: datetime, by_new: datetime) -> BadDeadline:
    msg = (
        f"{_digits(local)} on {date_in_words(local.date())} does not exist in {place.key}: the clocks go "
        f"forward. Give it with an offset: {_spelt(local, by_new)} (shown there as "
        f"{_digits(by_new.astimezone(place))}) or {_spelt(local, by_old)} "
        f"({_digits(by_old.astimezone(place))})."
    )
    return BadDeadline(msg, code="local-time-missing", earlier=by_new, later=by_old)


def _spelt(local: datetime, at: datetime) -> str:
    """Return a wall time with the offset that makes it the instant `at`: 2023-10-29T01:30+01:00."""
    offset = local - at.replace(tzinfo=None)
    return local.replace(tzinfo=fixed_offset(offset)).isoformat(timespec="minutes")


def _out_of_range(given: date, field: str | None = None) -> BadDeadline:
    return BadDeadline(f"The year {given.year} is out of range.", code="no-such-date", field=field)


def _local(at: datetime, timezone: str, *, less: timedelta = timedelta()) -> datetime:
    if at.tzinfo is None:
        msg = f"An instant with its offset is wanted, not {at!r}."
        raise BadDeadline(msg)
    try:
        return (at - less).astimezone(zone(timezone))
    except OverflowError:
        raise _out_of_range(at) from None


def _clock(local: datetime) -> str:
    """Return the time of day, with the zone's short name where the clocks show it twice."""
    told = "noon" if local.time().replace(microsecond=0) == _NOON else _digits(local)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return f"{told} {local.tzname()}" if twice else told


def _digits(local: datetime) -> str:
    """Return 5pm, 5:30pm or 5:00:30pm."""
    parts = [f"{(local.hour % 12) or 12}"]
    if local.minute or local.second:
        parts.append(f"{local.minute:02}")
    if local.second:
        parts.append(f"{local.second:02}")
    return ":".join(parts) + ("am" if local.hour < _NOON.hour else "pm")
