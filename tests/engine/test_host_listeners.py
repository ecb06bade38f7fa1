"""Hosts whose listeners say something to each connection, and leave the transaction open that this began."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
import sqlalchemy
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from tests.databases.raw import Databases, RawDatabase
from tests.storage.lives import live
from workflow import Engine
from workflow.testing import FrozenClock, new_call, officer, school

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

#: What a host says, as for its tenants: where its tables are, and a word of its own.
SAID: Final = ("search_path", "app.tenant")
TENANT: Final = "norfolk"
WHERE: Final = "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'eoi%'"


@pytest.fixture
def empty(databases: Databases) -> RawDatabase:
    """Return a database with a tenant's schema, where nothing is yet."""
    database = databases.new(migrated=False)
    database.run(f"CREATE SCHEMA {TENANT}")
    return database


@pytest.fixture(params=["connect", "checkout"])
def heard(request: pytest.FixtureRequest) -> str:
    """Return the event of the host's pool at which it says so."""
    return str(request.param)


@pytest.fixture(params=SAID)
def said(request: pytest.FixtureRequest) -> str:
    """Return which setting it changes."""
    return str(request.param)


@pytest.fixture
def tenants(empty: RawDatabase, heard: str, said: str) -> Iterator[sqlalchemy.Engine]:
    """Return such a host's engine."""
    host = empty.host(pool_size=3)

    def say(driver: Any, *_: object) -> None:
        driver.execute(f"SELECT set_config('{said}', '{TENANT}', false)")

    event.listen(host, heard, say)
    yield host
    host.dispose()


def test_a_whole_life_on_such_a_host(
    empty: RawDatabase, tenants: sqlalchemy.Engine, clock: FrozenClock, said: str
) -> None:
    """Its tables are made, checked, written and read; and where the host says that they are."""
    hosted = Engine(tenants, clock=clock)
    hosted.migrate()
    assert hosted.check() == []
    eoi_id = live(hosted, clock)
    assert (hosted.get(eoi_id).state, hosted.check()) == ("declined", [])
    assert len(hosted.find().items) == len(hosted.calls()) + 2 == 3
    assert empty.ask(WHERE) == [(TENANT if said == "search_path" else "public",)]


def test_a_session_of_such_a_host(empty: RawDatabase, tenants: sqlalchemy.Engine, clock: FrozenClock) -> None:
    """Beside the host's own work a command is kept with its commit, and gone with its rollback."""
    hosted = Engine(tenants, clock=clock)
    hosted.migrate()
    hosted.open_call(new_call(), actor=officer())
    empty.run("CREATE TABLE public.host (note TEXT)")
    with Session(tenants) as session:
        for urn, end in ((1, session.rollback), (2, session.commit)):
            session.execute(text("INSERT INTO public.host VALUES (:urn)"), {"urn": f"{urn}"})
            hosted.draft("46/23", answers={}, actor=school(urn), session=session)
            end()
    assert [each.applicant for each in hosted.find()] == ["URN:2"]
    assert empty.ask("SELECT note FROM public.host") == [("2",)]


def test_what_such_a_host_says_counts_after_us(
    tenants: sqlalchemy.Engine, clock: FrozenClock, said: str
) -> None:
    """Whatever is asked of us first, no connection that we were lent forgets what the host has set on it."""
    hosted = Engine(tenants, clock=clock)
    asks: list[Callable[[], object]] = [
        hosted.migrate,
        hosted.check,
        hosted.calls,
        hosted.close_due,
        hosted.require_writable,
    ]
    for ask in asks:
        tenants.dispose()
        ask()
        with hosted._database.connect() as one, hosted._database.connect() as two:
            assert [each.ask(f"SHOW {said}") for each in (one, two)] == [[(TENANT,)]] * 2, ask
