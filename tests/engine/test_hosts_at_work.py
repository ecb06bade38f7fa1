"""Hosts that are at work on something when the engine is asked: nothing of theirs is committed, or barred."""

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import SingletonThreadPool, StaticPool, create_engine, event, text
from sqlalchemy.orm import Session

from tests.databases.raw import RawDatabase
from workflow import DatabaseLocked, DatabaseUnavailable, DatabaseUnopened, Engine
from workflow.races import LONGEST_WAIT_S, until_had
from workflow.testing import FrozenClock, engine_in, new_call, officer, school, submitted

#: Whatever would let another connection of the pool be lent instead.
POOLS: dict[str, dict[str, Any]] = {
    "static": {"poolclass": StaticPool},
    "one a thread": {"poolclass": SingletonThreadPool},
}


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("terms", POOLS.values(), ids=POOLS)
def test_what_a_host_has_not_committed_is_not_committed_by_asking_us(
    database: RawDatabase, clock: FrozenClock, terms: dict[str, Any]
) -> None:
    """Where the pool lends the connection that the host works on, that is told, and the host rolls back."""
    database.run("CREATE TABLE host (note TEXT)")
    host = database.host(**terms)
    hosted = Engine(host, clock=clock)
    hosted.open_call(new_call(), actor=officer())
    for ask in (hosted.calls, hosted.check, hosted.require_writable):
        with Session(host) as session:
            session.execute(text("INSERT INTO host VALUES ('half done')"))
            with pytest.raises(DatabaseUnavailable, match="in the middle of a transaction"):
                ask()
            session.rollback()
    assert database.ask("SELECT count(*) FROM host") == [(0,)]
    assert len(hosted.calls()) == 1
    host.dispose()


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_the_first_use_in_a_session_waits_for_no_snapshot(
    database: RawDatabase, engine: Engine, clock: FrozenClock
) -> None:
    """Beside somebody who writes, a host that begins by BEGIN gets the write lock before it looks."""
    call = engine.open_call(new_call(), actor=officer())
    host, writing = database.host(), threading.Event()
    event.listen(host, "connect", _leave_transactions_alone)
    event.listen(host, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    def write() -> None:
        with database.connect() as other:
            other.execute("BEGIN IMMEDIATE")
            writing.set()
            other.execute("UPDATE eoi_call SET title = 'while they wait'")
            other.execute("COMMIT")

    with ThreadPoolExecutor(1) as threads, Session(host) as session:
        done = threads.submit(write)
        assert writing.wait(20)
        Engine(host, clock=clock).draft(call.id, answers={}, actor=school(), session=session)
        session.commit()
        done.result()
    assert [each.state for each in engine.find()] == ["draft"]
    host.dispose()


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"])
def test_a_host_whose_listener_begins_can_migrate(tmp_path: Path, clock: FrozenClock, begin: str) -> None:
    """SQLAlchemy's documentation tells SQLite's users to have such a listener."""
    host = create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    event.listen(host, "connect", _leave_transactions_alone)
    event.listen(host, "begin", lambda connection: connection.exec_driver_sql(begin))
    hosted = Engine(host, clock=clock)
    assert (hosted.migrate(), hosted.migrate(), hosted.check()) == (True, False, [])
    call = hosted.open_call(new_call(), actor=officer())
    with Session(host) as session:
        hosted.draft(call.id, answers={}, actor=school(), session=session)
        session.commit()
    assert [each.state for each in hosted.find()] == ["draft"]
    host.dispose()


def _leave_transactions_alone(driver: sqlite3.Connection, _: object) -> None:
    driver.isolation_level = None


def test_a_host_in_a_shared_memory_of_sqlites_own_has_no_file_to_lose(clock: FrozenClock) -> None:
    """Its name looks like a file's, and no file has it."""
    host = create_engine("sqlite:///file:/eoi-hosts-at-work?vfs=memdb&uri=true")
    hosted = Engine(host, clock=clock)
    hosted.migrate()
    submitted(hosted, hosted.open_call(new_call(), actor=officer()).id, school())
    assert [each.state for each in hosted.find()] == ["submitted"]
    host.dispose()


def test_the_log_of_a_linked_file_is_looked_for_where_it_stands(tmp_path: Path, clock: FrozenClock) -> None:
    """SQLite keeps it beside the file itself, not beside the link; left alone, it is not thrown away."""
    (tmp_path / "real").mkdir()
    with engine_in(tmp_path / "real") as engine:
        submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
        left = (tmp_path / "real" / "eoi.db-wal").read_bytes()
    (tmp_path / "real" / "eoi.db").write_bytes(b"")
    (tmp_path / "real" / "eoi.db-wal").write_bytes(left)
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "eoi.db")
    with Engine(f"sqlite:///{tmp_path / 'link.db'}", clock=clock) as engine, pytest.raises(DatabaseUnopened):
        engine.migrate()
    assert (tmp_path / "real" / "eoi.db-wal").read_bytes() == left


@pytest.mark.slow
def test_who_waits_for_a_busy_table_waits_a_little_longer_each_time() -> None:
    """Briefly at first, since it holds up others; longer than a deadlock's time-out in the end, or never."""
    waits = list[float]()

    def had(wait_s: float) -> int:
        waits.append(wait_s)
        if len(waits) < 3:
            raise DatabaseLocked
        return len(waits)

    assert until_had(had, longest_s=20) == 3
    assert waits == [0.05, 0.1, 0.2]
    assert LONGEST_WAIT_S > 1.0
