from collections.abc import Callable
from pathlib import Path
from typing import Any

from workflow import CallView, Engine
from workflow.testing import school

OFFICER = ("--as", "programme.team", "--role", "officer")
HEAD = ("--as", "head-1", "--role", "applicant", "--organisation", "URN:121234")
OTHER = ("--as", "head-2", "--role", "applicant", "--organisation", "URN:555555")
DECIDER = ("--as", "panel.chair", "--role", "decider")
Eoi = Callable[..., Any]


def drafted(eoi: Eoi, call: str, *words: str, answers: str = "{}") -> str:
    """Draft an EOI; return its id."""
    answer = eoi("draft", call, "--answers", "-", *(words or HEAD), "--json", stdin=answers)
    assert answer.status == 0, answer
    return str(answer.json["eoi_id"])


def test_allowed_says_of_each_move_whether_and_why_not(eoi: Eoi, call: str) -> None:
    """A school sees what it may do, and every reason against the rest."""
    eoi_id = drafted(eoi, call)
    options = {each["trigger"]: each for each in eoi("allowed", eoi_id, *HEAD, "--json").json}
    assert {trigger: option["ok"] for trigger, option in options.items()} == {
        "save": True,
        "submit": True,
        "withdraw": True,
        "lapse": False,
        "cancel": False,
    }
    told = eoi("allowed", eoi_id, *HEAD).out
    assert "yes  submit -> submitted" in told
    assert "no   lapse -> lapsed" in told
    assert f"- {options['lapse']['reasons'][0]['message']} [role-missing]" in told


def test_explain_answers_and_changes_nothing(eoi: Eoi, call: str) -> None:
    """Could it be approved? No, with reasons; the exit status is 0, and nothing is kept of the question."""
    eoi_id = drafted(eoi, call)
    answer = eoi("explain", eoi_id, "approve", *DECIDER, "--json")
    assert (answer.status, answer.json["ok"], answer.json["needs"]) == (0, False, ["reason"])
    given = eoi("explain", eoi_id, "approve", "--reason", "x", *DECIDER, "--json")
    assert (given.json["needs"], [each["code"] for each in given.json["reasons"]]) == ([], ["wrong-state"])
    assert eoi("explain", eoi_id, "approve", *DECIDER).out.startswith("no   approve -> approved")
    assert (eoi("attempts", eoi_id, "--json").json, eoi("attempts", eoi_id).out) == ([], "(none)\n")
    assert len(eoi("history", eoi_id, "--json").json) == 1


def test_eois_are_listed_page_by_page(eoi: Eoi, call: str) -> None:
    """The list is filtered and paged; in words it says how to go on, until there is no more."""
    first = drafted(eoi, call)
    second = drafted(eoi, call, *OTHER)
    eoi("submit", second, *OTHER)
    page = eoi("list", "--limit", "1", "--json").json
    assert ([each["id"] for each in page["items"]], page["next"] is None) == ([first], False)
    assert eoi("list", "--limit", "1").out.splitlines()[-1] == f"More: --after {page['next']}"
    rest = eoi("list", "--limit", "1", "--after", page["next"])
    assert (second in rest.out, "More" in rest.out) == (True, False)
    for words, found in {
        ("--call", call): [first, second],
        ("--state", "submitted"): [second],
        ("--applicant", "URN:121234"): [first],
        ("--state", "lapsed"): [],
    }.items():
        assert [each["id"] for each in eoi("list", *words, "--json").json["items"]] == found
    assert eoi("list", "--state", "lapsed").out == "(none)\n"


def test_a_row_of_a_table_is_one_line_with_the_whole_id(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """Where nobody's terminal is in the way, every row can be found by grep and cut by awk."""
    for urn in range(3):
        engine.draft(past.id, answers={}, actor=school(urn), applicant_name="A very long name " * 20)
    lines = eoi("list").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [each.id for each in engine.find()]
    assert lines[0].split() == ["EOI", "call", "applicant", "name", "state", "version", "last", "change"]
    assert lines[1].endswith("2023-03-16 12:00:00 GMT")


def test_the_lifecycle_is_drawn(eoi: Eoi) -> None:
    """Each lifecycle comes as Mermaid, both as the docs have them; an unknown one is wrong usage."""
    assert eoi("diagram").out.startswith("stateDiagram-v2\n")
    assert eoi("diagram", "call", "--json").json == {"mermaid": eoi("diagram", "call").out}
    docs = (Path(__file__).resolve().parents[2] / "docs" / "lifecycle.md").read_text(encoding="utf-8")
    assert eoi("diagram", "--markdown").out == docs
    assert (eoi("diagram", "panel").status, eoi("diagram", "panel").out) == (2, "")


def test_a_receipts_instant_is_when_it_arrived(eoi: Eoi, call: str) -> None:
    """The instant in the receipt is the one in history, and in the view."""
    eoi_id = drafted(eoi, call)
    receipt = eoi("submit", eoi_id, *HEAD, "--json").json
    *_, row = eoi("history", eoi_id, "--json").json
    assert receipt["at"] == row["at"] == eoi("show", eoi_id, "--json").json["submitted_at"]
