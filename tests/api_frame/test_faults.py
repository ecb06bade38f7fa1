"""Faults behind the door: whoever asks is told what to do, and not where the database is."""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapters.api.answers import STATUSES
from adapters.api.faults import _TOLD, is_behind
from adapters.bootstrap import App, build
from adapters.serving import api_of
from adapters.settings import Settings
from tests.api_frame.asgi import Answer, ask, key
from tests.api_frame.conftest import MakeApi
from tests.api_frame.test_bodies import _routes
from tests.servers.postgres import PostgresServer
from workflow import DatabaseUnavailable, Engine, EoiError, SecretUnreadable
from workflow.columns import PREFIX

WORDS = (
    'connection to "db.inside.example" (10.1.2.3), port 5433, of /srv/eoi/eoi.db failed: no table eoi_call'
)
INSIDE = re.compile(r"inside|10\.|5433|127\.0|/srv|/tmp|\.db\b|eoi_|postgres|psycopg|sqlite", re.IGNORECASE)


class Elsewhere(DatabaseUnavailable):
    """Something of eoi_call went wrong that has no sentence yet."""

    code = "of-tomorrow"


def kinds(error: type[EoiError]) -> Iterator[type[EoiError]]:
    """Yield an error, and all that are kinds of it."""
    yield error
    for each in error.__subclasses__():
        yield from kinds(each)


FAULTS: list[type[EoiError]] = [
    each for each in (*kinds(DatabaseUnavailable), SecretUnreadable) if each.__module__ == "workflow.errors"
]


def told(records: list[logging.LogRecord]) -> list[tuple[str, str]]:
    """Return code and words of each fault that stands in the log."""
    lines = [vars(each) for each in records if each.getMessage() == "request.unserved"]
    return [(each["code"], each["why"]) for each in lines]


@pytest.fixture
def faulty(make_api: MakeApi) -> FastAPI:
    """Return a program that meets a fault of any kind, on a route of the door's and on one around it."""
    api = make_api()

    async def meets(request: Request) -> Response:
        (kind,) = (each for each in (*FAULTS, Elsewhere) if each.__name__ == request.query_params["kind"])
        raise kind(WORDS, path="/srv/eoi/eoi.db", found="0009", table="eoi_call")

    (ours,) = (route for route in _routes(api) if getattr(route, "path", "") == "/v1/calls/{call}")
    api.router.routes.append(type(ours)("/through", meets, methods=["GET"]))
    api.add_route("/around", meets)
    return api


@pytest.mark.parametrize("path", ["/through", "/around"])
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_of_the_database_tells_no_place(
    faulty: FastAPI, caplog: pytest.LogCaptureFixture, kind: type[EoiError], path: str
) -> None:
    """Of every kind: the answer has no address, path, table or word of the driver; the log has all, once."""
    answer = ask(faulty, "GET", path, key("officer-key"), query=f"kind={kind.__name__}".encode())
    assert (answer.code, answer.status) == (kind.code, STATUSES.get(kind.code, 500))
    assert set(answer.json) == {"type", "status", "title", "code", "detail"}
    assert INSIDE.search(answer.json["detail"]) is None
    assert [each for each in ("inside", "10.1", "5433", "/srv", "eoi_call") if each in str(answer.json)] == []
    assert told(caplog.records) == [(kind.code, WORDS)]


def test_each_fault_says_something_of_its_own() -> None:
    """No two codes share a sentence, but for what has none of its own."""
    codes = {kind.code for kind in FAULTS} - {"schema-mismatch"}  # it only groups others
    assert _TOLD.keys() == codes
    assert len(set(_TOLD.values())) == len(codes)
    assert not is_behind(EoiError())


def test_a_fault_without_a_sentence_tells_no_place_either(faulty: FastAPI) -> None:
    """One that is added tomorrow is told in the words for all of them."""
    answer = ask(faulty, "GET", "/around", query=b"kind=Elsewhere")
    assert answer.json["detail"].startswith("The database does not answer")


def guesses(api: FastAPI) -> list[Answer]:
    """Return what somebody is told who made their key up."""
    paths = ("/v1/calls/x", "/v1/calls", "/readyz", "/metrics")
    return [ask(api, "GET", each, key(f"eoi_{'a' * PREFIX}_{'A' * 43}")) for each in paths]


@pytest.mark.slow
def test_nobody_learns_where_postgresql_is(
    own_postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """With the server stopped, a made-up key is told that the database cannot be reached, and no more."""
    settings = Settings(database_url=own_postgres.new_database())
    with Engine(settings.database_url) as engine:
        engine.migrate()
    with build(settings) as app:
        api = api_of(app, settings)
        own_postgres.stop()
        caplog.clear()
        require_closed(guesses(api))
    assert own_postgres.superuser_url() not in caplog.text
    assert any(re.search("connection", why) for _, why in told(caplog.records))


def test_nobody_learns_where_the_file_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sqlite_app: App, settings: Settings
) -> None:
    """With the file moved away, the same; the log says which file it was."""
    for each in tmp_path.glob("eoi.db*"):
        each.rename(tmp_path / f"moved-{each.name}")
    require_closed(guesses(api_of(sqlite_app, settings)))
    assert any(str(tmp_path / "eoi.db") in why for _, why in told(caplog.records))


def require_closed(answers: list[Answer]) -> None:
    """Let pass problems of a database that is away, none of which says anything of it."""
    assert {(each.status, each.code) for each in answers} <= {
        (503, "database-not-opened"),
        (503, "connection-lost"),
        (503, "database-unavailable"),
    }
    assert [each.body for each in answers if INSIDE.search(each.json["detail"])] == []
    assert [each.body for each in answers if INSIDE.search(each.json["title"])] == []


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of a program on a file of its own."""
    return Settings(database_url=str(tmp_path / "eoi.db"))


@pytest.fixture
def sqlite_app(tmp_path: Path, settings: Settings, sqlite_template: Path) -> Iterator[App]:
    """Return the program, started."""
    shutil.copy(sqlite_template, tmp_path / "eoi.db")
    with build(settings) as app:
        yield app
