"""A host's SQLite file that is removed or replaced while the host has it open, and hosts that have none."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy
from sqlalchemy import NullPool, QueuePool, StaticPool, create_engine, text
from sqlalchemy.orm import Session

from tests.databases.raw import Databases, RawDatabase
from workflow import CallView, DatabaseUnopened, Engine
from workflow.testing import FrozenClock, new_call, officer, school, submitted

pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)

#: Pools of which a connection stays open between its loans.
KEEPING: Final[list[type[sqlalchemy.Pool]]] = [QueuePool, StaticPool]


def _removed(path: Path, _: Path) -> None:
    path.rename(path.with_name("aside.db"))


def _replaced(path: Path, other: Path) -> None:
    path.rename(path.with_name("aside.db"))
    other.rename(path)


#: What happens to a file, given another one; and how it is told.
FATES: Final[dict[str, Callable[[Path, Path], None]]] = {"removed": _removed, "replaced": _replaced}


@pytest.fixture(params=FATES)
def fate(request: pytest.FixtureRequest) -> str:
    """Return what happens to the file."""
    return str(request.param)


@pytest.fixture(params=KEEPING)
def host(request: pytest.FixtureRequest, database: RawDatabase) -> Iterator[sqlalchemy.Engine]:
    """Return a host's engine whose connections stay open."""
    host = database.host(poolclass=request.param)
    yield host
    host.dispose()


class Lost:
    """A host in the middle of its work, whose file goes its way."""

    def __init__(self, host: sqlalchemy.Engine, clock: FrozenClock, path: Path, other: Path) -> None:
        self.host, self.path, self._other = host, path, other
        self.engine = Engine(host, clock=clock)
        self.call: CallView = self.engine.open_call(new_call(), actor=officer())
        self.eoi_id = submitted(self.engine, self.call.id, school(1))

    def meet(self, fate: str) -> None:
        """Let it happen to the file."""
        FATES[fate](self.path, self._other)

    def draft(self, **how: Any) -> object:
        """Draft for another school."""
        return self.engine.draft(self.call.id, answers={}, actor=school(2), **how)

    def put_back(self) -> None:
        """Put the right file in its place again."""
        self.path.with_name("aside.db").rename(self.path)


@pytest.fixture
def lost(host: sqlalchemy.Engine, databases: Databases, database: RawDatabase, clock: FrozenClock) -> Lost:
    """Return a host in the middle of its work."""
    return Lost(host, clock, Path(database.place), Path(databases.new().place))


def test_nothing_is_acknowledged_into_a_file_that_is_gone(
    lost: Lost, database: RawDatabase, fate: str
) -> None:
    """Commands, reads, readiness and the sweep all say what happened, and what to do; nothing is written."""
    before = database.tables()
    lost.meet(fate)
    asks: list[Callable[[], object]] = [
        lost.draft,
        lambda: lost.engine.open_call(new_call(reference="LOST"), actor=officer()),
        lambda: lost.engine.get(lost.eoi_id),
        lost.engine.find,
        lost.engine.calls,
        lost.engine.check,
        lost.engine.migrate,
        lost.engine.close_due,
        lost.engine.require_writable,
    ]
    for ask in asks:
        with pytest.raises(DatabaseUnopened, match=f"was {fate} while it was open: nothing more") as told:
            ask()
        assert (told.value.code, told.value.facts["path"]) == ("database-not-opened", str(lost.path))
    lost.host.dispose()
    lost.put_back()
    assert database.tables() == before
    lost.draft()
    assert [each.applicant for each in lost.engine.find()] == ["URN:1", "URN:2"]


def test_a_session_on_a_file_that_is_gone_is_told(lost: Lost, database: RawDatabase, fate: str) -> None:
    """Before a host's transaction has our part in it, the host hears that it would be lost."""
    before = database.tables()
    with Session(lost.host) as session:
        session.execute(text("SELECT 1"))
        lost.meet(fate)
        with pytest.raises(DatabaseUnopened, match=f"was {fate} while it was open"):
            lost.draft(session=session)
        session.rollback()
    lost.host.dispose()
    lost.put_back()
    assert database.tables() == before
    with Session(lost.host) as session:
        lost.draft(session=session)
        session.commit()
    assert [each.applicant for each in lost.engine.find()] == ["URN:1", "URN:2"]


def test_a_connection_that_is_opened_afterwards_works_on_what_is_there(
    lost: Lost, database: RawDatabase
) -> None:
    """A host that has replaced its file itself, and let go of the old one, goes on with the new one."""
    lost.host.dispose()
    database.ask("PRAGMA journal_mode = DELETE")  # a log that was left would be taken for the new file's
    assert lost.engine.calls() == [replace(lost.call, counts={"submitted": 1})]
    lost.meet("replaced")
    lost.host.dispose()
    assert lost.engine.calls() == []
    again = lost.engine.open_call(new_call(reference="47/23"), actor=officer())
    assert lost.engine.calls() == [again]


def test_a_host_that_keeps_no_connection_has_whichever_file_is_there(
    databases: Databases, database: RawDatabase, clock: FrozenClock
) -> None:
    """Each command opens the file anew, so that nothing can be lost; a backup in its place is worked on."""
    host = database.host(poolclass=NullPool)
    lost = Lost(host, clock, Path(database.place), Path(databases.new().place))
    lost.meet("replaced")
    again = lost.engine.open_call(new_call(reference="47/23"), actor=officer())
    with Session(host) as session:
        lost.engine.draft(again.id, answers={}, actor=school(2), session=session)
        session.commit()
    assert [each.applicant for each in lost.engine.find()] == ["URN:2"]
    assert (lost.engine.calls()[0].reference, database.ask("SELECT count(*) FROM eoi_call")) == (
        "47/23",
        [(1,)],
    )


@pytest.mark.parametrize("poolclass", KEEPING)
def test_a_host_in_memory_has_no_file_to_lose(
    databases: Databases, clock: FrozenClock, poolclass: type[sqlalchemy.Pool]
) -> None:
    """Commands, reads and sessions work there as ever."""
    assert databases.name == "sqlite"
    terms: dict[str, Any] = {"max_overflow": 0, "pool_size": 1} if poolclass is QueuePool else {}
    host = create_engine("sqlite://", poolclass=poolclass, connect_args={"check_same_thread": False}, **terms)
    hosted = Engine(host, clock=clock)
    hosted.migrate()
    call = hosted.open_call(new_call(), actor=officer())
    with Session(host) as session:
        hosted.draft(call.id, answers={}, actor=school(2), session=session)
        session.commit()
    hosted.require_writable()
    assert [each.applicant for each in hosted.find()] == ["URN:2"]
    host.dispose()
