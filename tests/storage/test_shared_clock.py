"""The database's clock, by which all nodes on a PostgreSQL agree."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.clock import now
from tests.databases.raw import RawDatabase
from workflow import Engine
from workflow.database import Database
from workflow.databases import database_of

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

#: How long a command has waited for a connection, in seconds.
WAITED_S = 5.0


@pytest.fixture
def ours(database: RawDatabase) -> Iterator[Database]:
    """Return the database as the engine has it."""
    ours = database_of(database.url, check=lambda *_: None)
    yield ours
    ours.close()


@pytest.mark.parametrize("look", ["read", "begin"])
def test_whoever_waited_for_a_connection_arrived_before_that(
    ours: Database, database: RawDatabase, look: str
) -> None:
    """The instant of arrival is that at which the engine was asked; the wait since is taken off."""
    clock = ours.clock()
    assert clock is not None
    asked_s = time.monotonic() - WAITED_S
    before = _server_time(database)
    with ours.connect() as connection:
        at = getattr(clock, look)(connection, since_s=asked_s)
        spent = timedelta(seconds=time.monotonic() - asked_s)
        connection.rollback()
    assert before - spent <= at <= _server_time(database) - timedelta(seconds=WAITED_S)


def test_a_database_on_this_machine_has_this_machines_clock(database: RawDatabase) -> None:
    """How far the machine's clock is from the database's is told to within the time that it took to ask."""
    with Engine(database.url) as engine:
        asked = now()
        skew_s = engine.clock_skew_s()
        took_s = (now() - asked).total_seconds()
    assert skew_s is not None
    assert abs(skew_s) <= took_s


def _server_time(database: RawDatabase) -> datetime:
    ((text,),) = database.ask("SELECT clock_timestamp()")
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
