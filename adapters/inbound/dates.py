"""Dates as people write them in British prose, read strictly.

Nothing is guessed: a year that is not written is not known (general date parsers invent one),
02/03/2023 is 2 March, and 17/03/23 is in 2023. Which date is a deadline is the business of `closing`.
"""

import re
from datetime import date
from typing import Final

from states.deadlines import MONTHS, WEEKDAYS, date_in_words
from states.errors import BadDeadline

#: What may not stand before a number that begins a date or time: it would be part of another number.
FREE: Final = r"(?<![0-9£\u0300-\u036f\u20d0-\u20f0\u00b2\u00b3\u00b9\u2070-\u209f])(?<![0-9][/.:-])"

_SHORT_MONTHS: Final = "jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec"
_MONTH: Final = rf"(?P<month>(?:{'|'.join(MONTHS)}|{_SHORT_MONTHS})(?![a-z])\.?)"
_WEEKDAY: Final = rf"\b(?:{'|'.join(WEEKDAYS)}|mon|tues?|weds?|thu|thurs?|fri|sat|sun)\b\.?"
_DAY: Final = rf"{FREE}(?P<day>[0-9]{{1,2}})(?:\s?(?:st|nd|rd|th)\b)?"
_OF: Final = r"(?:\sday)?(?:\sof)?[\s,.-]{0,3}"
_YEAR: Final = r"(?P<year>[0-9]{4})(?![0-9]|[/-][0-9])"
_SHORT_YEAR: Final = r"(?P<year>[0-9]{4}|[0-9]{2})(?![0-9]|[/-][0-9])"
_ISO_DAY: Final = r"(?P<day>[0-9]{1,2})(?![0-9/-])"
_TRAIL: Final = rf"(?:\s\((?P<trail>{_WEEKDAY})\))?"

#: What may stand before any of the forms below: "Friday the ".
LEAD: Final = rf"(?:(?P<weekday>{_WEEKDAY}),?\s{{0,2}}\(?)?(?:\bthe\s)?"
#: In order of preference at one place; a form without a year comes after those with one.
DATE_FORMS: Final = (
    # 2023-03-17
    rf"{FREE}(?P<year>[0-9]{{4}})(?P<point>[/-])(?P<month>[0-9]{{1,2}})(?P=point){_ISO_DAY}{_TRAIL}",
    # 17/03/2023, 17.03.23
    rf"{_DAY}\s?(?P<point>[/.-])\s?(?P<month>[0-9]{{1,2}})\s?(?P=point)\s?{_SHORT_YEAR}{_TRAIL}",
    # 17-Mar-23, 17/Mar/2023
    rf"{_DAY}(?P<point>[/-]){_MONTH}(?P=point){_SHORT_YEAR}{_TRAIL}",
    # 17th of March, 2023
    rf"{_DAY}{_OF}{_MONTH}[\s,.-]{{0,3}}{_YEAR}{_TRAIL}",
    # March 17th, 2023
    rf"\b{_MONTH}\s{_DAY}[\s,]{{1,3}}{_YEAR}{_TRAIL}",
    # 17 March
    rf"{_DAY}{_OF}{_MONTH}",
    # March 17
    rf"\b{_MONTH}\s{_DAY}(?![0-9])",
    # 17/03
    rf"{_DAY}/(?P<month>0?[1-9]|1[0-2])(?![0-9/])",
    # Friday 17th, the 17th
    r"(?:(?<=day\s)|(?<=day,\s)|(?<=the\s))(?P<day>[0-9]{1,2})(?:st|nd|rd|th)\b",
)
_READ: Final = tuple(re.compile(LEAD + form, re.IGNORECASE | re.ASCII) for form in DATE_FORMS)


def read_date(words: str) -> date | None:
    """Return the date; None where its year is not written.

    Args:
        words: what one of `DATE_FORMS` matched.

    Raises:
        BadDeadline: `no-such-date`, or `weekday-mismatch`.
    """
    parts = _parts(words)
    if not parts.get("year"):
        return None
    try:
        day = date(_year(parts["year"]), _month(parts["month"]), int(parts["day"]))
    except ValueError:
        msg = f'There is no date "{one_line(words)}" (the day is read first, then the month).'
        raise BadDeadline(msg, code="no-such-date", found=one_line(words)) from None
    weekday = parts.get("weekday") or parts.get("trail")
    if weekday and _stem(weekday) != _stem(WEEKDAYS[day.weekday()]):
        msg = f'The weekday of "{one_line(words)}" does not fit: that date is {date_in_words(day)}.'
        raise BadDeadline(msg, code="weekday-mismatch", found=one_line(words), falls_on=day)
    return day


def read_day_and_month(words: str) -> tuple[int, int | None]:
    """Return what a date without a year does say: the day, and the month where there is one."""
    parts = _parts(words)
    return int(parts["day"]), _month(parts["month"]) if "month" in parts else None


def one_line(words: str) -> str:
    """Return the words with each run of white space as one space."""
    return " ".join(words.split())


def _parts(words: str) -> dict[str, str]:
    found = next(found for form in _READ if (found := form.fullmatch(words)))
    return {name: part for name, part in found.groupdict().items() if part}


def _year(digits: str) -> int:
    return int(digits) if len(digits) == len("2023") else 2000 + int(digits)


def _month(word: str) -> int:
    return int(word) if word.isdigit() else [_stem(month) for month in MONTHS].index(_stem(word)) + 1


def _stem(word: str) -> str:
    return word[:3].lower()
