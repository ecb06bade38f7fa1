"""An engine with a clock that stands still, and one key."""

from collections.abc import Iterator

import pytest

from tests.databases.raw import RawDatabase
from workflow import Engine, KeyView
from workflow.testing import FrozenClock, admin


@pytest.fixture
def engine(database: RawDatabase, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine on the test's own database, on that clock."""
    with Engine(database.url, clock=clock) as engine:
        yield engine


@pytest.fixture
def made(engine: Engine) -> KeyView:
    """Return the key of a school, as it was shown once."""
    return engine.create_key(
        "head-121234", roles={"applicant"}, organisations={"URN:121234"}, actor=admin("head-of-places")
    )


@pytest.fixture
def key(made: KeyView) -> str:
    """Return that key itself."""
    assert made.key is not None
    return made.key
