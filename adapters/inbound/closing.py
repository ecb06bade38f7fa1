"""When a sheet says that its call closes: one instant, or a refusal that shows what was found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from adapters.inbound.dates import one_line, read_date, read_day_and_month
from adapters.inbound.folding import lookalike
from adapters.inbound.mentions import mentions
from adapters.inbound.ties import Tie, ties
from adapters.inbound.times import END_OF_DAY, Clock, read_time
from states.deadlines import closing_instant, instant, last_day, zone
from states.errors import BadDeadline

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """When a call closes, and how that is known."""

    #: The last local day on which something can be in time.
    closes_on: date
    #: The first instant that is too late, UTC.
    closes_at: datetime
    #: The sheet's own words; None where it was given beside the sheet.
    words: str | None
    #: Whether a time of day was given.
    time_given: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One tied date or time, read."""

    words: str
    #: None where no date stands there, or one without a year.
    day: date | None
    #: Day and month of a date without a year.
    yearless: tuple[int, int | None] | None
    clock: Clock | None
    #: Whether it is certainly about the closing.
    sure: bool
    #: Why a careful reader could take it in two ways; None where nobody could.
    doubt: str | None


def closing_given(closes_on: date | None, closes_at: datetime | None, timezone: str) -> Closing | None:
    """Return the closing that was given beside the sheet; None where none was.

    Args:
        closes_on: the last day to apply, local; the whole day counts.
        closes_at: aware, or a local wall time in `timezone`.
        timezone: IANA name.

    Raises:
        BadDeadline: both were given, or what was given cannot be a deadline.
    """
    if closes_on is not None and closes_at is not None:
        msg = "Give closes_on (the whole day counts) or closes_at (to the minute), not both."
        raise BadDeadline(msg, code="two-closing-dates", field="closes_at")
    if closes_on is not None:
        return Closing(
            closes_on=closes_on, closes_at=closing_instant(closes_on, timezone), words=None, time_given=False
        )
    if closes_at is None:
        return None
    at = _utc(closes_at) if _is_aware(closes_at) else instant(closes_at, timezone)
    return Closing(closes_on=last_day(at, timezone), closes_at=at, words=None, time_given=True)


def closing_in(text: str, timezone: str) -> Closing:
    """Return when a prepared text says that its call closes.

    Raises:
        BadDeadline: `no-closing-date`, `two-closing-dates`, `date-without-year`, `time-unclear`,
            `zone-mismatch`, `no-such-date`, `no-such-time`, `weekday-mismatch`,
            `lookalike-characters`, or what `states.deadlines` says of a local time.
    """
    odd = lookalike(text)
    if odd:
        raise _not_as_it_looks(odd)
    readings = [_read(tie) for tie in ties(text)]
    day, timed = _the_day(readings, text), _the_time(readings)
    for each in readings:
        if each.doubt:
            msg = f'The sheet says "{each.words}", but {each.doubt}. {_how(day)}'
            raise BadDeadline(msg, code="time-unclear", found=[each.words])
    dated = next(each for each in readings if each.day)
    if timed is None or timed.clock is None:
        at = closing_instant(day, timezone)
        return Closing(closes_on=day, closes_at=at, words=dated.words, time_given=False)
    words = timed.words if timed.day or timed.yearless else f"{dated.words}; {timed.words}"
    at = _instant(day, timed.clock, words, timezone)
    return Closing(closes_on=day, closes_at=at, words=words, time_given=True)


def _read(tie: Tie) -> _Reading:
    date_words, time_words = tie.mention.date_words, tie.mention.time_words
    try:
        day = read_date(date_words) if date_words else None
        clock = read_time(time_words) if time_words else None
    except BadDeadline as error:
        msg = f'The sheet says "{tie.words}". {error.message} {_how(None)}'
        raise BadDeadline(msg, code=error.code, found=[tie.words]) from error
    yearless = read_day_and_month(date_words) if date_words and day is None else None
    doubt = (clock and clock.doubt) or tie.doubt
    return _Reading(words=tie.words, day=day, yearless=yearless, clock=clock, sure=tie.sure, doubt=doubt)


def _the_day(readings: Sequence[_Reading], text: str) -> date:
    dated = {each.day: each for each in reversed(readings) if each.day}
    yearless = [each for each in readings if each.yearless]
    if len(dated) > 1:
        raise _two(list(dated.values())[::-1], of="dates")
    if not dated:
        raise _without_year(yearless[0]) if yearless else _none_found(text)
    day, reading = next(iter(dated.items()))
    for each in yearless:
        if each.yearless not in {(day.day, day.month), (day.day, None)}:
            raise _two([reading, each], of="dates")
    return day


def _the_time(readings: Sequence[_Reading]) -> _Reading | None:
    """Return the reading that tells the time; the same date told without a time is no contradiction."""
    sure = [each for each in readings if each.clock and each.sure]
    timed = {each.clock.at: each for each in reversed(sure) if each.clock}
    zoned = {
        each.clock.offset: each for each in reversed(sure) if each.clock and each.clock.offset is not None
    }
    for different in (timed, zoned):
        if len(different) > 1:
            raise _two(list(different.values())[::-1], of="times")
    for each in readings:
        if each.clock and each.clock.at not in timed:
            msg = f'The sheet says "{each.words}", but not whether that is the closing time. {_how(None)}'
            raise BadDeadline(msg, code="time-unclear", found=[each.words])
    return next(iter((zoned or timed).values()), None)


def _instant(day: date, clock: Clock, words: str, timezone: str) -> datetime:
    if clock.at == END_OF_DAY:
        return closing_instant(day, timezone)
    local = datetime.combine(day, clock.at)
    try:
        if clock.offset is None:
            return instant(local, timezone)
        at = _utc((local - clock.offset).replace(tzinfo=UTC))
    except BadDeadline as error:
        msg = f'The sheet says "{words}". {error.message} Say which is meant with --closes-at.'
        raise BadDeadline(msg, code=error.code, found=[words]) from error
    if at.astimezone(zone(timezone)).utcoffset() != clock.offset:
        msg = f'The sheet says "{words}", but the clocks in {timezone} go by another offset then. {_how(day)}'
        raise BadDeadline(msg, code="zone-mismatch", found=[words])
    return at


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        msg = f"The year {at.year} is out of range."
        raise BadDeadline(msg, code="no-such-date", field="closes_at") from None


def _is_aware(at: datetime) -> bool:
    return isinstance(at, datetime) and at.utcoffset() is not None


def _not_as_it_looks(character: str) -> BadDeadline:
    msg = (
        f"A line with a number in it holds a character ({character}) that may let a person see another date "
        f"than a program reads. {_how(None)}"
    )
    return BadDeadline(msg, code="lookalike-characters", found=[character])


def _two(readings: Sequence[_Reading], *, of: str) -> BadDeadline:
    first, second = readings[:2]
    msg = f'The sheet has two closing {of}: "{first.words}" and "{second.words}". {_how(first.day)}'
    return BadDeadline(msg, code="two-closing-dates", found=[each.words for each in readings[:_SHOWN]])


def _without_year(reading: _Reading) -> BadDeadline:
    msg = f'The sheet says "{reading.words}", without a year, and a year is never guessed. {_how(None)}'
    return BadDeadline(msg, code="date-without-year", found=[reading.words])


def _none_found(text: str) -> BadDeadline:
    others = [
        one_line(text[each.start : each.end]) for each, _ in zip(mentions(text), range(_SHOWN), strict=False)
    ]
    seen = f" It mentions {', '.join(others)}, but not as a closing date." if others else ""
    msg = f'The sheet has no closing date, such as "apply by 17 March 2023".{seen} {_how(None)}'
    return BadDeadline(msg, code="no-closing-date", found=others)


def _how(day: date | None) -> str:
    on, at = (day, f"{day}T17:00") if day else ("YYYY-MM-DD", "YYYY-MM-DDTHH:MM")
    return f"Say it with --closes-on {on} (the whole day counts) or --closes-at {at}."
