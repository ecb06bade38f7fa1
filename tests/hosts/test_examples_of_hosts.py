"""Each example of a host, by its framework's own client: users, rows, refusals and log are the host's."""

import importlib.util
import io
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
import structlog
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, text

from adapters.settings import Settings
from workflow import CallClosed, Engine
from workflow.testing import new_call, officer, school

#: What asks for the rows of the Django host.
DJANGOS: Final = "SELECT eoi_id, rooms FROM host_booking"
HOSTS: Final = Path(__file__).resolve().parents[2] / "examples" / "hosts"


def _load(name: str) -> ModuleType:
    """Import an example as its server does: by its name, from its folder."""
    spec = importlib.util.spec_from_file_location(name, HOSTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return where the rows of one framework's host are."""
    return f"sqlite:///{tmp_path_factory.mktemp('host') / 'host.db'}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return a host's settings."""
    return Settings(database_url=f"sqlite:///{tmp_path / 'host.db'}")


def _drafted(engine: Engine) -> str:
    """Return a new draft of the school 121234."""
    call = engine.open_call(
        new_call(reference=f"46/{len(engine.calls())}", closes_on=date(2099, 3, 17)), actor=officer()
    )
    return engine.draft(call.id, answers={"places": 18}, actor=school(121234)).eoi_id


def _bookings(url: str, statement: str = "SELECT eoi_id, rooms FROM booking") -> list[tuple[str, int]]:
    host = create_engine(url)
    with host.connect() as connection:
        found = [(str(eoi), int(rooms)) for eoi, rooms in connection.execute(text(statement))]
    host.dispose()
    return found


def test_a_fastapi_host(settings: Settings) -> None:
    """Its users come in by its cookie; its rows and ours are committed together or not at all."""
    api = _load("with_fastapi").create(settings)
    with TestClient(api, raise_server_exceptions=False) as client, Engine(settings.database_url) as engine:
        eoi = _drafted(engine)
        assert client.get("/council/v1/eois").json()["code"] == "unauthenticated"
        client.cookies.set("session", "head-s-token")
        assert [each["id"] for each in client.get("/council/v1/eois").json()["items"]] == [eoi]

        failed = client.post(
            f"/bookings/{eoi}?rooms=9"
        )  # the host's own rule, after the engine has submitted
        assert (failed.status_code, engine.get(eoi).state, _bookings(settings.database_url)) == (
            500,
            "draft",
            [],
        )
        done = client.post(f"/bookings/{eoi}?rooms=2")
        assert (done.json(), engine.get(eoi).state) == ({"state": "submitted", "rooms": 2}, "submitted")
        assert _bookings(settings.database_url) == [(eoi, 2)]
        again = client.post(
            f"/bookings/{eoi}?rooms=2"
        )  # refused by the engine: the host's row is not made either
        assert (again.status_code, again.json()["error"]) == (409, "wrong-state")
        assert _bookings(settings.database_url) == [(eoi, 2)]
        assert client.get("/openapi.json").json()["components"]["securitySchemes"].keys() == {"session"}


def test_a_fastapi_host_is_started_again(settings: Settings) -> None:
    """A host's tests start their program again and again, and it runs each time."""
    api = _load("with_fastapi").create(settings)
    for _ in range(2):
        with TestClient(api) as client:
            client.cookies.set("session", "olga-s-token")
            assert client.get("/council/v1/calls").status_code == 200


def test_a_hosts_structlog_has_our_events(settings: Settings) -> None:
    """Each line of ours is a document of the host's log, with our fields and what the host has bound."""
    module, written = _load("with_fastapi"), io.StringIO()
    with Engine(settings.database_url) as engine:
        engine.migrate()
    root, ours = logging.getLogger(), logging.getLogger("eoi")
    before = (root.handlers[:], root.level, ours.level)
    try:
        with redirect_stdout(written):
            module.log_as_the_host_does()
        with (
            structlog.contextvars.bound_contextvars(request_id="r-7"),
            Engine(settings.database_url) as engine,
        ):
            _drafted(engine)
        structlog.get_logger("host").warning("own", rooms=2)
    finally:
        root.handlers[:], root.level, ours.level = before
        structlog.reset_defaults()
    told = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [(each["event"], each["logger"]) for each in told] == [
        ("call.opened", "eoi.engine"), ("eoi.drafted", "eoi.engine"), ("own", "host"),
    ]  # fmt: skip
    assert told[1]["request_id"] == "r-7"
    assert (told[1]["state"], told[2]["rooms"]) == ("draft", 2)


def test_a_flask_host(settings: Settings) -> None:
    """Its users come in by its session; its rows and ours are committed together or not at all."""
    app = _load("with_flask").create(settings)
    with app.extensions["eoi"] as eoi, app.test_client() as client:
        drafted = _drafted(eoi.engine)
        assert client.get(f"/eois/{drafted}").status_code == 401
        with client.session_transaction() as session:
            session["user"] = "head"
        assert client.get(f"/eois/{drafted}").get_json()["state"] == "draft"
        assert client.get("/eois/none").status_code == 404

        app.config["PROPAGATE_EXCEPTIONS"] = False
        failed = client.post(f"/eois/{drafted}/submit", data={"rooms": 9})
        assert (failed.status_code, eoi.engine.get(drafted).state) == (500, "draft")
        assert _bookings(settings.database_url) == []
        done = client.post(f"/eois/{drafted}/submit", data={"rooms": 2})
        assert done.get_json() == {"state": "submitted", "rooms": 2}
        again = client.post(f"/eois/{drafted}/submit", data={"rooms": 2})
        assert (again.status_code, again.get_json()["error"]) == (409, "wrong-state")
        assert _bookings(settings.database_url) == [(drafted, 2)]


@pytest.fixture(scope="module")
def with_django(url: str) -> Iterator[ModuleType]:
    """Return the host, with its tables; Django is set up once in a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EOI_DATABASE_URL", url)
        module = _load("with_django")
        module.migrate()
        with module.eoi():
            yield module
        from django.db import connections  # noqa: PLC0415 -- it wants to be set up first

        connections.close_all()


def _django_client(name: str, *groups: str) -> Any:
    from django.contrib.auth.models import Group, User  # noqa: PLC0415 -- as above
    from django.test import Client  # noqa: PLC0415 -- as above

    user = User.objects.create_user(name)
    user.groups.set([Group.objects.get_or_create(name=each)[0] for each in groups])
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def test_a_django_host(with_django: ModuleType, url: str) -> None:
    """Its own users come in; its rows and ours are committed together or not at all, hooks after that."""
    from django.test import Client  # noqa: PLC0415 -- as above

    engine, heard = with_django.eoi().engine, list[str]()
    drafted = _drafted(engine)
    forget = engine.on("eoi.*", lambda event: heard.append(f"{event.type}, {engine.get(drafted).state}"))
    client = _django_client("head", "URN:121234", "Newsletter")
    assert Client().get(f"/eois/{drafted}").status_code == 401
    assert client.get(f"/eois/{drafted}").json()["state"] == "draft"
    assert _django_client("other", "URN:7").get(f"/eois/{drafted}").status_code == 404

    failed = client.post(f"/eois/{drafted}/submit", {"rooms": 9})
    assert (failed.status_code, engine.get(drafted).state) == (500, "draft")
    assert (_bookings(url, DJANGOS), heard) == ([], [])
    done = client.post(f"/eois/{drafted}/submit", {"rooms": 2})
    assert done.json() == {"state": "submitted", "rooms": 2}
    again = client.post(f"/eois/{drafted}/submit", {"rooms": 2})
    assert (again.status_code, again.json()["error"]) == (409, "wrong-state")
    assert _bookings(url, DJANGOS) == [(drafted, 2)]
    assert heard == ["eoi.submitted, submitted"]
    forget()


def test_a_django_transaction_around_it_undoes_ours(with_django: ModuleType) -> None:
    """In a transaction that Django began before, ours waits for its end, and is undone with it."""
    from django.db import transaction  # noqa: PLC0415 -- as above

    engine, heard = with_django.eoi().engine, list[str]()
    drafted = _drafted(engine)
    forget = engine.on("eoi.*", lambda event: heard.append(event.type))
    for ends in ("badly", "well"):
        with pytest.MonkeyPatch.context(), transaction.atomic():
            with with_django.eoi_session() as session:
                engine.submit(drafted, actor=school(121234), session=session)
            assert heard == []
            transaction.set_rollback(ends == "badly")
        assert engine.get(drafted).state == ("draft" if ends == "badly" else "submitted")
    assert heard == ["eoi.submitted"]
    forget()


def test_instants_are_utc_on_a_connection_that_converts(
    with_django: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's connection gives instants without a zone: no machine's zone makes a deadline another."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        engine = with_django.eoi().engine
        closes_at = engine.clock.now() + timedelta(hours=1)
        call = engine.open_call(new_call(reference="46/tz", closes_at=closes_at), actor=officer())
        drafted = engine.draft(call.id, answers={}, actor=school(121234)).eoi_id
        refused = ""
        try:
            with with_django.eoi_session() as session:
                engine.submit(drafted, actor=school(121234), session=session)
        except CallClosed as refusal:
            refused = refusal.code
        assert (refused, engine.get(drafted).state) == ("", "submitted")
    finally:
        monkeypatch.undo()
        time.tzset()
