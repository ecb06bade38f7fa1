"""Whatever the date, the way of writing it and the phrase around it: the reader gives that instant."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.inbound.mi_sheet import Sheet, read_sheet
from states.deadlines import MONTHS, WEEKDAYS, closing_instant, instant
from states.errors import BadDeadline

LONDON = "Europe/London"


def sheet(text: str, **given: Any) -> Sheet:
    """Read a text as a sheet, with a reference and a title where it has none."""
    return read_sheet(text.encode(), **{"reference": "1/23", "title": "Bases", **given})


DATES = (
    "{day} {month} {year}",
    "{weekday} {day}{th} {month} {year}",
    "{weekday}, {day} {month}, {year}",
    "{short_weekday} {day} {short_month} {year}",
    "the {day}{th} of {month} {year}",
    "{weekday}, {month} {day}, {year}",
    "{day:02}/{number:02}/{year}",
    "{day}.{number}.{year}",
    "{day:02}-{number:02}-{short_year:02}",
    "{day:02}-{short_month}-{short_year:02}",
    "{year}-{number:02}-{day:02}",
    "{upper_weekday} {day}{upper_th} {upper_month} {year}",
)
TIMES = (
    "{twelve}{colon_minute}{half}",
    "{twelve}{dot_minute} {half}",
    "{twelve}{dot_minute}{dotted_half}",
    "{hour:02}:{minute:02}",
    "{hour:02}:{minute:02}hrs",
    "{hour:02}{minute:02} hours",
    "{twelve}{colon_minute} {upper_half}",
)
WITHOUT_TIME = (
    "apply by {date}",
    "Closing date:{date}",
    "EOIs must be returned by {date}.",
    "To Be Completed By: {date}",
    "Forms should reach us by {date} please.",
    "The deadline for submissions is {date}.",
    "Questions by 1 January 2019.\nDEADLINE: {date}\nInterviews: 31 December 2031",
    "Launch\t1 January 2019\nClosing date for EOIs\t{date}\nPanel\t31 December 2031",
)
WITH_TIME = (
    "apply by {time} on {date}",
    "Closing date: {date} at {time}",
    "Applications close at {time}, {date}.",
    "Please return the form no later than {time} on {date}.",
    "Closing date: {date}\nTime: {time}",
    "Closing date: {date}\nClosing time: {time}",
    "Deadline: {date} ({time})",
    "| Closing date | {date}, {time} |",
    "**Deadline:** {time} - {date}",
    "Apply by {date}. EOIs received after {time} on {date} will not be considered.",
)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))


def written_date(day: date, form: str) -> str:
    """Write a date in one of the ways of `DATES`."""
    weekday, month = WEEKDAYS[day.weekday()], MONTHS[day.month - 1]
    th = "th" if 11 <= day.day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
    return form.format(
        day=day.day,
        month=month,
        year=day.year,
        weekday=weekday,
        th=th,
        short_weekday=weekday[:3],
        short_month=month[:3],
        number=day.month,
        short_year=day.year % 100,
        upper_weekday=weekday.upper(),
        upper_month=month.upper(),
        upper_th=th.upper(),
    )


def written_time(at: time, form: str) -> str:
    """Write a time of day in one of the ways of `TIMES`."""
    half = "am" if at.hour < 12 else "pm"
    return form.format(
        hour=at.hour,
        minute=at.minute,
        twelve=at.hour % 12 or 12,
        colon_minute=f":{at.minute:02}" if at.minute else "",
        dot_minute=f".{at.minute:02}" if at.minute else "",
        half=half,
        upper_half=half.upper(),
        dotted_half=f"{half[0]}.{half[1]}.",
    )


@settings(derandomize=True, max_examples=300)
@given(DAYS, st.sampled_from(DATES), st.sampled_from(WITHOUT_TIME))
def test_a_date_in_any_phrase_is_the_whole_of_that_day(day: date, form: str, phrase: str) -> None:
    """Whatever the day, the way of writing it and the phrase around it, all of that day counts."""
    read = sheet(phrase.format(date=written_date(day, form)))
    assert (read.closes_at, read.closes_on, read.time_given) == (closing_instant(day, LONDON), day, False)


MINUTES = st.sampled_from((0, 1, 15, 30, 45))
CLOCK = st.builds(time, st.integers(0, 23), MINUTES).filter(lambda at: at != time())  # 00:00 is in doubt


@settings(derandomize=True, max_examples=500)
@given(DAYS, st.sampled_from(DATES), CLOCK, st.sampled_from(TIMES), st.sampled_from(WITH_TIME))
def test_a_time_in_any_phrase_is_that_instant(
    day: date, date_form: str, at: time, time_form: str, phrase: str
) -> None:
    """Whatever the day, the time, the ways of writing them and the phrase, the instant is that one."""
    text = phrase.format(date=written_date(day, date_form), time=written_time(at, time_form))
    try:
        expected = instant(datetime.combine(day, at), LONDON)
    except BadDeadline as clock_change:
        with pytest.raises(BadDeadline) as caught:
            sheet(text)
        assert caught.value.code == clock_change.code  # noqa: PT017 -- the same refusal is expected
    else:
        read = sheet(text)
        assert (read.closes_at, read.closes_on, read.time_given) == (expected, day, True)


@settings(derandomize=True, max_examples=100)
@given(st.integers(2020, 2030), st.sampled_from(TIMES), st.sampled_from(WITH_TIME), st.booleans())
def test_the_hours_of_a_clock_change_are_never_guessed(
    year: int, time_form: str, phrase: str, spring: bool
) -> None:
    """1:30am does not exist on the last Sunday of March and comes twice on that of October: refused."""
    month = 3 if spring else 10
    day = next(day for number in range(31, 24, -1) if (day := date(year, month, number)).weekday() == 6)
    text = phrase.format(date=written_date(day, DATES[0]), time=written_time(time(1, 30), time_form))
    with pytest.raises(BadDeadline) as caught:
        sheet(text)
    assert caught.value.code == ("local-time-missing" if spring else "local-time-twice")


PASSING = (
    "An information event takes place on 20 March 2021 at 4pm.",
    "Questions should be sent by noon on 10 March 2021.",
    "You will receive an outcome by 31 March 2021.",
    "Interviews: 28 March 2021, 9am to 5pm.",
    "Published: 1 March 2019 10:00",
    "The base will open on 1 September 2031.",
    "Schools are told on 30 April 2021.",
    "The Schools Forum met on 2 February 2021.",
    "Lines are open from 9am to 5pm.",
)


@settings(derandomize=True, max_examples=200)
@given(
    st.lists(st.sampled_from(PASSING), max_size=4, unique=True),
    st.lists(st.sampled_from(PASSING), max_size=4, unique=True),
    DAYS,
    st.sampled_from(WITHOUT_TIME[:6]),
    st.sampled_from(("\n", "\n\n", " ")),
)
def test_sentences_about_other_dates_never_move_the_deadline(
    before: list[str], after: list[str], day: date, phrase: str, between: str
) -> None:
    """Among any other sentences of a notice the deadline stays what its own sentence says."""
    own = phrase.format(date=written_date(day, DATES[1])).rstrip(".") + "."
    text = between.join([*before, own, *after])
    assert sheet(text, opens_at=datetime(2019, 1, 1, tzinfo=UTC)).closes_at == closing_instant(day, LONDON)
