"""`eoi event` and `eoi unhandled`: events from elsewhere by the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from workflow import Engine

Eoi = Callable[..., Any]
HEAD: Final = ("--as", "head-1", "--role", "applicant", "--organisation", "URN:121234")
TABLE: Final = """
[[handle]]
type = "forms.eoi.begun"
trigger = "draft"
call = "data.call"
answers = "data.form"

[[handle]]
type = "forms.eoi.submitted"
trigger = "submit"
call = "data.call"

[[handle]]
type = "desk.off"
trigger = "cancel"
reason = "data.why"
"""


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Return the file with the table."""
    path = tmp_path / "events.toml"
    path.write_text(TABLE)
    return str(path)


def told(type_: str, id_: str = "1", **said: Any) -> str:
    """Return an event as a file has it."""
    return json.dumps({"specversion": "1.0", "id": id_, "source": "/forms", "type": type_, **said})


def test_an_event_is_let_in_and_tried(eoi: Eoi, call: str, table: str, tmp_path: Path) -> None:
    """A file or stdin; what would be fired is told first, and changes nothing; then it is done, once."""
    begun = told("forms.eoi.begun", data={"call": call, "form": {"places": 8}})
    first = eoi("event", "-", *HEAD, "--json", stdin=begun, EOI_EVENTS=table).json
    assert (first["trigger"], first["state"]) == ("draft", "draft")
    path = tmp_path / "submitted.json"
    path.write_text(told("forms.eoi.submitted", "2", data={"call": call}))
    tried = eoi("event", str(path), "--dry-run", *HEAD, EOI_EVENTS=table)
    assert tried.out.splitlines() == [
        f"By the rule for forms.eoi.submitted it would fire submit on {first['eoi_id']}.",
        "yes  submit -> submitted: Submit",
    ]
    document = eoi("event", str(path), "--dry-run", *HEAD, "--json", EOI_EVENTS=table).json
    assert (document["rule"], document["option"]["ok"]) == ("forms.eoi.submitted", True)
    done = eoi("event", str(path), *HEAD, EOI_EVENTS=table)
    assert (done.status, done.out.splitlines()[0]) == (0, f"EOI {first['eoi_id']} is submitted.")
    again = eoi("event", str(path), *HEAD, EOI_EVENTS=table)
    assert "It was carried out before" in again.out
    tried = eoi("event", str(path), "--dry-run", *HEAD, EOI_EVENTS=table)
    assert tried.told == "It was carried out before (submit): it would change nothing."


def test_an_event_of_a_call(eoi: Eoi, call: str, table: str) -> None:
    """What it came to is told as of any call."""
    off = told("desk.off", subject=call, data={"why": "Merged."})
    refused = eoi("event", "-", *HEAD, stdin=off, EOI_EVENTS=table)
    assert (refused.status, "[role-missing]" in refused.err) == (1, True)
    done = eoi("event", "-", "--as", "a-1", "--role", "admin", stdin=off, EOI_EVENTS=table)
    assert (done.status, done.out.splitlines()[0]) == (0, f"Call {call} is cancelled.")


def test_what_has_no_rule_is_listed(eoi: Eoi, call: str, engine: Engine) -> None:
    """It is said so, before and after; the list has its type, source and id, and goes on page by page."""
    tried = eoi("event", "-", "--dry-run", *HEAD, stdin=told("x.y"))
    assert tried.out == "There is no rule for events of the type x.y: that it came would be written down.\n"
    for number in ("1", "2"):
        answer = eoi("event", "-", *HEAD, stdin=told("x.y", number, subject="7"))
        assert (answer.status, "is written down" in answer.out) == (0, True)
    page = eoi("unhandled", "--limit", "1", "--json").json
    (newest,) = page["items"]
    assert (newest["type"], newest["source"], newest["event_id"]) == ("x.y", "/forms", "2")
    shown = eoi("unhandled", "--limit", "1")
    assert f"More: --after {page['next']}" in shown.out
    rest = eoi("unhandled", "--after", page["next"])
    assert [rest.out.count(each) for each in ("x.y", "/forms", "head-1", "More")] == [1, 1, 1, 0]
    assert eoi("unhandled", *HEAD).status == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The event is not JSON"),
        ("[]", "must be one JSON object"),
        ('{"id": "1", "id": "2"}', "holds the name 'id' twice"),
        (b"\xff", "not UTF-8"),
        ("[" * 100_000, "nested too deep"),
        (told("x", ""), "id is empty."),
        (told("forms.eoi.begun", data={"call": "46/99"}), "The event has no data.form."),
    ],
)
def test_what_is_no_event_is_told(eoi: Eoi, call: str, table: str, text: str | bytes, says: str) -> None:
    """One sentence, exit status 1, nothing done."""
    answer = eoi("event", "-", *HEAD, stdin=text, EOI_EVENTS=table)
    assert (answer.status, says in answer.err) == (1, True), answer.err


def test_a_file_that_is_not_there_and_a_bad_table(eoi: Eoi, call: str, tmp_path: Path) -> None:
    """A slip in the table stops what goes by it, `event` and `serve`, and nothing else: calls must close."""
    assert "cannot be read" in eoi("event", str(tmp_path / "x.json"), *HEAD).err
    bad = tmp_path / "bad.toml"
    bad.write_text('[[handle]]\ntype = "x"\ntrigger = "go"\n')
    for words in (("event", "-"), ("serve", "--port", "0", "--no-delivery")):
        answer = eoi(*words, stdin=told("x"), EOI_EVENTS=str(bad))
        assert (answer.status, "rule 1 (x), line 1, trigger: There is no trigger" in answer.err) == (1, True)
    for line in (("tick",), ("call", "list"), ("unhandled",)):
        assert eoi(*line, EOI_EVENTS=str(bad)).status == 0
    answer = eoi("serve", "--port", "0", EOI_EVENTS_SECRET="whsec_x")
    assert (answer.status, "EOI_EVENTS_SECRET" in answer.err, "whsec_x" in answer.err) == (1, True, False)
    refused = eoi("event", "-", *HEAD, stdin=told("x"), EOI_EVENTS_UNKNOWN="refuse")
    assert (refused.status, "[unknown-event]" in refused.err) == (1, True)
