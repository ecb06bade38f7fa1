"""An engine on a clock that is moved, and a slow one on the same file, which others can overtake."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deadline.wire import SlowEngine
from workflow import CallView, Engine
from workflow.testing import FrozenClock, engine_in, new_call, officer, school


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the database is."""
    return tmp_path / "eoi.db"


@pytest.fixture
def engine(tmp_path: Path, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine on a new file."""
    with engine_in(tmp_path, clock=clock) as engine:
        yield engine


@pytest.fixture
def slow(file: Path, engine: Engine, clock: FrozenClock) -> Iterator[SlowEngine]:
    """Return an engine on the same file, of which `slow.wire` holds up the next command."""
    del engine  # It has made the file.
    with SlowEngine(file, clock) as slow:
        yield slow


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Return the real sheet's call."""
    return engine.open_call(new_call(), actor=officer())


@pytest.fixture
def draft(engine: Engine, call: CallView) -> str:
    """Return the draft of school 1 on that call."""
    return engine.draft(call.id, answers={"places": 1}, actor=school(1)).eoi_id
