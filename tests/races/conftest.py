"""Engines to prepare a race with, the crowd that races, and other nodes that wait for one another."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy
from sqlalchemy import create_engine, make_url
from sqlalchemy.orm import Session

from tests.databases.lent import Broken
from tests.databases.postgres import PostgresDatabase, PostgresDatabases
from tests.databases.raw import RawDatabase
from tests.deadline.ledger import broken_promises
from tests.races.crowd import Crowd
from tests.races.hosts import Host
from tests.servers.databases import Postgres
from workflow import CallView, Engine
from workflow.testing import FrozenClock, new_call, officer, school


@pytest.fixture
def engine(database: RawDatabase, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine on the test's own database, on that clock."""
    with Engine(database.url, clock=clock) as engine:
        yield engine


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Return the real sheet's call."""
    return engine.open_call(new_call(), actor=officer())


@pytest.fixture
def draft(engine: Engine, call: CallView) -> str:
    """Return the draft of school 1 on that call."""
    return engine.draft(call.id, answers={}, actor=school(1)).eoi_id


@pytest.fixture
def broken(database: RawDatabase) -> Broken:
    """Return what looks for promises that the rows break."""
    return lambda: broken_promises(database.place)


@pytest.fixture(scope="session")
def crowd() -> Iterator[Crowd]:
    """Return processes that race, sound ones."""
    with Crowd() as crowd:
        yield crowd


@pytest.fixture
def several(postgres: Postgres, postgres_template: str) -> Iterator[PostgresDatabase]:
    """Return a database on which several may write at a time, which is no SQLite file."""
    with PostgresDatabases(postgres, postgres_template) as made:
        yield made.new()


@pytest.fixture
def patient(several: PostgresDatabase, clock: FrozenClock) -> Iterator[Host]:
    """Return a host that waits for locks as long as it takes, with 16 connections and some more."""
    made = create_engine(make_url(several.url).set(drivername="postgresql+psycopg"), pool_size=20)
    yield Host(made, Engine(made, clock=clock))
    made.dispose()


@pytest.fixture
def new_session(database: RawDatabase) -> Iterator[Callable[[], Session]]:
    """Return what begins a host's session on the database; each waits for a lock as long as it takes."""
    with ExitStack() as stack:
        host = _patient(database)
        stack.callback(host.dispose)
        yield lambda: stack.enter_context(Session(host))


def _patient(database: RawDatabase) -> sqlalchemy.Engine:
    if database.name == "sqlite":
        return database.host()
    return create_engine(make_url(database.url).set(drivername="postgresql+psycopg"))
