"""A problem that goes out as a document comes back as the error that it was."""

import inspect
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.api.answers import problem_of
from adapters.cli.hints import hint_for
from adapters.client import problems
from adapters.client.errors import UnknownProblem
from adapters.client.problems import error_of
from states.errors import BadInput, EoiError, Refusal, Refused
from workflow import StaleVersion

ROOT: Final = Path(__file__).resolve().parents[2]
#: Code -> class, of each problem that HTTP can answer with, as docs/errors.md has them.
TOLD: Final = {
    code: name
    for code, name, status in re.findall(
        r"^\| `([a-z-]+)` \| `(\w+)` \| (\S+) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE
    )
    if status.isdigit()
}
UNTIL: Final = datetime(2023, 3, 18, tzinfo=UTC)
#: What is told of a fault behind the door is a sentence that never changes.
BEHIND: Final = ("database-", "schema-", "connection-lost", "commit-unknown", "secret-unreadable")


def as_it_was(code: str) -> EoiError:
    """Return an error of that code, as the server raises it."""
    kind = {**problems.CLASSES, **Refused.by_code}.get(code, Refused)
    if issubclass(kind, Refused):
        reasons = [Refusal(code, "No.", field="reason", until=UNTIL), Refusal("role-missing", "Nor you.")]
        return Refused.because(reasons)
    if issubclass(kind, BadInput):
        return kind("Not so.", code=code, field="title")
    return kind("Not so.")


def there_and_back(error: EoiError) -> EoiError:
    """Return what a client makes of the problem that a server makes of an error."""
    answer = problem_of(error)
    return error_of(json.loads(bytes(answer.body)), retry_after=answer.headers.get("retry-after", ""))


@pytest.mark.parametrize("code", TOLD)
def test_every_problem_becomes_the_error_that_it_was(code: str) -> None:
    """Class, code, words, reasons and field of every problem that docs/errors.md lists for HTTP."""
    error = as_it_was(code)
    assert type(error).__name__ == TOLD[code]
    found = there_and_back(error)
    assert (type(found), found.code) == (type(error), code)
    assert getattr(found, "reasons", None) == getattr(error, "reasons", None)
    assert getattr(found, "field", None) == getattr(error, "field", None)
    assert found.message == error.message or code.startswith(BEHIND)


def test_facts_of_headers_come_along() -> None:
    """How long a server asks to wait is among the facts."""
    assert there_and_back(as_it_was("overloaded")).facts["retry_after_s"] == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("0186e27e-7a80-7000-8000-0000000000e1", {"request_id": "0186e27e-7a80-7000-8000-0000000000e1"}),
        ("", {}),
        ("x\x1b[2J", {}),
        ("x" * 65, {}),
    ],
)
def test_the_name_of_a_request_comes_along(given: str, told: dict[str, str]) -> None:
    """As far as it is one: a server of somebody else's may say anything."""
    error = error_of({"code": "internal", "detail": "x"}, request_id=given)
    assert error.facts == told
    hint = hint_for(error, asks_server=True) or ""
    assert hint.endswith(f"by the request's id: {given}") if told else not hint


def test_when_a_call_closed_comes_along() -> None:
    """The instants that a late one is told are among the facts, as instants."""
    told = {"code": "call-closed", "detail": "x", "closes_at": "2023-03-18T00:00:00Z", "server_time": "soon"}
    found = error_of({**told, "errors": [{"code": "call-closed", "message": "x"}]})
    assert found.facts == {"closes_at": UNTIL}


@pytest.mark.parametrize(
    "told",
    [
        {"code": "from-the-future", "detail": "The moon is full."},
        {"code": "error", "detail": "The moon is full."},
        {
            "code": "from-the-future",
            "detail": "The moon is full.",
            "errors": [{"code": "other", "message": "x"}],
        },
    ],
)
def test_a_problem_that_nobody_knows_is_told_as_one(told: dict[str, Any]) -> None:
    """A newer server's problem is one clear error, with its code and its words."""
    found = error_of(told)
    assert type(found) is UnknownProblem
    assert told["code"] in found.message
    assert "The moon is full." in found.message


@pytest.mark.parametrize(
    "told",
    [
        {"code": "stale-version"},
        {"code": "stale-version", "detail": 5, "errors": "none", "field": []},
        {"code": "stale-version", "errors": [5, {}, {"code": 7}]},
    ],
)
def test_a_problem_that_says_too_little_is_still_its_error(told: dict[str, Any]) -> None:
    """Without words, or with what is none, the error says what its class says."""
    found = error_of(told)
    assert (type(found), found.message) == (StaleVersion, inspect.getdoc(StaleVersion))
