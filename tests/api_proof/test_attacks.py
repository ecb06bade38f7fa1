"""What somebody tries who has a key and means harm: others' answers, names, fields, places, addresses."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from adapters.api.paging import cursor_of
from tests.api.routes.asking import Client
from tests.api_proof.world import World
from tests.databases.raw import RawDatabase
from workflow.store.history import MOST_ATTEMPTS
from workflow.testing import admin

MOVES: Final = "/v1/eois/{}/transitions"


def client(world: World, who: str) -> Client:
    """Return somebody with their key."""
    return Client(world.api, world.keys[who])


def another(world: World, name: str, *roles: str, organisations: tuple[str, ...] = ()) -> Client:
    """Return somebody with a new key."""
    view = world.engine.create_key(name, roles=roles, organisations=organisations, actor=admin())
    return Client(world.api, view.key)


def test_a_replay_is_the_actors_own(world: World) -> None:
    """Under somebody else's idempotency key nobody gets their answer: no colleague, nor for another."""
    body = {"reference": "7/23", "title": "Places", "closes_on": "2023-04-30"}
    key = {"Idempotency-Key": "open-7"}
    first = client(world, "officer").post("/v1/calls", body, headers=key)
    assert first.status == 201
    assert client(world, "officer").post("/v1/calls", body, headers=key).body == first.body
    for other in (another(world, "officer-2", "officer"), client(world, "several")):
        assert other.post("/v1/calls", body, headers=key).code == "reference-taken"
    behalf = client(world, "officer").post("/v1/calls", body, headers=key | {"EOI-On-Behalf-Of": "ann"})
    assert behalf.code == "reference-taken"
    for nobody in ("expired", "revoked"):
        assert client(world, nobody).post("/v1/calls", body, headers=key).status == 401


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/calls", {"reference": "8/23", "title": "Places", "closes_on": "2023-04-30"}),
        ("POST", "/v1/calls/{call}/extend", {"closes_on": "2023-05-30", "reason": "x"}),
        ("PUT", "/v1/eois/{own}/answers", {"answers": {}}),
        ("POST", "/v1/eois/{own}/transitions", {"trigger": "submit"}),
        ("POST", "/v1/endpoints", {"url": "http://127.0.0.1:9/x"}),
    ],
)
def test_nothing_can_be_slipped_in(
    world: World, database: RawDatabase, method: str, path: str, body: dict[str, Any]
) -> None:
    """A field that only the engine writes is refused by its name, whoever sends it."""
    before = database.tables()
    for field, value in (
        ("id", "0186e27e-7a80-7000-8000-0000000000c1"), ("state", "approved"), ("version", 9),
        ("status", "approved"),
        ("at", "2023-03-01T00:00:00Z"), ("arrival", "2023-03-01T00:00:00Z"),
        ("submitted_at", "2023-03-01T00:00:00Z"),
        ("closed_at", None), ("actor", "admin-1"), ("on_behalf_of", "ann"), ("via", "python"),
        ("roles", ["admin"]),
        ("organisations", ["URN:7"]), ("idempotency_key", "x"), ("expected_version", 1), ("secret", "x"),
        ("created_by", "x"),
        ("reviewed_by", "x"), ("is_admin", True), ("force", True),
    ):  # fmt: skip
        refused = client(world, "several").ask(method, path.format(**world.ids), {**body, field: value})
        assert (refused.status, refused.code, refused.body["field"]) == (422, "bad-input", field)
    after = database.tables()
    for rows in (before, after):
        for row in rows["eoi_api_key"]:
            row.pop("last_used_at")
    assert after == before


def test_a_forged_cursor_leads_nowhere_else(world: World) -> None:
    """Anybody can make a cursor; by one, too, an applicant sees its own alone, whatever it points at."""
    question = {"of": "eois", "call": None, "state": None, "applicant": None}
    own = {each["id"] for each in client(world, "applicant").get("/v1/eois").body["items"]}
    assert own == {world.ids["own"], world.ids["own-submitted"]}
    for place in (world.ids["foreign"], world.ids["missing"], "0" * 8 + "-0000-7000-8000-" + "0" * 12):
        page = client(world, "applicant").get(f"/v1/eois?cursor={cursor_of(place, question)}")
        assert {each["id"] for each in page.body["items"]} <= own
    foreign = {**question, "applicant": "URN:7"}
    cursor = cursor_of(world.ids["own"], foreign)
    assert client(world, "applicant").get(f"/v1/eois?cursor={cursor}").code == "bad-cursor"
    assert client(world, "applicant").get(f"/v1/eois?applicant=URN:7&cursor={cursor}").body["items"] == []


def test_of_two_changes_of_one_version_one_is_made(world: World) -> None:
    """However close two come, one of them is told that it has changed; nothing is overwritten unseen."""
    path, school = f"/v1/eois/{world.ids['own']}/answers", client(world, "applicant")
    for version in range(1, 6):
        with ThreadPoolExecutor(4) as pool:
            told = list(
                pool.map(
                    lambda places, version=version: (
                        school.ask(
                            "PUT", path, {"answers": {"places": places}}, headers={"If-Match": f'"{version}"'}
                        ).status
                    ),
                    range(4),
                )
            )
        assert sorted(told) == [200, 412, 412, 412]


def test_nobody_stands_in_by_their_own_name(world: World) -> None:
    """An officer acts as an applicant for somebody who is named, which is nobody's own name."""
    path, body = f"/v1/calls/{world.ids['call']}/eois", {"answers": {}, "applicant": "URN:55"}
    for name, status in (("officer-1", 403), (" officer-1 ", 403), ("head-of-55", 201)):
        headers = {"EOI-On-Behalf-Of": name}
        assert client(world, "officer").post(path, body, headers=headers).status == status
    for who in ("applicant", "reviewer", "decider", "auditor", "admin"):
        refused = client(world, who).post(path, body, headers={"EOI-On-Behalf-Of": "head-of-56"})
        assert refused.status == 403


def test_made_up_names_do_not_fill_the_database(world: World, database: RawDatabase) -> None:
    """Refused in ever other names, an actor leaves a bounded number of rows, and every attempt is counted."""
    path, body = MOVES.format(world.ids["own"]), {"trigger": "approve", "reason": "x"}
    school, times = client(world, "applicant"), MOST_ATTEMPTS + 30
    for number in range(times):
        assert school.post(path, body, headers={"EOI-On-Behalf-Of": f"n{number}"}).status == 403
    rows = database.rows("eoi_attempt")
    assert sum(row["count"] for row in rows) == times
    assert len(rows) == MOST_ATTEMPTS + 1


def test_headers_of_proxies_change_nothing(world: World) -> None:
    """What a gateway may say of paths, methods, hosts and people is nobody's word here."""
    school = client(world, "applicant")
    honest = school.get(f"/v1/eois/{world.ids['own']}")
    for name, value in (
        ("X-Original-URL", "/v1/endpoints"), ("X-Rewrite-URL", "/v1/endpoints"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-User", "admin-1"),
        ("X-Remote-User", "admin-1"), ("X-HTTP-Method-Override", "DELETE"),
        ("Forwarded", "for=127.0.0.1;host=evil.example"),
        ("X-Api-Key", world.keys["admin"]), ("Cookie", f"key={world.keys['admin']}"), ("X-Actor", "admin-1"),
        ("X-Roles", "admin"),
        ("Origin", "https://evil.example"), ("Range", "bytes=0-1"), ("Accept", "text/html"),
        ("TE", "trailers"),
        ("Proxy-Authorization", f"Bearer {world.keys['admin']}"),
    ):  # fmt: skip
        told = school.get(f"/v1/eois/{world.ids['own']}", headers={name: value})
        assert (told.status, told.body) == (200, honest.body), name
        assert _of_answer(told.headers) == _of_answer(honest.headers), name


def _of_answer(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that do not name the request."""
    return {name: value for name, value in headers.items() if name != "x-request-id"}


def test_what_is_said_again_runs_nowhere(world: World) -> None:
    """Scripts and formulas come back as JSON that no browser takes for a page, and are kept by nobody."""
    evil = "<script>alert(1)</script>"
    for answer in (
        client(world, "officer").get(f"/v1/calls?{evil}=1"),
        client(world, "officer").get(f"/v1/calls?state={evil}"),
        client(world, "officer").post("/v1/calls", {evil: 1}),
        client(world, "applicant").post(MOVES.format(world.ids["own"]), {"trigger": evil}),
        client(world, "applicant").post(MOVES.format(world.ids["own"]), {"trigger": "=cmd|' /C calc'!A0"}),
    ):
        assert answer.status == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://192.168.0.1/",
        "http://[::1]/", "http://0.0.0.0/",
        "http://[::ffff:10.0.0.1]/", "http://2130706433/", "http://0x7f.1/", "file:///etc/passwd",
        "gopher://127.0.0.1/", "http://127.0.0.1@10.0.0.1/", "https://user:pass@council.example/",
        "http://council.example/", "//10.0.0.1",
        "http://127.0.0.1:9\r\nX: y/", "http://[fe80::1%25eth0]/",
    ],
)  # fmt: skip
def test_an_endpoint_leads_nowhere_inside(world: World, database: RawDatabase, url: str) -> None:
    """What is private, and not named by the operator, is refused where it is added; no row is kept."""
    before = database.rows("eoi_endpoint")
    for who in ("officer", "admin"):
        refused = client(world, who).post("/v1/endpoints", {"url": url})
        assert (refused.status, refused.code) == (422, "bad-input")
    assert database.rows("eoi_endpoint") == before


def test_no_answer_holds_a_key(world: World) -> None:
    """Whatever is listed, neither a key, nor its hash, nor a receiver's secret is in it."""
    secret = client(world, "officer").post("/v1/endpoints", {"url": "http://127.0.0.1:9/s"}).body["secret"]
    assert secret
    paths = ("/v1/calls", "/v1/eois", "/v1/endpoints", f"/v1/endpoints/{world.ids['endpoint']}/deliveries")
    for who in ("officer", "admin", "auditor"):
        told = json.dumps([client(world, who).get(path).body for path in paths])
        assert secret not in told
        assert not any(key in told for key in world.keys.values())
