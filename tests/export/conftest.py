"""A call with EOIs in it, and what exports them into memory."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from adapters.outbound.export import Exported, export
from states.facts import Actor
from workflow import CallView, Engine
from workflow.testing import FrozenClock, engine_in, new_call, officer

#: Exports, and returns what was written, and the bytes of it.
Write = Callable[..., tuple[Exported, bytes]]


@pytest.fixture
def engine(tmp_path: Path, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine on a file: what is written does not hang on what it was read from."""
    with engine_in(tmp_path, clock=clock) as engine:
        yield engine


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Return the real sheet's call, which is open."""
    return engine.open_call(new_call(), actor=officer())


@pytest.fixture
def write(engine: Engine) -> Write:
    """Return what exports from the test's engine."""

    def written(actor: Actor | None = None, **asked: Any) -> tuple[Exported, bytes]:
        to = BytesIO()
        done = export(asked.pop("source", engine), to, actor=actor, **asked)
        assert not to.closed
        return done, to.getvalue()

    return written
