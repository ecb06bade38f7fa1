"""The whole program as it is served, with real keys, and something of everybody's in its database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from adapters.bootstrap import build
from adapters.serving import api_of
from adapters.settings import Settings
from tests.api_proof.world import World
from tests.databases.raw import RawDatabase
from workflow.testing import FrozenClock

MakeWorld = Callable[[RawDatabase], World]


@pytest.fixture
def make_world(clock: FrozenClock) -> Iterator[MakeWorld]:
    """Return what makes a program on a database, and fills that."""
    with ExitStack() as stack:

        def make(database: RawDatabase) -> World:
            settings = Settings(
                database_url=database.url,
                api_rate=1_000_000,
                api_failures=1_000_000,
                webhook_allow="127.0.0.1",
            )
            app = build(settings, clock=clock)
            stack.callback(app.close)
            return World.filled(app.engine, api_of(app, settings), clock)

        yield make


@pytest.fixture
def world(database: RawDatabase, make_world: MakeWorld) -> World:
    """Return it on the test's own database."""
    return make_world(database)
