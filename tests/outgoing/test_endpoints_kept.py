"""Endpoints: who may keep them, on which terms, and what is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.databases.raw import RawDatabase
from tests.refusals import codes
from workflow import Actor, BadInput, Engine, NotFound, Refused
from workflow.testing import FrozenClock, admin, auditor, decider, officer, reviewer, school

URL = "https://council.example/eoi"
NOBODY = "0" * 32


def test_an_endpoint_is_kept_with_every_term(engine: Engine, clock: FrozenClock) -> None:
    """What it was added with is what is listed, and shown again by another engine's look."""
    added = engine.add_endpoint(
        URL,
        events=["eoi.*", "call.closed", "eoi.*"],
        headers={"X-Team": "eoi"},
        timeout_s=2.5,
        concurrency=3,
        ordered=False,
        actor=admin(),
    )
    seen = engine.endpoint(added.id, actor=auditor())
    assert engine.endpoints() == [seen]
    assert (seen.courier, seen.url, seen.events) == ("webhook", URL, ("eoi.*", "call.closed"))
    assert (seen.timeout_s, seen.concurrency, seen.ordered) == (2.5, 3, False)
    assert (seen.signed, seen.has_headers, seen.created_at) == (True, True, clock.now())


def test_what_is_not_said_is_the_ordinary(engine: Engine) -> None:
    """Every event, in order, as many at once as there are workers, no headers of its own."""
    seen = engine.endpoint(engine.add_endpoint(URL, actor=officer()).id)
    assert (seen.events, seen.ordered, seen.has_headers) == (("*",), True, False)
    assert (seen.timeout_s, seen.concurrency) == (None, None)
    assert (seen.disabled_at, seen.failures, seen.failing_since, seen.rest_until) == (None, 0, None, None)


@pytest.mark.parametrize("via", ["smtp", "notify"])
@pytest.mark.parametrize(
    ("given", "url", "events"),
    [
        ("clerk@council.example", "clerk@council.example", ("*",)),
        ("applicant", "applicant", ("eoi.*",)),
        ("audience", "audience", ("call.*",)),
        ("officers", "list:officers", ("*",)),
        ("list:governors", "list:governors", ("*",)),
    ],
)
def test_people_are_told_by_those_who_carry_letters(
    engine: Engine, *, via: str, given: str, url: str, events: tuple[str, ...]
) -> None:
    """Each kind of receiver gets every event that concerns it; letters are not signed."""
    added = engine.add_endpoint(given, via=via, actor=officer())
    assert (added.courier, added.url, added.events) == (via, url, events)
    assert (added.signed, added.secret) == (False, None)


COMMANDS: list[tuple[str, Callable[[Engine, str, Actor], object]]] = [
    ("add", lambda engine, _, actor: engine.add_endpoint(URL, actor=actor)),
    ("disable", lambda engine, id_, actor: engine.disable_endpoint(id_, actor=actor)),
    ("enable", lambda engine, id_, actor: engine.enable_endpoint(id_, actor=actor)),
    ("rotate", lambda engine, id_, actor: engine.rotate_endpoint(id_, actor=actor)),
    ("ping", lambda engine, id_, actor: engine.ping(id_, actor=actor)),
    ("contacts", lambda engine, _, actor: engine.put_contacts("a", [], actor=actor)),
    ("retry", lambda engine, _, actor: engine.retry(actor=actor)),
    ("redrive", lambda engine, _, actor: engine.redrive(actor=actor)),
    ("remove", lambda engine, id_, actor: engine.remove_endpoint(id_, actor=actor)),
]
LOOKS: list[tuple[str, Callable[[Engine, str, Actor], object]]] = [
    ("endpoints", lambda engine, _, actor: engine.endpoints(actor=actor)),
    ("endpoint", lambda engine, id_, actor: engine.endpoint(id_, actor=actor)),
    ("lists", lambda engine, _, actor: engine.contact_lists(actor=actor)),
    ("list", lambda engine, _, actor: engine.contacts("a", actor=actor)),
    ("deliveries", lambda engine, _, actor: engine.deliveries(actor=actor)),
    ("stats", lambda engine, _, actor: engine.delivery_stats(actor=actor)),
    ("feed", lambda engine, _, actor: engine.events(actor=actor)),
]


@pytest.mark.parametrize("actor", [school(), reviewer(), decider(), auditor(), Actor("x", set())])
@pytest.mark.parametrize("command", [each for _, each in COMMANDS], ids=[name for name, _ in COMMANDS])
def test_only_officers_and_admins_keep_what_goes_out(
    engine: Engine, database: RawDatabase, *, command: Callable[[Engine, str, Actor], object], actor: Actor
) -> None:
    """Anybody else is refused, and nothing has changed."""
    endpoint_id = engine.add_endpoint(URL, actor=officer()).id
    before = database.tables()
    with pytest.raises(Refused) as refused:
        command(engine, endpoint_id, actor)
    assert codes(refused) == ["role-missing"]
    assert database.tables() == before


@pytest.mark.parametrize("actor", [officer(), admin()])
@pytest.mark.parametrize("command", [each for _, each in COMMANDS], ids=[name for name, _ in COMMANDS])
def test_officers_and_admins_may(
    engine: Engine, *, command: Callable[[Engine, str, Actor], object], actor: Actor
) -> None:
    """Both keep endpoints, contacts and deliveries."""
    command(engine, engine.add_endpoint(URL, actor=officer()).id, actor)


@pytest.mark.parametrize("look", [each for _, each in LOOKS], ids=[name for name, _ in LOOKS])
def test_auditors_look_and_schools_do_not(
    engine: Engine, *, look: Callable[[Engine, str, Actor], object]
) -> None:
    """An auditor sees what an officer sees; who applies or decides sees none of it."""
    endpoint_id = engine.add_endpoint(URL, actor=officer()).id
    assert look(engine, endpoint_id, auditor()) == look(engine, endpoint_id, officer())
    for actor in (school(), reviewer(), decider()):
        with pytest.raises(Refused) as refused:
            look(engine, endpoint_id, actor)
        assert codes(refused) == ["role-missing"]


@pytest.mark.parametrize("endpoint_id", [NOBODY, "log", "council", ""])
@pytest.mark.parametrize("name", ["disable", "enable", "rotate", "ping", "remove"])
def test_an_id_that_nothing_has_is_not_found(engine: Engine, *, name: str, endpoint_id: str) -> None:
    """Nor is the log an endpoint that anybody keeps; the one that is there stays as it is."""
    kept = engine.add_endpoint(URL, actor=officer())
    before = engine.endpoint(kept.id)
    with pytest.raises(NotFound):
        dict(COMMANDS)[name](engine, endpoint_id, officer())
    assert engine.endpoints() == [before]


BAD: list[tuple[str, dict[str, Any]]] = [
    ("url", {"url": ""}),
    ("url", {"url": 7}),
    ("url", {"url": "ftp://council.example/"}),
    ("url", {"url": "https://council.example/a b"}),
    ("url", {"url": "https://council.example:99999/"}),
    ("url", {"url": "https://" + "a" * 2000}),
    ("url", {"url": "https://user:hunter2@council.example/"}),
    ("url", {"url": "https://user:hunter2@council.example:99999/"}),
    ("url", {"url": "https://council.example/?token=hunter2 and more"}),
    ("url", {"url": "applicant"}),
    ("url", {"url": "applicants", "via": "smtp"}),
    ("url", {"url": "a@b@c", "via": "smtp"}),
    ("url", {"url": "a@b.example, c@d.example", "via": "notify"}),
    ("list", {"url": "list:", "via": "smtp"}),
    ("via", {"via": "fax"}),
    ("via", {"via": "log"}),
    ("via", {"via": None}),
    ("events", {"events": "eoi.*"}),
    ("events", {"events": ["eoi.lost"]}),
    ("events", {"events": ["eoi.*", ""]}),
    ("events", {"events": 7}),
    ("events", {"events": []}),
    ("events", {"events": ()}),
    ("events", {"events": [" "]}),
    ("events", {"events": [], "url": "applicant", "via": "smtp"}),
    ("events", {"events": ["call.opened"], "url": "applicant", "via": "smtp"}),
    ("events", {"events": ["eoi.submitted"], "url": "audience", "via": "smtp"}),
    ("events", {"events": ["call.*", "eoi.*"], "url": "audience", "via": "smtp"}),
    ("headers", {"headers": {"X-Team": "eoi\r\nHost: evil"}}),
    ("headers", {"headers": {"webhook-id": "1"}}),
    ("headers", {"headers": {"X-Team": "eoi"}, "url": "clerk@council.example", "via": "smtp"}),
    ("timeout_s", {"timeout_s": 0}),
    ("timeout_s", {"timeout_s": 0.09}),
    ("timeout_s", {"timeout_s": 30.1}),
    ("timeout_s", {"timeout_s": float("nan")}),
    ("timeout_s", {"timeout_s": True}),
    ("timeout_s", {"timeout_s": "2"}),
    ("concurrency", {"concurrency": 0}),
    ("concurrency", {"concurrency": 1001}),
    ("concurrency", {"concurrency": 1.0}),
    ("concurrency", {"concurrency": True}),
    ("ordered", {"ordered": None}),
    ("ordered", {"ordered": "yes"}),
    ("ordered", {"ordered": 1}),
]


@pytest.mark.parametrize(("field", "terms"), BAD, ids=[f"{field}-{n}" for n, (field, _) in enumerate(BAD)])
def test_terms_that_cannot_be_kept_are_refused(
    engine: Engine, database: RawDatabase, *, field: str, terms: dict[str, Any]
) -> None:
    """Who adds it is told which field is wrong, and nothing is added."""
    before = database.tables()
    asked: dict[str, Any] = {"url": URL, "actor": officer(), **terms}
    with pytest.raises(BadInput) as refused:
        engine.add_endpoint(**asked)
    assert refused.value.field == field
    assert "hunter2" not in str(refused.value)
    assert database.tables() == before


@pytest.mark.parametrize("keep_old_s", [-1, float("nan"), float("inf"), "1", 10**9])
def test_a_time_that_is_none_rotates_nothing(engine: Engine, database: RawDatabase, keep_old_s: Any) -> None:
    """The secret stays what it was."""
    endpoint_id = engine.add_endpoint(URL, actor=officer()).id
    before = database.tables()
    with pytest.raises(BadInput) as refused:
        engine.rotate_endpoint(endpoint_id, keep_old_s=keep_old_s, actor=officer())
    assert refused.value.field == "keep_old_s"
    assert database.tables() == before


@pytest.mark.parametrize("name", ["rotate", "ping"])
def test_what_is_no_webhook_has_no_secret_and_is_not_pinged(engine: Engine, name: str) -> None:
    """Who asks for either is told that it is none."""
    letters = engine.add_endpoint("clerk@council.example", via="smtp", actor=officer())
    with pytest.raises(BadInput) as refused:
        dict(COMMANDS)[name](engine, letters.id, officer())
    assert refused.value.field == "endpoint_id"
    assert engine.endpoint(letters.id).signed is False
