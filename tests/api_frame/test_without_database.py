"""What the door says while its database is away: still the truth, and at once."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from fastapi import FastAPI
from starlette.responses import Response

from adapters.api.app import Surroundings, build_api
from adapters.api.auth import Bearer
from adapters.api.door import Door
from adapters.api.operation import Operation
from adapters.api.rates import Rates
from adapters.api.route import EoiRoute, through
from adapters.bootstrap import App, build
from adapters.metrics import CONTENT_TYPE
from adapters.settings import Settings
from states.errors import CallClosed, Refusal
from tests.api_frame.asgi import ask, key
from tests.api_frame.conftest import knows
from tests.servers.postgres import PostgresServer
from workflow import Engine

CLOSED_AT = datetime(2023, 3, 18, tzinfo=UTC)

pytestmark = pytest.mark.slow


@pytest.fixture
def app(own_postgres: PostgresServer) -> Iterator[App]:
    """Return a program whose clock is that of a database of its own."""
    url = own_postgres.new_database()
    with Engine(url) as engine:
        engine.migrate()
    with build(Settings(database_url=url)) as app:
        yield app


def late() -> Response:
    """Refuse what came too late."""
    raise CallClosed([Refusal("call-closed", "Too late.", until=CLOSED_AT)])


@pytest.fixture
def api(app: App) -> FastAPI:
    """Return its door, with a route that refuses what came too late."""
    door = Door(engine=app.engine, authenticate=Bearer(knows, Rates()))
    operation = Operation(health=app.runner.health, metrics=app.metrics.text, metrics_type=CONTENT_TYPE)
    api = build_api(door, Surroundings(operation=operation))
    route: EoiRoute = through(door)("/late", late, methods=["GET"], response_class=Response)
    api.router.routes.append(route)
    return api


def test_what_came_too_late_is_told_the_time(api: FastAPI, app: App) -> None:
    """By the clock that decides: the database's."""
    before = app.engine.clock.now()
    problem = ask(api, "GET", "/late", key("school-key"))
    assert (problem.status, problem.code, problem.json["closes_at"]) == (
        409,
        "call-closed",
        "2023-03-18T00:00:00Z",
    )
    told = datetime.fromisoformat(problem.json["server_time"])
    assert before <= told <= app.engine.clock.now()


def test_errors_need_no_database(api: FastAPI, own_postgres: PostgresServer) -> None:
    """With the database gone, each is told what it would be told else; only what needs it is 503."""
    own_postgres.stop()
    wrong, none = key("no-such-key"), ("Authorization", "Basic x")
    assert ask(api, "GET", "/healthz").status == 200
    assert [ask(api, "GET", "/v1/calls/x", each).code for each in (wrong, none)] == ["unauthenticated"] * 2
    assert ask(api, "GET", "/nowhere").code == "no-such-path"
    late = ask(api, "GET", "/late", key("school-key"))
    assert (late.code, late.json["server_time"]) == ("call-closed", None)
    there = ask(api, "GET", "/v1/calls", key("officer-key"))
    assert (there.status, there.header("retry-after")) == (503, "1")
    ready = ask(api, "GET", "/readyz")
    assert (ready.status, ready.json) == (503, {"ok": False})
