"""Who waits for a whole table, behind somebody slow, holds up nobody else: an endpoint, a migration."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest
from sqlalchemy.orm import Session

from tests.answers import answer
from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from workflow import DatabaseLocked, Engine
from workflow.migrations import downgrade
from workflow.testing import FrozenClock, new_call, officer, school

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

SETTLED: Final = datetime(2023, 3, 18, 0, 0, 2, tzinfo=UTC)
#: How long the others wait for a lock, in seconds; whoever waits for a table waits at its lock much longer.
OTHERS_S: Final = 5.0
#: How often whoever waits for a table is met as it asks for that.
OFTEN: Final = 2
HOOK: Final = "https://example.org/hook"


class Trying:
    """An engine by a host's, of which one can see that it asks for a table."""

    def __init__(self, database: RawDatabase, clock: FrozenClock, word: str) -> None:
        self._word, self._tries = word, threading.Semaphore(0)
        self._host, self._thread = database.host(hear=self._hear), ThreadPoolExecutor(1)
        self.engine = Engine(self._host, clock=clock)

    def _hear(self, statement: str) -> None:
        if self._word in statement:
            self._tries.release()

    def start(self, do: Callable[[], Any]) -> Future[Any]:
        """Let it begin, and come back when it has asked for the first time."""
        future = self._thread.submit(do)
        self.await_next()
        return future

    def await_next(self) -> None:
        """Come back when it has asked once more."""
        assert self._tries.acquire(timeout=30)

    def close(self) -> None:
        """Wait for its end."""
        self._thread.shutdown()
        self._host.dispose()


@pytest.fixture
def trying(request: pytest.FixtureRequest, database: RawDatabase, clock: FrozenClock) -> Iterator[Trying]:
    """Return an engine of which one can see that it says the test's word."""
    trying = Trying(database, clock, request.param)
    yield trying
    trying.close()


@pytest.fixture
def slow(database: RawDatabase, trying: Trying) -> Iterator[Session]:
    """Return the session of a host that takes its time."""
    host = database.host()
    with Session(host) as session:
        yield session
    host.dispose()


class Others:
    """A council at work while somebody waits: schools that submit under a key, and the sweep."""

    def __init__(self, new_engine: NewEngine) -> None:
        self.engine = new_engine(lock_timeout_s=OTHERS_S)
        self._sweeper = new_engine(lock_timeout_s=OTHERS_S, clock=FrozenClock(SETTLED))
        later = new_call(reference="slow", closes_on=date(2023, 3, 24))
        #: The EOI of the slow host, whose call is not due for long.
        self.slow = self._drafts(self.engine.open_call(later, actor=officer()).id, 1)[0]
        self._eois = self._drafts(self.engine.open_call(new_call(), actor=officer()).id, OFTEN + 1)
        self._sweeper.calls()

    def _drafts(self, call_id: str, many: int) -> list[str]:
        return [self.engine.draft(call_id, answers={}, actor=school(n)).eoi_id for n in range(many)]

    def submit(self, session: Session) -> None:
        """Let the slow host submit, and not commit."""
        self.engine.submit(self.slow, actor=school(0), session=session, idempotency_key="slow")

    def go_on(self, trying: Trying) -> list[str]:
        """Submit at each try of that engine, and close the call at the end; return the answers."""
        found = list[str]()
        for number in range(OFTEN):
            if number:
                trying.await_next()
            eoi_id, key = self._eois[number], f"{number}"
            found.append(
                answer(lambda: self.engine.submit(eoi_id, actor=school(number), idempotency_key=key))  # noqa: B023 -- called at once
            )
        swept = self._sweeper.close_due()
        return [*found, *(each.reference for each in swept.closed), *swept.failed.values()]


@pytest.fixture
def others(new_engine: NewEngine) -> Others:
    """Return a council at work."""
    return Others(new_engine)


WENT_ON: Final = ["submitted"] * OFTEN + ["46/23"]


@pytest.mark.parametrize("trying", ["LOCK TABLE eoi_outbox"], indirect=True)
def test_an_endpoint_that_waits_for_a_slow_host_holds_up_nobody(
    trying: Trying, slow: Session, others: Others, clock: FrozenClock
) -> None:
    """Others submit, calls are closed; it is added once the host has committed, and gets what comes then."""
    others.submit(slow)
    added = trying.start(lambda: trying.engine.add_endpoint(HOOK, actor=officer()))
    assert others.go_on(trying) == WENT_ON
    assert (added.done(), others.engine.endpoints()) == (False, [])
    slow.commit()
    assert [replace(added.result(timeout=30), secret=None)] == others.engine.endpoints()
    others.engine.withdraw(others.slow, actor=school(0), reason="Another year.")
    claimed = others.engine.outbox.claim(clock.now(), limit=50, lease_s=60)
    assert [(each.event.subject, each.event.type) for each in claimed if each.address == HOOK] == [
        (others.slow, "eoi.withdrawn")
    ]


@pytest.mark.parametrize("trying", ["LOCK TABLE eoi_outbox"], indirect=True)
def test_an_endpoint_that_waits_in_vain_is_told(
    trying: Trying, slow: Session, others: Others, new_engine: NewEngine
) -> None:
    """After its time it is not added, which is said; afterwards it can be."""
    hasty = new_engine(lock_timeout_s=0.05)
    others.submit(slow)
    with pytest.raises(DatabaseLocked, match="try again"):
        hasty.add_endpoint(HOOK, actor=officer())
    slow.commit()
    assert hasty.endpoints() == []
    assert [replace(hasty.add_endpoint(HOOK, actor=officer()), secret=None)] == trying.engine.endpoints()


@pytest.mark.parametrize("trying", ["CREATE INDEX ix_eoi_key_created_at"], indirect=True)
def test_a_migration_that_waits_for_a_slow_host_holds_up_nobody(
    trying: Trying, slow: Session, others: Others
) -> None:
    """Programs that run go on with their work; it is done once the host has committed."""
    downgrade(trying.engine._database, "0001")
    others.submit(slow)
    migrated = trying.start(trying.engine.migrate)
    assert others.go_on(trying) == WENT_ON
    assert not migrated.done()
    slow.commit()
    migrated.result(timeout=30)
    assert trying.engine.check() == []
    assert trying.engine.get(others.slow).state == "submitted"


@pytest.mark.parametrize("trying", ["CREATE INDEX ix_eoi_key_created_at"], indirect=True)
def test_a_migration_that_waits_in_vain_is_told(
    trying: Trying, slow: Session, others: Others, new_engine: NewEngine
) -> None:
    """After its time nothing is changed, which is said; afterwards it is done."""
    hasty = new_engine(lock_timeout_s=0.05)
    downgrade(trying.engine._database, "0001")
    others.submit(slow)
    with pytest.raises(DatabaseLocked, match="try again"):
        hasty.migrate()
    slow.commit()
    hasty.migrate()
    assert hasty.check() == []
