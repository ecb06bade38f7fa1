"""What the tests of the kit share: one on each kind of database, and a call."""

from collections.abc import Iterator

import pytest

from tests.databases.lent import Broken
from tests.databases.raw import RawDatabase
from tests.deadline.ledger import broken_promises
from workflow import CallView
from workflow.testing import FrozenClock, Kit, new_call, officer


@pytest.fixture
def kit(database: RawDatabase, clock: FrozenClock) -> Iterator[Kit]:
    """Return a kit on a database in which nothing has happened yet."""
    with Kit(database.url, clock=clock) as kit:
        yield kit


@pytest.fixture
def broken(database: RawDatabase) -> Broken:
    """Return what looks for promises that the rows break."""
    return lambda: broken_promises(database.place)


@pytest.fixture
def call(kit: Kit) -> CallView:
    """Open the call, before there is any endpoint."""
    return kit.engine.open_call(new_call(), actor=officer())
