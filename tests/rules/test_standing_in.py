"""An officer does what an applicant may on behalf of one who is named, and never in their own name."""

from typing import Final

import pytest

from tests.databases.lent import NewEngine
from tests.refusals import codes
from workflow import Actor, Refused
from workflow.testing import new_call, officer, school

FOR_HEAD: Final = Actor("programme.team", {"officer"}, on_behalf_of="head-of-1")
MOVES: Final = ("save", "submit", "withdraw")


def test_an_officer_applies_on_behalf_of_a_school(new_engine: NewEngine) -> None:
    """From the draft to the end; history says who did it, and for whom."""
    engine = new_engine()
    engine.open_call(new_call(), actor=officer())
    drafted = engine.draft("46/23", answers={"places": 1}, actor=FOR_HEAD, applicant="URN:1")
    engine.save(drafted.eoi_id, answers={"places": 2}, actor=FOR_HEAD)
    engine.submit(drafted.eoi_id, actor=FOR_HEAD)
    engine.withdraw(drafted.eoi_id, actor=FOR_HEAD)
    assert engine.get(drafted.eoi_id, actor=school(1)).state == "withdrawn"
    assert {(each.actor, each.on_behalf_of) for each in engine.history(drafted.eoi_id)} == {
        ("programme.team", "head-of-1")
    }


@pytest.mark.parametrize("trigger", MOVES)
def test_an_officer_does_nothing_of_it_in_their_own_name(new_engine: NewEngine, trigger: str) -> None:
    """The refusal says how it could be done; `on behalf of` oneself is nobody else's behalf."""
    engine = new_engine()
    engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft("46/23", answers={}, actor=school(1)).eoi_id
    for actor in (officer(), Actor("programme.team", {"officer"}, on_behalf_of="programme.team")):
        with pytest.raises(Refused) as refused:
            engine.fire(eoi_id, trigger, actor=actor, data={"answers": {}} if trigger == "save" else None)
        assert codes(refused) == ["role-missing", "not-your-organisation"]
        assert "on behalf of" in refused.value.reasons[0].message


@pytest.mark.parametrize("role", ["reviewer", "decider", "auditor", "admin", "system"])
def test_nobody_else_stands_in(new_engine: NewEngine, role: str) -> None:
    """Standing in is an officer's: whoever reviews or decides applies for nobody."""
    engine = new_engine()
    engine.open_call(new_call(), actor=officer())
    with pytest.raises(Refused) as refused:
        engine.draft(
            "46/23", answers={}, actor=Actor("x", {role}, on_behalf_of="head-of-1"), applicant="URN:1"
        )
    assert codes(refused) == ["role-missing", "not-your-organisation"]


def test_an_applicant_stands_in_for_no_other_school(new_engine: NewEngine) -> None:
    """Whom an applicant names besides changes nothing in whose EOIs are theirs."""
    engine = new_engine()
    engine.open_call(new_call(), actor=officer())
    other = Actor("deputy", {"applicant"}, ["URN:2"], on_behalf_of="head-of-1")
    with pytest.raises(Refused) as refused:
        engine.draft("46/23", answers={}, actor=other, applicant="URN:1")
    assert codes(refused) == ["not-your-organisation"]
