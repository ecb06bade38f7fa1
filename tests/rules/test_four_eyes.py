"""Four eyes: somebody other than the reviewer decides, through whatever service each of them acts."""

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from states.decisions import decide
from states.errors import Refused
from states.facts import Actor, CallFacts, EoiFacts, Facts
from states.lifecycle import EOI

CLOSES_AT: Final = datetime(2023, 3, 18, tzinfo=UTC)
CALL: Final = CallFacts(
    state="closed",
    opens_at=CLOSES_AT - timedelta(days=4),
    closes_at=CLOSES_AT,
    settles_at=CLOSES_AT,
    closed_at=CLOSES_AT,
    timezone="Europe/London",
)


@pytest.mark.parametrize("trigger", ["approve", "decline"])
@pytest.mark.parametrize("via", ["python", "http"])
@pytest.mark.parametrize(
    ("reviewed", "decides", "allowed"),
    [
        # directly, by a person
        (("R", None), ("D", None), True),
        (("R", None), ("R", None), False),
        (("R", None), ("R", "R"), False),
        (("R", None), ("R", "D"), False),  # the reviewer at the keys, in somebody else's name
        (("R", None), ("S", "R"), False),  # somebody else at the keys, in the reviewer's name
        (("R", None), ("S", "D"), True),
        # by a service or a deputy, for a person
        (("S", "R"), ("R", None), False),
        (("S", "R"), ("D", None), True),
        (("S", "R"), ("S", "D"), "by a host"),  # one service, two people
        (("S", "R"), ("S", "R"), False),
        (("S", "R"), ("S", None), False),  # the deputy who reviewed, now in its own name
        (("S", "R"), ("S", "S"), False),
        (("S", "R"), ("T", "R"), False),
        (("S", "R"), ("T", "S"), False),
        (("S", "R"), ("R", "D"), False),
        (("S", "R"), ("T", "D"), True),
        # "on behalf of" oneself is nobody else's behalf
        (("S", "S"), ("S", "D"), False),
        (("S", "S"), ("D", None), True),
        # no review: the state says so already
        ((None, None), ("D", None), True),
    ],
)
def test_somebody_other_than_the_reviewer_decides(
    trigger: str,
    via: str,
    reviewed: tuple[str | None, str | None],
    decides: tuple[str, str | None],
    allowed: bool | str,
) -> None:
    """Nobody who took part in the review, at the keys or by name, takes part in the decision.

    One service may do both for two people: a host's own, but not by HTTP, where it says itself for whom.
    """
    facts = Facts(
        actor=Actor(decides[0], {"decider"}, on_behalf_of=decides[1], via=via),
        now=CLOSES_AT,
        call=CALL,
        eoi=EoiFacts("reviewed", "URN:121234", reviewed_by=reviewed[0], reviewed_on_behalf_of=reviewed[1]),
        reason="because",
    )
    if allowed is True or (allowed and via == "python"):
        assert decide(EOI, trigger, facts).source == "reviewed"
        return
    with pytest.raises(Refused, match="ask somebody else") as caught:
        decide(EOI, trigger, facts)
    assert [reason.code for reason in caught.value.reasons] == ["reviewed-by-you"]
