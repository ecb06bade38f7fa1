"""Calls are closed and cancelled, by whom and when it may be, and with them their EOIs."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from states.errors import Refused
from tests.refusals import codes
from workflow import (
    Actor,
    CallClosed,
    CallState,
    Engine,
    EoiState,
    NotFound,
    RoleMissing,
    WrongState,
)
from workflow.testing import FrozenClock, admin, decider, new_call, officer, reviewer, school, submitted

NOON = datetime(2023, 3, 16, 12, tzinfo=UTC)
CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
LATER = datetime(2023, 3, 25, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Tables = Callable[[], dict[str, list[dict[str, Any]]]]


def test_an_officer_closes_early_while_nobody_has_begun(engine: Engine) -> None:
    """An empty call may be closed before its deadline, and says so to whoever comes after."""
    call = engine.open_call(new_call(), actor=officer())
    closed = engine.close_call("46/23", actor=officer(), reason="No money.")
    assert closed == replace(
        call, state=CallState.CLOSED, closed_at=NOON, version=2, counts={}, counts_at_close={}
    )
    assert engine.call(call.id) == closed
    with pytest.raises(CallClosed, match="closed early, at") as refused:
        engine.draft(call.id, answers={}, actor=school())
    assert refused.value.reasons[0].until == NOON
    change = engine.history(call.id)[1]
    assert (change.at, change.recorded_at, change.reason, change.via) == (NOON, NOON, "No money.", "python")


def test_a_call_with_an_eoi_is_not_closed_early(engine: Engine, clock: FrozenClock) -> None:
    """Once a school has begun, even if it has withdrawn since, the deadline that it was told stands."""
    call = engine.open_call(new_call(), actor=officer())
    head = school()
    engine.withdraw(engine.draft(call.id, answers={}, actor=head).eoi_id, actor=head)
    for at, expected in (
        (NOON, ["eois-exist"]),
        (CLOSING + 2 * SECOND - timedelta(microseconds=1), ["closing-not-due"]),
    ):
        clock.move_to(at)
        with pytest.raises(Refused) as refused:
            engine.close_call(call.id, actor=officer())
        assert (codes(refused), refused.value.reasons[0].until) == (expected, CLOSING + 2 * SECOND)
    assert engine.call(call.id).state == "open"
    clock.move_by(microseconds=1)
    closed = engine.close_call(call.id, actor=officer())
    assert (closed.closed_at, closed.counts_at_close) == (CLOSING + 2 * SECOND, {"withdrawn": 1})


@pytest.mark.parametrize("who", [school(), reviewer(), decider(), admin()])
def test_only_an_officer_closes_a_call(engine: Engine, who: Actor) -> None:
    """No other role closes a call; each attempt is kept."""
    call = engine.open_call(new_call(), actor=officer())
    with pytest.raises(RoleMissing) as refused:
        engine.close_call(call.id, actor=who)
    assert codes(refused) == ["role-missing", "closing-not-due"]
    (attempt,) = engine.attempts(call.id)
    assert (attempt.eoi_id, attempt.trigger, attempt.code, attempt.actor) == (
        None,
        "close",
        "role-missing",
        who.id,
    )


def test_an_officer_may_close_at_the_deadline_and_the_drafts_lapse(
    engine: Engine, clock: FrozenClock
) -> None:
    """What the sweep would do an officer may do; history holds the planned instant and the actual one."""
    call = engine.open_call(new_call(), actor=officer())
    draft = engine.draft(call.id, answers={}, actor=school(1))
    kept = submitted(engine, call.id, school(2))
    clock.move_to(LATER)
    closed = engine.close_call(call.id, actor=officer())
    assert (closed.closed_at, closed.counts_at_close) == (LATER, {"lapsed": 1, "submitted": 1})
    assert (engine.get(draft.eoi_id).state, engine.get(kept).state) == (EoiState.LAPSED, EoiState.SUBMITTED)
    for subject in (call.id, draft.eoi_id):
        last = engine.history(subject)[-1]
        assert (last.at, last.recorded_at, last.actor) == (CLOSING, LATER, "programme.team")
    with pytest.raises(WrongState) as again:
        engine.close_call(call.id, actor=officer())
    assert codes(again) == ["wrong-state"]


def test_cancelling_takes_live_eois_along(engine: Engine, clock: FrozenClock, tables: Tables) -> None:
    """A draft, a submission and a review are cancelled with their call; what is decided or gone stays."""
    call = engine.open_call(new_call(), actor=officer())
    ids = {urn: submitted(engine, call.id, school(urn)) for urn in ("sub", "rev", "yes", "no", "gone")}
    ids["lapsed"] = engine.draft(call.id, answers={}, actor=school("lapsed")).eoi_id
    engine.withdraw(ids["gone"], actor=school("gone"))
    clock.move_to(CLOSING + 2 * SECOND)
    engine.close_due()
    for urn in ("rev", "yes", "no"):
        engine.review(ids[urn], actor=reviewer())
    engine.approve(ids["yes"], actor=decider(), reason="Best.")
    engine.decline(ids["no"], actor=decider(), reason="Too far.")
    told: list[str] = []
    engine.on("*", lambda event: told.append(event.id))
    before = len(tables()["eoi_history"])
    cancelled = engine.cancel_call(call.id, actor=admin(), reason="No money.")
    assert (cancelled.state, cancelled.version) == (CallState.CANCELLED, 3)
    assert cancelled.counts == {"cancelled": 2, "approved": 1, "declined": 1, "withdrawn": 1, "lapsed": 1}
    assert cancelled.counts_at_close == {"submitted": 4, "withdrawn": 1, "lapsed": 1}
    assert engine.call(call.id) == cancelled
    assert {urn: engine.get(eoi_id).state.value for urn, eoi_id in ids.items()} == {
        "sub": "cancelled",
        "rev": "cancelled",
        "yes": "approved",
        "no": "declined",
        "gone": "withdrawn",
        "lapsed": "lapsed",
    }
    assert told == [f"{ids['sub']}:3", f"{ids['rev']}:4", f"{call.id}:3"]
    assert len(tables()["eoi_history"]) == before + 3
    for subject, source in ((ids["sub"], "submitted"), (ids["rev"], "reviewed"), (call.id, "closed")):
        last = engine.history(subject)[-1]
        assert (last.source, last.target, last.reason, last.actor) == (
            source,
            "cancelled",
            "No money.",
            "admin-1",
        )


def test_an_open_call_is_cancelled_too(engine: Engine) -> None:
    """Before its deadline a call is cancelled with its drafts, and takes no more; never twice."""
    call = engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft(call.id, answers={}, actor=school()).eoi_id
    with pytest.raises(RoleMissing) as refused:
        engine.cancel_call(call.id, actor=officer())
    assert codes(refused) == ["role-missing", "reason-missing"]
    cancelled = engine.cancel_call("46/23", actor=admin(), reason="No money.")
    assert (cancelled.closed_at, cancelled.counts_at_close) == (None, None)
    assert engine.get(eoi_id).state == "cancelled"
    with pytest.raises(Refused) as late:
        engine.draft(call.id, answers={}, actor=school(2))
    assert codes(late) == ["call-cancelled"]
    with pytest.raises(WrongState):
        engine.cancel_call(call.id, actor=admin(), reason="Again.")


def test_what_is_no_call_cannot_be_changed(engine: Engine, tables: Tables) -> None:
    """An unknown id, an unknown reference and the id of an EOI are no calls; nothing is kept of it."""
    call = engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft(call.id, answers={}, actor=school()).eoi_id
    before = tables()
    for name in ("0190b6f0-0000-7000-8000-000000000000", "47/23", eoi_id, "", " ", "\x00"):
        with pytest.raises(NotFound):
            engine.extend_call(name, closes_at=LATER, actor=officer(), reason="x")
        with pytest.raises(NotFound):
            engine.close_call(name, actor=officer())
        with pytest.raises(NotFound):
            engine.cancel_call(name, actor=admin(), reason="x")
        with pytest.raises(NotFound):
            engine.draft(name, answers={}, actor=school(2))
    assert tables() == before
