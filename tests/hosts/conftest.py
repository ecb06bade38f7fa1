"""Hosts of a FastAPI kind: users by cookie, programs around our routes, and the field's own test client."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import structlog
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from adapters.embedding import eoi_router
from tests.databases.raw import RawDatabase
from workflow import Actor, Engine
from workflow.testing import FrozenClock, officer, school

#: The host's users.
USERS = {
    "olga": officer(),
    "head": school(),
    "odd": Actor("nobody.much", roles=()),
    "lost": Actor("head.of.nothing", roles={"applicant"}),
}
OLGA = {"cookie": "user=olga"}
HEAD = {"cookie": "user=head"}
NEW_CALL = {"reference": "46/24", "title": "Bases", "closes_on": "2099-03-17"}


def user(request: Request) -> Actor | None:
    """Return who asks, as the host knows it."""
    return USERS.get(request.cookies.get("user", ""))


@pytest.fixture(autouse=True, scope="module")
def logging_as_it_was() -> Iterator[None]:
    """Take back what a host's set-up of its log has changed for all of this process."""
    kept = [(each, each.handlers[:], each.level) for each in map(logging.getLogger, ("", "eoi"))]
    logger_class = logging.getLoggerClass()
    yield
    for logger, handlers, level in kept:
        logger.handlers[:] = handlers
        logger.setLevel(level)
    logging.setLoggerClass(logger_class)
    structlog.reset_defaults()


@pytest.fixture
def engine(database: RawDatabase, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine on a database in which nothing has happened yet."""
    with Engine(database.url, clock=clock) as engine:
        yield engine


@pytest.fixture
def ask() -> Iterator[Callable[[Any], TestClient]]:
    """Return what makes clients of programs; faults of the program come as answers."""
    with ExitStack() as stack:
        yield lambda api: stack.enter_context(TestClient(api, raise_server_exceptions=False))


@pytest.fixture
def host(engine: Engine, ask: Callable[[Any], TestClient]) -> Callable[..., TestClient]:
    """Return a client of a host that has our routes below `/council`."""

    def make(authenticate: Any = user, *, prefix: str = "/council", **given: Any) -> TestClient:
        api = FastAPI()
        api.include_router(eoi_router(engine, authenticate=authenticate, **given), prefix=prefix)
        return ask(api)

    return make
