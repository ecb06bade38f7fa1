"""A server that dies between a request and its answer: what was asked for is done once."""

import shutil
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.client import Client
from tests.client.relay import relay
from tests.serving.served import Served
from workflow import CallView, Engine
from workflow.testing import admin, new_call, officer


@pytest.fixture
def engine(tmp_path: Path, sqlite_template: Path) -> Iterator[Engine]:
    """Lend an engine on the file that the servers use."""
    shutil.copy(sqlite_template, tmp_path / "eoi.db")
    with Engine(f"sqlite:///{tmp_path}/eoi.db") as engine:
        yield engine


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Return a call that is open for long."""
    new = new_call(closes_on=None, closes_at=datetime(2090, 3, 17, tzinfo=UTC))
    return engine.open_call(new, actor=officer())


@pytest.fixture
def key(engine: Engine) -> str:
    """Return a school's key."""
    made = engine.create_key("school", roles=["applicant"], organisations=["URN:1"], actor=admin())
    assert made.key is not None
    return made.key


@pytest.mark.slow
def test_a_draft_whose_answer_died_with_its_server_is_one(
    engine: Engine, call: CallView, key: str, tmp_path: Path
) -> None:
    """SIGKILL after the commit, before the answer: the next server is asked, and there is one draft."""
    with ExitStack() as stack:
        first = stack.enter_context(Served(tmp_path, "--no-delivery"))
        later = list[Served]()

        def die() -> None:
            first.signal(signal.SIGKILL)
            first.end()

        def go_on(_: float) -> None:
            later.append(stack.enter_context(Served(tmp_path, "--no-delivery")))
            wire.upstream = later[-1].address

        wire = stack.enter_context(relay(first.address, die))
        client = stack.enter_context(Client(wire.url, key, pause=go_on))
        receipt = client.draft(call.id, answers={"places": 8})
        (eoi,) = engine.find(call=call.id)
        assert (receipt.eoi_id, receipt.replayed, len(later)) == (eoi.id, True, 1)
