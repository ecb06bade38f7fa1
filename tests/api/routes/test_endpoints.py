"""Receivers of events over HTTP: who keeps them, what is shown once, what is sent again."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI

from adapters.api.paging import cursor_of
from adapters.documents import document
from tests.api.routes.asking import Client
from tests.api.routes.conftest import Who
from workflow import BadInput, Engine
from workflow.testing import officer, school

URL = "https://council.example/eoi"
NOWHERE = "0186e27e-7a80-7000-8000-00000000dead"


def test_an_endpoint_from_its_first_day_to_its_last(who: Who, engine: Engine) -> None:
    """Added with its secret, shown without, disabled, rotated, tried, removed: each as the engine says."""
    keeper = who("officer")
    added = keeper.post(
        "/v1/endpoints",
        {
            "url": URL,
            "events": ["eoi.*"],
            "headers": {"X-Team": "places"},
            "timeout_s": 5,
            "concurrency": 2,
            "ordered": False,
        },
    )
    place = added.headers["location"]
    assert (added.status, place) == (201, f"/v1/endpoints/{added.body['id']}")
    assert added.body["secret"].startswith("whsec_")
    shown = keeper.get(place)
    assert shown.body == added.body | {"secret": None} == document(engine.endpoint(added.body["id"]))
    assert "places" not in str(shown.body)
    assert keeper.get("/v1/endpoints").body == {"items": [shown.body], "next": None}
    assert keeper.post(f"{place}/disable", {"reason": "Maintenance"}).body["disabled_why"] == "Maintenance"
    assert keeper.post(f"{place}/enable").body["disabled_at"] is None
    rotated = keeper.post(f"{place}/rotate", {"keep_old_s": 3600})
    assert rotated.body["secret"] not in (None, added.body["secret"])
    assert rotated.body["old_secret_until"] == "2023-03-16T13:00:00Z"
    tried = keeper.post(f"{place}/test")
    assert tried.body == {
        "endpoint": added.body["id"],
        "arrived": True,
        "status": 204,
        "why": None,
        "answer": "",
        "duration_s": 0.123,
    }
    assert keeper.ask("DELETE", place).body["id"] == added.body["id"]
    assert keeper.get(place).code == "not-found"


def test_who_may_keep_and_who_may_look(who: Who) -> None:
    """Officers and admins keep, auditors look, and nobody else is told that there is anything."""
    place = who("officer").post("/v1/endpoints", {"url": URL}).headers["location"]
    reads = ("/v1/endpoints", place, f"{place}/deliveries", "/v1/deliveries/1")
    for name in ("officer", "admin", "auditor"):
        assert {who(name).get(path).status for path in reads[:3]} == {200}
    changes = [("POST", f"{place}/{word}") for word in ("disable", "enable", "rotate", "test", "redrive")]
    for name in ("auditor", "school", "reviewer", "decider"):
        for method, path in (*changes, ("DELETE", place), ("POST", "/v1/deliveries/1/retry")):
            assert who(name).ask(method, path).code == "role-missing"
        assert who(name).post("/v1/endpoints", {"url": URL}).code == "role-missing"
    for name in ("school", "reviewer", "decider"):
        assert {who(name).get(path).code for path in reads} == {"role-missing"}
    assert who("admin").get(place).body["disabled_at"] is None


def test_a_webhook_is_looked_at_for_those_who_may_add_it(new_api: Callable[..., FastAPI]) -> None:
    """A URL that leads inside is refused; for whoever may add nothing no name is looked up."""
    looked = list[str]()

    def look_at(url: str) -> str | None:
        looked.append(url)
        if "10.0.0.1" in url:
            msg = "Webhooks may not go there."
            raise BadInput(msg, field="url")
        return "The name cannot be looked up from here."

    api = new_api(look_at=look_at)
    for name in ("school", "auditor", "nobody"):
        assert Client(api, name).post("/v1/endpoints", {"url": "https://10.0.0.1/"}).status == 403
    assert looked == []
    keeper = Client(api, "admin")
    assert keeper.post("/v1/endpoints", {"url": "https://10.0.0.1/"}).code == "bad-input"
    assert keeper.post("/v1/endpoints", {"url": URL}).status == 201
    assert keeper.post("/v1/endpoints", {"url": "applicant", "via": "smtp"}).status == 201
    assert looked == ["https://10.0.0.1/", URL]


def test_without_couriers_nothing_can_be_tried(new_api: Callable[..., FastAPI]) -> None:
    """Where there is nothing to try an endpoint with, openapi.json has no such route."""
    paths = new_api(try_endpoint=None).openapi()["paths"]
    assert "/v1/endpoints/{endpoint}/test" not in paths
    assert "/v1/endpoints/{endpoint}/test" in new_api().openapi()["paths"]


BAD: Final[tuple[dict[str, Any], ...]] = (
    {"url": 5},
    {"url": ""},
    {"url": "ftp://a.example/"},
    {"url": "x" * 5000},
    *(
        {"url": URL} | change
        for change in (
            {"via": "pigeon"},
            {"events": "eoi.*"},
            {"events": ["eoi.sumbitted"]},
            {"events": [1]},
            {"headers": {"X": 1}},
            {"headers": {"Host": "x"}},
            {"headers": {"X": "a\r\nY: b"}},
            {"events": list[str]()},
            {"events": [""]},
            {"events": [" "]},
            {"timeout_s": "5"},
            {"timeout_s": 0.01},
            {"timeout_s": True},
            {"concurrency": 0},
            {"concurrency": 1.5},
            {"ordered": "yes"},
            {"ordered": 1},
            {"secret": "whsec_x"},
        )
    ),
    {},
)


def test_a_bad_endpoint_is_refused(who: Who) -> None:
    """Whatever cannot be kept or would not arrive is refused, and nothing is added."""
    for body in BAD:
        assert who("officer").post("/v1/endpoints", body).code == "bad-input", body
    assert who("officer").get("/v1/endpoints").body["items"] == []


def test_deliveries_are_paged_shown_and_sent_again(who: Who, call: str, engine: Engine) -> None:
    """What is on its way to one receiver comes in pages; what is parked goes back into its line."""
    keeper = who("officer")
    place = keeper.post("/v1/endpoints", {"url": URL}).headers["location"]
    for urn in range(3):
        engine.draft(call, answers={}, actor=school(urn))
    engine.events()
    every = [document(each) for each in engine.deliveries(endpoint=place.rpartition("/")[2])]
    first = keeper.get(f"{place}/deliveries?limit=2")
    assert first.body["items"] == every[:2]
    last = keeper.get(f"{place}/deliveries?limit=2&cursor={first.body['next']}")
    assert last.body == {"items": every[2:], "next": None}
    assert keeper.get(f"{place}/deliveries?state=parked").body["items"] == []
    assert keeper.get(f"{place}/deliveries?state=prked").code == "bad-input"
    for forged in ("x", "", "1e3", "9" * 30, "0186e27e-7a80-7000-8000-00000000dead"):
        question = {"of": "deliveries", "endpoint": place.rpartition("/")[2], "state": None}
        answer = keeper.get(f"{place}/deliveries?cursor={cursor_of(forged, question)}")
        assert (answer.status, answer.code) == (422, "bad-cursor"), forged
    number = every[0]["id"]
    assert keeper.get(f"/v1/deliveries/{number}").body == every[0] | {"tries": []}
    assert keeper.post(f"/v1/deliveries/{number}/retry").code == "not-found"
    keeper.ask("DELETE", place)
    assert [each["state"] for each in keeper.get(f"{place}/deliveries").body["items"]] == ["parked"] * 3
    assert keeper.post(f"/v1/deliveries/{number}/retry").code == "nobody-to-tell"
    assert keeper.get(f"/v1/endpoints/{NOWHERE}/deliveries").code == "not-found"
    assert keeper.get("/v1/endpoints/log/deliveries").status == 200


def test_what_was_delivered_is_sent_again(who: Who, call: str, engine: Engine) -> None:
    """A receiver that lost what it had gets it again from an instant on, which must be said."""
    keeper = who("admin")
    place = keeper.post("/v1/endpoints", {"url": URL}).headers["location"]
    engine.draft(call, answers={}, actor=school())
    engine.events()
    assert keeper.post(f"{place}/redrive").body == {"redriven": 0}
    assert keeper.post(f"{place}/redrive", {"since": "2023-03-16T00:00:00Z"}).body == {"redriven": 0}
    assert keeper.post(f"{place}/redrive", {"delivered": True}).code == "bad-input"
    assert keeper.post(f"{place}/redrive", {"since": "yesterday"}).code == "bad-deadline"
    assert keeper.post(f"/v1/endpoints/{NOWHERE}/redrive").code == "not-found"
    assert engine.deliveries(actor=officer())[0].state == "pending"


def test_all_deliveries_are_listed_and_counted(who: Who, call: str, engine: Engine) -> None:
    """Deliveries to whichever receiver come in pages, or to one; a page leads on in its own list alone."""
    keeper = who("officer")
    places = [keeper.post("/v1/endpoints", {"url": f"{URL}/{each}"}).headers["location"] for each in "ab"]
    engine.draft(call, answers={}, actor=school())
    engine.events()
    every = [document(each) for each in engine.deliveries()]
    assert len(every) == 3  # that of the call went to the log
    first = who("auditor").get("/v1/deliveries?limit=2")
    assert first.body["items"] == every[:2]
    last = keeper.get(f"/v1/deliveries?limit=2&cursor={first.body['next']}")
    assert last.body == {"items": every[2:], "next": None}
    one = places[0].rpartition("/")[2]
    assert [each["endpoint"] for each in keeper.get(f"/v1/deliveries?endpoint={one}").body["items"]] == [one]
    assert keeper.get(f"/v1/deliveries?endpoint={one}&cursor={first.body['next']}").code == "bad-cursor"
    assert keeper.get(f"/v1/deliveries?endpoint={NOWHERE}").body["items"] == []
    assert keeper.get("/v1/deliveries?endpoint=nonsense").code == "not-found"
    assert keeper.get("/v1/deliveries?state=lost").code == "bad-input"
    counted = keeper.get("/v1/outbox/stats").body
    assert counted == {"items": document(engine.delivery_stats()), "next": None}
    assert {each["pending"] for each in counted["items"] if each["endpoint"] != "log"} == {1}


def test_what_is_parked_goes_back_or_is_dropped(who: Who, call: str, engine: Engine) -> None:
    """All of it, one receiver's, or one alone; nothing is dropped for all unless that is said."""
    keeper = who("officer")
    keeper.post("/v1/endpoints", {"url": URL})
    place = keeper.post("/v1/endpoints", {"url": f"{URL}/gone"}).headers["location"]
    gone = place.rpartition("/")[2]
    for urn in range(3):
        engine.draft(call, answers={}, actor=school(urn))
    engine.events()
    keeper.ask("DELETE", place)

    def parked() -> list[int]:
        return [each.id for each in engine.deliveries(state="parked")]

    last, middle, first = parked()
    assert keeper.post("/v1/outbox/redrive", {}).body == {"redriven": 0}
    assert keeper.post("/v1/outbox/redrive", {"endpoint": NOWHERE}).code == "not-found"
    assert keeper.post("/v1/outbox/redrive", {"delivered": True}).code == "bad-input"
    assert keeper.post("/v1/outbox/redrive", {"since": "yesterday"}).code == "bad-deadline"
    assert keeper.ask("DELETE", f"/v1/deliveries/{last}?endpoint={NOWHERE}").code == "not-found"
    assert keeper.ask("DELETE", f"/v1/deliveries/{last}?endpoint={gone}").body == {"dropped": 1}
    assert keeper.ask("DELETE", f"/v1/deliveries/{last}").code == "not-found"
    assert keeper.post("/v1/outbox/drop", {}).code == "bad-input"
    assert keeper.post("/v1/outbox/drop").code == "bad-input"
    assert keeper.post("/v1/outbox/drop", {"endpoint": NOWHERE}).body == {"dropped": 0}
    assert parked() == [middle, first]
    assert keeper.post("/v1/outbox/drop", {"endpoint": None}).body == {"dropped": 2}
    assert parked() == []
    assert [each.endpoint for each in engine.deliveries(state="pending")].count(gone) == 0
    assert len(engine.deliveries(state="pending")) == 4  # the other's three, and the log's


def test_who_is_no_webhook_has_no_secret(who: Who) -> None:
    """What goes to people is neither signed nor tried."""
    place = who("officer").post("/v1/endpoints", {"url": "applicant", "via": "smtp"}).headers["location"]
    assert who("officer").post(f"{place}/rotate").code == "bad-input"
    assert who("officer").post(f"{place}/test").code == "bad-input"
