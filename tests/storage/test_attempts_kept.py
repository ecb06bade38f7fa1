"""A submission that the close overtook is on record, wherever its connection breaks after it was refused."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from sqlalchemy.orm import Session

from states.facts import Actor
from states.names import Role
from tests.answers import answer
from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.servers.wire import WHERES, Where, Wire
from workflow import Engine
from workflow.testing import FrozenClock, new_call, officer, school

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

SETTLED: Final = datetime(2023, 3, 18, 0, 0, 2, tzinfo=UTC)
SWEEP: Final = Actor("system", roles={Role.SYSTEM})
WAITING: Final = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def wire(database: RawDatabase) -> Iterator[Wire]:
    """Return a wire to the test's database."""
    with Wire(database.url) as wire:
        yield wire


@pytest.fixture
def wired(wire: Wire, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine by way of that wire, to be used at once; its clock stands before the deadline."""
    with Engine(wire.url, clock=clock) as engine:
        engine.calls()
        yield engine


@pytest.fixture
def after(new_engine: NewEngine) -> Engine:
    """Return an engine whose clock stands where calls are closed."""
    return new_engine(clock=FrozenClock(SETTLED))


class Overtaking:
    """Lets the close of a call overtake a submission by `wired`: no sleep, no chance."""

    def __init__(self, database: RawDatabase, wired: Engine, engine: Engine, after: Engine) -> None:
        self._database, self._wired, self._engine, self._after = database, wired, engine, after
        self._stack = ExitStack()
        self._host = database.host()
        self._stack.callback(self._host.dispose)
        self._threads = self._stack.enter_context(ThreadPoolExecutor(2))

    def submit(self, name: str, once_it_waits: Callable[[], object]) -> tuple[str, str]:
        """Open a call, and have a submission overtaken there; return its EOI, and what it was told.

        - a host's transaction that has submitted another EOI holds the call, and the close waits for it
        - the submission arrives in time, and waits behind the close
        - `once_it_waits` is called, then all go on
        """
        call = self._engine.open_call(new_call(reference=name), actor=officer())
        other, eoi_id = (self._engine.draft(call.id, answers={}, actor=school(n)).eoi_id for n in (1, 2))
        with Session(self._host) as session:
            self._engine.submit(other, actor=school(1), session=session)
            close = self._start(1, lambda: self._after.close_call(call.id, actor=SWEEP))
            submit = self._start(2, lambda: answer(lambda: self._wired.submit(eoi_id, actor=school(2))))
            once_it_waits()
            session.commit()
        assert close.result(timeout=30).counts_at_close == {"lapsed": 1, "submitted": 1}
        return eoi_id, submit.result(timeout=30)

    def _start(self, waiting: int, do: Callable[[], Any]) -> Future[Any]:
        future = self._threads.submit(do)
        while len(self._database.ask(WAITING)) < waiting:
            assert not future.done()
        return future

    def close(self) -> None:
        """Leave nothing behind."""
        self._stack.close()


@pytest.fixture
def overtaking(
    database: RawDatabase, wired: Engine, new_engine: NewEngine, after: Engine
) -> Iterator[Overtaking]:
    """Return what lets the close of a call overtake a submission by the wire."""
    overtaking = Overtaking(database, wired, new_engine(), after)
    yield overtaking
    overtaking.close()


@pytest.mark.slow
@pytest.mark.parametrize("where", WHERES)
def test_what_the_close_overtook_is_kept_wherever_it_is_cut(
    overtaking: Overtaking, wire: Wire, after: Engine, where: Where
) -> None:
    """It is told so, stands on record (twice only where nobody could know), and an officer lets it in."""
    overtaking.submit("whole", lambda: wire.cut(0, where))
    last = wire.trips
    assert last >= 4
    counts = list[int]()
    for trip in range(1, last + 1):
        eoi_id, told = overtaking.submit(f"{trip}", lambda trip=trip: wire.cut(trip, where))  # type: ignore[misc]
        found = [(each.trigger, each.code) for each in after.attempts(eoi_id)]
        assert (told, found) == ("closed-in-flight", [("submit", "closed-in-flight")]), trip
        assert wire.trips > trip, "it was not cut, or gave up there"
        counts.append(after.attempts(eoi_id)[0].count)
        reinstated = after.fire(eoi_id, "reinstate", actor=officer(), reason="It came in time.")
        assert reinstated.state == "submitted"
    assert counts == [1] * (last - 1) + [2 if where == "unanswered" else 1]
    assert after.check() == []


def test_what_cannot_be_kept_is_told_in_the_log_with_its_arrival(
    overtaking: Overtaking, database: RawDatabase, after: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """Where it cannot be written down, the log says of which EOI, and that it came in time."""
    database.plant("BEFORE INSERT ON eoi_attempt", None)
    with caplog.at_level("WARNING", logger="eoi"):
        eoi_id, told = overtaking.submit("46/23", lambda: None)
    assert (told, after.attempts(eoi_id)) == ("closed-in-flight", [])
    (line,) = caplog.records
    said = {name: line.__dict__[name] for name in ("code", "eoi_id", "arrived_at", "earliest_at")}
    came = "2023-03-16T12:00:00+00:00"
    assert (line.msg, said) == (
        "attempt.not-kept",
        {"code": "database-refused", "eoi_id": eoi_id, "arrived_at": came, "earliest_at": came},
    )
