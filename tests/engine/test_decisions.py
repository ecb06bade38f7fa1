"""EOIs are assessed, decided, withdrawn and reinstated, by whom and when it may be."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.refusals import codes
from workflow import (
    Actor,
    ClosedInFlight,
    Engine,
    NotFound,
    Refused,
    RoleMissing,
    StaleVersion,
    UnknownTrigger,
    WrongState,
)
from workflow.testing import (
    FrozenClock,
    admin,
    auditor,
    decider,
    new_call,
    officer,
    reviewer,
    school,
    submitted,
)

NOON = datetime(2023, 3, 16, 12, tzinfo=UTC)
CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
SETTLED = CLOSING + timedelta(seconds=2)
MOMENT = timedelta(microseconds=1)
Tables = Callable[[], dict[str, list[dict[str, Any]]]]


class ClosedMeanwhile(FrozenClock):
    """A queue: whoever asks for the time arrives in time, and then waits while something else happens."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self.meanwhile: Callable[[], object] | None = None

    def now(self) -> datetime:
        """Return where it stands, and let the meanwhile pass."""
        arrived_at = super().now()
        if self.meanwhile is not None:
            what, self.meanwhile = self.meanwhile, None
            what()
        return arrived_at


def opened(engine: Engine) -> str:
    """Open the real sheet's call; return its id."""
    return engine.open_call(new_call(), actor=officer()).id


def closed_with(engine: Engine, clock: FrozenClock, *who: Actor) -> list[str]:
    """Open the call, let these submit, close it; return their EOIs."""
    call_id = opened(engine)
    ids = [submitted(engine, call_id, each) for each in who]
    clock.move_to(SETTLED)
    engine.close_due()
    return ids


def test_review_waits_for_the_close(engine: Engine, clock: FrozenClock) -> None:
    """While others may still submit nobody assesses anything; after the close an officer or reviewer does."""
    call_id = opened(engine)
    first, second = (submitted(engine, call_id, school(urn)) for urn in (1, 2))
    clock.move_to(SETTLED)
    with pytest.raises(Refused) as refused:
        engine.review(first, actor=reviewer())
    assert codes(refused) == ["call-still-open"]
    engine.close_due()
    for who in (decider(), school(1), admin(), auditor()):
        with pytest.raises(RoleMissing):
            engine.review(first, actor=who)
    assert engine.review(first, actor=reviewer()).state == "reviewed"
    assert engine.review(second, actor=officer(), reason="Complete.").state == "reviewed"
    with pytest.raises(WrongState):
        engine.review(first, actor=reviewer())


def test_the_panel_decides_with_a_reason(engine: Engine, clock: FrozenClock) -> None:
    """Approving and declining need a reason and the role; the instant is kept, and nothing follows."""
    first, second = closed_with(engine, clock, school(1), school(2))
    for eoi_id in (first, second):
        engine.review(eoi_id, actor=reviewer())
    for reason in (None, "", " \n\t"):
        with pytest.raises(Refused) as refused:
            engine.approve(first, actor=decider(), reason=reason)
        assert codes(refused) == ["reason-missing"]
    with pytest.raises(RoleMissing) as nobody:
        engine.decline(second, actor=reviewer("r2"))
    assert codes(nobody) == ["role-missing", "reason-missing"]
    clock.move_by(days=1)
    assert engine.approve(first, actor=decider(), reason="Best.").state == "approved"
    assert engine.decline(second, actor=decider(), reason="Two\nlines.").state == "declined"
    assert engine.get(first).decided_at == engine.get(second).decided_at == SETTLED + timedelta(days=1)
    assert engine.history(second)[-1].reason == "Two\nlines."
    with pytest.raises(WrongState):
        engine.decline(first, actor=decider(), reason="No.")


def test_whoever_reviewed_does_not_decide(engine: Engine, clock: FrozenClock) -> None:
    """Neither the same person, nor the one for whom it was reviewed, decides; somebody else does."""
    (eoi_id,) = closed_with(engine, clock, school(1))
    service = Actor("service", {"reviewer", "decider"}, on_behalf_of="ann")
    engine.review(eoi_id, actor=service)
    for who in (service, Actor("ann", {"decider"}), Actor("service", {"decider"})):
        with pytest.raises(Refused) as refused:
            engine.approve(eoi_id, actor=who, reason="Best.")
        assert codes(refused) == ["reviewed-by-you"]
    ben = Actor("service", {"decider"}, on_behalf_of="ben")
    engine.approve(eoi_id, actor=ben, reason="Best.")
    last = engine.history(eoi_id)[-1]
    assert (last.actor, last.on_behalf_of) == ("service", "ben")
    assert sorted((each.actor, each.on_behalf_of or "", each.count) for each in engine.attempts(eoi_id)) == [
        ("ann", "", 1),
        ("service", "", 1),
        ("service", "ann", 1),
    ]


@pytest.mark.parametrize("state", ["draft", "submitted", "reviewed"])
def test_a_school_withdraws_while_nothing_is_decided(engine: Engine, clock: FrozenClock, state: str) -> None:
    """A draft, a submission and a review can be taken back, the last two after the close as well."""
    call_id = opened(engine)
    eoi_id = engine.draft(call_id, answers={}, actor=school(1)).eoi_id
    if state != "draft":
        engine.submit(eoi_id, actor=school(1))
        clock.move_to(SETTLED)
        engine.close_due()
    if state == "reviewed":
        engine.review(eoi_id, actor=reviewer())
    with pytest.raises(RoleMissing):
        engine.withdraw(eoi_id, actor=officer())
    receipt = engine.withdraw(eoi_id, actor=school(1))
    assert (receipt.source, receipt.state) == (state, "withdrawn")
    for trigger in ("withdraw", "submit", "review"):
        with pytest.raises(Refused):
            engine.fire(eoi_id, trigger, actor=Actor("all", {"applicant", "reviewer"}, ["URN:1"]))
    assert engine.get(eoi_id).state == "withdrawn"


def test_what_was_overtaken_by_the_close_is_reinstated(new_engine: Callable[..., Engine]) -> None:
    """What arrived in time and waited past the close is refused, kept, and let in by an officer."""
    clock = ClosedMeanwhile(NOON)
    engine = new_engine(clock=clock)
    call_id = opened(engine)
    eoi_id = engine.draft(call_id, answers={"a": 1}, actor=school(1)).eoi_id
    other_id = engine.draft(call_id, answers={}, actor=school(2)).eoi_id

    def close() -> None:
        clock.move_to(SETTLED)
        engine.close_due()

    clock.move_to(CLOSING - MOMENT)
    clock.meanwhile = close
    with pytest.raises(ClosedInFlight, match="arrived in time") as overtaken:
        engine.submit(eoi_id, actor=school(1))
    assert codes(overtaken) == ["closed-in-flight", "wrong-state"]
    with pytest.raises(Refused) as late:
        engine.submit(eoi_id, actor=school(1))
    assert codes(late)[0] == "call-closed"
    with pytest.raises(Refused):
        engine.submit(other_id, actor=school(2))
    assert [(each.code, each.first_at) for each in engine.attempts(eoi_id)] == [
        ("closed-in-flight", CLOSING - MOMENT),
        ("call-closed", SETTLED),
    ]
    with pytest.raises(Refused) as silent:
        engine.fire(eoi_id, "reinstate", actor=officer())
    assert codes(silent) == ["reason-missing"]
    with pytest.raises(Refused) as never:
        engine.fire(other_id, "reinstate", actor=officer(), reason="Please.")
    assert codes(never) == ["not-in-flight"]
    with pytest.raises(RoleMissing):
        engine.fire(eoi_id, "reinstate", actor=school(1), reason="Please.")
    clock.move_by(hours=1)
    receipt = engine.fire(eoi_id, "reinstate", actor=officer(), reason="The queue was ours.")
    assert (receipt.source, receipt.state, receipt.at) == (
        "lapsed",
        "submitted",
        SETTLED + timedelta(hours=1),
    )
    view = engine.get(eoi_id)
    assert (view.submitted_at, view.answers) == (CLOSING - MOMENT, {"a": 1})
    assert engine.call(call_id).counts_at_close == {"lapsed": 2}
    assert engine.review(eoi_id, actor=reviewer()).state == "reviewed"
    with pytest.raises(WrongState):
        engine.fire(eoi_id, "reinstate", actor=officer(), reason="Again.")
    engine.close()


def test_an_unknown_trigger_is_named_with_those_that_are_known(engine: Engine, tables: Tables) -> None:
    """A slip of the pen is told what can be fired, whatever version it is of; it leaves nothing behind."""
    eoi_id = engine.draft(opened(engine), answers={}, actor=school(1)).eoi_id
    before = tables()
    for trigger in ("sumbit", "", "Submit", "open", "submit\x00", "\ud800", "x" * 5000):
        with pytest.raises(UnknownTrigger, match="draft, save, submit, review") as unknown:
            engine.fire(eoi_id, trigger, actor=school(1))
        assert unknown.value.code == "unknown-trigger"
        with pytest.raises(UnknownTrigger):
            engine.explain(eoi_id, trigger, school(1))
    with pytest.raises(UnknownTrigger):
        engine.fire(eoi_id, "sumbit", actor=school(1), expected_version=9)
    with pytest.raises(StaleVersion):
        engine.fire(eoi_id, "approve", actor=school(1), expected_version=9)
    with pytest.raises(NotFound):
        engine.fire(eoi_id, "sumbit", actor=school(2), expected_version=9)
    assert tables() == before


@pytest.mark.parametrize("trigger", ["draft", "lapse", "cancel", "reinstate", "review", "approve"])
def test_a_draft_takes_no_other_move(engine: Engine, tables: Tables, trigger: str) -> None:
    """Moves of other states, and those of the system, are refused on a draft and kept as attempts alone."""
    eoi_id = engine.draft(opened(engine), answers={}, actor=school(1)).eoi_id
    every = Actor("all", {"applicant", "officer", "reviewer", "decider", "admin", "system"}, ["URN:1"])
    before = tables()
    with pytest.raises(Refused):
        engine.fire(eoi_id, trigger, actor=every, reason="x")
    after = tables()
    (attempt,) = after.pop("eoi_attempt")
    assert (attempt["subject_id"], attempt["trigger"], attempt["count"]) == (eoi_id, trigger, 1)
    assert after | {"eoi_attempt": []} == before


def test_a_stale_eoi_is_not_moved(engine: Engine, tables: Tables) -> None:
    """Whoever has seen another version reads again first; nothing changes, not even the attempts."""
    eoi_id = engine.draft(opened(engine), answers={}, actor=school(1)).eoi_id
    before = tables()
    for version in (0, 2, 2**63 - 1):
        with pytest.raises(StaleVersion) as stale:
            engine.submit(eoi_id, actor=school(1), expected_version=version)
        assert stale.value.facts == {"version": 1, "expected_version": version}
    assert tables() == before
    assert engine.submit(eoi_id, actor=school(1), expected_version=1).version == 2


def test_an_eoi_of_nobody_is_not_found(engine: Engine) -> None:
    """No move can be made on what is not there, whatever the word."""
    opened(engine)
    for name in ("0190b6f0-0000-7000-8000-000000000000", "46/23", "", "\ud800"):
        for trigger in ("submit", "save", "nonsense"):
            with pytest.raises(NotFound):
                engine.fire(
                    name, trigger, actor=school(1), data={"answers": {}} if trigger == "save" else None
                )
