"""An engine, its clock, and what stands in its tables; a host's engine beside it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import text

from tests.databases.raw import SETUPS, RawDatabase
from workflow import Engine
from workflow.testing import FrozenClock, new_call, officer


@pytest.fixture
def engine(database: RawDatabase, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine on the test's own database, on that clock."""
    with Engine(database.url, clock=clock) as engine:
        yield engine


@pytest.fixture
def tables(database: RawDatabase) -> Callable[[], dict[str, list[dict[str, Any]]]]:
    """Return what reads every row of ours, as committed, by table."""
    return database.tables


@pytest.fixture(params=SETUPS)
def host(
    request: pytest.FixtureRequest, database: RawDatabase, engine: Engine
) -> Iterator[sqlalchemy.Engine]:
    """Return a host's engine on the database, with a table of its own; the call 46/23 is open there."""
    engine.open_call(new_call(), actor=officer())
    made = database.host(request.param)
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE host (note TEXT)"))
    yield made
    made.dispose()


@pytest.fixture
def hosted(host: sqlalchemy.Engine, clock: FrozenClock) -> Engine:
    """Return our engine on the host's engine."""
    return Engine(host, clock=clock)


@pytest.fixture
def notes(database: RawDatabase) -> Callable[[], list[str]]:
    """Return what reads the host's own rows, as committed."""
    return lambda: [note for (note,) in database.ask("SELECT note FROM host")]
