"""How councils really write: read as meant, or refused in words; never read as another instant."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.inbound.mi_sheet import Sheet, read_sheet
from states.deadlines import closing_instant, instant
from states.errors import BadDeadline

SHEETS = Path(__file__).parent
LONDON = "Europe/London"


def sheet(text: str, **given: Any) -> Sheet:
    """Read a text as a sheet, with a reference and a title where it has none."""
    return read_sheet(text.encode(), **{"reference": "1/23", "title": "Bases", **given})


def refused(text: str) -> BadDeadline:
    """Return the refusal of a sheet."""
    with pytest.raises(BadDeadline) as caught:
        sheet(text)
    return caught.value


def meant(words: str) -> datetime:
    """Return the instant of "2023-03-17" (the whole day counts) or "2023-03-17T17:00", local."""
    local = datetime.fromisoformat(words)
    return instant(local, LONDON) if "T" in words else closing_instant(local.date(), LONDON)


@pytest.mark.parametrize(
    ("name", "closes_at", "opens_at", "reference"),
    [
        ("email.txt", "2023-03-31T16:00", None, "52/23"),
        ("bulletin.txt", "2024-05-03T12:00", "2024-04-05T00:00", "RP14/24"),
        ("procurement.txt", "2023-11-03T12:00", "2023-10-02T00:00", "DN 671204"),
        ("bilingual.txt", "2025-06-30T12:00", None, "SB/2025/3"),
    ],
)
def test_a_whole_notice_is_read(name: str, closes_at: str, opens_at: str | None, reference: str) -> None:
    """Forwarded e-mails, Markdown tables, tender notices and letters in two languages are read."""
    read = read_sheet((SHEETS / name).read_bytes())
    assert read.closes_at == meant(closes_at)
    assert read.opens_at == (meant(opens_at) if opens_at else None)
    assert (read.reference, read.time_given, read.contact_has_address) == (reference, True, True)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_table_copied_out_of_a_document_is_read(encoding: str) -> None:
    """One cell a line with empty lines between, as Word copies a table, in whatever encoding it is saved."""
    text = (SHEETS / "copied-table.txt").read_text("utf-8").replace("\n", "\r\n")
    read = read_sheet(text.encode(encoding), reference="EY/23-07")
    assert read.closes_at == meant("2023-06-30T17:00")
    assert read.title == "Early Years Inclusion Hubs - EOI pack"


READ = (
    ("Applications close at 12 noon on Friday 2nd February 2024", "2024-02-02T12:00"),
    ("Please submit your EOI no later than 5pm on Friday 17 March 2023.", "2023-03-17T17:00"),
    ("The deadline for submissions is 5pm, Friday 17th March 2023", "2023-03-17T17:00"),
    ("Closing date: 17/03/2023 at 17:00", "2023-03-17T17:00"),
    ("To Be Completed By:01/03/2018 17:00:00", "2018-03-01T17:00"),
    ("Please email us by noon on 17 March 2023 with your expression of interest", "2023-03-17T12:00"),
    ("Published: 1 March 2023\nQuestions by: 10 March 2023\nClosing date: 17 March 2023", "2023-03-17"),
    ("Clarification deadline\t10 March 2023\nDeadline for EOIs\t17 March 2023 (noon)", "2023-03-17T12:00"),
    ("**Deadline:** 17 March 2023", "2023-03-17"),
    ("**Deadline: Friday 17 March 2023, 12 noon**", "2023-03-17T12:00"),
    ("*Closing date* - 17 March 2023", "2023-03-17"),
    ("__Deadline__: 17 March 2023", "2023-03-17"),
    ("DEADLINE FOR RETURN:12 NOON, FRIDAY 17TH MARCH 2023", "2023-03-17T12:00"),
    ("RETURN BY:17/03/23", "2023-03-17"),
    ("Deadline \u2013 Friday 17\u00a0March 2023 \u2013 5pm", "2023-03-17T17:00"),
    ("Deadline 1700hrs on 17 March 2023", "2023-03-17T17:00"),
    ("Closing date: 17 March 2023, 17.00", "2023-03-17T17:00"),
    ("Deadline: 5 p.m. on Friday, March 17, 2023", "2023-03-17T17:00"),
    ("Deadline: Fri 17-Mar-23 12:00", "2023-03-17T12:00"),
    ("Closing date: 17/Mar/2023", "2023-03-17"),
    ("Closing date: 17/03/2023\nTime: 12 noon", "2023-03-17T12:00"),
    ("Closing date\n\n17 March 2023\n\nTime: 17.00", "2023-03-17T17:00"),
    ("Deadline date: 17 March 2023\nDeadline time: 12 noon", "2023-03-17T12:00"),
    ("Closing date:\n17 March 2023\n12 noon", "2023-03-17T12:00"),
    ("Deadline: 17 March 2023 \u2013 by 5pm", "2023-03-17T17:00"),
    ("Tender return date and time: 17 March 2023 12:00 noon", "2023-03-17T12:00"),
    ("Applications close at 11.59pm on 17 March 2023", "2023-03-17"),
    ("Opens: 01/03/2023 | Closes: 17/03/2023", "2023-03-17"),
    ("No EOIs will be accepted after 5pm on 17 March 2023", "2023-03-17T17:00"),
    ("Deadline: noon, 17 March 2023. EOIs received after noon will not be considered.", "2023-03-17T12:00"),
    ("Deadline: 5pm GMT on 17 March 2023. EOIs must be in by 17:00 on 17 March 2023.", "2023-03-17T17:00"),
    ("Please apply on or before 17 March 2023", "2023-03-17"),
    ("Submit questions by 10 March 2023 and EOIs by 17 March 2023", "2023-03-17"),
    ("You should receive a decision by 31 March 2023. The closing date is 17 March 2023.", "2023-03-17"),
    ("Closing date 17 March 2023 for a start on 1 September 2023", "2023-03-17"),
    ("Deadline is 17 March 2023. Phone us before 5pm to discuss your EOI.", "2023-03-17"),
    ("Deadline is 17 March 2023. Lines are open from 9am to 5pm.", "2023-03-17"),
    ("We invite EOIs. Building ends by 1 September 2024. Apply by 17 March 2023.", "2023-03-17"),
    ("You get an acknowledgement of your EOI by 20 March 2023. Apply by 17 March 2023.", "2023-03-17"),
    ("Schools that did not reply by 10 March 2023 should apply by 17 March 2023", "2023-03-17"),
    ("Deadline: 17 July 2023 5pm BST", "2023-07-17T17:00"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "closes_at"), READ)
def test_common_ways_of_saying_it_are_read(text: str, closes_at: str) -> None:
    """Each of these has one deadline for any careful reader, and that is the one."""
    read = sheet(text)
    assert (read.closes_at, read.time_given) == (
        meant(closes_at),
        "T" in closes_at or "11.59" in text,
    )


DOUBTFUL = (
    # The time is said somewhere else, or in a way that is not read: never the whole day in silence.
    ("Deadline: 17 March 2023. Applications will not be accepted after 5pm on this date.", "time-unclear"),
    ("Deadline: 17 March 2023. We expect it by 5pm.", "time-unclear"),
    ("Deadline: 17 March 2023, strictly 5pm", "time-unclear"),
    ("There is a 5pm deadline on 17 March 2023", "time-unclear"),
    ("Time: 12 noon\nClosing date: 17 March 2023", "time-unclear"),
    ("Apply by 17 March 2023 at 4", "time-unclear"),
    ("Apply by 17 March 2023 at half past four", "time-unclear"),
    ("Deadline: 17 March 2023, five o'clock", "time-unclear"),
    ("Deadline: 17 MAR 2023 1200", "time-unclear"),
    ("Deadline: 17 March 2023 in the morning", "time-unclear"),
    ("Deadline: 17 March 2023, first thing", "time-unclear"),
    ("Deadline: 17 March 2023, before school", "time-unclear"),
    ("Deadline: 17 March 2023 COP", "time-unclear"),
    ("Please return it by close of play on 17 March 2023", "time-unclear"),
    ("Deadline: 12am on 17 March 2023", "time-unclear"),
    ("Deadline: midnight on 17 March 2023", "time-unclear"),
    ("Apply by 17 March 2023 17:00 CET", "time-unclear"),
    ("Apply by 5pm on 17 July 2023 (GMT)", "time-unclear"),
    ("Apply by 5pm GMT on 17 July 2023", "zone-mismatch"),
    ("Deadline: 5pm BST on 17 July 2023. Deadline: 5pm GMT on 17 July 2023.", "two-closing-dates"),
    ("Deadline: 17 March 2023. Bring EOIs to the office, which closes at 5pm.", "time-unclear"),
    ("16 & 17 March 2023 is the closing date", "time-unclear"),
    # "Before" a day: nobody knows whether that day counts.
    ("Apply before 17 March 2023", "time-unclear"),
    ("Applications close two days before 17 March 2023", "time-unclear"),
    ("Apply by the Friday before 17 March 2023", "time-unclear"),
    # Two groups, two dates.
    ("Deadline 17 March 2023 for primary and 24 March 2023 for secondary schools", "two-closing-dates"),
    ("Deadline: 17 March 2023 (24 March 2023 for academies)", "two-closing-dates"),
    ("Deadline: 17 March 2023 (primary)\nSecondary: 24 March 2023", "two-closing-dates"),
    ("Apply by 17 March 2023 or 24 March 2023", "two-closing-dates"),
    ("Deadline: 5pm, 17 March 2023; 12 noon for paper copies", "two-closing-dates"),
    ("Primary EOIs: deadline 17 March 2023. Secondary EOIs: deadline 28 April 2023.", "two-closing-dates"),
    ("Deadline: ~~10 March 2023~~ 17 March 2023", "two-closing-dates"),
    # The heads of columns, with the dates in the lines below: which is whose?
    ("Opening date Closing date\n1 March 2023 17 March 2023", "no-closing-date"),
    ("Opening date\nClosing date\n1 March 2023\n17 March 2023", "no-closing-date"),
    ("Opening date | Closing date\n1 March 2023 | TBC", "no-closing-date"),
    ("| Opens | Closing date |\n|---|---|\n| 1 March 2023 | 17 March 2023 |", "no-closing-date"),
    # What nobody did, may not do, or did once.
    ("Any school that did not apply by 10 March 2023 may now do so", "no-closing-date"),
    ("Applications cannot be submitted by 17 March 2023", "no-closing-date"),
    ("If you have not received an acknowledgement by 20 March 2023 please call", "no-closing-date"),
    ("We received ten EOIs by 10 March 2022", "no-closing-date"),
    ("The closing date was 18 March 2022", "time-unclear"),
    ("Last year's deadline, 18 March 2022, drew ten EOIs", "time-unclear"),
    # Not a date, or not one.
    ("EOIs must be returned by 17th March", "date-without-year"),
    ("Deadline: 29 Feb 2023", "no-such-date"),
    ("Deadline: 31/04/2023", "no-such-date"),
    ("Deadline: 03/17/2023", "no-such-date"),
    ("Deadline: 17 March 20233", "date-without-year"),
    ("Deadline: 16/17 March 2023", "no-closing-date"),
    ("Deadline: w/c 13 March 2023", "no-closing-date"),
    ("Deadline: 01:30 on 29 October 2023", "local-time-twice"),
    ("Deadline: 01:30 on 26 March 2023", "local-time-missing"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "code"), DOUBTFUL)
def test_what_could_be_read_wrong_is_refused(text: str, code: str) -> None:
    """Where a colleague would ask, so does the reader, with the options that settle it."""
    error = refused(text)
    assert error.code == code
    assert "--closes-at" in error.message
    assert sheet(text, closes_on=date(2030, 5, 3)).closes_on == date(2030, 5, 3)


def test_a_refusal_shows_what_was_found_and_how_to_settle_it() -> None:
    """The words of the sheet, the doubt, and both options, with the date filled in where it is known."""
    assert refused("Apply by 17 March 2023 at half past four").message == (
        'The sheet says "Apply by 17 March 2023", but the time after it cannot be read. Say it with '
        "--closes-on 2023-03-17 (the whole day counts) or --closes-at 2023-03-17T17:00."
    )
    assert refused("EOIs by 17 March").message == (
        'The sheet says "EOIs by 17 March", without a year, and a year is never guessed. Say it with '
        "--closes-on YYYY-MM-DD (the whole day counts) or --closes-at YYYY-MM-DDTHH:MM."
    )
    twice = refused("EOIs by 01:30 on 29 October 2023").message
    assert twice.startswith(
        'The sheet says "EOIs by 01:30 on 29 October 2023". 1:30am on Sunday 29 October 2023'
    )
    assert twice.endswith("Say which is meant with --closes-at.")


@pytest.mark.parametrize(
    ("text", "closes_on"),
    [
        (
            "apply by 1\u200b7\u00ad March 20\u206023",
            date(2023, 3, 17),
        ),  # zero-width, soft hyphen, word joiner
        ("apply by 2\u034f7\ufe0f March 2023", date(2023, 3, 27)),  # grapheme joiner, variation selector
        ("apply by \uff11\uff17 \uff2darch 2023", date(2023, 3, 17)),  # wide
        ("apply by \U0001d7cf\U0001d7d5 March 2023", date(2023, 3, 17)),  # mathematical bold
        ("apply by 17\u204403\u20442023", date(2023, 3, 17)),  # fraction slashes
        ("\ufb01nal date for EOIs: 17 March 2023\u00b9", date(2023, 3, 17)),  # ligature, footnote
        ("apply by \u202a17 March 2023\u202c", date(2023, 3, 17)),  # as Outlook copies
    ],
)
def test_what_a_person_sees_is_what_is_read(text: str, closes_on: date) -> None:
    """Characters that look plain are read as they look, and invisible ones do not part or hide anything."""
    assert sheet(text).closes_on == closes_on


@pytest.mark.parametrize(
    "text",
    [
        "apply by \u202e21 March\u202c 2023",  # shown from right to left: hcraM 12
        "apply by \u200f12\u200f/\u200f10\u200f/2023",
        "apply by \u2067 2 3 \u2069 17 March 2023",
        "apply by \u0661\u0667 March 2023",  # Arabic-Indic digits
        "apply by 17 \u041carch 2023. Deadline 24 March 2023",  # Cyrillic M
        "apply by 17 \u041c\u0430\u0443 2023. Deadline 24 March 2023",  # all Cyrillic: "May"
        "apply by 17 M\u0251rch 2023. Deadline 24 March 2023",  # a phonetic a
        "Deadline 24 March 2023\u0660",
    ],
)
def test_a_date_that_may_look_like_another_is_refused(text: str) -> None:
    """Other scripts' digits, look-alike letters and turned text beside a number are named and asked about."""
    error = refused(text)
    assert error.code == "lookalike-characters"
    assert "--closes-on" in error.message
    assert sheet(text, closes_on=date(2023, 3, 17)).closes_on == date(2023, 3, 17)


def test_other_alphabets_away_from_numbers_do_no_harm() -> None:
    """A line in Punjabi, a name with accents, Welsh: none is in the way."""
    text = "Apply by 17 March 2023.\n\u0a2a\u0a70\u0a1c\u0a3e\u0a2c\u0a40\nSi\u00e2n Llo\u00ffd, Tŷ Ẁylan"
    assert sheet(text).closes_on == date(2023, 3, 17)


@pytest.mark.parametrize(
    "text",
    [
        "1\u03327 March 2023 is the closing date",  # underlined by a combining mark
        "17\u03322 March 2023 is the closing date",
    ],
)
def test_a_part_of_a_number_is_never_a_day(text: str) -> None:
    """A mark between two digits does not make a day of the second one."""
    assert refused(text).code == "no-closing-date"
