"""What could be done, now or at another instant, as clients of the HTTP door are told; and who they are."""

from typing import Any

import pytest

from adapters.documents import document
from tests.api.routes.conftest import ACTORS, Who
from workflow import Engine

#: After the deadline of the call that the tests open.
LATER = "2023-03-18T00:00:01Z"
NOWHERE = "0186e27e-7a80-7000-8000-00000000dead"


def test_one_move_is_told_as_the_engine_has_it(who: Who, eoi: str, engine: Engine) -> None:
    """Whether it could be made, by whom, with what; and nothing comes of asking."""
    place, school = f"/v1/eois/{eoi}/options", ACTORS["school"]
    found = who("school").post(place, {"trigger": "submit"})
    assert found.body == document(engine.explain(eoi, "submit", school))
    assert found.body["ok"] is True
    decider = who("decider")
    needs = [
        decider.post(place, {"trigger": "approve", **said}).body["needs"]
        for said in ({}, {"reason": " "}, {"reason": "Good"}, {"data": {"reason": "Good"}})
    ]
    assert needs == [["reason"], ["reason"], [], []]
    assert [each.trigger for each in engine.history(eoi)] == ["draft"]
    assert engine.attempts(eoi) == []


def test_it_is_told_as_of_another_instant(who: Who, eoi: str, engine: Engine) -> None:
    """After the deadline nobody could submit: told of one move, and of all of them."""
    place, school = f"/v1/eois/{eoi}/options", who("school")
    late = school.post(place, {"trigger": "submit", "at": LATER}).body
    assert (late["ok"], [each["code"] for each in late["reasons"]]) == (False, ["call-closed"])
    every = school.get(f"{place}?at={LATER}").body["items"]
    assert late in every
    assert late not in school.get(place).body["items"]
    assert engine.attempts(eoi) == []


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("", "bad-deadline"),
        ("tomorrow", "bad-deadline"),
        ("2023-03-18", "bad-deadline"),
        ("2023-03-18T00:00:00", "naive-datetime"),
        ("2023-02-30T00:00:00Z", "no-such-date"),
        ("2023-03-18T24:00:00Z", "no-such-time"),
        ("0001-01-01T00:00:00Z", "year-out-of-range"),
        ("9999-12-31T23:59:59-12:00", "year-out-of-range"),
    ],
)
def test_what_is_no_instant_is_refused(who: Who, eoi: str, at: str, code: str) -> None:
    """The address and the body are read alike."""
    place, school = f"/v1/eois/{eoi}/options", who("school")
    assert school.get(f"{place}?at={at.replace('+', '%2B')}").code == code
    assert school.post(place, {"trigger": "submit", "at": at}).code == code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad-input"),
        ({"trigger": 5}, "bad-input"),
        ({"trigger": "fly"}, "unknown-trigger"),
        ({"trigger": "submit", "at": 5}, "bad-input"),
        ({"trigger": "submit", "when": LATER}, "bad-input"),
        ({"trigger": "submit", "reason": "a", "data": {"reason": "b"}}, "bad-input"),
        ({"trigger": "submit", "data": {"other": 1}}, "bad-input"),
    ],
)
def test_a_bad_question_is_refused(who: Who, eoi: str, body: dict[str, Any], code: str) -> None:
    """What a move could not be asked with, a question cannot either."""
    assert who("school").post(f"/v1/eois/{eoi}/options", body).code == code


def test_nobody_is_told_of_anothers(who: Who, eoi: str) -> None:
    """Of another's EOI, and of none, the answer is the same; and no key or version is heeded."""
    for token, about in (("other", eoi), ("school", NOWHERE), ("school", "nonsense")):
        assert who(token).post(f"/v1/eois/{about}/options", {"trigger": "submit"}).code == "not-found"
    for name, value in (("Idempotency-Key", "a"), ("If-Match", '"1"')):
        asked = who("school").post(f"/v1/eois/{eoi}/options", {"trigger": "submit"}, headers={name: value})
        assert asked.code == "bad-header"


def test_a_key_says_whom_it_stands_for(who: Who) -> None:
    """Name, roles and organisations in order, and on whose behalf it is asked; of oneself alone."""
    asked = who("trust").get("/v1/actor", headers={"EOI-On-Behalf-Of": "head-1"})
    assert asked.body == {
        "id": "trust-office",
        "roles": ["applicant"],
        "organisations": ["URN:1", "URN:2"],
        "on_behalf_of": "head-1",
    }
    assert who("service").get("/v1/actor").body["roles"] == ["decider", "reviewer"]
    assert who(None).get("/v1/actor").code == "unauthenticated"
