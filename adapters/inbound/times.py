"""Times of day as people write them in British prose, and where a careful reader must doubt them."""

import re
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Final, NamedTuple

from adapters.inbound.dates import FREE, one_line
from states.errors import BadDeadline

#: To the end of the day; "23:59" in prose means the whole of that minute.
END_OF_DAY: Final = time.max

_LAST_MINUTES: Final = {(23, 59), (24, 0)}
_HALF_A_DAY: Final = 12
_HOURS: Final = r"(?:\s?(?P<hours>hours|hrs|h)\b)?"


class _Form(NamedTuple):
    """One way of writing a time."""

    #: Its groups: hour, minute, second, half (a or p), hours.
    pattern: str
    #: The time it stands for, where that does not depend on its digits.
    at: time | None = None
    doubt: str | None = None
    #: Whether it is a time also where no date stands beside it.
    alone: bool = True


_FORMS: Final = (
    _Form(r"(?:12(?:[:.]00)?\s?)?(?:noon|mid-?day)\b", at=time(12)),
    _Form(r"(?:(?:12|00)(?:[:.]00)?\s?)?midnight\b", at=time(0)),
    _Form(
        r"(?:the\s)?(?:close|end) of (?:business|play|work)\b|\bCO[BP]\b"
        r"|(?:the\s)?end of (?:the )?(?:working|business|school) day\b",
        at=END_OF_DAY,
        doubt="it names no time",
    ),
    _Form(r"(?:the\s)?end of(?: (?:the )?day\b|(?=\s|\Z))", at=END_OF_DAY, alone=False),
    _Form(
        r"(?P<hour>[0-9]{1,2})(?:[:.](?P<minute>[0-9]{2}))?(?:[:.](?P<second>[0-9]{2}))?"
        r"\s?(?P<half>[ap])\.?\s?m\b(?:(?<=\.m)\.)?(?:\s?\((?:noon|mid-?day)\))?"
    ),
    _Form(rf"(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})(?::(?P<second>[0-9]{{2}}))?(?![0-9:]){_HOURS}"),
    _Form(r"(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})\s?(?P<hours>hours|hrs|h)\b"),
    _Form(r"(?P<hour>[0-9]{1,2})\s?o'?clock\b"),
    _Form(rf"(?P<hour>[0-9]{{1,2}})\.(?P<minute>[0-9]{{2}})(?![0-9.]){_HOURS}", alone=False),
)
_OFFSETS: Final = {"gmt": 0, "utc": 0, "z": 0, "bst": 60}
_ZONE: Final = (
    r"(?:\s?\(?(?P<zone>GMT|BST|UTC)\b\)?|\s?\(?(?:local|UK|London) time\)?"
    r"|(?<=[0-9])(?P<iso>Z\b|\+[0-9]{2}:[0-9]{2})(?![0-9:]))?"
)
_TOLD: Final = r"(?:(?<=time )|(?<=time:)|(?<=time: )|(?<=time - )|(?<=\bat )|(?<=\bby ))"
_ALONE: Final = "|".join(form.pattern for form in _FORMS if form.alone)
_RANGE: Final = rf"(?:\s?(?:-|to|and)\s?(?:{_ALONE}))?"
#: A time beside a date.
TIME: Final = rf"{FREE}(?:{'|'.join(form.pattern for form in _FORMS)}){_ZONE}{_RANGE}"
#: A time with no date beside it. "17.00" is one after "time:", "at" or "by"; otherwise it may be a price.
LONE_TIME: Final = rf"{FREE}(?:{_ALONE}|{_TOLD}[0-9]{{1,2}}\.[0-5][0-9](?![0-9.%])){_ZONE}{_RANGE}"

_READ: Final = tuple(
    (form, re.compile(rf"(?:{form.pattern}){_ZONE}", re.IGNORECASE | re.ASCII)) for form in _FORMS
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """A time of day as written."""

    #: Local time of day, or `END_OF_DAY`.
    at: time
    #: The offset from UTC, where one is written ("5pm GMT", "T17:00+00:00").
    offset: timedelta | None = None
    #: Why a careful reader could take it in two ways; None where nobody could.
    doubt: str | None = None


def read_time(words: str) -> Clock:
    """Return the time of day.

    Args:
        words: what `TIME` or `LONE_TIME` matched.

    Raises:
        BadDeadline: `no-such-time`.
    """
    form, found = next(
        ((form, found) for form, read in _READ if (found := read.fullmatch(words))), (None, None)
    )
    if form is None or found is None:
        return Clock(at=END_OF_DAY, doubt="it is a span of time, not one moment")
    parts = {name: part.lower() for name, part in found.groupdict().items() if part}
    at = form.at or _time_of_day(parts, words)
    return Clock(at=at, offset=_offset(parts), doubt=form.doubt or _doubt(at, parts))


def _time_of_day(parts: dict[str, str], words: str) -> time:
    hour, minute, second = (int(parts.get(name, 0)) for name in ("hour", "minute", "second"))
    if "half" in parts and hour <= _HALF_A_DAY:
        hour = hour % _HALF_A_DAY + (_HALF_A_DAY if parts["half"] == "p" else 0)
    if (hour, minute) in _LAST_MINUTES:
        return END_OF_DAY
    try:
        return time(hour, minute, second)
    except ValueError:
        msg = f'There is no time "{one_line(words)}".'
        raise BadDeadline(msg, code="no-such-time", found=one_line(words)) from None


def _offset(parts: dict[str, str]) -> timedelta | None:
    zone = parts.get("zone") or parts.get("iso")
    if zone is None:
        return None
    if zone in _OFFSETS:
        return timedelta(minutes=_OFFSETS[zone])
    return timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))


def _doubt(at: time, parts: dict[str, str]) -> str | None:
    """Doubt midnight (the first minute of a day, or the end of it?) and "5:00" (morning or afternoon?)."""
    if at == time(0) and "second" not in parts:
        return "midnight may be the beginning of that day or the end of it"
    if len(parts.get("hour", "")) == 1 and not {"half", "hours", "second", "iso"} & parts.keys():
        return "it does not say whether morning or afternoon"
    return None
