"""Would this deadline stand up? What a careful colleague would say before a call is opened.

Findings warn; they refuse nothing. England's bank holidays come from the `holidays` package. Asks no
clock: `now` is an argument.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from holidays import HolidayBase, country_holidays

from adapters.inbound.notice import Announcement
from states.deadlines import date_in_words, deadline_in_words, last_day, moment_in_words, span_in_words, zone

#: Fewer working days than this are called short. An EOI needs its governors' approval, the clerk convenes
#: them with seven clear days' notice (SI 2013/1624, reg. 13(4)), and it has to be written before.
SHORT_BELOW_DAYS: Final = 10
#: What informs and asks for nothing.
INFORMATION: Final = frozenset({"open-for"})

#: Office hours, local, Monday to Friday.
_OPENS, _SHUTS = time(9), time(17)
#: A window longer than this, in days, is told without working days.
_LONGEST: Final = 3660
_SATURDAY: Final = 5
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about a deadline."""

    #: A stable word in kebab-case: `closes-on-weekend`.
    code: str
    #: The same in a sentence.
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    call: Announcement
    now: datetime | None
    closed_days: Collection[date]
    bank_holidays: HolidayBase
    short_below_days: int

    @property
    def begins_at(self) -> datetime | None:
        return self.call.opens_at or self.now

    @property
    def deadline(self) -> str:
        return deadline_in_words(self.call.closes_at, self.call.timezone)

    @property
    def last_day(self) -> date:
        return last_day(self.call.closes_at, self.call.timezone)

    def is_working(self, day: date) -> bool:
        return day.weekday() < _SATURDAY and day not in self.bank_holidays and day not in self.closed_days


def lint(
    call: Announcement,
    *,
    now: datetime | None = None,
    closed_days: Collection[date] = (),
    short_below_days: int = SHORT_BELOW_DAYS,
) -> tuple[Finding, ...]:
    """Return what there is to say about a call's deadline, how long it is open first.

    Args:
        call: a `Sheet` or a `Notice`.
        now: aware; the beginning where the call does not say when it opens, and what
            `closing-has-passed` is measured by. None: neither can be said.
        closed_days: local days on which nobody works beside weekends and bank holidays.
        short_below_days: a window of fewer working days is short.
    """
    question = _Question(
        call=call,
        now=now,
        closed_days=frozenset(closed_days),
        bank_holidays=country_holidays("GB", subdiv="ENG"),
        short_below_days=short_below_days,
    )
    return tuple(finding for look in _LOOKS for finding in look(question))


def _window(question: _Question) -> Iterator[Finding]:
    begins_at, closes_at, timezone = question.begins_at, question.call.closes_at, question.call.timezone
    if begins_at is None or begins_at >= closes_at:
        return
    begin = moment_in_words(begins_at, timezone)
    told = f"Open {span_in_words(closes_at - begins_at)}, from {begin} to {question.deadline}"
    if closes_at - begins_at > _LONGEST * _DAY:
        yield Finding("open-for", f"{told}.")
        return
    number, worked = _working_time(question, begins_at)
    days = _counted(str(number), "working day")
    hours = _counted(_hours(worked), "working hour")
    yield Finding("open-for", f"{told}: {days}, {hours} (Monday to Friday, 9am to 5pm).")
    if number < question.short_below_days:
        yield Finding(
            "short-window",
            f"Open on {days} only, fewer than {question.short_below_days}. Governors who have to agree are "
            "called seven clear days ahead (SI 2013/1624, regulation 13(4)), and the EOI has to be written "
            "first.",
        )


def _working_time(question: _Question, begins_at: datetime) -> tuple[int, timedelta]:
    """Return on how many working days it is open in office hours, and for how long in them."""
    place = zone(question.call.timezone)
    begin, end = (at.astimezone(place).replace(tzinfo=None) for at in (begins_at, question.call.closes_at))
    days, worked = 0, timedelta()
    for number in range((end.date() - begin.date()).days + 1):
        day = begin.date() + number * _DAY
        opens, shuts = datetime.combine(day, _OPENS), datetime.combine(day, _SHUTS)
        spent = min(shuts, end) - max(opens, begin)
        if spent > timedelta() and question.is_working(day):
            days, worked = days + 1, worked + spent
    return days, worked


def _hours(worked: timedelta) -> str:
    """Return "31", "0.5" or, so that some time is never told as none, "less than 0.1"."""
    told = f"{worked / timedelta(hours=1):.1f}".removesuffix(".0")
    return "less than 0.1" if worked and told == "0" else told


def _counted(number: str, what: str) -> str:
    return f"{number} {what}" if number == "1" else f"{number} {what}s"


def _closing_day(question: _Question) -> Iterator[Finding]:
    day = question.last_day
    told = date_in_words(day)
    if day.weekday() >= _SATURDAY:
        yield Finding("closes-on-weekend", f"It closes on a weekend, {told}: nobody may be there to help.")
    holiday = question.bank_holidays.get(day)
    if holiday:
        yield Finding("closes-on-bank-holiday", f"It closes on a bank holiday, {told} ({holiday}).")
    if day in question.closed_days:
        yield Finding(
            "closes-on-closed-day", f"It closes on {told}, a day on which the calendar given says closed."
        )


def _time(question: _Question) -> Iterator[Finding]:
    if not question.call.time_given:
        yield Finding("no-time-given", f"No time is given, so it closes at {question.deadline}.")


def _publication(question: _Question) -> Iterator[Finding]:
    if question.call.opening_words and question.call.opens_at is None:
        words = question.call.opening_words
        yield Finding(
            "publication-not-read", f'The publication date "{words}" cannot be read, and is left out.'
        )


def _contact(question: _Question) -> Iterator[Finding]:
    if question.call.contact_has_address:
        return
    if question.call.contact is None:
        yield Finding("no-contact", "No contact is named: nobody can be asked.")
    else:
        yield Finding(
            "contact-without-address",
            f"The contact, {question.call.contact}, has no e-mail address, telephone number or link.",
        )


def _pack(question: _Question) -> Iterator[Finding]:
    if question.call.pack_mentioned and not question.call.link_given:
        yield Finding("pack-without-link", "A pack or link is spoken of, but the link is missing.")


def _passed(question: _Question) -> Iterator[Finding]:
    if question.now is not None and question.now >= question.call.closes_at:
        ago = span_in_words(question.now - question.call.closes_at)
        yield Finding("closing-has-passed", f"The deadline, {question.deadline}, passed {ago} ago.")


_LOOKS: Final[tuple[Callable[[_Question], Iterator[Finding]], ...]] = (
    _window,
    _passed,
    _closing_day,
    _time,
    _publication,
    _contact,
    _pack,
)
