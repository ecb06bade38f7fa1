"""The program on the test's own database, and one who asks it for each role."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from adapters.api.app import build_api
from adapters.api.door import Door
from tests.api.routes.around import AROUND
from tests.api.routes.asking import Client
from tests.api.routes.shared import shared
from workflow import Actor, Engine, Unauthenticated
from workflow.ports import Delivered, Outcome
from workflow.testing import admin, auditor, decider, officer, reviewer, school

ACTORS: Final = {
    "officer": officer(),
    "reviewer": reviewer(),
    "decider": decider(),
    "admin": admin(),
    "auditor": auditor(),
    "school": school(121234),
    "other": school(7),
    "trust": Actor("trust-office", {"applicant"}, ["URN:1", "URN:2"]),
    "nobody": Actor("nobody"),
    "service": Actor("service", {"reviewer", "decider"}),
}
Who = Callable[[str | None], Client]


def by_token(request: Request) -> Actor:
    """Say who asks, from a small table of keys."""
    actor = ACTORS.get(request.headers.get("authorization", "").removeprefix("Bearer "))
    if actor is None:
        raise Unauthenticated
    return actor


@pytest.fixture
def engine(new_engine: Callable[..., Engine]) -> Engine:
    """Return an engine on the test's own database."""
    return new_engine()


def built(engine: Engine, **changes: Any) -> FastAPI:
    """Return a program on an engine, with other settings of its door."""

    def try_endpoint(endpoint_id: str, *, actor: Actor) -> tuple[Outcome, float]:
        engine.ping(endpoint_id, actor=actor)
        return Delivered(status=204), 0.1234

    settings = {"authenticate": by_token, "try_endpoint": try_endpoint} | changes
    return build_api(Door(engine=engine, **settings), AROUND)


@pytest.fixture
def new_api(engine: Engine) -> Callable[..., FastAPI]:
    """Return what makes a program on the engine, with other settings of its door."""
    return partial(built, engine)


@pytest.fixture
def api(engine: Engine) -> FastAPI:
    """Return the program as it is by default."""
    return shared(built, engine)


@pytest.fixture
def who(api: FastAPI) -> Who:
    """Return who asks: `who("school")`; None: without a key."""
    return lambda token: Client(api, token)


CALL: Final = {
    "reference": "46/23",
    "title": "Specialist Resource Base Expressions of Interest",
    "closes_on": "2023-03-17",
}


@pytest.fixture
def call(who: Who) -> str:
    """Open the call; return its id."""
    call_id: str = who("officer").post("/v1/calls", CALL).body["id"]
    return call_id


@pytest.fixture
def eoi(who: Who, call: str) -> str:
    """Draft an EOI of the school's; return its id."""
    eoi_id: str = who("school").post(f"/v1/calls/{call}/eois", {"answers": {"places": 8}}).body["eoi_id"]
    return eoi_id
