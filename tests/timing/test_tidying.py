"""What a runner does beside its work, now and then: old keys are forgotten."""

import logging
from datetime import timedelta

import pytest

from scheduler import Runner
from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from workflow import Engine
from workflow.testing import FrozenClock, RecordingCourier, new_call, officer


@pytest.fixture
def engine(new_engine: NewEngine, clock: FrozenClock) -> Engine:
    """Return an engine that holds one key, which is a microsecond too old."""
    engine = new_engine()
    closes_at = clock.now() + timedelta(days=60)
    engine.open_call(new_call(closes_at=closes_at), actor=officer(), idempotency_key="k")
    clock.move_by(days=30, microseconds=1)
    return engine


def _keys(database: RawDatabase) -> object:
    return database.ask("SELECT count(*) FROM eoi_key")[0][0]


def test_a_pass_forgets_old_keys(engine: Engine, database: RawDatabase) -> None:
    """A council that runs `eoi tick` from cron, and nothing else, does not keep keys for ever."""
    runner = Runner(engine, {"log": RecordingCourier()})
    assert [runner.once().pruned, runner.once().pruned] == [1, 0]
    assert _keys(database) == 0


def test_a_runner_that_starts_forgets_old_keys(
    engine: Engine, database: RawDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    """It says in its log how many there were."""
    with caplog.at_level(logging.INFO, "eoi.runner"), Runner(engine, {"log": RecordingCourier()}):
        assert _keys(database) == 0
    assert [each.__dict__["count"] for each in caplog.records if each.msg == "keys.pruned"] == [1]


def test_no_sweep_fails_for_a_key_that_cannot_be_forgotten(
    engine: Engine, database: RawDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    """Calls are closed and the runner is well, whatever stands against deleting old keys; the log says it."""
    database.plant("BEFORE DELETE ON eoi_key", None, where="OLD.answer <> ''")
    with caplog.at_level(logging.INFO, "eoi.runner"), Runner(engine, {"log": RecordingCourier()}) as runner:
        health = runner.health()
    assert (health.ok, health.errors, _keys(database)) == (True, 0, 1)
    said = [each.__dict__["code"] for each in caplog.records if each.msg == "tidying.failed"]
    assert said == ["database-refused"]
