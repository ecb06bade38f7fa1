"""The whole program as it is served, with real keys, and something of everybody's in its database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.bootstrap import build
from adapters.serving import api_of
from adapters.settings import Settings
from tests.api_proof.world import World
from tests.databases.raw import RawDatabase
from workflow.testing import FrozenClock

MakeWorld = Callable[[RawDatabase], World]
#: Which events fire what: what an applicant, an officer and a decider may.
TABLE = """
[[handle]]
type = "eoi.submit"
trigger = "submit"
[[handle]]
type = "eoi.review"
trigger = "review"
[[handle]]
type = "eoi.approve"
trigger = "approve"
reason = "data.why"
[[handle]]
type = "eoi.saved"
trigger = "save"
answers = "data.form"
"""


@pytest.fixture
def make_world(clock: FrozenClock, tmp_path: Path) -> Iterator[MakeWorld]:
    """Return what makes a program on a database, and fills that."""
    table = tmp_path / "events.toml"
    table.write_text(TABLE)
    with ExitStack() as stack:

        def make(database: RawDatabase) -> World:
            settings = Settings(
                database_url=database.url,
                api_rate=1_000_000,
                api_failures=1_000_000,
                webhook_allow="127.0.0.1",
                events=str(table),
            )
            app = build(settings, clock=clock)
            stack.callback(app.close)
            return World.filled(app.engine, api_of(app, settings), clock)

        yield make


@pytest.fixture
def world(database: RawDatabase, make_world: MakeWorld) -> World:
    """Return it on the test's own database."""
    return make_world(database)
