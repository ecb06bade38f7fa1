from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workflow import Engine
from workflow.testing import new_call, officer

ROOT = Path(__file__).resolve().parents[2]
SHEET = str(ROOT / "examples" / "mi-sheet-46-23.txt")
OFFICER = ("--as", "programme.team", "--role", "officer")
TITLE = "Specialist Resource Base Expressions of Interest - apply by 17 March 2023"
Eoi = Callable[..., Any]


def codes(answer: Any) -> list[str]:
    """Return the codes of the warnings."""
    return [each["code"] for each in answer.json["warnings"]]


def opened(eoi: Eoi, *words: str) -> Any:
    """Open a call that stays open, and return the answer."""
    return eoi("call", "open", *OFFICER, "--reference", "46/99", "--title", "Bases", *words)


# ---- a sheet


def test_a_dry_run_shows_what_the_real_sheet_would_open(eoi: Eoi) -> None:
    """Norfolk's sheet of 2023 is shown as the call it would be, without an id, with every warning."""
    answer = eoi("call", "open", SHEET, "--dry-run", "--json")
    shown = answer.json
    warnings = shown.pop("warnings")
    assert (answer.status, answer.err) == (0, "")
    assert shown == {
        "id": None,
        "reference": "46/23",
        "title": TITLE,
        "state": "open",
        "opens_at": "2023-03-14T10:00:00Z",
        "closes_at": "2023-03-18T00:00:00Z",
        "closed_at": None,
        "timezone": "Europe/London",
        "phase": "Primary",
        "contact": "Programme Management Team",
        "audience": "All staff/headteacher/SENCOs",
        "version": 1,
        "counts": {},
        "counts_at_close": None,
    }
    assert [each["code"] for each in warnings] == [
        "open-for",
        "short-window",
        "closing-has-passed",
        "no-time-given",
        "contact-without-address",
        "pack-without-link",
    ]
    assert warnings[0]["message"].startswith("Open 3 days 14 hours, from 10am on Tuesday 14 March 2023")


def test_a_dry_run_in_words_says_the_deadline_and_where_it_was_read(eoi: Eoi) -> None:
    """An officer reads the last minute to apply, the sheet's own words for it, and each warning."""
    answer = eoi("call", "open", SHEET, "--dry-run")
    assert answer.out.startswith("Dry run: nothing was opened, and as things stand this would be refused.\n")
    assert 'Closes 11:59pm on Friday 17 March 2023, read from "apply by 17 March 2023"' in answer.told
    assert "Too late from 2023-03-18T00:00:00Z" in answer.told
    assert "\n! A pack or link is spoken of, but the link is missing.\n" in answer.out
    assert answer.out.count("\n! ") == len(codes(eoi("call", "open", SHEET, "--dry-run", "--json")))


def test_a_dry_run_needs_no_database_and_makes_none(eoi: Eoi, tmp_path: Path) -> None:
    """Whoever only looks leaves no file behind, even where a folder for one is missing."""
    assert eoi("call", "open", SHEET, "--dry-run").status == 0
    assert eoi("call", "open", SHEET, "--dry-run", db=tmp_path / "missing" / "eoi.db").status == 0
    assert eoi("call", "lint", SHEET).status == 0
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_leaves_the_database_as_it_is(eoi: Eoi, engine: Engine) -> None:
    """A dry run beside open calls opens none."""
    engine.open_call(new_call(reference="1/23"), actor=officer())
    assert eoi("call", "open", SHEET, "--dry-run").status == 0
    assert [call.reference for call in engine.calls()] == ["1/23"]


def test_a_sheet_of_the_past_is_not_really_opened(eoi: Eoi) -> None:
    """A sheet whose deadline has passed is refused with that deadline, and no call is there afterwards."""
    answer = eoi("call", "open", SHEET, *OFFICER, "--json")
    assert (answer.status, answer.json["code"]) == (1, "closing-has-passed")
    assert "11:59pm on Friday 17 March 2023" in answer.json["detail"]
    assert eoi("call", "list", "--json").json == []


def test_a_sheet_is_opened_with_another_deadline(eoi: Eoi) -> None:
    """What is given by option counts instead; the answer is the call, with its id and warnings."""
    answer = eoi("call", "open", SHEET, *OFFICER, "--closes-on", "2099-03-20", "--json")
    view = answer.json
    assert (answer.status, view["closes_at"], view["title"]) == (0, "2099-03-21T00:00:00Z", TITLE)
    assert codes(answer) == ["open-for", "no-time-given", "contact-without-address", "pack-without-link"]
    del view["warnings"]
    assert eoi("call", "show", view["id"], "--json").json == view


def test_every_option_counts_instead_of_the_sheet(eoi: Eoi) -> None:
    """Reference, title, opening, phase, contact, audience and zone can each be said beside the sheet."""
    given = {
        "--reference": "7/99",
        "--title": "Other bases",
        "--closes-at": "2099-06-01T12:00",
        "--opens-at": "2024-01-02T09:30",
        "--phase": "Secondary",
        "--contact": "Ann, ann@council.example",
        "--audience": "Heads",
        "--timezone": "America/New_York",
    }
    answer = eoi(
        "call", "open", SHEET, "--dry-run", "--json", *(word for each in given.items() for word in each)
    )
    view = answer.json
    assert {
        name: view[name] for name in ("reference", "title", "phase", "contact", "audience", "timezone")
    } == {
        "reference": "7/99",
        "title": "Other bases",
        "phase": "Secondary",
        "contact": "Ann, ann@council.example",
        "audience": "Heads",
        "timezone": "America/New_York",
    }
    assert (view["opens_at"], view["closes_at"]) == ("2024-01-02T14:30:00Z", "2099-06-01T16:00:00Z")
    assert "contact-without-address" not in codes(answer)


def test_a_sheet_may_come_from_stdin(eoi: Eoi) -> None:
    """A sheet that is piped in is read like a file."""
    piped = eoi("call", "open", "-", "--dry-run", "--json", stdin=Path(SHEET).read_bytes())
    assert piped.json == eoi("call", "open", SHEET, "--dry-run", "--json").json | {
        "warnings": piped.json["warnings"]
    }


def test_a_call_is_announced_by_options_alone(eoi: Eoi) -> None:
    """Without any sheet, reference, title and last day are enough."""
    answer = opened(eoi, "--closes-on", "2099-03-17", "--json")
    assert (answer.status, answer.json["reference"], answer.json["closes_at"]) == (
        0,
        "46/99",
        "2099-03-18T00:00:00Z",
    )
    assert codes(answer) == ["open-for", "no-time-given", "no-contact"]


def test_whoever_opens_a_call_is_told_that_nobody_would_hear_of_it(eoi: Eoi) -> None:
    """Where an endpoint writes to the audience, and that list is empty or not named; also by the dry run."""
    day = ("--closes-on", "2099-03-17", "--dry-run", "--json")
    named = (*day, "--audience", "schools")
    assert "audience-empty" not in codes(opened(eoi, *named))
    assert "Nobody" not in eoi("endpoint", "add", "audience", "--via", "smtp", *OFFICER).err
    assert (codes(opened(eoi, *day))[-1], codes(opened(eoi, *named))[-1]) == ("audience-empty",) * 2
    assert opened(eoi, *(word for word in named if word != "--dry-run")).status == 0
    again = eoi("endpoint", "add", "audience", "--via", "smtp", *OFFICER)
    assert "Nobody is on the list schools yet" in again.err
    row = "organisation,address\nURN:1,office@school.example\n"
    eoi("contact", "import", "-", "--list", "schools", *OFFICER, stdin=row)
    assert "audience-empty" not in codes(opened(eoi, *named))
    assert codes(opened(eoi, *day)).count("audience-empty") == 1
    assert eoi("endpoint", "add", "audience", "--via", "smtp", *OFFICER).err == ""


def test_a_dry_run_says_that_the_reference_is_taken(eoi: Eoi) -> None:
    """An officer learns before opening that the reference is not free, and is refused when trying it."""
    assert opened(eoi, "--closes-on", "2099-03-17").status == 0
    assert codes(opened(eoi, "--closes-on", "2099-03-17", "--dry-run", "--json"))[-1] == "reference-taken"
    again = opened(eoi, "--closes-on", "2099-03-17", "--json")
    assert (again.status, again.json["code"]) == (1, "reference-taken")


def test_an_opening_that_lies_ahead_is_told_by_the_dry_run_and_refused(eoi: Eoi) -> None:
    """A call opens at once, not by appointment; the refusal says how to open it now."""
    words = ("--closes-on", "2099-03-17", "--opens-at", "2098-01-01T10:00", "--json")
    assert codes(opened(eoi, *words, "--dry-run"))[-1] == "opens-in-future"
    answer = opened(eoi, *words)
    assert (answer.status, answer.json["code"]) == (1, "opens-in-future")
    assert "--opens-at TIME" in answer.json["hint"]


def test_sent_again_under_the_same_key_a_call_is_opened_once(eoi: Eoi) -> None:
    """A script that repeats an opening under its key gets the same call."""
    first, again = (opened(eoi, "--closes-on", "2099-03-17", "--key", "k", "--json") for _ in range(2))
    assert (again.status, again.json["id"]) == (0, first.json["id"])
    assert len(eoi("call", "list", "--json").json) == 1


# ---- lint


def test_lint_asks_of_a_sheet_whether_its_deadline_would_stand_up(eoi: Eoi) -> None:
    """The lint alone says what the sheet announces and every warning, and opens nothing."""
    answer = eoi("call", "lint", SHEET, "--json")
    assert {name: value for name, value in answer.json.items() if name != "warnings"} == {
        "reference": "46/23",
        "title": TITLE,
        "opens_at": "2023-03-14T10:00:00Z",
        "closes_at": "2023-03-18T00:00:00Z",
    }
    assert codes(answer) == codes(eoi("call", "open", SHEET, "--dry-run", "--json"))
    words = eoi("call", "lint", SHEET).out.splitlines()
    assert words[0] == f"46/23: {TITLE}"
    assert words[1:] == [f"! {each['message']}" for each in answer.json["warnings"]]


def test_lint_asks_nobody(eoi: Eoi) -> None:
    """It needs no server's key, and no database, even where one is named."""
    for words in (("--server", "https://eoi.invalid"), ("--db", "postgresql://127.0.0.1:9/none")):
        assert eoi("call", "lint", SHEET, *words).status == 0


def test_lint_tries_another_deadline(eoi: Eoi) -> None:
    """An officer can ask about a Sunday instead of the sheet's Friday."""
    answer = eoi("call", "lint", SHEET, "--closes-on", "2023-03-19", "--json")
    assert "closes-on-weekend" in codes(answer)
    assert "closes-on-weekend" not in codes(eoi("call", "lint", SHEET, "--json"))


def test_closed_days_of_a_calendar_count_as_days_on_which_nobody_works(eoi: Eoi, tmp_path: Path) -> None:
    """A day in an .ics takes one working day from the window, for `lint` and for `open` alike."""
    calendar = tmp_path / "term.ics"
    calendar.write_bytes(
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//x//EN\r\nBEGIN:VEVENT\r\nUID:1@x\r\n"
        b"DTSTAMP:20230101T000000Z\r\nDTSTART;VALUE=DATE:20230315\r\nSUMMARY:INSET\r\n"
        b"END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    for command in (("lint", SHEET), ("open", SHEET, "--dry-run")):
        plain, closed = (
            eoi("call", *command, "--json", *more).json["warnings"][0]["message"]
            for more in ((), ("--closed-days", str(calendar)))
        )
        assert ("4 working days" in plain, "3 working days" in closed) == (True, True)


# ---- files that are no sheets


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty-document"),
        (b"\x00\x01\x02" * 100, "not-text"),
        (b"%PDF-1.7\n...", "not-text"),
        (b"x" * (256 * 1024 + 1), "document-too-large"),
        (b"Title: Bases\nMI 46/23\nno date at all", "no-closing-date"),
        (b"Title: Bases\nMI 46/23\nApply by 31 February 2099", "no-such-date"),
        (b"MI 46/23\nApply by 17 March 2023. Closing date: 18 March 2023", "two-closing-dates"),
    ],
)
def test_a_file_that_is_no_sheet_is_refused_by_its_code(
    eoi: Eoi, tmp_path: Path, data: bytes, code: str
) -> None:
    """Exit status 1, a problem document with its code on stdout, and in words one line on stderr."""
    (tmp_path / "sheet.txt").write_bytes(data)
    for command in (("open", "--dry-run"), ("lint",)):
        answer = eoi("call", *command, str(tmp_path / "sheet.txt"), "--json")
        assert (answer.status, answer.json["code"], answer.err) == (1, code, "")
    words = eoi("call", "lint", str(tmp_path / "sheet.txt"))
    assert (words.status, words.out, words.err.endswith(f"[{code}]\n")) == (1, "", True)


@pytest.mark.parametrize("path", ["missing.txt", ".", "\udcff"])
def test_a_sheet_that_cannot_be_read_is_named(eoi: Eoi, tmp_path: Path, path: str) -> None:
    """A missing file, a folder, and a name that is no text: one refusal that says which."""
    answer = eoi("call", "lint", path if path == "." else str(tmp_path / path), "--json")
    assert (answer.status, answer.json["code"], answer.json["field"]) == (1, "file-unreadable", "sheet")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_file_without_end_is_not_read_to_its_end(eoi: Eoi, device: str) -> None:
    """A device that never ends is refused like a file that is too large."""
    for words in (("lint", device), ("lint", SHEET, "--closed-days", device)):
        answer = eoi("call", *words, "--json")
        assert (answer.status, answer.json["code"]) == (
            1,
            "document-too-large" if device == "/dev/zero" else "empty-document",
        )
