"""Versions, keys and whoever is stood in for: what a request's headers ask for is done, or refused."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI

from tests.api.routes.asking import Answer, Client
from tests.api.routes.conftest import CALL, Who
from workflow import Actor, Engine
from workflow.testing import FrozenClock

NEW = {"answers": {"places": 9}}


def save(who: Who, eoi: str, *headers: tuple[str, str]) -> Answer:
    """Save answers under these headers."""
    return who("school").ask("PUT", f"/v1/eois/{eoi}/answers", NEW, headers=list(headers))


@pytest.mark.parametrize(
    "tags", ['"1"', "*", '"7", "1"', ' "1" ,, "abc" ,', '"1",W/"1"', '"1", "99999999999999999999"']
)
def test_a_version_that_fits_lets_a_change_through(who: Who, eoi: str, tags: str) -> None:
    """One strong tag, one of several, or any at all (RFC 9110, 13.1.1)."""
    saved = save(who, eoi, ("If-Match", tags))
    assert (saved.status, saved.etag) == (200, '"2"')


def test_a_version_that_does_not_fit_stops_it(who: Who, eoi: str, engine: Engine) -> None:
    """A weak tag, one that was never given or another version: 412, and nothing has changed."""
    for tags in ['"2"', '"2", "3"', 'W/"1"', '"01"', '"abc"', '""', '"99999999999999999999"', '"-1"']:
        stale = save(who, eoi, ("If-Match", tags))
        assert (stale.status, stale.code) == (412, "stale-version")
        assert engine.get(eoi).version == 1


def test_whoever_names_no_version_of_ours_is_told_what_fits(who: Who, eoi: str) -> None:
    """A weak tag, as proxies that compress make of ours, is told as that: to read again would not help."""
    for tags, fits_not, is_told in (
        ('W/"1"', "which If-Match does not name", True),
        ('"7", W/"1"', "not 7", True),
        ('"7", "8"', "not 7 or 8", False),
    ):
        there = f"/v1/eois/{eoi}"
        for stale in (
            save(who, eoi, ("If-Match", tags)),
            who("school").get(there, headers={"If-Match": tags}),
        ):
            detail = stale.body["detail"]
            assert detail.startswith(f"It is at version 1, {fits_not}: read it again.")
            assert ('W/"3", fits nothing' in detail) is is_told


def test_a_version_that_is_none_is_refused(who: Who, eoi: str, engine: Engine) -> None:
    """What is no list of tags is no condition: 400, by the header's name."""
    for tags in [
        "",
        "1",
        '"1 "',
        '"1',
        '1"',
        "'1'",
        'w/"1"',
        '"1" "1"',
        '*, "1"',
        "**",
        '"1";q=1',
        ",",
        '"1"' + ',"2"' * 20,
    ]:
        bad = save(who, eoi, ("If-Match", tags))
        assert (bad.status, bad.code, bad.body["field"]) == (400, "bad-header", "If-Match")
        assert engine.get(eoi).version == 1


def test_several_lines_of_tags_are_one_list(who: Who, eoi: str) -> None:
    """A header in two lines means what it means in one (RFC 9110, 5.3)."""
    assert save(who, eoi, ("If-Match", '"7"'), ("If-Match", '"1"')).status == 200


def test_a_replay_finds_its_answer_under_several_versions(who: Who, eoi: str) -> None:
    """Sent again after it was done, a change that names several versions is the same change."""
    school = who("school")
    school.ask("PUT", f"/v1/eois/{eoi}/answers", {"answers": {}})
    headers = {"If-Match": '"1", "2"', "Idempotency-Key": "k"}
    first = school.ask("PUT", f"/v1/eois/{eoi}/answers", NEW, headers=headers)
    again = school.ask("PUT", f"/v1/eois/{eoi}/answers", NEW, headers=headers)
    assert (first.status, first.etag) == (200, '"3"')
    assert again.body == first.body | {"replayed": True}
    assert school.ask("PUT", f"/v1/eois/{eoi}/answers", {"answers": {}}, headers=headers).code == "key-reused"


def test_a_key_is_for_one_move_at_one_path(who: Who, eoi: str, engine: Engine) -> None:
    """Another move of the same EOI under the same key is refused, whichever; the first is answered alike."""
    school, path, key = who("school"), f"/v1/eois/{eoi}/transitions", {"Idempotency-Key": "k"}
    first = school.post(path, {"trigger": "submit"}, headers=key)
    for other in ("withdraw", "reinstate", "no-such-move"):
        told = school.post(path, {"trigger": other}, headers=key)
        assert (told.status, told.code) == (422, "key-reused")
    assert school.ask("PUT", f"/v1/eois/{eoi}/answers", NEW, headers=key).code == "key-reused"
    assert engine.get(eoi).state == "submitted"
    assert school.post(path, {"trigger": "submit"}, headers=key).body == first.body | {"replayed": True}


def test_a_key_is_for_one_payload(who: Who, eoi: str, engine: Engine) -> None:
    """The same path with something else in the body is refused, and nothing is changed by it."""
    school, path, headers = who("school"), f"/v1/eois/{eoi}/answers", {"Idempotency-Key": "k"}
    assert school.ask("PUT", path, {"answers": {"places": 1}}, headers=headers).status == 200
    other = school.ask("PUT", path, {"answers": {"places": 2}}, headers=headers)
    assert (other.status, other.code, engine.get(eoi).answers) == (422, "key-reused", {"places": 1})


def test_a_key_is_for_one_thing_and_one_person(who: Who, call: str, eoi: str, engine: Engine) -> None:
    """On another EOI, and for another person, the same text is another key: each is carried out once."""
    officer, body = who("officer"), {"answers": {"places": 1}}
    draft = {"answers": {}, "applicant": "URN:7"}
    other = officer.post(f"/v1/calls/{call}/eois", draft, headers=behalf("ann")).body["eoi_id"]
    for each, person in ((eoi, "ann"), (eoi, "bob"), (other, "ann"), (eoi, "ann")):
        headers = {"Idempotency-Key": "k", **behalf(person)}
        assert officer.ask("PUT", f"/v1/eois/{each}/answers", body, headers=headers).status == 200
    assert [(each.trigger, each.on_behalf_of) for each in engine.history(eoi)] == [
        ("draft", None),
        ("save", "ann"),
        ("save", "bob"),
    ]
    assert engine.get(other).version == 2


def behalf(person: str) -> dict[str, str]:
    """Return the header that says for whom it is done."""
    return {"EOI-On-Behalf-Of": person}


def test_where_a_version_is_demanded_a_change_without_one_is_refused(
    new_api: Callable[..., FastAPI], eoi: str, call: str, engine: Engine
) -> None:
    """Every change of what is there must name what it is of; what is new has no version to name."""
    api = new_api(needs_version=True)
    school, officer, admin = (Client(api, name) for name in ("school", "officer", "admin"))
    changes: tuple[Callable[..., Answer], ...] = (
        lambda **given: school.ask("PUT", f"/v1/eois/{eoi}/answers", NEW, **given),
        lambda **given: school.post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit"}, **given),
        lambda **given: officer.post(
            f"/v1/calls/{call}/extend", {"closes_on": "2023-03-24", "reason": "x"}, **given
        ),
        lambda **given: officer.post(f"/v1/calls/{call}/close", **given),
        lambda **given: admin.post(f"/v1/calls/{call}/cancel", {"reason": "x"}, **given),
    )
    for asked in changes:
        assert (asked().status, asked().code) == (428, "version-required")
        assert asked(headers={"If-Match": '"77"'}).code == "stale-version"
        assert asked(headers={"If-Match": "*"}).code in (None, "eois-exist")
    assert officer.post("/v1/calls", CALL | {"reference": "47/23"}).status == 201
    assert engine.call("46/23").state == "cancelled"


def test_what_was_seen_is_not_sent_again(who: Who, eoi: str, call: str) -> None:
    """An EOI, and a call without its counts, is 304 while it is at the version that was seen."""
    for tags in ['"1"', 'W/"1"', "*", '"7", "1"']:
        for path in (f"/v1/eois/{eoi}", f"/v1/calls/{call}"):
            same = who("school").get(path, headers={"If-None-Match": tags})
            assert (same.status, same.body, same.etag) == (304, None, '"1"')
            assert who("school").get(path, headers={"If-None-Match": '"7"'}).status == 200
            assert who("school").get(path, headers={"If-Match": '"7"'}).code == "stale-version"
            assert who("school").get(path, headers={"If-Match": '"7", "1"'}).status == 200


def test_counts_are_always_sent(who: Who, call: str, eoi: str) -> None:
    """How many have applied changes without a new version, so staff are told whatever they have seen."""
    shown = who("officer").get(f"/v1/calls/{call}", headers={"If-None-Match": '"1"'})
    assert (shown.status, shown.body["counts"]) == (200, {"draft": 1})


def test_a_key_that_is_none_is_refused(who: Who) -> None:
    """Neither a text in quotes nor one that needs none: 400, and nothing is opened."""
    for key in [
        "",
        '""',
        '" "',
        '"',
        '"a',
        'a"b',
        "a,b",
        "a;b",
        '"a";v=1',
        '"a", "b"',
        "a b",
        '"\\a"',
        '"caf\u00e9"',
        "caf\u00e9",
        "x" * 201,
        f'"{"x" * 201}"',
    ]:
        bad = who("officer").post("/v1/calls", CALL, headers={"Idempotency-Key": key})
        assert (bad.status, bad.code, bad.body["field"]) == (400, "bad-header", "Idempotency-Key")
        assert who("officer").get("/v1/calls").body["items"] == []


@pytest.mark.parametrize("name", ["Idempotency-Key", "EOI-On-Behalf-Of", "Content-Type"])
def test_a_header_that_is_there_twice_is_none(who: Who, name: str) -> None:
    """Whoever says a thing twice is not guessed at, though both be the same: 400, by the header's name."""
    twice = [(name, "application/json"), (name, "application/json")]
    refused = who("officer").post("/v1/calls", CALL, headers=twice)
    assert (refused.status, refused.code, refused.body["field"]) == (400, "bad-header", name)
    assert who("officer").get("/v1/calls").body["items"] == []


def test_escapes_in_a_key_are_read(who: Who, eoi: str) -> None:
    r"""`"a\"b\\c"` is the key a"b\c, and another one than `"abc"`."""
    school = who("school")
    quoted = {"Idempotency-Key": r'"a\"b\\c"'}
    submit, withdraw = ({"trigger": each} for each in ("submit", "withdraw"))
    assert school.post(f"/v1/eois/{eoi}/transitions", submit, headers=quoted).status == 200
    assert school.post(f"/v1/eois/{eoi}/transitions", submit, headers=quoted).body["replayed"]
    assert (
        school.post(f"/v1/eois/{eoi}/transitions", withdraw, headers={"Idempotency-Key": '"abc"'}).status
        == 200
    )


def test_a_refusal_keeps_no_key(who: Who, eoi: str, call: str) -> None:
    """What was refused may be mended and sent again under its key."""
    officer, key = who("officer"), {"Idempotency-Key": "k"}
    extension = {"closes_on": "2023-03-24"}
    assert officer.post(f"/v1/calls/{call}/extend", extension, headers=key).code == "reason-missing"
    extended = officer.post(f"/v1/calls/{call}/extend", extension | {"reason": "Strike"}, headers=key)
    again = officer.post(f"/v1/calls/{call}/extend", extension | {"reason": "Strike"}, headers=key)
    assert (extended.status, again.body) == (200, extended.body)


@pytest.mark.parametrize(
    ("method", "path", "name", "value"),
    [
        ("POST", "/v1/endpoints", "Idempotency-Key", "k"),
        ("POST", "/v1/endpoints", "If-Match", '"1"'),
        ("DELETE", "/v1/endpoints/x", "If-Match", "*"),
        ("POST", "/v1/deliveries/1/retry", "Idempotency-Key", "k"),
        ("POST", "/v1/calls", "If-Match", '"0"'),
        ("GET", "/v1/eois", "If-None-Match", '"1"'),
        ("POST", "/v1/calls", "If-None-Match", "*"),
    ],
)
def test_a_condition_that_nobody_would_heed_is_refused(
    who: Who, method: str, path: str, name: str, value: str
) -> None:
    """Whoever relies on a key or a version is told where there is none, and nothing is done."""
    body = {"url": "https://a.example/"} if path == "/v1/endpoints" else CALL if path == "/v1/calls" else None
    refused = who("officer").ask(method, path, None if method == "GET" else body, headers={name: value})
    assert (refused.status, refused.code, refused.body["field"]) == (400, "bad-header", name)
    assert (
        who("officer").get("/v1/endpoints").body["items"]
        == who("officer").get("/v1/calls").body["items"]
        == []
    )


def test_a_key_changes_nothing_of_reading(who: Who, call: str) -> None:
    """Clients that send a key with everything can read."""
    assert who("officer").get(f"/v1/calls/{call}", headers={"Idempotency-Key": "k"}).status == 200


def test_an_officer_stands_in_and_it_is_on_record(who: Who, call: str, engine: Engine) -> None:
    """On behalf of a head an officer drafts and submits; history names both, and the door."""
    officer, behalf = who("officer"), {"EOI-On-Behalf-Of": "head-of-9"}
    body = {"answers": {}, "applicant": "URN:9"}
    refused = officer.post(f"/v1/calls/{call}/eois", body)
    assert (refused.status, refused.code) == (403, "role-missing")
    eoi = officer.post(f"/v1/calls/{call}/eois", body, headers=behalf).body["eoi_id"]
    assert officer.post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit"}).status == 403
    assert officer.post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit"}, headers=behalf).status == 200
    assert [(each.actor, each.on_behalf_of, each.via) for each in engine.history(eoi)] == [
        ("programme.team", "head-of-9", "http"),
        ("programme.team", "head-of-9", "http"),
    ]


def test_nobody_else_gains_by_standing_in(who: Who, call: str, eoi: str) -> None:
    """A school that names another one's head is still that school alone."""
    behalf = {"EOI-On-Behalf-Of": "head-of-121234"}
    other = who("other")
    assert other.get(f"/v1/eois/{eoi}", headers=behalf).status == 404
    assert other.post(f"/v1/eois/{eoi}/transitions", {"trigger": "withdraw"}, headers=behalf).status == 404
    draft = {"answers": {}, "applicant": "URN:121234"}
    assert other.post(f"/v1/calls/{call}/eois", draft, headers=behalf).status == 403


def test_whose_behalf_it_is_may_be_any_text(who: Who, call: str, engine: Engine) -> None:
    """An id in any script, sent as UTF-8, is kept as it is."""
    name = "l\u00e9a-7".encode().decode("latin-1")
    body = {"answers": {}, "applicant": "URN:9"}
    eoi = (
        who("officer").post(f"/v1/calls/{call}/eois", body, headers={"EOI-On-Behalf-Of": name}).body["eoi_id"]
    )
    assert engine.history(eoi)[0].on_behalf_of == "l\u00e9a-7"


def test_a_behalf_of_nobody_is_refused(who: Who, call: str) -> None:
    """Empty, too long, invisible or in another encoding: 400, by the header's name."""
    for name in ["", " ", "a\tb", "x" * 201, "\u00e9", "a\u00c2\u00adb"]:
        bad = who("officer").get(f"/v1/calls/{call}", headers={"EOI-On-Behalf-Of": name})
        assert (bad.status, bad.code, bad.body["field"]) == (400, "bad-header", "EOI-On-Behalf-Of")


def test_one_key_does_not_review_and_decide_for_two(
    who: Who, call: str, eoi: str, clock: FrozenClock, engine: Engine
) -> None:
    """A key that may review and decide says for whom itself: two names make no two people."""
    who("school").post(f"/v1/eois/{eoi}/transitions", {"trigger": "submit"})
    clock.move_by(days=3)
    engine.close_due()
    path, approve = f"/v1/eois/{eoi}/transitions", {"trigger": "approve", "reason": "Best."}
    ann, ben = ({"EOI-On-Behalf-Of": name} for name in ("ann", "ben"))
    assert who("service").post(path, {"trigger": "review"}, headers=ann).status == 200
    for headers in ({}, ann, ben, {"EOI-On-Behalf-Of": "service"}):
        refused = who("service").post(path, approve, headers=headers)
        assert (refused.status, refused.code) == (403, "reviewed-by-you")
    assert who("decider").post(path, approve, headers=ann).code == "reviewed-by-you"
    assert who("decider").post(path, approve, headers=ben).status == 200


def test_whose_behalf_a_host_knows_is_not_for_the_header_to_say(new_api: Callable[..., FastAPI]) -> None:
    """Where the host says for whom a program asks, the header may say the same, and nobody else."""
    ann = Actor("portal", {"officer"}, on_behalf_of="ann")
    portal = Client(new_api(authenticate=lambda _: ann), None)
    for name, status in (("ann", 200), ("ben", 400), ("portal", 400)):
        assert portal.get("/v1/calls", headers={"EOI-On-Behalf-Of": name}).status == status
    assert portal.get("/v1/calls").status == 200
