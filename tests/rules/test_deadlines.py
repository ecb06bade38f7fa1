"""Local days and times become UTC instants, and instants are told in words."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states.deadlines import (
    closing_instant,
    day_it_counts_for,
    deadline_in_words,
    happening_in_words,
    instant,
    last_day,
    moment_in_words,
    span_in_words,
    zone,
)
from states.errors import BadDeadline

LONDON = "Europe/London"
#: Zones whose clocks change at midnight, by half an hour, over the date line, or at one minute past midnight.
ODD_ZONES = (
    LONDON,
    "America/Sao_Paulo",
    "America/Havana",
    "America/St_Johns",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "UTC",
)
DAYS = st.dates(date(1990, 1, 1), date(2037, 12, 30))


def utc(*parts: int) -> datetime:
    """Return an instant."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]  # the parts are a date's and a time's


def refused(function: Any, *args: object) -> BadDeadline:
    """Return the refusal."""
    with pytest.raises(BadDeadline) as caught:
        function(*args)
    return caught.value


def test_by_17_march_means_until_its_midnight() -> None:
    """The whole of a bare date counts: "by 17 March 2023" closes as the 18th begins."""
    assert closing_instant(date(2023, 3, 17), LONDON) == utc(2023, 3, 18)
    assert closing_instant(date(2023, 7, 17), LONDON) == utc(2023, 7, 17, 23)


@pytest.mark.parametrize(
    ("day", "timezone", "expected"),
    [
        (date(2018, 11, 3), "America/Sao_Paulo", utc(2018, 11, 4, 3)),  # its next midnight does not exist
        (date(2019, 2, 16), "America/Sao_Paulo", utc(2019, 2, 17, 3)),  # its last hour comes twice
        (date(2023, 11, 4), "America/Havana", utc(2023, 11, 5, 4)),  # its next midnight comes twice
        (
            date(2010, 11, 6),
            "America/St_Johns",
            utc(2010, 11, 7, 3, 30),
        ),  # returns at one minute past midnight
        (date(2011, 12, 29), "Pacific/Apia", utc(2011, 12, 30, 10)),  # the day after was left out
    ],
)
def test_a_day_ends_once_where_clocks_change_at_midnight(
    day: date, timezone: str, expected: datetime
) -> None:
    """A day is over at one instant, also where midnight is missing or comes twice."""
    assert closing_instant(day, timezone) == expected
    assert deadline_in_words(expected, timezone).startswith("11:59pm on ")
    assert last_day(expected, timezone) == day


@given(DAYS, st.sampled_from(ODD_ZONES))
def test_the_closing_instant_parts_the_day_from_what_follows(day: date, timezone: str) -> None:
    """Just before the closing instant it is still that local day, and from it on it never is again."""
    closes_at, place = closing_instant(day, timezone), ZoneInfo(timezone)
    assert (closes_at - timedelta.resolution).astimezone(place).date() == day
    assert all(
        (closes_at + timedelta(minutes=15 * step)).astimezone(place).date() > day for step in range(12)
    )


@given(DAYS, st.times(), st.sampled_from(ODD_ZONES))
def test_a_local_time_becomes_its_only_instant_or_is_refused(day: date, at: time, timezone: str) -> None:
    """What is accepted reads the same on the local clocks, and is the only instant that does."""
    local, place = datetime.combine(day, at), ZoneInfo(timezone)
    found = {
        each
        for fold in (0, 1)
        if (each := local.replace(fold=fold, tzinfo=place).astimezone(UTC))
        .astimezone(place)
        .replace(tzinfo=None)
        == local
    }
    try:
        assert {instant(local, timezone)} == found
    except BadDeadline as error:
        assert error.code == ("local-time-twice" if found else "local-time-missing")  # noqa: PT017 -- either is right
        assert len(found) != 1


def test_a_time_in_the_spring_gap_is_refused_with_both_spellings() -> None:
    """1:30am on the day the clocks go forward does not exist; the refusal says how to give it."""
    error = refused(instant, datetime(2023, 3, 26, 1, 30), LONDON)  # noqa: DTZ001 -- a wall time
    assert error.code == "local-time-missing"
    assert "2023-03-26T01:30+00:00" in error.message
    assert "2023-03-26T01:30+01:00" in error.message
    assert error.facts == {"earlier": utc(2023, 3, 26, 0, 30), "later": utc(2023, 3, 26, 1, 30)}


def test_a_time_in_the_autumn_fold_is_refused_with_both_instants() -> None:
    """1:30am on the day the clocks go back comes twice; the refusal says how to give each."""
    error = refused(instant, datetime(2023, 10, 29, 1, 30), LONDON)  # noqa: DTZ001 -- a wall time
    assert error.code == "local-time-twice"
    assert "2023-10-29T01:30+01:00 is the first, 2023-10-29T01:30+00:00 the second" in error.message
    assert error.facts == {"earlier": utc(2023, 10, 29, 0, 30), "later": utc(2023, 10, 29, 1, 30)}


NO_ZONES = (
    *("", ".", "..", "../etc/passwd", "/etc/localtime", "Europe", "Europe/", "Mars/Base", "zone.tab"),
    *("a\x00b", "x" * 999, "\ud800", "right/Europe/London", "posix/UTC", "localtime", "Factory", None, 1),
)


@pytest.mark.parametrize("name", NO_ZONES)
def test_what_is_no_zone_is_refused(name: Any) -> None:
    """A path, an empty name, a folder or a tree with leap seconds is no time zone."""
    assert refused(zone, name).code == "unknown-timezone"
    assert refused(closing_instant, date(2023, 3, 17), name).code == "unknown-timezone"


def test_an_instant_is_no_closing_day() -> None:
    """A datetime given as the closing day would lose its time: it is refused."""
    assert refused(closing_instant, utc(2023, 3, 17, 12), LONDON).facts == {}
    assert refused(closing_instant, "2023-03-17", LONDON).field == "closes_on"


def test_a_day_that_a_zone_left_out_is_no_closing_day() -> None:
    """Samoa went from Thursday to Saturday when it crossed the date line: that Friday nobody could apply."""
    error = refused(closing_instant, date(2011, 12, 30), "Pacific/Apia")
    assert (error.code, error.field) == ("local-time-missing", "closes_on")
    assert error.message == (
        "Friday 30 December 2011 did not take place in Pacific/Apia: the calendar there left it out."
    )


def test_an_aware_time_is_no_wall_time() -> None:
    """A wall time has no offset, and a deadline that is told has one."""
    assert refused(instant, utc(2023, 3, 17, 12), LONDON).code == "bad-deadline"
    naive = datetime(2023, 3, 17, 12)  # noqa: DTZ001 -- a wall time
    assert refused(deadline_in_words, naive, LONDON).code == "bad-deadline"


def test_the_ends_of_the_calendar_are_refused() -> None:
    """Years that cannot be reckoned with are refused in words, not by an overflow."""
    assert refused(closing_instant, date.max, LONDON).code == "no-such-date"
    latest = datetime(9999, 12, 31, 23)  # noqa: DTZ001 -- a wall time
    assert refused(instant, latest, "America/New_York").code == "no-such-date"
    assert refused(deadline_in_words, latest.replace(tzinfo=UTC), "Asia/Tokyo").code == "no-such-date"


@pytest.mark.parametrize(
    ("closes_at", "words"),
    [
        (utc(2023, 3, 18), "11:59pm on Friday 17 March 2023"),
        (utc(2023, 7, 17, 23), "11:59pm on Monday 17 July 2023"),
        (utc(2023, 3, 17, 12), "noon on Friday 17 March 2023"),
        (utc(2023, 3, 17, 17), "5pm on Friday 17 March 2023"),
        (utc(2023, 3, 17, 17, 30), "5:30pm on Friday 17 March 2023"),
        (utc(2023, 3, 17, 0, 5), "12:05am on Friday 17 March 2023"),
        (utc(2023, 3, 17, 12, 0, 30), "12:00:30pm on Friday 17 March 2023"),
        (utc(2024, 2, 29, 9), "9am on Thursday 29 February 2024"),
        (utc(2023, 10, 29, 0, 30), "1:30am BST on Sunday 29 October 2023"),
        (utc(2023, 10, 29, 1, 30), "1:30am GMT on Sunday 29 October 2023"),
    ],
)
def test_a_deadline_is_told_as_people_say_it(closes_at: datetime, words: str) -> None:
    """Midnight is told as the end of the day before, anything else as the GOV.UK style guide does."""
    assert deadline_in_words(closes_at, LONDON) == words
    assert deadline_in_words(closes_at.astimezone(timezone(timedelta(hours=9))), LONDON) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (utc(2023, 3, 18, 0, 0, 1), "12:00:01am on Saturday 18 March 2023"),
        (utc(2023, 3, 18), "midnight at the start of Saturday 18 March 2023"),
        (utc(2023, 3, 18, 0, 0, 0, 1), "midnight at the start of Saturday 18 March 2023"),
        (utc(2023, 3, 17, 12, 0, 0, 1), "noon on Friday 17 March 2023"),
        (utc(2023, 3, 14, 10), "10am on Tuesday 14 March 2023"),
        (utc(2023, 3, 14, 10, 0, 30, 999), "10:00:30am on Tuesday 14 March 2023"),
        (utc(2023, 8, 14, 10), "11am on Monday 14 August 2023"),
    ],
)
def test_a_moment_is_told_to_the_second(at: datetime, words: str) -> None:
    """An instant is told to the second where the second counts."""
    assert moment_in_words(at, LONDON) == words


@pytest.mark.parametrize(
    ("at", "day", "words"),
    [
        (utc(2023, 3, 18), date(2023, 3, 17), "11:59pm on Friday 17 March 2023"),  # at the deadline itself
        (utc(2023, 3, 18, 0, 0, 1), date(2023, 3, 18), "12:00:01am on Saturday 18 March 2023"),
        (utc(2023, 3, 17), date(2023, 3, 17), "midnight at the start of Friday 17 March 2023"),
    ],
)
def test_what_happened_at_a_deadline_counts_for_the_last_day(at: datetime, day: date, words: str) -> None:
    """A close at midnight is told as its deadline was, and what came another second as that second."""
    deadline = utc(2023, 3, 18)
    assert day_it_counts_for(at, deadline, LONDON) == day
    assert happening_in_words(at, deadline, LONDON) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=3, hours=14), "3 days 14 hours"),
        (timedelta(days=3, minutes=14), "3 days"),
        (timedelta(days=1), "1 day"),
        (timedelta(hours=1, minutes=1, seconds=59), "1 hour 1 minute"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(seconds=1, microseconds=999_999), "1 second"),
        (timedelta(seconds=-90), "1 minute 30 seconds"),
        (timedelta(), "less than 1 second"),
    ],
)
def test_a_span_is_told_by_its_two_greatest_units(span: timedelta, words: str) -> None:
    """A length of time is told roughly, and never rounded up."""
    assert span_in_words(span) == words
