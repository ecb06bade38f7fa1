"""The life of a call and of an EOI, as clients of the HTTP door see it, on both databases."""

from datetime import UTC, datetime

import pytest

from adapters.documents import document
from tests.api.routes.conftest import CALL, Who
from workflow import Engine
from workflow.testing import FrozenClock

CLOSED = datetime(2023, 3, 18, 0, 0, 2, tzinfo=UTC)


def test_from_a_call_to_a_decision(who: Who, engine: Engine, clock: FrozenClock) -> None:
    """An officer opens, a school submits, the panel decides: each answer is what the engine has."""
    officer, school = who("officer"), who("school")
    opened = officer.post("/v1/calls", CALL)
    assert (opened.status, opened.etag) == (201, '"1"')
    assert opened.headers["location"] == f"/v1/calls/{opened.body['id']}"
    assert officer.get(opened.headers["location"]).body == opened.body
    assert opened.body == document(engine.call("46/23"))

    drafted = school.post(
        f"{opened.headers['location']}/eois", {"answers": {"places": 8}, "applicant_name": "Sprowston Junior"}
    )
    eoi = drafted.headers["location"]
    assert (drafted.status, drafted.etag, drafted.body["state"]) == (201, '"1"', "draft")
    assert eoi == f"/v1/eois/{drafted.body['eoi_id']}"
    saved = school.ask(
        "PUT", f"{eoi}/answers", {"answers": {"places": 10}}, headers={"If-Match": drafted.etag}
    )
    assert (saved.status, saved.etag, saved.body["trigger"]) == (200, '"2"', "save")
    sent = school.post(f"{eoi}/transitions", {"trigger": "submit"}, headers={"If-Match": saved.etag})
    assert (sent.status, sent.etag, sent.body["state"], sent.body["replayed"]) == (
        200,
        '"3"',
        "submitted",
        False,
    )
    assert school.get(eoi).body == document(engine.get(drafted.body["eoi_id"]))

    clock.move_to(CLOSED)
    engine.close_due()
    reviewed = who("reviewer").post(f"{eoi}/transitions", {"trigger": "review"})
    assert (reviewed.status, reviewed.body["state"]) == (200, "reviewed")
    approved = who("decider").post(f"{eoi}/transitions", {"trigger": "approve", "reason": "Meets the need"})
    assert (approved.status, approved.body["state"]) == (200, "approved")
    history = school.get(f"{eoi}/transitions").body
    assert history == {"items": document(engine.history(drafted.body["eoi_id"])), "next": None}
    assert [each["trigger"] for each in history["items"]] == ["draft", "save", "submit", "review", "approve"]
    assert {each["via"] for each in history["items"]} == {"http"}
    assert officer.get(opened.headers["location"]).body["counts_at_close"] == {"submitted": 1}


def test_too_late_is_told_with_the_instant(who: Who, eoi: str, clock: FrozenClock) -> None:
    """Who comes after the deadline is told when it was, what the time is, and why; it is on record."""
    clock.move_to(datetime(2023, 3, 18, 0, 0, 1, tzinfo=UTC))
    late = who("school").post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit"})
    assert (late.status, late.code) == (409, "call-closed")
    assert late.body["closes_at"] == "2023-03-18T00:00:00Z"
    assert late.body["server_time"] == "2023-03-18T00:00:01Z"
    assert [each["code"] for each in late.body["errors"]] == ["call-closed"]
    (attempt,) = who("school").get(f"/v1/eois/{eoi}/attempts").body["items"]
    assert (attempt["code"], attempt["count"]) == ("call-closed", 1)


def test_a_late_change_is_told_so_though_its_version_is_old(who: Who, eoi: str, clock: FrozenClock) -> None:
    """Too late says more than stale: nobody is sent to read again what they can no longer change."""
    clock.move_to(CLOSED)
    for tags in ('"9"', '"7", "9"'):
        late = who("school").ask(
            "PUT", f"/v1/eois/{eoi}/answers", {"answers": {}}, headers={"If-Match": tags}
        )
        assert late.code == "call-closed"


def test_what_a_host_did_before_is_a_replay(who: Who, eoi: str, engine: Engine) -> None:
    """The same request under the same key is carried out once, and the second answer says so."""
    school, key = who("school"), {"Idempotency-Key": '"k-1"'}
    first = school.post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit"}, headers=key)
    again = school.post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit"}, headers=key)
    assert again.body == first.body | {"replayed": True}
    assert (again.status, again.etag) == (first.status, first.etag)
    assert len(engine.history(eoi)) == 2
    other = school.post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit", "reason": "x"}, headers=key)
    assert (other.status, other.code) == (422, "key-reused")


@pytest.mark.parametrize("key", ['"open-1"', "open-1", '  "open-1" '])
def test_keys_open_a_call_once(who: Who, key: str) -> None:
    """A key is the same with quotes and without: the call is opened once, each answer is 201 and alike."""
    first = who("officer").post("/v1/calls", CALL, headers={"Idempotency-Key": "open-1"})
    again = who("officer").post("/v1/calls", CALL, headers={"Idempotency-Key": key})
    assert (first.status, again.status) == (201, 201)
    assert again.body == first.body
    assert len(who("officer").get("/v1/calls").body["items"]) == 1


def test_a_move_takes_what_it_needs_in_its_data(who: Who, eoi: str, engine: Engine) -> None:
    """Answers go with `save`, and a reason may stand there, too."""
    path = f"/v1/eois/{eoi}/transitions"
    saved = who("school").post(
        path, {"trigger": "save", "data": {"answers": {"places": 1, "deep": {"a": [1.5]}}}}
    )
    assert (saved.status, saved.etag) == (200, '"2"')
    assert engine.get(eoi).answers == {"places": 1, "deep": {"a": [1.5]}}
    left = who("school").post(path, {"trigger": "withdraw", "data": {"reason": "Too early"}})
    assert (left.status, engine.history(eoi)[-1].reason) == (200, "Too early")
