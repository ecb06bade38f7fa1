"""A sender that asks first is told whether its events are wanted; that opens nothing."""

import shutil
import socket
from pathlib import Path

import pytest
from fastapi import FastAPI

from adapters.api.app import build_api
from adapters.api.door import Door
from adapters.api.event_senders import Senders
from adapters.bootstrap import build
from adapters.embedding import eoi_router
from adapters.serving import api_of
from adapters.settings import Settings
from states.errors import BadInput
from tests.api.routes.around import AROUND
from tests.api.routes.asking import document_of
from tests.api.routes.conftest import by_token
from tests.api_frame.asgi import Answer, ask
from workflow import Engine

NAME, OTHER = "eventgrid.azure.net", "evil.example"
ASKS = ("WebHook-Request-Origin", NAME)


@pytest.fixture
def api(engine: Engine) -> FastAPI:
    """Return a program that wants the events of one sender."""
    senders = Senders(names={NAME}, rate=600)
    return build_api(Door(engine=engine, authenticate=by_token, senders=senders), AROUND)


def leave(answer: Answer) -> dict[str, str]:
    """Return what an answer says of leave, once it is held against what every `OPTIONS` is told."""
    assert (answer.status, answer.body, answer.header("allow")) == (204, b"", "OPTIONS, POST")
    return {name: value for name, value in answer.headers if name.startswith("webhook-")}


@pytest.mark.parametrize("rate", [[], [("WebHook-Request-Rate", "120")], [("WebHook-Request-Rate", "x")]])
def test_a_sender_that_is_named_has_leave(api: FastAPI, rate: list[tuple[str, str]]) -> None:
    """It is told its own name and how many requests a key has in a minute, whatever rate it asks for."""
    told = leave(ask(api, "OPTIONS", "/v1/events", ASKS, *rate))
    assert told == {"webhook-allowed-origin": NAME, "webhook-allowed-rate": "600"}
    shouted = ask(api, "OPTIONS", "/v1/events", ("WebHook-Request-Origin", NAME.upper()))
    assert leave(shouted)["webhook-allowed-origin"] == NAME.upper()


@pytest.mark.parametrize(
    "said",
    [
        [],
        [("WebHook-Request-Origin", OTHER)],
        [("WebHook-Request-Origin", f"{NAME}.{OTHER}")],
        [("WebHook-Request-Origin", f"x{NAME}")],
        [("WebHook-Request-Origin", f"https://{NAME}")],
        [("WebHook-Request-Origin", "*")],
        [("WebHook-Request-Origin", "")],
        [ASKS, ASKS],
        [ASKS, ("WebHook-Request-Origin", OTHER)],
        [("WebHook-Request-Origin", f"{NAME}, {OTHER}")],
        [("Origin", f"https://{NAME}")],
    ],
)
def test_anybody_else_has_none(api: FastAPI, said: list[tuple[str, str]]) -> None:
    """No name, another one, something like it, two at once: told what every `OPTIONS` is, and no leave."""
    assert leave(ask(api, "OPTIONS", "/v1/events", *said)) == {}


def test_nobody_has_leave_unless_somebody_is_named(engine: Engine) -> None:
    """As it comes there is no such route, and `OPTIONS` says only what the path takes."""
    api = build_api(Door(engine=engine, authenticate=by_token), AROUND)
    assert leave(ask(api, "OPTIONS", "/v1/events", ASKS)) == {}


def test_leave_is_no_key(api: FastAPI) -> None:
    """Who was told that events are wanted is asked for a key with each of them, all the same."""
    assert leave(ask(api, "OPTIONS", "/v1/events", ASKS))
    said = [ASKS, ("Origin", NAME), ("Content-Type", "application/cloudevents+json")]
    assert ask(api, "POST", "/v1/events", *said, body=b"{}").status == 401
    assert leave_elsewhere(api) == {}


def leave_elsewhere(api: FastAPI) -> dict[str, str]:
    """Return what is told of leave at other paths: none."""
    answers = [
        ask(api, "OPTIONS", path, ASKS)
        for path in ("/v1/calls", "/v1/events/explain", "/v1/events/unhandled")
    ]
    return {name: value for each in answers for name, value in each.headers if name.startswith("webhook-")}


def test_nobody_is_called_back(api: FastAPI) -> None:
    """An address to call is as if it were not there: nothing connects to it, leave or none."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        place = f"http://127.0.0.1:{listening.getsockname()[1]}/confirm?key=x"
        callback = ("WebHook-Request-Callback", place)
        assert leave(ask(api, "OPTIONS", "/v1/events", ASKS, callback))
        assert leave(ask(api, "OPTIONS", "/v1/events", ("WebHook-Request-Origin", OTHER), callback)) == {}
        with pytest.raises(BlockingIOError):
            listening.accept()


def test_openapi_has_nothing_of_it(api: FastAPI) -> None:
    """It is a protocol's own, for brokers: no client is generated of it."""
    assert set(document_of(api)["paths"]["/v1/events"]) == {"post"}


def test_the_settings_name_who_has_leave(tmp_path: Path, sqlite_template: Path) -> None:
    """Names in any letters; the rate is that of a key. A host has the same of an App, below its prefix."""
    shutil.copy(sqlite_template, tmp_path / "eoi.db")
    named = {"events_origins": f"{NAME.upper()}, broker", "api_rate": 60}
    settings = Settings(database_url=str(tmp_path / "eoi.db"), **named)
    with build(settings) as app:
        told = leave(ask(api_of(app, settings), "OPTIONS", "/v1/events", ASKS))
        host = FastAPI()
        host.include_router(eoi_router(app, authenticate=lambda _: None), prefix="/north")
        assert leave(ask(host, "OPTIONS", "/north/v1/events", ASKS)) == told
    assert told == {"webhook-allowed-origin": NAME, "webhook-allowed-rate": "60"}


@pytest.mark.parametrize(
    "said", ["*", f"https://{NAME}", f"{NAME}/x", "a b", "-a.example", "a..b", f"{NAME}:443", "ü"]
)
def test_what_is_no_name_is_refused(said: str) -> None:
    """A slip must not name nobody in silence, nor a star everybody."""
    with pytest.raises(BadInput, match=r"EOI_EVENTS_ORIGINS: .* is no sender's name"):
        Settings(events_origins=said)
