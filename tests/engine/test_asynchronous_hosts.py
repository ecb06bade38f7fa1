"""Hosts that work by coroutines: what they have at hand for their own rows is refused in words, at once."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from workflow import BadInput, Engine
from workflow.testing import engine_in, new_call, officer


class AsyncEngine:
    """What SQLAlchemy's is to us: no `sqlalchemy.Engine`."""


@pytest.mark.parametrize("given", [AsyncEngine(), Path("eoi.db"), None, create_engine])
def test_what_is_no_engine_is_refused_by_its_name(given: Any) -> None:
    """Whoever hands in an AsyncEngine is told what to give instead, and by no TypeError from within."""
    with pytest.raises(
        BadInput, match=rf"\(synchronous\) SQLAlchemy Engine, not {type(given).__name__}\."
    ) as told:
        Engine(given)
    assert told.value.field == "db"


def test_the_engine_within_an_asynchronous_one_is_refused() -> None:
    """`async_engine.sync_engine` looks like one that waits, and would fail at its first connection."""
    with pytest.raises(BadInput, match="not the engine within an AsyncEngine"):
        Engine(create_engine("postgresql+psycopg_async://nowhere/eoi"))


def test_a_session_of_an_asynchronous_driver_is_refused(tmp_path: Path) -> None:
    """What `run_sync` hands out is a Session, by a driver that ours know nothing of."""
    with (
        engine_in(tmp_path) as engine,
        Session(create_engine("postgresql+psycopg_async://nowhere/eoi")) as session,
    ):
        with pytest.raises(BadInput, match="asynchronous driver") as told:
            engine.open_call(new_call(), actor=officer(), session=session)
        assert told.value.field == "session"
        assert engine.calls() == []
