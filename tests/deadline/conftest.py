"""An engine on a clock that is moved, and a slow one on the same database, which others can overtake."""

from collections.abc import Callable, Iterator

import pytest

from tests.databases.raw import RawDatabase
from tests.deadline.ledger import broken_promises
from tests.deadline.wire import SlowEngine
from workflow import CallView, Engine
from workflow.testing import FrozenClock, new_call, officer, school


@pytest.fixture
def engine(database: RawDatabase, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine on the test's own database."""
    with Engine(database.url, clock=clock) as engine:
        yield engine


@pytest.fixture
def slow(database: RawDatabase, clock: FrozenClock) -> Iterator[SlowEngine]:
    """Return an engine on the same database, of which `slow.wire` holds up the next command."""
    with SlowEngine(database, clock) as slow:
        yield slow


@pytest.fixture
def broken(database: RawDatabase) -> Callable[[], list[str]]:
    """Return what says which promises of the ledger the rows break."""
    return lambda: broken_promises(database.place)


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Return the real sheet's call."""
    return engine.open_call(new_call(), actor=officer())


@pytest.fixture
def draft(engine: Engine, call: CallView) -> str:
    """Return the draft of school 1 on that call."""
    return engine.draft(call.id, answers={"places": 1}, actor=school(1)).eoi_id
