"""Bad requests: each gets a problem that says what to mend, and nothing is written."""

from dataclasses import fields
from typing import Any, Final

import pytest

from adapters.api.schemas import CallToOpen
from tests.api.routes.conftest import CALL, Who
from tests.databases.raw import RawDatabase
from workflow import NewCall

INSTANT: Final = "2023-03-17T17:00:00Z"
#: What is wrong with a new call: what is changed in it, the field, the code.
BAD_CALLS: Final[tuple[tuple[dict[str, Any], str, str], ...]] = (
    ({"closes_on": None}, "closes_at", "one-closing"),
    ({"closes_at": INSTANT}, "closes_at", "one-closing"),
    ({"closes_on": "17 March 2023"}, "closes_on", "bad-deadline"),
    ({"closes_on": "2023-3-17"}, "closes_on", "bad-deadline"),
    ({"closes_on": "2023-02-30"}, "closes_on", "no-such-date"),
    ({"closes_on": "0000-01-01"}, "closes_on", "no-such-date"),
    ({"closes_on": "20230317"}, "closes_on", "bad-deadline"),
    ({"closes_on": "\u0662\u0660\u0662\u0663-03-17"}, "closes_on", "bad-deadline"),
    ({"closes_on": "2203-03-17"}, "closes_on", "year-out-of-range"),
    ({"closes_on": "9999-12-31"}, "closes_on", "year-out-of-range"),
    ({"closes_on": INSTANT}, "closes_on", "bad-deadline"),
    ({"closes_on": 20230317}, "closes_on", "bad-input"),
    ({"closes_on": None, "closes_at": "2023-03-17T17:00:00"}, "closes_at", "naive-datetime"),
    ({"closes_on": None, "closes_at": "2023-03-17 17:00:00Z"}, "closes_at", "bad-deadline"),
    ({"closes_on": None, "closes_at": "2023-03-17T17:00Z"}, "closes_at", "bad-deadline"),
    ({"closes_on": None, "closes_at": "2023-03-17T24:00:00Z"}, "closes_at", "no-such-time"),
    ({"closes_on": None, "closes_at": "2023-03-17T17:00:60Z"}, "closes_at", "no-such-time"),
    ({"closes_on": None, "closes_at": "2023-03-17T17:00:00+25:00"}, "closes_at", "no-such-time"),
    ({"closes_on": None, "closes_at": "2023-02-29T17:00:00Z"}, "closes_at", "no-such-date"),
    ({"closes_on": None, "closes_at": "0001-01-01T00:00:00+23:00"}, "closes_at", "year-out-of-range"),
    ({"closes_on": None, "closes_at": 1679072400}, "closes_at", "bad-input"),
    ({"closes_on": "2023-03-01"}, "closes_at", "closing-has-passed"),
    ({"opens_at": "2023-03-17T00:00:00Z"}, "opens_at", "opens-in-future"),
    ({"opens_at": "2023-04-17T00:00:00Z"}, "opens_at", "closing-before-opening"),
    ({"timezone": "Europe/Norwich"}, "timezone", "unknown-timezone"),
    ({"timezone": "../../etc/passwd"}, "timezone", "unknown-timezone"),
    ({"timezone": None}, "timezone", "bad-input"),
    ({"reference": ""}, "reference", "bad-input"),
    ({"reference": " "}, "reference", "bad-input"),
    ({"reference": 4623}, "reference", "bad-input"),
    ({"reference": ["46/23"]}, "reference", "bad-input"),
    ({"reference": "x" * 201}, "reference", "bad-input"),
    ({"reference": "a\x00b"}, "reference", "bad-input"),
    ({"reference": "a\ud800b"}, "reference", "bad-input"),
    ({"reference": "a\u200bb"}, "reference", "bad-input"),
    ({"reference": "0186e27e-7a80-7000-8000-0000000000c1"}, "reference", "bad-input"),
    ({"title": "a\nb"}, "title", "bad-input"),
    ({"title": True}, "title", "bad-input"),
    ({"title": "x" * 501}, "title", "bad-input"),
    ({"phase": ""}, "phase", "bad-input"),
    ({"contact": {}}, "contact", "bad-input"),
    ({"audience": "\u202e"}, "audience", "bad-input"),
    ({"state": "closed"}, "state", "bad-input"),
    ({"id": "x"}, "id", "bad-input"),
    ({"y" * 5000: 1}, "y" * 60, "bad-input"),
    ({"\ud800": 1}, "body", "bad-input"),
)
#: Paths in which something stands that is no id.
ODD: Final = (
    "x", "1", "%00", "%2F", "..%2F..%2Fetc%2Fpasswd", "46%2F23", "%F0%9F%98%80", "%ff", "%C0%80",
    "0186E27E-7A80-7000-8000-0000000000C1", "0186e27e-7a80-7000-8000-0000000000c1%20", "'%20OR%201=1",
    "%0d%0aX-Evil:%20yes", "x" * 3000, "-1", "null", "%25",
)  # fmt: skip


def test_a_bad_call_is_refused_by_field(who: Who, database: RawDatabase) -> None:
    """Each mistake in a new call has its code and its field, whatever the type; and no row is written."""
    before = database.tables()
    for change, field, code in BAD_CALLS:
        body = {
            name: value for name, value in (CALL | change).items() if value is not None or name == "timezone"
        }
        refused = who("officer").post("/v1/calls", body)
        assert (refused.status, refused.code) == (422, code), ascii(change)
        named = refused.body.get("field") or refused.body["errors"][0]["field"]
        assert named == field, ascii(change)[:200]
        assert len(refused.body["detail"]) < 600
    assert database.tables() == before


def test_what_a_new_call_may_say_is_what_the_engine_takes() -> None:
    """No field of the engine's is forgotten at the door, and none is made up."""
    assert set(CallToOpen.model_fields) == {each.name for each in fields(NewCall) if each.init}


@pytest.mark.parametrize(
    "base",
    [
        "/v1/calls/{}",
        "/v1/calls/{}/history",
        "/v1/eois/{}",
        "/v1/eois/{}/options",
        "/v1/endpoints/{}",
        "/v1/deliveries/{}",
    ],
)
def test_a_path_to_nothing_is_not_found(who: Who, base: str) -> None:
    """Whatever stands where an id is meant, the answer is that there is none: never a fault of ours."""
    for odd in ODD:
        answer = who("officer").get(base.format(odd))
        assert answer.status == 404, odd
        assert "Traceback" not in str(answer.body)
        assert "x-evil" not in answer.headers


@pytest.mark.parametrize(
    "number", ["1" * 30, "9223372036854775808", "\u0661", "1e3", "0x1", "+1", " 1", "1.0"]
)
def test_a_delivery_that_cannot_be_is_not_found(who: Who, number: str) -> None:
    """Only digits are a number, and only as many as a database holds."""
    assert who("officer").get(f"/v1/deliveries/{number}").status == 404
    assert who("officer").post(f"/v1/deliveries/{number}/retry").status == 404


def test_bodies_that_are_none_are_refused(who: Who, eoi: str, call: str, database: RawDatabase) -> None:
    """No object, twice the same name, too deep, no number: each is named, and nothing changes."""
    before = database.tables()
    school, path = who("school"), f"/v1/eois/{eoi}/answers"
    deep = b'{"answers":{"a":' + b"[" * 3000 + b"]" * 3000 + b"}}"
    for content, status, code in (
        (None, 422, "bad-input"),
        (b"null", 422, "bad-input"),
        (b"[]", 422, "bad-input"),
        (b'"x"', 422, "bad-input"),
        (b"{}", 422, "bad-input"),
        (b'{"answers":[]}', 422, "bad-input"),
        (b'{"answers":null}', 422, "bad-input"),
        (b'{"answers":{},"answer":{}}', 422, "bad-input"),
        (b'{"answers":{},"answers":{}}', 400, "bad-json"),
        (b'{"answers":{"a":1,"a":1}}', 400, "bad-json"),
        (b'{"answers":{"a":NaN}}', 400, "bad-json"),
        (b'{"answers":{"a":1e999}}', 400, "bad-json"),
        (b'{"answers":{"a":"\\ud800"}}', 422, "bad-input"),
        (b'{"answers":{"a":"\\u0000"}}', 422, "bad-input"),
        (b'{"answers":', 400, "bad-json"),
        (b"\xff", 400, "bad-json"),
        (deep, 400, "bad-json"),
        (b'{"answers":{"a":"' + b"x" * 300_000 + b'"}}', 422, "bad-input"),
    ):
        refused = school.ask("PUT", path, content=content)
        assert (refused.status, refused.code) == (status, code), content
    assert (
        school.ask(
            "PUT", path, content=b"answers=1", headers={"Content-Type": "application/x-www-form-urlencoded"}
        ).status
        == 415
    )
    assert database.tables() == before


def test_what_takes_no_body_gets_none(who: Who, call: str) -> None:
    """A body where none is read is refused, lest somebody think that it was; an empty object is none."""
    assert who("officer").ask("GET", f"/v1/calls/{call}", {"reason": "x"}).code == "bad-input"
    assert who("officer").post(f"/v1/endpoints/{call}/enable", {"reason": "x"}).code == "bad-input"
    assert who("officer").post(f"/v1/endpoints/{call}/enable", {}).code == "not-found"


@pytest.mark.parametrize(
    "body",
    [
        {"trigger": 1},
        {"trigger": None},
        {},
        {"trigger": "submit", "reason": 5},
        {"trigger": "submit", "data": []},
        {"trigger": "submit", "data": {"x": 1}},
        {"trigger": "submit", "version": 1},
        {"trigger": "submit", "data": {"answers": {}}},
        {"trigger": "save"},
        {"trigger": "approve", "reason": "x", "data": {"reason": "x"}},
        {"trigger": "submit", "reason": "x" * 10_001},
    ],
)
def test_a_bad_move_is_refused(who: Who, eoi: str, body: object) -> None:
    """What is no move, or gives along what that move does not take, is refused, and the EOI stays."""
    assert who("school").post(f"/v1/eois/{eoi}/transitions", body).code == "bad-input"
    assert who("school").get(f"/v1/eois/{eoi}").body["version"] == 1


def test_an_unknown_move_is_told_with_those_that_there_are(who: Who, eoi: str) -> None:
    """A word that the lifecycle does not know has a code of its own, under a stale version as well."""
    for headers in ({}, {"If-Match": '"9"'}, {"If-Match": '"8", "9"'}, {"If-Match": '"1"'}):
        refused = who("school").post(f"/v1/eois/{eoi}/transitions", {"trigger": "sumbit"}, headers=headers)
        assert (refused.status, refused.code) == (422, "unknown-trigger")
        assert "submit" in refused.body["detail"]


def test_an_extension_says_until_when_and_why(who: Who, call: str) -> None:
    """A day is meant in the call's zone; both closings, none, an earlier one and no reason are refused."""
    officer, path = who("officer"), f"/v1/calls/{call}/extend"
    for body, code in (
        ({"closes_on": "2023-03-24", "closes_at": INSTANT, "reason": "x"}, "one-closing"),
        ({"reason": "x"}, "closes-at-missing"),
        ({"closes_on": "2023-03-16", "reason": "x"}, "closing-not-later"),
        ({"closes_on": "2023-03-24"}, "reason-missing"),
        ({"closes_on": "2023-02-31", "reason": "x"}, "no-such-date"),
        ({"closes_on": "2999-12-31", "reason": "x"}, "year-out-of-range"),
        ({"closes_on": "9999-12-31", "reason": "x"}, "no-such-date"),
    ):
        assert officer.post(path, body).code == code
    refused = officer.post(path, {})
    assert {each["code"] for each in refused.body["errors"]} == {"reason-missing", "closes-at-missing"}
    extended = officer.post(path, {"closes_on": "2023-03-26", "reason": "Strike"})
    assert (extended.status, extended.body["closes_at"]) == (200, "2023-03-26T23:00:00Z")


def test_a_taken_reference_and_a_second_eoi_are_conflicts(who: Who, call: str, eoi: str) -> None:
    """409, with what is there already."""
    assert who("officer").post("/v1/calls", CALL).code == "reference-taken"
    again = who("school").post(f"/v1/calls/{call}/eois", {"answers": {}})
    assert (again.status, again.code) == (409, "already-applied")
    assert eoi in again.body["detail"]


def test_who_applies_for_several_says_for_which(who: Who, call: str) -> None:
    """A trust names one of its schools; another's school is refused to it."""
    trust, path = who("trust"), f"/v1/calls/{call}/eois"
    assert trust.post(path, {"answers": {}}).code == "bad-input"
    assert trust.post(path, {"answers": {}, "applicant": "URN:7"}).code == "not-your-organisation"
    assert trust.post(path, {"answers": {}, "applicant": "URN:2"}).status == 201
