"""EOIs are begun, saved and handed in, by whom and when it may be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.refusals import codes
from workflow import (
    Actor,
    AlreadyApplied,
    BadInput,
    Engine,
    EoiState,
    EoiView,
    Receipt,
    Refused,
    RoleMissing,
    StaleVersion,
    WrongState,
)
from workflow.testing import (
    FrozenClock,
    new_call,
    officer,
    reviewer,
    school,
)

NOON = datetime(2023, 3, 16, 12, tzinfo=UTC)
CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
SETTLED = CLOSING + timedelta(seconds=2)
MOMENT = timedelta(microseconds=1)
Tables = Callable[[], dict[str, list[dict[str, Any]]]]


def opened(engine: Engine) -> str:
    """Open the real sheet's call; return its id."""
    return engine.open_call(new_call(), actor=officer()).id


def test_a_school_begins_an_eoi(engine: Engine, clock: FrozenClock) -> None:
    """The only organisation of a head applies; the answers are kept as they were given."""
    call_id = opened(engine)
    clock.move_by(hours=1)
    answers = {"places": 18, "vision": "Gemeinsam \u2013 für alle", "lots": ["north", None, True, 1.5, {}]}
    receipt = engine.draft("46/23", answers=answers, actor=school(1), applicant_name=" Alder Primary ")
    at = NOON + timedelta(hours=1)
    assert receipt == Receipt(
        eoi_id=receipt.eoi_id,
        trigger="draft",
        source=None,
        state=EoiState.DRAFT,
        version=1,
        at=at,
        event_id=f"{receipt.eoi_id}:1",
        replayed=False,
    )
    view = engine.get(receipt.eoi_id)
    assert view == EoiView(
        id=receipt.eoi_id,
        call_id=call_id,
        applicant="URN:1",
        applicant_name="Alder Primary",
        state=EoiState.DRAFT,
        version=1,
        answers=answers,
        created_at=at,
        updated_at=at,
        submitted_at=None,
        decided_at=None,
        digest=view.digest,
    )


def test_whoever_acts_for_several_says_for_which(engine: Engine) -> None:
    """A trust's officer names the school that applies; without a name nothing is guessed."""
    call_id = opened(engine)
    trust = Actor("trust", {"applicant"}, organisations={"URN:1", "caf\u00e9"})
    with pytest.raises(BadInput, match="acts for 2 organisations") as refused:
        engine.draft(call_id, answers={}, actor=trust)
    assert refused.value.field == "applicant"
    nobody = Actor("nobody", {"applicant"})
    with pytest.raises(BadInput, match="acts for 0 organisations"):
        engine.draft(call_id, answers={}, actor=nobody)
    with pytest.raises(RoleMissing):
        engine.draft(call_id, answers={}, actor=officer())
    assert engine.attempts(call_id) == []
    receipt = engine.draft(call_id, answers={}, actor=trust, applicant=" cafe\u0301 ")
    assert engine.get(receipt.eoi_id).applicant == "caf\u00e9"


def test_nobody_begins_an_eoi_for_another_organisation(engine: Engine) -> None:
    """A school that names another as the applicant is refused, and the attempt is kept on the call."""
    call_id = opened(engine)
    with pytest.raises(Refused) as refused:
        engine.draft(call_id, answers={}, actor=school(1), applicant="URN:2")
    assert codes(refused) == ["not-your-organisation"]
    (attempt,) = engine.attempts(call_id)
    assert (attempt.eoi_id, attempt.trigger, attempt.code) == (None, "draft", "not-your-organisation")
    with pytest.raises(Refused) as both:
        engine.draft(call_id, answers={}, actor=reviewer(), applicant="URN:2")
    assert codes(both) == ["role-missing", "not-your-organisation"]
    assert list(engine.find()) == []


def test_an_applicant_has_one_live_eoi_for_a_call(engine: Engine) -> None:
    """A second one is refused with the first one's id; after a withdrawal, or for another call, it is not."""
    call_id = opened(engine)
    other = engine.open_call(new_call(reference="47/23"), actor=officer()).id
    head, deputy = school(1), Actor("deputy", {"applicant"}, organisations={"URN:1"})
    first = engine.draft(call_id, answers={}, actor=head)
    with pytest.raises(AlreadyApplied, match=r"46/23 already") as taken:
        engine.draft(call_id, answers={}, actor=deputy)
    assert taken.value.facts == {"eoi_id": first.eoi_id, "call_id": call_id}
    engine.draft(other, answers={}, actor=head)
    engine.submit(first.eoi_id, actor=deputy)
    with pytest.raises(AlreadyApplied):
        engine.draft(call_id, answers={}, actor=head)
    engine.withdraw(first.eoi_id, actor=head)
    second = engine.draft(call_id, answers={}, actor=head)
    assert (second.version, engine.call(call_id).counts) == (1, {"withdrawn": 1, "draft": 1})
    with pytest.raises(AlreadyApplied):
        engine.draft(call_id, answers={}, actor=head)


def test_a_draft_expects_the_version_of_its_call(engine: Engine) -> None:
    """Whoever has read the call before it was extended reads it again."""
    call_id = opened(engine)
    engine.extend_call(call_id, closes_at=CLOSING + MOMENT, actor=officer(), reason="x")
    with pytest.raises(StaleVersion):
        engine.draft(call_id, answers={}, actor=school(), expected_version=1)
    assert engine.draft(call_id, answers={}, actor=school(), expected_version=2).version == 1


def test_a_draft_is_saved_again_whole(engine: Engine, clock: FrozenClock) -> None:
    """A save replaces all the answers and counts one version; what was handed in is not saved again."""
    eoi_id = engine.draft(opened(engine), answers={"a": 1, "b": 2}, actor=school(1)).eoi_id
    clock.move_by(seconds=5)
    receipt = engine.save(eoi_id, answers={"a": 3}, actor=school(1), expected_version=1)
    assert (receipt.trigger, receipt.source, receipt.state, receipt.version) == ("save", "draft", "draft", 2)
    view = engine.get(eoi_id)
    assert (view.answers, view.version, view.updated_at) == ({"a": 3}, 2, NOON + timedelta(seconds=5))
    with pytest.raises(StaleVersion):
        engine.save(eoi_id, answers={}, actor=school(1), expected_version=1)
    engine.submit(eoi_id, actor=school(1))
    with pytest.raises(WrongState):
        engine.save(eoi_id, answers={}, actor=school(1))
    with pytest.raises(RoleMissing):
        engine.save(eoi_id, answers={}, actor=officer())
    assert (engine.get(eoi_id).answers, engine.get(eoi_id).version) == ({"a": 3}, 3)


def test_a_save_by_its_word_is_a_save(engine: Engine) -> None:
    """`fire(…, "save")` takes the answers out of the data, and keeps a reason that is given."""
    eoi_id = engine.draft(opened(engine), answers={}, actor=school(1)).eoi_id
    receipt = engine.fire(eoi_id, "save", actor=school(1), data={"answers": {"a": 1}, "reason": "Typo."})
    assert (receipt.trigger, engine.get(eoi_id).answers) == ("save", {"a": 1})
    assert engine.history(eoi_id)[1].reason == "Typo."
    with pytest.raises(BadInput, match="answers must be an object"):
        engine.fire(eoi_id, "save", actor=school(1))


def test_answers_are_never_dropped_in_silence(engine: Engine) -> None:
    """Answers that come along with a submission would be lost, so they are refused; a reason is not."""
    eoi_id = engine.draft(opened(engine), answers={}, actor=school(1)).eoi_id
    with pytest.raises(BadInput, match="save") as refused:
        engine.fire(eoi_id, "submit", actor=school(1), data={"answers": {"a": 1}})
    assert refused.value.field == "data"
    with pytest.raises(BadInput, match="once"):
        engine.fire(eoi_id, "submit", actor=school(1), reason="a", data={"reason": "b"})
    assert engine.get(eoi_id).state == "draft"
    engine.fire(eoi_id, "submit", actor=school(1), data={"reason": " Done. "})
    assert engine.history(eoi_id)[1].reason == "Done."


def test_a_submission_holds_its_instant(engine: Engine, clock: FrozenClock) -> None:
    """The last microsecond counts, and is kept as the instant of arrival; the deadline itself is too late."""
    call_id = opened(engine)
    eoi_id = engine.draft(call_id, answers={}, actor=school(1)).eoi_id
    late_id = engine.draft(call_id, answers={}, actor=school(2)).eoi_id
    clock.move_to(CLOSING - MOMENT)
    receipt = engine.submit(eoi_id, actor=school(1), reason="Good luck to us.")
    assert (receipt.source, receipt.state, receipt.at) == ("draft", "submitted", CLOSING - MOMENT)
    assert engine.get(eoi_id).submitted_at == CLOSING - MOMENT
    clock.move_to(CLOSING)
    with pytest.raises(Refused, match="this arrived at midnight") as refused:
        engine.submit(late_id, actor=school(2))
    assert codes(refused) == ["call-closed"]
    assert engine.get(late_id).state == "draft"
