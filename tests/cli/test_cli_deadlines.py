from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHEET = str(ROOT / "examples" / "mi-sheet-46-23.txt")
OFFICER = ("--as", "programme.team", "--role", "officer")
Eoi = Callable[..., Any]


def codes(answer: Any) -> list[str]:
    """Return the codes of the warnings."""
    return [each["code"] for each in answer.json["warnings"]]


def opened(eoi: Eoi, *words: str) -> Any:
    """Open a call that stays open, and return the answer."""
    return eoi("call", "open", *OFFICER, "--reference", "46/99", "--title", "Bases", *words)


@pytest.mark.parametrize(
    ("words", "closes_at"),
    [
        (("--closes-on", "2099-07-17"), "2099-07-17T23:00:00Z"),
        (("--closes-at", "2099-07-17T17:00"), "2099-07-17T16:00:00Z"),
        (("--closes-at", "2099-07-17 17:00:30"), "2099-07-17T16:00:30Z"),
        (("--closes-at", "2099-07-17T17:00Z"), "2099-07-17T17:00:00Z"),
        (("--closes-at", "2099-07-17T17:00-05:00"), "2099-07-17T22:00:00Z"),
        (("--closes-at", "2023-10-29T01:30+01:00"), "2023-10-29T00:30:00Z"),
        (("--closes-at", "2023-10-29T01:30+00:00"), "2023-10-29T01:30:00Z"),
    ],
)
def test_a_deadline_is_a_day_a_local_time_or_a_time_with_its_offset(
    eoi: Eoi, words: tuple[str, str], closes_at: str
) -> None:
    """The whole of a day counts; a bare time is meant in the call's zone; an offset settles it."""
    answer = opened(eoi, "--opens-at", "2023-01-01T00:00", *words, "--dry-run", "--json")
    assert (answer.status, answer.json["closes_at"]) == (0, closes_at)


@pytest.mark.parametrize(
    ("local", "code", "offered"),
    [
        ("2023-03-26T01:30", "local-time-missing", "2023-03-26T01:30+00:00"),
        ("2023-10-29T01:30", "local-time-twice", "2023-10-29T01:30+01:00"),
    ],
)
def test_a_local_time_in_a_clock_change_is_refused_with_what_to_write(
    eoi: Eoi, local: str, code: str, offered: str
) -> None:
    """A time that does not exist or exists twice is not guessed: the refusal spells both readings."""
    answer = opened(eoi, "--opens-at", "2023-01-01T00:00", "--closes-at", local, "--dry-run", "--json")
    assert (answer.status, answer.json["code"]) == (1, code)
    assert offered in answer.json["detail"]
    by_sheet = eoi("call", "open", SHEET, "--closes-at", local, "--dry-run", "--json")
    assert (by_sheet.status, by_sheet.json["code"]) == (1, code)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--closes-on", "2099-02-30"), "'2099-02-30' is no date such as 2023-03-17"),
        (("--closes-on", "17/03/2023"), "'17/03/2023' is no date such as 2023-03-17"),
        (("--closes-at", "2099-02-20"), "'2099-02-20' is no time such as 2023-03-17T17:00"),
        (("--closes-at", "noon"), "'noon' is no time"),
        (("--closes-at", "2099-02-20T25:00"), "is no time"),
        (("--closes-at", "2099-02-20T24:00"), "is no time"),
        (("--closes-at", "2099-02-20 24:00:00+00:00"), "is no time"),
        (("--closes-at", "20990220T2400"), "is no time"),
        (("--closes-on", "2099-02-20", "--closes-at", "2099-02-20T10:00"), "not both"),
        ((), "Give a SHEET, or --reference, --title, and --closes-on or --closes-at."),
    ],
)
def test_a_deadline_that_is_none_is_wrong_usage(eoi: Eoi, words: tuple[str, ...], said: str) -> None:
    """Nonsense for a date, a date for a time, both, and neither: exit status 2, and nothing on stdout."""
    answer = opened(eoi, *words, "--json")
    assert (answer.status, answer.out) == (2, "")
    assert said in answer.err


def test_both_deadlines_beside_a_sheet_are_wrong_usage(eoi: Eoi) -> None:
    """A sheet with a day and a time by option is not opened by either."""
    both = ("--closes-on", "2099-02-20", "--closes-at", "2099-02-20T10:00")
    for command in ("open", "lint"):
        assert eoi("call", command, SHEET, *both).status == 2


def test_an_unknown_zone_is_refused(eoi: Eoi) -> None:
    """A zone that is none is named in the refusal."""
    answer = eoi("call", "open", SHEET, "--timezone", "Europe/Nowhere", "--dry-run", "--json")
    assert (answer.status, answer.json["code"]) == (1, "unknown-timezone")
    assert "Europe/Nowhere" in answer.json["detail"]
