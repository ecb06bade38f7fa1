from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from states.errors import ClosedInFlight
from states.names import EoiTrigger
from workflow import CallView, Engine
from workflow.testing import FrozenClock, reviewer, school, submitted

OFFICER = ("--as", "programme.team", "--role", "officer")
HEAD = ("--as", "head-1", "--role", "applicant", "--organisation", "URN:121234")
OTHER = ("--as", "head-2", "--role", "applicant", "--organisation", "URN:555555")
REVIEWER = ("--as", "adviser", "--role", "reviewer")
DECIDER = ("--as", "panel.chair", "--role", "decider")
Eoi = Callable[..., Any]


def drafted(eoi: Eoi, call: str, *words: str, answers: str = "{}") -> str:
    """Draft an EOI; return its id."""
    answer = eoi("draft", call, "--answers", "-", *(words or HEAD), "--json", stdin=answers)
    assert answer.status == 0, answer
    return str(answer.json["eoi_id"])


# ---- the applicant's way


def test_a_draft_is_answered_with_its_receipt(eoi: Eoi, call: str) -> None:
    """A school that drafts gets a receipt with the fields of Receipt, and the same in words."""
    answer = eoi(
        "draft", call, "--answers", "-", "--name", "Alder Primary", *HEAD, "--json", stdin='{"places": 18}'
    )
    receipt = answer.json
    eoi_id = receipt["eoi_id"]
    assert (answer.status, answer.err) == (0, "")
    assert receipt["at"].endswith("Z")
    del receipt["at"]
    assert receipt == {
        "eoi_id": eoi_id,
        "trigger": "draft",
        "source": None,
        "state": "draft",
        "version": 1,
        "event_id": f"{eoi_id}:1",
        "replayed": False,
    }
    told = eoi("draft", call, "--answers", "-", *OTHER, stdin="{}").out.splitlines()
    assert (told[0].endswith(" is a draft."), [line.split()[0] for line in told[1:]]) == (
        True,
        ["Received", "Version", "Event"],
    )


def test_answers_are_saved_whole_and_shown(eoi: Eoi, call: str, tmp_path: Path) -> None:
    """What is saved takes the place of all that was there, and is shown letter by letter."""
    eoi_id = drafted(eoi, call, answers='{"places": 18, "need": "ASD"}')
    form = tmp_path / "form.json"
    form.write_text('{"places": 20, "name": "Zoë 学校"}', encoding="utf-8-sig")
    assert eoi("save", eoi_id, "--answers", str(form), *HEAD, "--json").json["version"] == 2
    view = eoi("show", eoi_id, "--json").json
    assert (view["answers"], view["version"], view["state"]) == (
        {"places": 20, "name": "Zoë 学校"},
        2,
        "draft",
    )
    assert '"name": "Zoë 学校"' in eoi("show", eoi_id).out
    assert f"Digest {view['digest']} Id {eoi_id}" in eoi("show", eoi_id).told


def test_a_submission_sent_again_under_its_key_gets_the_first_answer(eoi: Eoi, call: str) -> None:
    """A school whose connection broke submits again with the key, and reads that it was done before."""
    eoi_id = drafted(eoi, call)
    first = eoi("submit", eoi_id, "--key", "k", *HEAD, "--json").json
    again = eoi("submit", eoi_id, "--key", "k", *HEAD, "--json").json
    assert (first["replayed"], again) == (False, first | {"replayed": True})
    assert "It was carried out before, under the same key" in eoi("submit", eoi_id, "--key", "k", *HEAD).out
    assert [each["trigger"] for each in eoi("history", eoi_id, "--json").json] == ["draft", "submit"]


def test_an_expected_version_that_has_passed_is_refused(eoi: Eoi, call: str) -> None:
    """A school that acts on what it saw earlier is told to read again, and nothing changes."""
    eoi_id = drafted(eoi, call)
    answer = eoi("submit", eoi_id, "--expect-version", "2", *HEAD, "--json")
    assert (answer.status, answer.json["code"]) == (1, "stale-version")
    assert eoi("submit", eoi_id, "--expect-version", "1", *HEAD).status == 0


def test_who_acts_for_several_organisations_says_for_which(eoi: Eoi, call: str) -> None:
    """A trust's editor names the school; left out, the refusal says which option names it."""
    trust = ("--as", "trust", "--role", "applicant", "--organisation", "URN:1", "--organisation", "URN:2")
    answer = eoi("draft", call, "--answers", "-", *trust, stdin="{}")
    assert (answer.status, answer.out) == (1, "")
    assert "--applicant ID" in answer.err
    eoi_id = drafted(eoi, call, *trust, "--applicant", "URN:2")
    assert eoi("show", eoi_id, "--json").json["applicant"] == "URN:2"


def test_a_school_takes_its_eoi_back(eoi: Eoi, call: str) -> None:
    """Withdrawn with a reason, an EOI stays there as withdrawn, and the reason in its history."""
    eoi_id = drafted(eoi, call)
    assert eoi("withdraw", eoi_id, "--reason", "Governors said no", *HEAD).status == 0
    *_, last = eoi("history", eoi_id, "--json").json
    assert (last["target"], last["reason"]) == ("withdrawn", "Governors said no")


def test_another_schools_eoi_is_not_found(eoi: Eoi, call: str) -> None:
    """Whoever asks for what is not theirs hears that there is nothing, in reads and commands alike."""
    eoi_id = drafted(eoi, call)
    for words in (
        ("show", eoi_id),
        ("history", eoi_id),
        ("submit", eoi_id),
        ("allowed", eoi_id),
        ("explain", eoi_id, "submit"),
        ("attempts", eoi_id),
    ):
        answer = eoi(*words, *OTHER, "--json")
        assert (answer.status, answer.json["code"]) == (1, "not-found"), words
    assert eoi("list", *OTHER, "--json").json["items"] == []
    assert [each["id"] for each in eoi("list", *HEAD, "--json").json["items"]] == [eoi_id]


# ---- the deadline


def test_a_late_submission_is_refused_with_no_scheduler_at_all(
    eoi: Eoi, engine: Engine, past: CallView
) -> None:
    """A school that submits after the deadline is told when the call closed, though nothing has closed it."""
    eoi_id = engine.draft(past.id, answers={}, actor=school()).eoi_id
    head = ("--as", "head-of-121234", "--role", "applicant", "--organisation", "URN:121234")
    answer = eoi("submit", eoi_id, *head)
    assert (answer.status, answer.out) == (1, "")
    assert "11:59pm on Friday 17 March 2023" in answer.err
    assert answer.err.rstrip().endswith("[call-closed]")
    assert (engine.call(past.id).state, engine.get(eoi_id).state) == ("open", "draft")
    (attempt,) = eoi("attempts", eoi_id, "--json").json
    assert (attempt["trigger"], attempt["code"], attempt["actor"], attempt["count"]) == (
        "submit",
        "call-closed",
        "head-of-121234",
        1,
    )
    assert eoi("draft", "46/23", "--answers", "-", *OTHER, "--json", stdin="{}").json["code"] == "call-closed"
    told = eoi("attempts", "46/23").out
    assert told.count("call-closed") == 2


def test_at_another_instant_the_answer_is_another(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """One microsecond before the deadline a submission would do; at it, no more."""
    eoi_id = engine.draft(past.id, answers={}, actor=school()).eoi_id
    head = ("--as", "head-of-121234", "--role", "applicant", "--organisation", "URN:121234")
    times = ("2023-03-17T23:59:59.999999Z", "2023-03-18T00:00:00Z", "2023-03-18T00:00:00+00:00")
    assert [eoi("explain", eoi_id, "submit", "--at", at, *head, "--json").json["ok"] for at in times] == [
        True,
        False,
        False,
    ]
    naive = eoi("explain", eoi_id, "submit", "--at", "2023-03-18T00:00", *head)
    assert (naive.status, "no time with its offset" in naive.err) == (2, True)


# ---- the officers' way


def test_an_eoi_is_reviewed_and_decided_by_different_people(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """After the close: reviewed, not approved by the same person, approved by another, with a reason."""
    eoi_id = submitted(engine, past.id, school())
    assert eoi("review", eoi_id, *REVIEWER, "--json").json["code"] == "call-still-open"
    assert eoi("tick").status == 0
    assert eoi("review", eoi_id, *REVIEWER).status == 0
    same = ("--as", "adviser", "--role", "decider")
    assert eoi("approve", eoi_id, "--reason", "x", *same, "--json").json["code"] == "reviewed-by-you"
    bare = eoi("approve", eoi_id, *DECIDER, "--json").json
    assert (bare["code"], bare["hint"]) == ("reason-missing", "Say why: --reason TEXT.")
    done = eoi("approve", eoi_id, "--reason", "Meets the need", *DECIDER, "--json").json
    assert (done["state"], done["source"]) == ("approved", "reviewed")
    view = eoi("show", eoi_id, "--json").json
    assert view["decided_at"] == done["at"]
    rows = eoi("history", eoi_id, "--json").json
    assert [(row["actor"], row["target"], row["via"]) for row in rows] == [
        ("head-of-121234", "draft", "python"),
        ("head-of-121234", "submitted", "python"),
        ("adviser", "reviewed", "cli"),
        ("panel.chair", "approved", "cli"),
    ]
    assert eoi("history", eoi_id).out.splitlines()[-1].endswith("Meets the need")


def test_an_eoi_is_declined_with_a_reason(
    eoi: Eoi, engine: Engine, past: CallView, clock: FrozenClock
) -> None:
    """A decider declines what was reviewed, and the answer in words says so."""
    eoi_id = submitted(engine, past.id, school())
    clock.move_by(days=2)
    engine.close_due()
    engine.review(eoi_id, actor=reviewer())
    answer = eoi("decline", eoi_id, "--reason", "Too far away", *DECIDER)
    assert (answer.status, answer.out.splitlines()[0]) == (0, f"EOI {eoi_id} is declined.")


def test_what_the_close_overtook_is_let_in_by_an_officer(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """A submission that arrived in time and found the call closed is on record; an officer reinstates it."""
    eoi_id = engine.draft(past.id, answers={}, actor=school()).eoi_id
    assert eoi("tick").status == 0
    with pytest.raises(ClosedInFlight):
        engine.submit(eoi_id, actor=school())
    assert "closed-in-flight" in eoi("attempts", eoi_id).out
    answer = eoi("reinstate", eoi_id, "--reason", "In the queue at the deadline", *OFFICER, "--json")
    assert (answer.status, answer.json["state"]) == (0, "submitted")


def test_what_was_not_overtaken_by_the_close_is_not_reinstated(
    eoi: Eoi, engine: Engine, past: CallView, clock: FrozenClock
) -> None:
    """A lapsed draft that nobody tried to submit stays lapsed, whatever the officer's reason."""
    eoi_id = engine.draft(past.id, answers={}, actor=school()).eoi_id
    clock.move_by(days=2)
    engine.close_due()
    answer = eoi("reinstate", eoi_id, "--reason", "They rang", *OFFICER, "--json")
    assert (answer.status, answer.json["code"]) == (1, "not-in-flight")
    assert engine.get(eoi_id).state == "lapsed"


def test_every_move_can_be_fired_by_its_word(eoi: Eoi, call: str) -> None:
    """`fire` makes the same moves; saving by it takes answers; unknown words are refused with those known."""
    eoi_id = drafted(eoi, call)
    saved = eoi("fire", eoi_id, "save", "--answers", "-", *HEAD, "--json", stdin='{"a": 1}')
    assert (saved.json["trigger"], saved.json["version"]) == ("save", 2)
    assert eoi("fire", eoi_id, "submit", *HEAD, "--json").json["state"] == "submitted"
    unknown = eoi("fire", eoi_id, "promote", *HEAD, "--json").json
    assert (unknown["code"], all(word in unknown["detail"] for word in EoiTrigger)) == (
        "unknown-trigger",
        True,
    )


def test_all_reasons_come_at_once(eoi: Eoi, call: str) -> None:
    """Who may not, too early and without a reason hears of all three: in words, and as reasons in JSON."""
    eoi_id = drafted(eoi, call)
    answer = eoi("approve", eoi_id, *HEAD)
    lines = answer.err.splitlines()
    assert (answer.status, answer.out, lines[0]) == (1, "", "Not done, for 3 reasons:")
    assert [line.rpartition(" ")[2] for line in lines[1:4]] == [
        "[role-missing]",
        "[wrong-state]",
        "[reason-missing]",
    ]
    problem = eoi("approve", eoi_id, *HEAD, "--json").json
    assert problem["code"] == "role-missing"
    assert [reason["code"] for reason in problem["errors"]] == [
        "role-missing",
        "wrong-state",
        "reason-missing",
    ]
