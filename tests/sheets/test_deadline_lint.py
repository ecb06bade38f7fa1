"""Would this deadline stand up? The lint says what a careful colleague would."""

import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.inbound.closed_days import closed_days_from_ics
from adapters.inbound.deadline_lint import INFORMATION, Finding, lint
from adapters.inbound.documents import BadDocument
from adapters.inbound.mi_sheet import read_sheet
from adapters.inbound.notice import Notice
from states.deadlines import closing_instant
from states.errors import BadDeadline, BadInput

REAL = (Path(__file__).resolve().parents[2] / "examples" / "mi-sheet-46-23.txt").read_bytes()
MONDAY = datetime(2023, 3, 6, 9, tzinfo=UTC)


def notice(closes_on: date, **given: object) -> Notice:
    """Return a call about which there is nothing to say but when it closes."""
    facts: dict[str, object] = {"opens_at": MONDAY, "contact": "srb@example.gov.uk", **given}
    closes_at = closing_instant(closes_on, str(facts.get("timezone", "Europe/London")))
    return Notice(closes_at=closes_at, **facts)  # type: ignore[arg-type]  # the fields of Notice


def codes(findings: tuple[Finding, ...]) -> list[str]:
    """Return the codes of what asks for something."""
    return [each.code for each in findings if each.code not in INFORMATION]


def message(findings: tuple[Finding, ...], code: str) -> str:
    """Return what the finding of that code says."""
    return next(each.message for each in findings if each.code == code)


def test_the_real_sheet_is_open_for_four_working_days() -> None:
    """Sheet 46/23: 3 days 14 hours, no time, a contact without an address, a pack without its link."""
    findings = lint(read_sheet(REAL))
    assert [each.code for each in findings] == [
        "open-for",
        "short-window",
        "no-time-given",
        "contact-without-address",
        "pack-without-link",
    ]
    assert findings[0].message == (
        "Open 3 days 14 hours, from 10am on Tuesday 14 March 2023 to 11:59pm on Friday 17 March 2023: "
        "4 working days, 31 working hours (Monday to Friday, 9am to 5pm)."
    )
    assert "4 working days only, fewer than 10" in findings[1].message
    assert findings[2].message == "No time is given, so it closes at 11:59pm on Friday 17 March 2023."
    assert "Programme Management Team" in findings[3].message


def test_a_sound_deadline_is_only_told() -> None:
    """Three weeks, a weekday, a time, an address, no pack: nothing to mend."""
    findings = lint(notice(date(2023, 3, 24)))
    assert codes(findings) == []
    assert "15 working days, 120 working hours" in message(findings, "open-for")


@pytest.mark.parametrize(("last", "short"), [(date(2023, 3, 16), True), (date(2023, 3, 17), False)])
def test_ten_working_days_are_not_short(last: date, short: bool) -> None:
    """Nine working days are short, ten are not; the number is the caller's to change."""
    assert ("short-window" in codes(lint(notice(last)))) is short
    assert "short-window" not in codes(lint(notice(last), short_below_days=9))


def test_bank_holidays_and_weekends_are_no_working_days() -> None:
    """Over Easter 2023 and the coronation, the days off do not count."""
    easter = lint(notice(date(2023, 4, 11), opens_at=datetime(2023, 4, 5, 23, tzinfo=UTC)))
    assert "2 working days, 16 working hours" in message(easter, "open-for")
    coronation = lint(notice(date(2023, 5, 9), opens_at=datetime(2023, 5, 5, 11, 30, tzinfo=UTC)))
    assert "2 working days, 12.5 working hours" in message(coronation, "open-for")


def test_given_closed_days_are_no_working_days() -> None:
    """A strike day takes a working day out of the window."""
    findings = lint(notice(date(2023, 3, 17)), closed_days=[date(2023, 3, 15), date(2023, 3, 18)])
    assert "9 working days, 72 working hours" in message(findings, "open-for")
    assert codes(findings) == ["short-window"]


@given(st.dates(date(2023, 1, 1), date(2023, 12, 1)), st.integers(0, 40), st.integers(0, 23))
def test_working_time_agrees_with_counting_every_quarter_of_an_hour(day: date, days: int, hour: int) -> None:
    """However a window lies, its working hours are those that a person would count on the calendar."""
    opens_at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    findings = lint(notice(day + timedelta(days=days), opens_at=opens_at, timezone="UTC"))
    quarters = 0
    at, end = opens_at, closing_instant(day + timedelta(days=days), "UTC")
    off = [date(2023, 1, 2), date(2023, 4, 7), date(2023, 4, 10), date(2023, 5, 1), date(2023, 5, 8)]
    off += [date(2023, 5, 29), date(2023, 8, 28), date(2023, 12, 25), date(2023, 12, 26), date(2024, 1, 1)]
    while at < end:
        quarters += at.weekday() < 5 and 9 <= at.hour < 17 and at.date() not in off
        at += timedelta(minutes=15)
    assert f" {quarters // 4} working hour" in message(findings, "open-for")


@pytest.mark.parametrize(
    ("opens", "closes", "says"),
    [
        ("2023-03-17T09:00", "2023-03-17T10:00", "Open 1 hour,"),
        ("2023-03-17T09:00", "2023-03-17T10:00", ": 1 working day, 1 working hour (Monday"),
        ("2023-03-16T16:00", "2023-03-17T17:00", "Open 1 day 1 hour,"),
        ("2023-03-16T16:00", "2023-03-17T17:00", ": 2 working days, 9 working hours (Monday"),
        ("2023-03-18T09:00", "2023-03-19T17:00", ": 0 working days, 0 working hours (Monday"),
        ("2023-03-17T16:30", "2023-03-18T09:00", ": 1 working day, 0.5 working hours (Monday"),
        ("2023-03-17T09:00", "2023-03-17T09:01", "Open 1 minute,"),
        ("2023-03-17T09:00", "2023-03-17T09:01", ": 1 working day, less than 0.1 working hours (Monday"),
    ],
)
def test_lengths_of_time_are_told_in_good_english(opens: str, closes: str, says: str) -> None:
    """One day is a day and two are days; a minute of a working day is not told as no time at all."""
    opens_at, closes_at = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (opens, closes))
    call = Notice(opens_at=opens_at, closes_at=closes_at, contact="a@b.uk")
    assert says in message(lint(call), "open-for")


def test_a_call_without_an_opening_begins_now() -> None:
    """A call given by options opens at the moment it is asked about; without that moment, nothing is said."""
    unopened = notice(date(2023, 3, 17), opens_at=None)
    assert "Open 3 days 14 hours" in message(
        lint(unopened, now=datetime(2023, 3, 14, 10, tzinfo=UTC)), "open-for"
    )
    assert lint(unopened) == ()


@pytest.mark.parametrize(
    ("last", "code", "says"),
    [
        (date(2023, 4, 1), "closes-on-weekend", "Saturday 1 April 2023"),
        (date(2023, 4, 2), "closes-on-weekend", "Sunday 2 April 2023"),
        (date(2023, 4, 7), "closes-on-bank-holiday", "Friday 7 April 2023 (Good Friday)"),
        (date(2023, 5, 8), "closes-on-bank-holiday", "Coronation"),
        (date(2023, 12, 25), "closes-on-bank-holiday", "Christmas Day"),
        (date(2023, 4, 5), "closes-on-closed-day", "Wednesday 5 April 2023"),
    ],
)
def test_a_last_day_on_which_nobody_is_there_is_named(last: date, code: str, says: str) -> None:
    """A weekend, a bank holiday by its name, or a day in the given calendar is no day to close on."""
    findings = lint(notice(last), closed_days={date(2023, 4, 5)})
    assert codes(findings) == [code]
    assert says in message(findings, code)


def test_the_last_day_is_a_local_one() -> None:
    """Midnight UTC in summer is 1am in London: the last day is the one that has just begun."""
    closes_at = datetime(2023, 7, 15, tzinfo=UTC)  # 1am on a Saturday
    assert codes(lint(Notice(closes_at=closes_at, contact="x@y.uk"))) == ["closes-on-weekend"]
    assert codes(lint(Notice(closes_at=closes_at - timedelta(hours=1), contact="x@y.uk"))) == []


def test_a_deadline_that_has_passed_is_told_from_its_first_late_instant() -> None:
    """At the closing instant it has passed, just before it has not."""
    call = notice(date(2023, 3, 24))
    before, after = call.closes_at - timedelta.resolution, call.closes_at + timedelta(hours=26)
    assert "closing-has-passed" not in codes(lint(call, now=before))
    assert "closing-has-passed" in codes(lint(call, now=call.closes_at))
    assert message(lint(call, now=after), "closing-has-passed") == (
        "The deadline, 11:59pm on Friday 24 March 2023, passed 1 day 2 hours ago."
    )


def test_who_may_be_asked_is_asked_for() -> None:
    """No contact, or one whom nobody can reach, is a finding; a telephone number is enough."""
    last = date(2023, 3, 24)
    assert codes(lint(notice(last, contact=None))) == ["no-contact"]
    assert codes(lint(notice(last, contact="The team"))) == ["contact-without-address"]
    assert codes(lint(notice(last, contact="The team, 01603 222287"))) == []


def test_a_publication_date_that_cannot_be_read_is_told() -> None:
    """An impossible publication date is left out, and said to be."""
    call = read_sheet(
        b"Bases\nMI Number:1/23\nPublished: 31/02/2023\nContact: a@b.uk\nApply by noon on 24 March 2023."
    )
    assert codes(lint(call)) == ["publication-not-read"]
    assert "31/02/2023" in message(lint(call), "publication-not-read")


def test_a_window_of_centuries_is_told_quickly() -> None:
    """A year far away costs no counting of days."""
    call = Notice(opens_at=MONDAY, closes_at=datetime(9000, 1, 1, tzinfo=UTC), contact="a@b.uk")
    assert "working" not in message(lint(call), "open-for")


def calendar(*events: str) -> bytes:
    """Return an .ics file; each event is its lines, parted by spaces."""
    inner = "".join("BEGIN:VEVENT\r\nUID:{}\r\n{}\r\nEND:VEVENT\r\n".format(*_uid(event)) for event in events)
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n{inner}END:VCALENDAR\r\n".encode()


def _uid(event: str) -> tuple[str, str]:
    uid, _, lines = event.partition("|")
    return uid, lines.replace(" ", "\r\n")


@pytest.mark.parametrize(
    ("event", "days"),
    [
        ("a|DTSTART;VALUE=DATE:20230315", ["2023-03-15"]),
        ("a|DTSTART;VALUE=DATE:20230315 DTEND;VALUE=DATE:20230317", ["2023-03-15", "2023-03-16"]),
        ("a|DTSTART;VALUE=DATE:20230315 DTEND;VALUE=DATE:20230315", ["2023-03-15"]),
        ("a|DTSTART;VALUE=DATE:20230315 DURATION:P2D", ["2023-03-15", "2023-03-16"]),
        ("a|DTSTART:20230315T100000Z DTEND:20230315T110000Z", ["2023-03-15"]),
        ("a|DTSTART:20230315T230000Z DTEND:20230316T000000Z", ["2023-03-15"]),
        ("a|DTSTART:20230315T230000Z DTEND:20230316T000001Z", ["2023-03-15", "2023-03-16"]),
        ("a|DTSTART:20230715T230000Z DTEND:20230716T100000Z", ["2023-07-16"]),  # London is an hour ahead
        ("a|DTSTART;TZID=Europe/London:20230315T090000", ["2023-03-15"]),
        ("a|DTSTART:20230315T090000 DURATION:PT20H", ["2023-03-15", "2023-03-16"]),
        ("a|DTSTART;VALUE=DATE:20230315 STATUS:CANCELLED", []),
        ("a|DTSTART;VALUE=DATE:20221225 RRULE:FREQ=YEARLY;COUNT=2", ["2022-12-25", "2023-12-25"]),
        ("a|DTSTART;VALUE=DATE:20200229 RRULE:FREQ=YEARLY;UNTIL=20251231", ["2020-02-29", "2024-02-29"]),
        (
            "a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20230318",
            ["2023-03-15", "2023-03-17"],
        ),
        (
            "a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=3",
            ["2023-03-15", "2023-03-20", "2023-03-22"],
        ),
        (
            "a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=WEEKLY;COUNT=3 EXDATE;VALUE=DATE:20230322",
            ["2023-03-15", "2023-03-29"],
        ),
        (
            "a|DTSTART;VALUE=DATE:20230315 RDATE;VALUE=DATE:20230401,20230402",
            ["2023-03-15", "2023-04-01", "2023-04-02"],
        ),
    ],
)
def test_the_days_of_an_event_are_closed(event: str, days: list[str]) -> None:
    """Every local day that an event touches is closed, its end being the first that is not."""
    assert closed_days_from_ics(calendar(event)) == {date.fromisoformat(day) for day in days}


def test_a_moved_repetition_closes_its_new_day_only() -> None:
    """A repetition with an event of its own is where that event says."""
    weekly = "a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=WEEKLY;COUNT=2"
    moved = "a|RECURRENCE-ID;VALUE=DATE:20230322 DTSTART;VALUE=DATE:20230323"
    other = "b|DTSTART;VALUE=DATE:20230322 STATUS:CANCELLED"
    assert closed_days_from_ics(calendar(weekly, moved, other)) == {date(2023, 3, 15), date(2023, 3, 23)}


def test_an_endless_repetition_has_an_end() -> None:
    """Christmas for ever is read to the end of the century."""
    days = closed_days_from_ics(
        calendar("a|DTSTART;VALUE=DATE:20221225 RRULE:FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=25")
    )
    assert (min(days), max(days), len(days)) == (date(2022, 12, 25), date(2100, 12, 25), 79)


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"BEGIN:VCALENDAR\r\n",
        b"BEGIN:VEVENT\r\nDTSTART:20230315T100000Z\r\nEND:VEVENT\r\n",
        b"BEGIN:VCALENDAR\r\nnonsense\r\nEND:VCALENDAR\r\n",
        calendar("a|SUMMARY:no-start"),
        calendar("a|DTSTART:2023"),
        calendar("a|DTSTART:20230315T100000Z DTEND;VALUE=DATE:20230316"),
        calendar("a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=NEVER"),
        calendar("a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=MONTHLY;COUNT=2"),
        calendar("a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=YEARLY;BYDAY=1MO"),
        calendar("a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=WEEKLY;BYDAY=MO"),
        calendar("a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=DAILY;INTERVAL=0"),
        calendar("a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=DAILY"),
        calendar("a|DTSTART;VALUE=DATE:00010101 DTEND;VALUE=DATE:99990101"),
        calendar("a|DTSTART;VALUE=DATE:20230315 EXDATE:nonsense"),
        calendar("a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=DAILY;COUNT=2 RRULE:FREQ=WEEKLY;COUNT=2"),
        calendar("a|DTSTART;VALUE=DATE:20230315 RRULE:FREQ=DAILY;COUNT=3 EXRULE:FREQ=DAILY;COUNT=1"),
        calendar("a|DTSTART:20230323T233000Z DURATION:PT10M RRULE:FREQ=DAILY;COUNT=6"),  # 00:30 in summer
        calendar("a|DTSTART;VALUE=DATE:20230315")[:-20],
    ],
)
def test_a_calendar_that_cannot_be_trusted_is_refused(data: bytes) -> None:
    """A broken file, or repetition that is not read, is refused, for a closed day may be in it."""
    with pytest.raises(BadDocument) as caught:
        closed_days_from_ics(data)
    assert caught.value.code == "bad-calendar"


@pytest.mark.parametrize(
    "lines",
    [
        b"X" * 60_000,
        b"BEGIN:VEVENT\nRRULE:FREQ=SECONDLY\nSUMMARY:%b\nDTSTART:20230315T100000\nEND:VEVENT"
        % (b"x" * 60_000),
    ],
)
def test_a_refused_calendar_is_not_quoted_whole(lines: bytes) -> None:
    """However long a line of it is, the message can still be read."""
    with pytest.raises(BadDocument, match=r"^The calendar ") as caught:
        closed_days_from_ics(b"BEGIN:VCALENDAR\n" + lines + b"\nEND:VCALENDAR\n")
    assert len(caught.value.message) < 400


def test_a_calendar_of_the_same_days_over_and_over_costs_little() -> None:
    """256 KiB of events that each repeat for decades are refused within seconds, not read for minutes."""
    event = "a|DTSTART;VALUE=DATE:20230315 DTEND;VALUE=DATE:20430315 RRULE:FREQ=DAILY;COUNT=12000"
    begun = time.process_time()
    with pytest.raises(BadDocument, match="over and over") as caught:
        closed_days_from_ics(calendar(*[event] * 1500))
    assert caught.value.code == "bad-calendar"
    assert time.process_time() - begun < 10  # 0.5 s where it was written; all of it would take hours


def test_a_refused_repetition_is_named() -> None:
    """Whoever keeps the calendar is told which event to write out."""
    data = calendar("a|DTSTART;VALUE=DATE:20230501 RRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=1MO SUMMARY:May-Day")
    with pytest.raises(BadDocument) as caught:
        closed_days_from_ics(data)
    assert caught.value.message == (
        "The calendar repeats 'May-Day' in a way that is not read: list its days singly."
    )


def test_a_calendar_is_text_in_a_known_zone() -> None:
    """A PDF or an unknown time zone is refused as everywhere else."""
    with pytest.raises(BadDocument) as caught:
        closed_days_from_ics(b"%PDF-1.7")
    assert caught.value.code == "not-text"
    with pytest.raises(BadDeadline):
        closed_days_from_ics(calendar(), timezone="Mars/Base")
    assert closed_days_from_ics(calendar()) == frozenset()


LINES = st.sampled_from(
    (
        *(
            "BEGIN:VCALENDAR",
            "END:VCALENDAR",
            "BEGIN:VEVENT",
            "END:VEVENT",
            "DTSTART:20230315T100000Z",
            "DTSTART:x",
        ),
        *(
            "DTSTART;VALUE=DATE:20230315",
            "DTEND;VALUE=DATE:20230317",
            "RRULE:FREQ=YEARLY",
            "RRULE:FREQ=WEEKLY;BYDAY=WE",
        ),
        *(
            "RRULE:",
            "RRULE:COUNT=x",
            "EXDATE:1",
            "RDATE;VALUE=PERIOD:20230315T100000Z/PT1H",
            "DURATION:-P1D",
            "DURATION:x",
        ),
        *(
            "RECURRENCE-ID:20230315T100000Z",
            "DTSTART;TZID=:20230315T100000",
            "STATUS:CANCELLED",
            ":",
            ";",
            "DTEND:",
        ),
    )
)


@given(st.lists(LINES, max_size=12).map("\r\n".join), st.booleans())
def test_any_calendar_is_read_or_refused(lines: str, whole: bool) -> None:
    """Whatever lines a calendar has, it is read or refused with a code."""
    inner = f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT\r\nEND:VCALENDAR" if whole else lines
    try:
        closed_days_from_ics(inner.encode())
    except BadInput as error:
        assert error.code in {"bad-calendar", "empty-document"}  # noqa: PT017 -- either is right
