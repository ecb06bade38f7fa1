"""Days and instants as a body says them: RFC 3339, and nothing that only looks like it."""

import re
from datetime import date, datetime
from typing import Final

from states.errors import BadDeadline

#: What an instant may be refused with.
CODES: Final = ("bad-deadline", "naive-datetime", "no-such-date", "no-such-time", "year-out-of-range")

_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)(Z|[+-][0-9]{2}:[0-9]{2})?"
)
# RFC 3339, 5.6: 00 to 23. Python reads 24:00 as the next midnight from 3.14 on.
_HOUR: Final = re.compile("[01][0-9]|2[0-3]")


def day_in(words: str, *, field: str) -> date:
    """Read a day: 2023-03-17.

    Raises:
        BadDeadline: it is none (`bad-deadline`), or not in the calendar (`no-such-date`).
    """
    if not _DAY.fullmatch(words):
        msg = f"{field} must be a date, such as 2023-03-17."
        raise BadDeadline(msg, field=field)
    return _in_the_calendar(words, field=field)


def instant_in(words: str, *, field: str) -> datetime:
    """Read an instant: 2023-03-17T17:00:00Z, or with an offset.

    Raises:
        BadDeadline: it is none (`bad-deadline`), without its offset (`naive-datetime`), of a day that is not
            in the calendar (`no-such-date`) or a time that is not on the clock (`no-such-time`).
    """
    found = _INSTANT.fullmatch(words)
    if found is None:
        msg = f"{field} must be an instant, such as 2023-03-17T17:00:00Z."
        raise BadDeadline(msg, field=field)
    _in_the_calendar(found[1], field=field)
    if found[3] is None:
        msg = f"{field} says no zone: end it in Z for UTC, or in an offset such as +01:00."
        raise BadDeadline(msg, code="naive-datetime", field=field)
    at = _on_the_clock(words) if _HOUR.match(found[2]) else None
    if at is None:
        msg = f"{field} is at a time that is not on the clock."
        raise BadDeadline(msg, code="no-such-time", field=field)
    return at


def _on_the_clock(words: str) -> datetime | None:
    try:
        return datetime.fromisoformat(words)
    except ValueError:
        return None


def _in_the_calendar(day: str, *, field: str) -> date:
    try:
        return date.fromisoformat(day)
    except ValueError:
        msg = f"{field}: {day} is not in the calendar."
        raise BadDeadline(msg, code="no-such-date", field=field) from None
