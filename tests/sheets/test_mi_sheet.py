"""Council management-information sheets become a call's terms, or are refused with what was found."""

import time
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.inbound.addresses import has_address
from adapters.inbound.documents import LARGEST, BadDocument
from adapters.inbound.mi_sheet import Sheet, read_sheet
from states.deadlines import MONTHS, WEEKDAYS
from states.errors import BadDeadline, BadInput

ROOT = Path(__file__).resolve().parents[2]
REAL = (ROOT / "examples" / "mi-sheet-46-23.txt").read_bytes()
MIDNIGHT = datetime(2023, 3, 18, tzinfo=UTC)


def sheet(text: str, **given: Any) -> Sheet:
    """Read a text as a sheet, with a reference and a title where it has none."""
    return read_sheet(text.encode(), **{"reference": "1/23", "title": "Bases", **given})


def saved(name: str) -> Sheet:
    """Read one of the sheets beside this file."""
    return read_sheet((ROOT / "tests" / "sheets" / name).read_bytes())


def refused(text: str, **given: Any) -> BadInput:
    """Return the refusal of a sheet."""
    with pytest.raises(BadInput) as caught:
        sheet(text, **given)
    return caught.value


def test_the_real_sheet_is_read_whole() -> None:
    """Norfolk's sheet 46/23 opens at 10am on 14 March and closes as 17 March 2023 ends."""
    assert read_sheet(REAL) == Sheet(
        reference="46/23",
        title="Specialist Resource Base Expressions of Interest - apply by 17 March 2023",
        opens_at=datetime(2023, 3, 14, 10, tzinfo=UTC),
        opening_words="14/03/2023 10:00:00",
        contact="Programme Management Team",
        audience="All staff/headteacher/SENCOs",
        phase="Primary",
        closes_on=date(2023, 3, 17),
        closes_at=MIDNIGHT,
        timezone="Europe/London",
        closing_words="apply by 17 March 2023",
        time_given=False,
        contact_has_address=False,
        pack_mentioned=True,
        link_given=False,
    )


def test_a_sheet_with_a_to_be_completed_line_is_read() -> None:
    """The council's action sheets tell the deadline in a labelled line, the telephone beside the contact."""
    read = saved("elections.txt")
    assert (read.reference, read.title) == ("14/18", "Election for 2 Academy Representatives")
    assert (read.closes_on, read.closing_words) == (date(2018, 3, 1), "To Be Completed By: 01/03/2018")
    assert read.contact_has_address
    assert read.opens_at == datetime(2018, 2, 16, 12, tzinfo=UTC)


def test_a_timetable_full_of_other_dates_is_read() -> None:
    """Events, questions, visits and openings are no deadlines; the row that says so is."""
    read = saved("timetable.txt")
    assert read.closes_at == datetime(2024, 2, 2, 12, tzinfo=UTC)
    assert (read.reference, read.phase, read.opens_at) == (
        "RP/2024-02",
        None,
        datetime(2024, 1, 8, tzinfo=UTC),
    )
    assert read.contact_has_address
    assert read.link_given


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_what_word_saves_is_read(encoding: str, line_end: str) -> None:
    """Byte order marks, Windows-1252, tabs, curly quotes and line breaks inside a sentence do no harm."""
    text = (ROOT / "tests" / "sheets" / "word.txt").read_text("utf-8")
    read = read_sheet(text.replace("\n", line_end).encode(encoding))
    assert read.closes_at == datetime(2024, 12, 9, 17, tzinfo=UTC)
    assert (read.reference, read.contact) == ("112/24", "Inclusion Service")
    assert read.title == "Alternative provision – expressions of interest"


SAID = (
    "apply by 17 March 2023",
    "apply by\n17 March 2023",
    "closing date of 17 March 2023",
    "closing date:17 March 2023",
    "Closing Date:\tFriday 17 March 2023",
    "Closing date\n\n17 March 2023",
    "The closing date is 17 March, 2023.",
    "The closing date for receipt of expressions of interest is Friday the 17th of March 2023",
    "EOIs must be returned by 17 March 2023",
    "To Be Completed By: 17/03/2023",
    "To Be Completed By:17/03/23",
    "DEADLINE FRIDAY 17TH MARCH 2023",
    "deadline for applications is 17.03.2023",
    "Deadline for submission (all schools): 17-03-2023",
    "Submission deadline \u2013 Fri 17 Mar 2023",
    "Forms should reach us by March 17th, 2023",
    "Please submit the form to srb@example.gov.uk no later than 2023-03-17",
    "Please return your completed form to Jane Smith (jane@example.gov.uk) by 17 March 2023 (Friday)",
    "The window closes on 17\u00a0March\u00a02023",
    "responses by 17 Mar\u200bch 2023",
    "All responses must be received by 17TH MARCH 2023",
    "Applications open on 14 March 2023 and close on 17 March 2023",
    "Applications are open until 17 March 2023",
    "EOIs are due by 17 March 2023",
    "Please let us know by the end of Friday 17 March 2023",
    "Following the panel meeting in November 2022, EOIs must be returned by 17 March 2023",
    "17 March 2023 - Closing date for EOIs",
    "\u2022 17 March 2023: EOIs close\n\u2022 20 March 2023: panel",
    "Friday 17 March 2023 is the closing date for EOIs",
    "- 13 March 2023\nEOI period opens\n- 17 March 2023\nEOI period closes\n- 20 March 2023\nInterviews",
    "Apply by 17 March. The closing date is 17 March 2023.",
    "The closing date has been extended to 17 March 2023",
    "The deadline to apply is 23:59 on 17 March 2023",
    "Return date | 17/03/2023",
)


@pytest.mark.parametrize("words", SAID)
def test_closing_words_make_a_date_the_closing_date(words: str) -> None:
    """However a council says it, the whole of 17 March 2023 counts."""
    read = sheet(words)
    assert (read.closes_on, read.closes_at) == (date(2023, 3, 17), MIDNIGHT)
    assert read.closing_words is not None


@pytest.mark.parametrize(
    ("words", "hour", "minute"),
    [
        ("Applications close at noon on Friday 17 March 2023", 12, 0),
        ("apply by 12 noon on Friday\n17th March 2023", 12, 0),
        ("Deadline: Midday, Friday 17 March 2023", 12, 0),
        ("Closing date: 17 March 2023 at 12pm", 12, 0),
        ("Please return the form before 5pm on 17 March 2023", 17, 0),
        ("submit your EOI by 17 March 2023 (5.00pm)", 17, 0),
        ("Deadline 17/03/2023 17:00", 17, 0),
        ("Deadline: 17.00 on 17 March 2023", 17, 0),
        ("Deadline - 1700 hours, 17 March 2023", 17, 0),
        ("EOIs by 5:30 p.m. on Friday 17 March 2023", 17, 30),
        ("Closing date: 2023-03-17T09:15", 9, 15),
        ("Closing date: 17 March 2023\nClosing time: 12 noon", 12, 0),
        ("Apply by 17 March 2023. Applications close at noon on Friday 17 March 2023.", 12, 0),
        ("apply by 5pm GMT on 17 March 2023", 17, 0),
        ("Closing date: noon on 17 March 2023. EOIs received by noon are acknowledged.", 12, 0),
    ],
)
def test_a_time_before_or_after_the_date_counts(words: str, hour: int, minute: int) -> None:
    """A time of day closes the call to the minute, wherever it stands."""
    read = sheet(words)
    assert read.closes_at == datetime(2023, 3, 17, hour, minute, tzinfo=UTC)
    assert read.time_given


def test_local_times_are_summer_times_in_summer() -> None:
    """Noon in July is 11:00 UTC."""
    assert sheet("apply by noon on 17 July 2023").closes_at == datetime(2023, 7, 17, 11, tzinfo=UTC)
    assert sheet("apply by 5pm BST on 17 July 2023").closes_at == datetime(2023, 7, 17, 16, tzinfo=UTC)


OTHERS = (
    "Publication Date:14/03/2023 10:00:00",
    "covering the period 2023-29, and the visit in November 2022",
    "An information event takes place on 20 March 2023",
    "Interviews: 28 March 2023",
    "Questions should be sent to Jane, Programme team, by 10 March 2023",
    "The deadline for questions is 10 March 2023",
    "20 March 2023: deadline for questions",
    "Please book by 10 March 2023",
    "To attend the briefing, please reply by 10 March 2023",
    "You will receive an outcome by 31 March 2023",
    "We will respond to all schools by 31 March 2023",
    "The panel will submit its report to Cabinet by 30 April 2023",
    "Our Written Statement was submitted by 30 November 2022",
    "The base is due to open on 1 September 2024",
    "The old base closes on 31 August 2024",
    "they can attend school close to their home from 3 March 2023",
    "Building must be completed by 1 September 2024",
    "The last day of term is 31 March 2023",
    "Places are funded until 31 March 2029",
    "The deadline was set at the Schools Forum on 2 February 2023",
)


@pytest.mark.parametrize("words", OTHERS)
def test_other_dates_are_no_closing_dates(words: str) -> None:
    """A date that no closing words stand with is never taken, and never in the way of one that has them."""
    assert refused(words).code == "no-closing-date"
    assert sheet(f"{words}.\n\nApply by 17 January 2030.").closes_on == date(2030, 1, 17)


REFUSED = (
    ("apply by 17 March 2023. The closing date is 24 March 2023.", "two-closing-dates"),
    ("apply by 5pm on 17 March 2023. Applications close at noon on 17 March 2023.", "two-closing-dates"),
    ("apply by 17 March 2023. The deadline is noon. Applications close at 5pm.", "two-closing-dates"),
    ("apply by 17 March. The closing date is 24 March 2023.", "two-closing-dates"),
    ("The deadline of 10 March 2023 has been extended to 17 March 2023", "two-closing-dates"),
    ("The closing date has been extended from 10 March 2023 to 17 March 2023", "two-closing-dates"),
    ("The deadline was 10 March 2023. This has been extended to 17 March 2023.", "two-closing-dates"),
    ("Nothing is said.", "no-closing-date"),
    ("apply by 16-17 March 2023", "no-closing-date"),
    ("apply by Firday 17 March 2023", "no-closing-date"),
    ("14 March 2023 opens 17 March 2023 closing date 20 March 2023 panel", "no-closing-date"),
    ("apply by 31 April 2023", "no-such-date"),
    ("Closing date: 29/02/2023", "no-such-date"),
    ("Closing date: 03/17/2023", "no-such-date"),
    ("apply by 25:00 on 17 March 2023", "no-such-time"),
    ("apply by Thursday 17 March 2023", "weekday-mismatch"),
    ("apply by 17 March 2023 (Thursday)", "weekday-mismatch"),
    ("apply by 17 March", "date-without-year"),
    ("apply by 17/03", "date-without-year"),
    ("apply by Friday 17th", "date-without-year"),
    ("apply by 17 March 2023-29", "date-without-year"),
    ("apply by 1:30am on 26 March 2023", "local-time-missing"),
    ("apply by 1:30am on 29 October 2023", "local-time-twice"),
    ("apply by midnight on 17 March 2023", "time-unclear"),
    ("apply by 12am on 17 March 2023", "time-unclear"),
    ("apply by 00:00 on 17 March 2023", "time-unclear"),
    ("apply by close of business on 17 March 2023", "time-unclear"),
    ("apply by the end of the school day on 17 March 2023", "time-unclear"),
    ("apply by 5:00 on 17 March 2023", "time-unclear"),
    ("apply by 5 o\u2019clock on 17 March 2023", "time-unclear"),
    ("Closing date: 17 March 2023 9am - 5pm", "time-unclear"),
    ("apply by 17 March 2023. Forms received by 5pm are acknowledged that day.", "time-unclear"),
    ("apply by 17 March 2023. The deadline for questions and EOIs is 24 March 2023.", "two-closing-dates"),
    ("apply by 5pm GMT on 17 July 2023", "zone-mismatch"),
    ("Publication Date: 17/03/2023 10:00\napply by 9am on 17 March 2023", "closing-before-publication"),
    ("Published: 18 March 2023\napply by 17 March 2023", "closing-before-publication"),
    ("Published: 17 March 2023 at noon\napply by noon on 17 March 2023", "closing-before-publication"),
)


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_a_deadline_that_could_be_contested_is_refused(text: str, code: str) -> None:
    """What is missing, doubled, impossible or unclear is refused with how to say it explicitly."""
    error = refused(text)
    assert isinstance(error, BadDeadline)
    assert error.code == code
    assert "--closes-at" in error.message


@pytest.mark.parametrize("text", [text for text, code in REFUSED if code != "closing-before-publication"])
def test_an_explicit_deadline_overrides_whatever_the_sheet_says(text: str) -> None:
    """Neither two dates, nor none, nor an impossible one stands in the way of one given explicitly."""
    read = sheet(text, closes_on=date(2023, 5, 5))
    assert read.closes_at == datetime(2023, 5, 5, 23, tzinfo=UTC)
    assert (read.closes_on, read.closing_words, read.time_given) == (date(2023, 5, 5), None, False)


def test_two_dates_are_both_shown() -> None:
    """Whoever must choose sees both, as the sheet says them, and one written out to be given."""
    error = refused("apply by 17 March 2023. The closing date is 24 March 2023.")
    assert '"apply by 17 March 2023" and "closing date is 24 March 2023"' in error.message
    assert "--closes-on 2023-03-17" in error.message
    assert error.facts["found"] == ["apply by 17 March 2023", "closing date is 24 March 2023"]


def test_the_dates_that_were_passed_over_are_shown() -> None:
    """Where no closing date was found, the refusal says which dates were seen."""
    assert "20 March 2023" in refused("An event on 20 March 2023.").message


@pytest.mark.parametrize(
    ("closes_at", "expected"),
    [
        (datetime(2023, 3, 17, 17), datetime(2023, 3, 17, 17, tzinfo=UTC)),  # noqa: DTZ001 -- a wall time
        (datetime(2023, 7, 17, 17), datetime(2023, 7, 17, 16, tzinfo=UTC)),  # noqa: DTZ001 -- a wall time
        (
            datetime(2023, 10, 29, 1, 30, tzinfo=timezone(timedelta(hours=1))),
            datetime(2023, 10, 29, 0, 30, tzinfo=UTC),
        ),
    ],
)
def test_an_explicit_time_is_local_or_has_an_offset(closes_at: datetime, expected: datetime) -> None:
    """A wall time is meant in the sheet's zone; an offset settles even a clock change."""
    read = read_sheet(REAL, closes_at=closes_at)
    assert (read.closes_at, read.time_given) == (expected, True)
    assert read.closes_on == closes_at.date()


def test_explicit_deadlines_are_checked_too() -> None:
    """Both at once, a time that comes twice, an instant as a date, a closing before the publication: no."""
    twice = datetime(2023, 10, 29, 1, 30)  # noqa: DTZ001 -- a wall time
    day = date(2023, 3, 17)
    assert refused("", closes_on=day, closes_at=MIDNIGHT).code == "empty-document"
    assert refused("x", closes_on=day, closes_at=MIDNIGHT).code == "two-closing-dates"
    assert refused("x", closes_at=twice).code == "local-time-twice"
    assert refused("x", closes_on=MIDNIGHT).code == "bad-deadline"
    assert refused("x", closes_at=day).code == "bad-deadline"
    assert (
        refused("x", closes_at=datetime.max.replace(tzinfo=timezone(-timedelta(hours=9)))).code
        == "no-such-date"
    )
    assert refused("Published: 18 March 2023", closes_on=day).code == "closing-before-publication"
    assert refused("x", closes_on=day, timezone="../etc/passwd").code == "unknown-timezone"


def test_a_missing_reference_or_title_is_asked_for() -> None:
    """What a call cannot be opened without is named with the option that says it."""
    nothing = b"\n17.\n\nMI Number: \nContact: x\n"
    with pytest.raises(BadDocument, match="--title") as untitled:
        read_sheet(nothing, closes_on=date(2023, 3, 17), reference="1/23")
    assert (untitled.value.code, untitled.value.field) == ("no-title", "title")
    with pytest.raises(BadDocument, match="--reference 46/23") as unnumbered:
        read_sheet(nothing, closes_on=date(2023, 3, 17), title="Bases")
    assert (unnumbered.value.code, unnumbered.value.field) == ("no-reference", "reference")
    with pytest.raises(BadInput, match="empty"):
        read_sheet(REAL, title=" ")


def test_a_reference_or_title_given_overrides_the_sheet() -> None:
    """What is given explicitly wins."""
    read = read_sheet(REAL, reference=" 47/23 ", title="Bases")
    assert (read.reference, read.title) == ("47/23", "Bases")


@pytest.mark.parametrize(
    ("value", "reference"),
    [
        ("46/23", "46/23"),
        ("MI46/23", "46/23"),
        ("MI 46 / 23 (schools)", "46/23"),
        ("RP14/24", "RP14/24"),
        ("14/24-B", "14/24-B"),
        ("SB/2025/3", "SB/2025/3"),
    ],
)
def test_a_reference_is_never_cut_out_of_a_longer_one(value: str, reference: str) -> None:
    """An MI sheet's number is taken out of its words; any other reference is kept whole."""
    read = read_sheet(f"Bases\n\nCyfeirnod / Reference: {value}\nApply by 17 March 2023".encode())
    assert read.reference == reference


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("for Primary Phase bases. We work with secondary school leaders.", "Primary"),
        ("Phase: Secondary", "Secondary"),
        ("post-16 phase", "Post-16"),
        ("Early years phase", "Early Years"),
        ("all-through phase", "All-through"),
        ("Primary and Secondary Phases", None),
        ("secondary school leaders; the first phase of our planning", None),
    ],
)
def test_the_phase_is_read_where_it_is_clear(text: str, phase: str | None) -> None:
    """One phase named as a phase is it; two, or a passing word, are not."""
    assert sheet(f"Apply by 17 March 2023.\n{text}").phase == phase


@pytest.mark.parametrize(
    ("published", "opens_at"),
    [
        ("14/03/2023 10:00:00", datetime(2023, 3, 14, 10, tzinfo=UTC)),
        ("14/03/2023 9:00:00", datetime(2023, 3, 14, 9, tzinfo=UTC)),
        ("14/03/2023", datetime(2023, 3, 14, tzinfo=UTC)),
        ("14/03/2023 00:00:00", datetime(2023, 3, 14, tzinfo=UTC)),
        ("Tuesday 14 March 2023 at 10am", datetime(2023, 3, 14, 10, tzinfo=UTC)),
        ("31/02/2023", None),
        ("last week", None),
    ],
)
def test_the_publication_opens_the_call(published: str, opens_at: datetime | None) -> None:
    """A publication without a time begins with its day; one that cannot be read is kept as words."""
    read = sheet(f"Publication Date:{published}\nApply by 17 March 2023.")
    assert (read.opens_at, read.opening_words) == (opens_at, published)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"PK\x03\x04....word/document.xml", "a Word document"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1", "an old Word"),
        (b"{\\rtf1 apply by 17 March 2023}", "RTF"),
        (b"\n <!DOCTYPE html><p>apply by 17 March 2023", "HTML"),
        (b"\x89PNG\r\n", "a PNG picture"),
        ("apply by 17 March 2023".encode("utf-16-le"), "UTF-16 text without its byte order mark"),
        (b"\xff\xfea", "damaged UTF-16"),
        (b"apply by 17 March 2023\x00", "a binary file"),
        (b"apply by 17 March 2023\x1b[2J", "a binary file"),
        (b"\x81\x8d\x8f", "a binary file"),
    ],
)
def test_what_is_not_plain_text_is_refused_by_name(data: bytes, kind: str) -> None:
    """A PDF, a Word file or a picture is refused with what it seems to be."""
    with pytest.raises(BadDocument, match="plain text") as caught:
        read_sheet(data)
    assert caught.value.code == "not-text"
    assert kind in caught.value.message


@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\xef\xbb\xbf", "\u200b\n".encode()])
def test_an_empty_sheet_is_refused(data: bytes) -> None:
    """A file with nothing in it is not a sheet."""
    with pytest.raises(BadDocument) as caught:
        read_sheet(data)
    assert caught.value.code == "empty-document"


def test_too_large_a_sheet_is_refused() -> None:
    """Over 256 KiB nothing is read; 256 KiB are."""
    filler = b"\n" * (LARGEST - len(REAL))
    assert read_sheet(REAL + filler) == read_sheet(REAL)
    with pytest.raises(BadDocument) as caught:
        read_sheet(REAL + filler + b"\n")
    assert caught.value.code == "document-too-large"


HOSTILE = (
    *(
        "apply by 17 March 2023 ",
        "closing date for ",
        "deadline of the ",
        "apply by noon ",
        "by ",
        "1 ",
        "1.1 ",
    ),
    *("~~17 March", "time: 12.00\n", "was received ", "**_", "1\u0332", "\uff11\u0661 "),
    *("12:00 ", "17/", "closing date (", "mrs. A", "\n", "-\n", "a: 17 March 2023\n", "closing date\n\n"),
    *(
        "a\u0300\u0316",
        "x@y.",
        "0161 ",
        "primary and ",
        "www.",
        "friday the ",
        "has been extended to ",
        "due for ",
        "did not apply by ",
        "deadline 17 March 2023 for primary and ",
    ),
)


@pytest.mark.parametrize("unit", HOSTILE)
def test_hostile_text_costs_little(unit: str) -> None:
    """256 KiB of what looks like deadlines are refused within seconds on the slowest machine."""
    data = (unit * LARGEST).encode()[:LARGEST].decode(errors="ignore").encode()
    begun = time.process_time()
    with pytest.raises(BadInput):
        read_sheet(data, reference="1/23", title="Bases")
    assert time.process_time() - begun < 3  # 0.1 to 0.8 s where it was written; quadratic forms took minutes


@given(st.binary(max_size=300))
@example(b"\xff\xfe\x00\xd8")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No file makes the reader fail in any other way than by a refusal with a code."""
    try:
        read_sheet(data, closes_on=date(2023, 3, 17))
    except BadInput as error:
        assert error.code != "error"  # noqa: PT017 -- either is right


VOCABULARY = """apply by closing date deadline is of 17 March 2023 31 Friday noon 5pm at to extended from
closes 17/03/2023 the end-of midnight ( ) - : . line-end paragraph"""
BREAKS = {"end-of": "end of", "line-end": "\n", "paragraph": "\n\n"}
WORDS = st.sampled_from([BREAKS.get(word, word) for word in VOCABULARY.split()])


@given(st.lists(WORDS, max_size=25).map(" ".join))
def test_any_closing_prose_is_read_or_refused(text: str) -> None:
    """In whatever order the words of a deadline come, the answer is a date that stands there, or no."""
    try:
        read = sheet(f"Bases {text}")
    except BadInput as error:
        assert error.code != "bad-input"  # noqa: PT017 -- either is right
    else:
        assert read.closes_on in {date(2023, 3, 17), date(2023, 3, 31)}


FORMS = (
    "{day} {month} {year}",
    "{weekday} {day} {month} {year}",
    "{weekday}, {day} {month}, {year}",
    "{short_weekday} {day} {short_month} {year}",
    "the {day}th of {month} {year}",
    "{month} {day}, {year}",
    "{day:02}/{number:02}/{year}",
    "{day}.{number}.{year}",
    "{day:02}-{number:02}-{year}",
    "{year}-{number:02}-{day:02}",
    "{day:02}/{number:02}/{short_year:02}",
)


@given(
    st.dates(date(2000, 1, 1), date(2099, 12, 31)),
    st.sampled_from(FORMS),
    st.sampled_from(
        ("apply by {}", "Closing date: {}", "EOIs must be returned by {}.", "Deadline {}", "closes {}")
    ),
)
def test_every_date_is_read_as_itself(day: date, form: str, words: str) -> None:
    """Every day of the century, in every way of writing it, is read as that day."""
    weekday, month = WEEKDAYS[day.weekday()], MONTHS[day.month - 1]
    written = form.format(
        day=day.day,
        month=month,
        year=day.year,
        weekday=weekday,
        short_weekday=weekday[:3],
        short_month=month[:3],
        number=day.month,
        short_year=day.year % 100,
    )
    assert sheet(words.format(written)).closes_on == day


@pytest.mark.parametrize(
    ("text", "reachable"),
    [
        ("srb@norfolk.gov.uk", True),
        ("Jane Smith 01603 222287", True),
        ("0344 800 8020", True),
        ("+44 (0)1603 222 287", True),
        ("020 7946 0000", True),
        ("https://www.example.gov.uk/srb", True),
        ("example.gov.uk/srb", True),
        ("Programme Management Team", False),
        ("01-03-2018 10:00:00", False),
        ("14/03/2023 10:00:00", False),
        ("46/23", False),
        ("room 0123", False),
    ],
)
def test_an_address_is_what_reaches_somebody(text: str, reachable: bool) -> None:
    """An e-mail address, a telephone number or a link is an address; a team's name or a date is none."""
    assert has_address(text) is reachable
