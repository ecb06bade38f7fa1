import json
import sys
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.documents import document, instant, problem, to_json
from states.errors import BadInput, Refusal, Refused
from states.names import CallState
from workflow import NotFound, Page
from workflow.views import CloseReport

HALF_PAST = datetime(2023, 3, 18, 0, 30, 0, 5, tzinfo=timezone(timedelta(hours=1)))


def test_instants_are_in_utc_and_end_in_z() -> None:
    """An instant of any zone is told as RFC 3339 has it."""
    assert instant(HALF_PAST) == "2023-03-17T23:30:00.000005Z"
    assert instant(datetime(2023, 3, 18, tzinfo=UTC)) == "2023-03-18T00:00:00Z"


def test_views_become_objects_with_their_own_names() -> None:
    """What stands in a view, a report or a page comes out under its field's name."""
    page = Page(items=(CloseReport(lapsed=2, failed={"a": "locked"}),), next=None)
    assert document(page) == {"items": [{"closed": [], "lapsed": 2, "failed": {"a": "locked"}}], "next": None}
    assert json.loads(to_json({"state": CallState.OPEN, "at": HALF_PAST, "days": {1}})) == {
        "state": "open",
        "at": "2023-03-17T23:30:00.000005Z",
        "days": [1],
    }


def test_what_answers_hold_costs_no_look_at_each() -> None:
    """Thousands of names and values are written in one go, by a few functions however many there are."""
    runs, answers = list[str](), {str(name): list[object]([{}, "x", None]) for name in range(10_000)}
    sys.setprofile(lambda frame, event, _: runs.append(event) if event == "call" else None)
    try:
        written = to_json(Page(items=({"answers": answers},), next=None), one_line=True)
    finally:
        sys.setprofile(None)
    assert json.loads(written)["items"] == [{"answers": answers}]
    assert len(runs) < 100


def test_an_error_becomes_a_problem_with_its_code() -> None:
    """Code, title, detail; of a refusal all reasons with their instants; of bad input the field."""
    assert problem(NotFound("There is no call 'x'.")) == {
        "title": "There is no such thing, or it is not yours.",
        "code": "not-found",
        "detail": "There is no call 'x'.",
    }
    assert problem(BadInput("No.", field="answers"))["field"] == "answers"
    reasons = (
        Refusal("call-closed", "Closed.", until=HALF_PAST),
        Refusal("role-missing", "No role.", field="role"),
    )
    told = problem(Refused.because(reasons))
    assert (told["code"], told["detail"]) == ("call-closed", "Closed. No role.")
    assert told["errors"] == [
        {"code": "call-closed", "message": "Closed.", "field": None, "until": "2023-03-17T23:30:00.000005Z"},
        {"code": "role-missing", "message": "No role.", "field": "role", "until": None},
    ]


def test_a_document_can_be_sent_and_steers_no_terminal() -> None:
    """Letters of every script stay; controls, overrides of direction and half pairs become their codes."""
    assert to_json("Zoë 学校 🏫") == '"Zoë 学校 🏫"'
    assert (
        to_json("\x1b\x7f\x9b\u202e\u2066\u2028\ud800")
        == '"\\u001b\\u007f\\u009b\\u202e\\u2066\\u2028\\ud800"'
    )
    assert to_json("Zoë 🏫", ascii_only=True) == '"Zo\\u00eb \\ud83c\\udfeb"'


@given(st.text(), st.booleans())
def test_whatever_its_letters_a_document_says_the_same(text: str, ascii_only: bool) -> None:
    """Written either way, a text is read again as it was."""
    written = to_json({text: text}, ascii_only=ascii_only)
    assert json.loads(written) == {text: text}
    assert written.isascii() or not ascii_only
    written.encode()


def test_what_json_does_not_know_is_a_programmers_error() -> None:
    """A bare date is no instant: it is not guessed at."""
    with pytest.raises(TypeError):
        to_json(date(2023, 3, 17))
