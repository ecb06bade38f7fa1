"""The first use of an engine in a host's own transaction: by that connection alone, whatever the pool has."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from tests.databases.raw import Databases, RawDatabase
from workflow import CallView, Engine, EoiError, SchemaMissing, SchemaOutdated, SchemaTooNew
from workflow.migrations import downgrade
from workflow.testing import FrozenClock, new_call, officer, school

#: How long a host waits for a connection of its pool, in seconds: whoever asks for one too many is told.
POOL_S = 0.2


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Return the real sheet's call."""
    return engine.open_call(new_call(), actor=officer())


def states(engine: Engine) -> list[tuple[str, str]]:
    """Return whose EOIs there are, and their states."""
    return [(each.applicant, each.state) for each in engine.find()]


@pytest.mark.parametrize("given", ["engine", "url"])
def test_a_pool_of_one_is_enough(
    database: RawDatabase, engine: Engine, clock: FrozenClock, call: CallView, given: str
) -> None:
    """A host whose only connection is the one that it works on drafts and submits at once."""
    host = database.host(pool_size=1, max_overflow=0, pool_timeout=POOL_S)
    with Engine(host if given == "engine" else database.url, clock=clock) as first, Session(host) as session:
        session.execute(text("SELECT 1"))
        eoi_id = first.draft(call.id, answers={}, actor=school(1), session=session).eoi_id
        first.submit(eoi_id, actor=school(1), session=session)
        session.commit()
    host.dispose()
    assert states(engine) == [("URN:1", "submitted")]


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_five_first_users_need_no_sixth_connection(
    database: RawDatabase, engine: Engine, clock: FrozenClock, call: CallView
) -> None:
    """Where each connection of a pool is lent to who uses us for the first time, nobody waits for another."""
    host = database.host(pool_size=5, max_overflow=0, pool_timeout=POOL_S)
    hosted, together = Engine(host, clock=clock), threading.Barrier(5, timeout=30)

    def draft(number: int) -> str:
        with Session(host) as session:
            session.execute(text("SELECT 1"))
            together.wait()
            try:
                hosted.draft(call.id, answers={}, actor=school(number), session=session)
            except EoiError as exc:
                return exc.code
            session.commit()
            return "ok"

    with ThreadPoolExecutor(5) as threads:
        assert list(threads.map(draft, range(5))) == ["ok"] * 5
    host.dispose()
    assert sorted(states(engine)) == [(f"URN:{number}", "draft") for number in range(5)]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_host_that_begins_with_the_write_lock_does_not_bar_us(
    database: RawDatabase, engine: Engine, clock: FrozenClock, call: CallView
) -> None:
    """SQLite has one writer, and that is the host itself: what we look at first is looked at by it."""
    host = create_engine(database.url, connect_args={"timeout": POOL_S})
    event.listen(host, "connect", lambda driver, _: setattr(driver, "isolation_level", None))
    event.listen(host, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with Session(host) as session:
        session.execute(text("SELECT 1"))
        Engine(host, clock=clock).draft(call.id, answers={}, actor=school(1), session=session)
        session.commit()
    host.dispose()
    assert states(engine) == [("URN:1", "draft")]


def hosts_of(databases: Databases) -> dict[type[EoiError], sqlalchemy.Engine]:
    """Return hosts' engines on databases whose tables are not those of today, by what is said of them."""
    missing, outdated, newer = databases.new(migrated=False), databases.new(), databases.new()
    with Engine(outdated.url) as engine:
        downgrade(engine._database, "0001")
    newer.run("UPDATE eoi_schema_version SET version_num = '9999'")
    told = {SchemaMissing: missing, SchemaOutdated: outdated, SchemaTooNew: newer}
    return {error: database.host(pool_size=1, max_overflow=0) for error, database in told.items()}


def test_tables_of_another_version_are_told_in_a_session_too(
    databases: Databases, clock: FrozenClock
) -> None:
    """Nothing is written to tables of another day, or where none of ours are; the host's work goes on."""
    for error, host in hosts_of(databases).items():
        with host.begin() as connection:
            connection.execute(text("CREATE TABLE host (note TEXT)"))
        with Session(host) as session:
            session.execute(text("INSERT INTO host VALUES ('before')"))
            hosted = Engine(host, clock=clock)
            for _ in range(2):
                with pytest.raises(error) as told:
                    hosted.open_call(new_call(), actor=officer(), session=session)
                assert type(told.value) is error
            session.execute(text("INSERT INTO host VALUES ('after')"))
            session.commit()
            assert session.scalars(text("SELECT note FROM host")).all() == ["before", "after"]
        host.dispose()
