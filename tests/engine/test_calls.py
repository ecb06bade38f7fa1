"""Calls are opened and extended, by whom and when it may be."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from states.errors import Refused
from tests.refusals import codes
from workflow import (
    BadDeadline,
    BadInput,
    CallClosed,
    CallState,
    CallView,
    Engine,
    NewCall,
    ReferenceTaken,
    RoleMissing,
    StaleVersion,
)
from workflow.testing import FrozenClock, admin, decider, new_call, officer, school, submitted

NOON = datetime(2023, 3, 16, 12, tzinfo=UTC)
CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
LATER = datetime(2023, 3, 25, tzinfo=UTC)
SECOND = timedelta(seconds=1)
Tables = Callable[[], dict[str, list[dict[str, Any]]]]


def test_an_officer_opens_a_call(engine: Engine) -> None:
    """A call takes EOIs from the instant at which it was opened until its day is over."""
    call = engine.open_call(new_call(audience=" SENCOs ", closing_words="apply by 17 March"), actor=officer())
    assert call == CallView(
        id=call.id,
        reference="46/23",
        title="Specialist Resource Base Expressions of Interest",
        state=CallState.OPEN,
        opens_at=NOON,
        closes_at=CLOSING,
        closed_at=None,
        timezone="Europe/London",
        phase="Primary",
        contact="Programme Management Team",
        audience="SENCOs",
        version=1,
        counts={},
        counts_at_close=None,
    )
    assert engine.call(call.id) == call


def test_a_call_may_have_opened_before(engine: Engine) -> None:
    """A publication that lies behind is the call's opening."""
    published = NOON - timedelta(days=2)
    call = engine.open_call(new_call(opens_at=published), actor=officer())
    assert (call.opens_at, engine.history(call.id)[0].at) == (published, NOON)


def test_a_call_cannot_be_opened_ahead_of_its_time(
    engine: Engine, clock: FrozenClock, tables: Tables
) -> None:
    """An opening that is still ahead is refused, even by a microsecond; at its instant it opens."""
    opening = NOON + SECOND
    clock.move_to(opening - timedelta(microseconds=1))
    before = tables()
    with pytest.raises(Refused) as refused:
        engine.open_call(new_call(opens_at=opening), actor=officer())
    assert (codes(refused), refused.value.reasons[0].until) == (["opens-in-future"], opening)
    assert tables() == before
    clock.move_to(opening)
    assert engine.open_call(new_call(opens_at=opening), actor=officer()).state == "open"


def test_a_call_whose_closing_has_passed_is_not_opened(engine: Engine, clock: FrozenClock) -> None:
    """The first instant that is too late for a submission is too late to open the call as well."""
    clock.move_to(CLOSING)
    with pytest.raises(Refused) as refused:
        engine.open_call(new_call(), actor=officer())
    assert codes(refused) == ["closing-has-passed"]
    assert "11:59pm on Friday 17 March 2023" in refused.value.message
    clock.move_to(CLOSING - timedelta(microseconds=1))
    assert engine.open_call(new_call(), actor=officer()).state == "open"


def test_all_reasons_against_a_call_come_at_once(engine: Engine, tables: Tables) -> None:
    """Whoever may not open it, and opens it too early as well, hears both; nothing is there to keep it on."""
    before = tables()
    with pytest.raises(RoleMissing) as refused:
        engine.open_call(new_call(opens_at=NOON + SECOND), actor=school())
    assert codes(refused) == ["role-missing", "opens-in-future"]
    assert tables() == before


def test_a_reference_is_taken_once(engine: Engine, tables: Tables) -> None:
    """The council's own reference finds one call, however it is written in Unicode; cancelling frees none."""
    call = engine.open_call(new_call(reference="caf\u00e9/23"), actor=officer())
    engine.cancel_call(call.id, actor=admin(), reason="Withdrawn.")
    before = tables()
    with pytest.raises(ReferenceTaken) as taken:
        engine.open_call(new_call(reference=" cafe\u0301/23 "), actor=officer())
    assert (taken.value.code, taken.value.facts) == ("reference-taken", {"reference": "caf\u00e9/23"})
    assert tables() == before
    assert engine.open_call(new_call(reference="caf\u00c9/23"), actor=officer()).version == 1


def test_a_call_that_is_new_has_version_0(engine: Engine) -> None:
    """Whoever expects another version than none of a call that is to be opened is told so."""
    with pytest.raises(StaleVersion):
        engine.open_call(new_call(), actor=officer(), expected_version=1)
    assert engine.open_call(new_call(), actor=officer(), expected_version=0).version == 1


def test_a_notice_can_be_copied_with_a_change() -> None:
    """A notice with a closing day is copied like any other, and its instant follows the day."""
    notice = new_call()
    moved = replace(notice, closes_on=date(2023, 3, 18), title="Bases")
    assert (notice.closing, moved.closing, moved.title) == (CLOSING, CLOSING + timedelta(days=1), "Bases")


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"closes_on": None}, BadDeadline, "one-closing"),
        ({"closes_on": date(2023, 3, 17), "closes_at": CLOSING}, BadDeadline, "one-closing"),
        ({"closes_on": CLOSING}, BadDeadline, "bad-deadline"),
        ({"closes_on": "2023-03-17"}, BadDeadline, "bad-deadline"),
        ({"closes_on": date(9999, 12, 31)}, BadDeadline, "year-out-of-range"),
        ({"closes_at": date(2023, 3, 17)}, BadDeadline, "bad-deadline"),
        ({"closes_at": datetime(2023, 3, 17)}, BadDeadline, "naive-datetime"),  # noqa: DTZ001 -- refused
        ({"closes_at": datetime.max.replace(tzinfo=UTC)}, BadDeadline, "year-out-of-range"),
        ({"opens_at": "now"}, BadDeadline, "bad-deadline"),
        ({"opens_at": datetime(2023, 3, 1)}, BadDeadline, "naive-datetime"),  # noqa: DTZ001 -- refused
        ({"opens_at": CLOSING}, BadDeadline, "closing-before-opening"),
        ({"timezone": "Europe/Norwich"}, BadDeadline, "unknown-timezone"),
        ({"timezone": 10**5000}, BadInput, "bad-input"),
        ({"timezone": None}, BadInput, "bad-input"),
        ({"reference": ""}, BadInput, "bad-input"),
        ({"reference": "0190b6f0-0000-7000-8000-000000000000"}, BadInput, "bad-input"),
        ({"title": b"Bases"}, BadInput, "bad-input"),
        ({"title": "x" * 501}, BadInput, "bad-input"),
        ({"contact": "one\ntwo"}, BadInput, "bad-input"),
        ({"phase": ""}, BadInput, "bad-input"),
        ({"audience": "\x00"}, BadInput, "bad-input"),
        ({"closing_words": "\ud800"}, BadInput, "bad-input"),
    ],
)
def test_a_notice_that_cannot_be_meant_is_refused(
    changes: dict[str, Any], error: type[BadInput], code: str
) -> None:
    """No call is made from a closing that is missing, doubled, naive or absurd, or from unusable texts."""
    with pytest.raises(error) as refused:
        new_call(**changes)
    assert (type(refused.value), refused.value.code) == (error, code)
    assert refused.value.field in (*changes, "closes_at")


def test_a_closing_is_kept_in_utc() -> None:
    """An instant with an offset is the same instant in UTC; the local day ends in its own zone."""
    local = datetime.fromisoformat("2023-07-17T17:00:00+01:00")
    assert new_call(closes_at=local).closing.isoformat() == "2023-07-17T16:00:00+00:00"
    tokyo = NewCall(reference="1", title="x", closes_on=date(2023, 3, 17), timezone=" Asia/Tokyo ")
    assert (tokyo.closing, tokyo.timezone) == (datetime(2023, 3, 17, 15, tzinfo=UTC), "Asia/Tokyo")


def test_an_officer_extends_a_call(engine: Engine, clock: FrozenClock) -> None:
    """The deadline moves for everybody; history tells why; what was too late is in time."""
    call = engine.open_call(new_call(), actor=officer())
    submitted(engine, call.id, school(1))
    extended = engine.extend_call("46/23", closes_at=LATER, actor=officer("o2"), reason=" Floods. ")
    assert extended == replace(call, closes_at=LATER, version=2, counts={"submitted": 1})
    assert engine.call(call.id) == extended
    clock.move_to(LATER - timedelta(microseconds=1))
    assert engine.draft(call.id, answers={}, actor=school(2)).state == "draft"
    change = engine.history(call.id)[1]
    told = (change.trigger, change.source, change.target, change.actor, change.reason, change.at)
    assert told == ("extend", "open", "open", "o2", "Floods.", NOON)


def test_an_extension_must_give_time(engine: Engine) -> None:
    """Neither the present closing, nor an earlier one, nor none at all is an extension."""
    call = engine.open_call(new_call(), actor=officer())
    for closes_at, expected in [
        (CLOSING, ["closing-not-later"]),
        (NOON, ["closing-not-later"]),
        (None, ["closes-at-missing"]),
    ]:
        with pytest.raises(Refused) as refused:
            engine.extend_call(call.id, closes_at=closes_at, actor=officer(), reason="Floods.")
        assert codes(refused) == expected
    with pytest.raises(Refused) as refused:
        engine.extend_call(call.id, closes_at=None, actor=decider())
    assert codes(refused) == ["role-missing", "reason-missing", "closes-at-missing"]
    assert engine.call(call.id).version == 1


def test_a_call_is_extended_only_before_its_deadline(engine: Engine, clock: FrozenClock) -> None:
    """Once the deadline is there nobody moves it, whether anything has closed the call or not."""
    call = engine.open_call(new_call(), actor=officer())
    clock.move_to(CLOSING)
    with pytest.raises(CallClosed):
        engine.extend_call(call.id, closes_at=LATER, actor=officer(), reason="Floods.")
    clock.move_by(seconds=2)
    engine.close_due()
    with pytest.raises(CallClosed) as refused:
        engine.extend_call(call.id, closes_at=LATER, actor=officer(), reason="Floods.")
    assert codes(refused) == ["call-closed", "wrong-state"]
    assert engine.call(call.id).closes_at == CLOSING


@pytest.mark.parametrize("command", ["extend", "close", "cancel"])
def test_a_stale_call_is_not_changed(engine: Engine, tables: Tables, command: str) -> None:
    """Whoever has seen another version reads again first; with the right one it goes through."""
    call = engine.open_call(new_call(), actor=officer())
    changes: dict[str, Callable[..., CallView]] = {
        "extend": partial(engine.extend_call, closes_at=LATER, actor=officer(), reason="Floods."),
        "close": partial(engine.close_call, actor=officer()),
        "cancel": partial(engine.cancel_call, actor=admin(), reason="No money."),
    }
    before = tables()
    with pytest.raises(StaleVersion) as stale:
        changes[command](call.id, expected_version=2)
    assert stale.value.facts == {"version": 1, "expected_version": 2}
    assert tables() == before
    assert changes[command](call.id, expected_version=1).version == 2
