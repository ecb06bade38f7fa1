"""A host's own transaction on SQLite: a disk that is full, and one connection for every thread."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import StaticPool, create_engine, text
from sqlalchemy.orm import Session

from workflow import DatabaseFull, Engine
from workflow.testing import FrozenClock, new_call, officer, school, submitted

Tables = Callable[[], dict[str, list[dict[str, Any]]]]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_full_disk_leaves_nothing_to_commit(
    host: sqlalchemy.Engine, hosted: Engine, tables: Tables, notes: Callable[[], list[str]]
) -> None:
    """SQLite then undoes the whole transaction; the host hears of it, and cannot commit a rest."""
    before = tables()
    with Session(host) as session:
        hosted.draft("46/23", answers={}, actor=school(1), session=session)
        session.execute(text("INSERT INTO host VALUES ('lost')"))
        pages = session.execute(text("PRAGMA page_count")).scalar()
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(DatabaseFull):
            hosted.draft("46/23", answers={"a": "x" * 200_000}, actor=school(2), session=session)
        with pytest.raises(sqlalchemy.exc.PendingRollbackError):
            session.execute(text("INSERT INTO host VALUES ('a rest')"))
        with pytest.raises(sqlalchemy.exc.PendingRollbackError):
            session.commit()
        session.rollback()
        assert (tables(), notes()) == (before, [])
        session.execute(text("INSERT INTO host VALUES ('after')"))
        session.commit()
    assert (tables(), notes()) == (before, ["after"])


def test_threads_take_turns_on_a_hosts_only_connection() -> None:
    """A host's database in memory, one connection for every thread: no command is torn apart by another."""
    memory = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    hosted = Engine(memory, clock=FrozenClock())
    hosted.migrate()
    call = hosted.open_call(new_call(), actor=officer())

    def apply(urn: int) -> None:
        submitted(hosted, call.id, school(urn))
        hosted.find(limit=1)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(apply, range(80)))
    assert (hosted.call(call.id).counts, hosted.check()) == ({"submitted": 80}, [])
    memory.dispose()
