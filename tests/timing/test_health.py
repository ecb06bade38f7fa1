"""What the runner's health check says, and when it says that something is wrong."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from scheduler import Health, Runner
from tests.databases.lent import NewEngine
from tests.databases.raw import Databases, RawDatabase
from workflow import DatabaseUnopened, Engine, SchemaMissing, SchemaState
from workflow.ports import Delivered, Delivery, Outcome
from workflow.testing import FrozenClock, RecordingCourier, new_call, officer

LONG_S = 30.0
#: What is said of a database in which nothing is yet: on SQLite not even the file is there.
MISSING = {"sqlite": DatabaseUnopened, "postgresql": SchemaMissing}
ALL_RUN = {"sweep": True, "pump": True, "alarm": True}


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    """Return an engine that gives up early where the database is locked."""
    return new_engine(lock_timeout_s=0.05)


@pytest.fixture
def runner(engine: Engine) -> Iterator[Runner]:
    """Lend a runner that is started, and looks again only when it is woken."""
    with _runner(engine) as runner:
        _at_rest(runner)
        yield runner


def _runner(engine: Engine, courier: RecordingCourier | None = None, *, lease_s: float = 60.0) -> Runner:
    return Runner(
        engine,
        {"log": courier or RecordingCourier()},
        sweep_period_s=LONG_S,
        pump_period_s=LONG_S,
        lease_s=lease_s,
        grace_s=0.0,
    )


def _at_rest(runner: Runner) -> None:
    """Wait until both threads have heard every ring so far, and wait for the next one."""
    bells = (runner._bell, runner._pump.bell)
    for _ in range(20_000):
        if all(bell.waiting for bell in bells):
            return
        time.sleep(0.001)  # A bell tells nobody who waits for it, and to wait for it oneself would be seen.
    pytest.fail("A thread does not come to rest.")


def _after(runner: Runner, *, errors: int) -> Health:
    """Wake the runner until so many steps have failed and the last ones went as they now go."""
    for _ in range(20_000):
        health = runner.health()
        if health.errors >= errors:
            return health
        runner.wake()
        runner._bell.wait(runner._bell.rings, 0.001)
    pytest.fail(f"There were {runner.health().errors} errors.")


def _well_again(runner: Runner) -> bool:
    for _ in range(20_000):
        if runner.health().ok:
            return True
        runner.wake()
        runner._bell.wait(runner._bell.rings, 0.001)
    return False


def test_it_is_well_from_its_start(runner: Runner) -> None:
    """A runner that has just started is well, even before the pump has looked for the first time."""
    health = runner.health()
    assert (health.ok, health.threads, health.errors, health.last_error) == (True, ALL_RUN, 0, None)
    assert (health.overdue_s, health.oldest_waiting_s) == (0.0, None)
    assert health.sweep_age_s is not None


def test_one_that_was_never_started_is_not_well(engine: Engine) -> None:
    """Nothing runs, and nothing has run."""
    health = _runner(engine).health()
    assert (health.ok, health.threads) == (False, {"sweep": False, "pump": False, "alarm": False})
    assert (health.sweep_age_s, health.pump_age_s) == (None, None)


@pytest.mark.parametrize("name", ["sweep", "pump"])
def test_a_thread_that_has_ended_is_seen(runner: Runner, name: str) -> None:
    """Where one of the two threads is gone, the runner is not well, and says which."""
    {"sweep": runner._sweeping, "pump": runner._pumping}[name].stop()
    health = runner.health()
    assert (health.ok, health.threads) == (False, ALL_RUN | {name: False})


def test_a_dead_alarm_is_seen_and_mended_by_the_next_sweep(runner: Runner) -> None:
    """An alarm that cannot ring makes the runner unwell until the sweep has built it anew."""
    clockwork = runner._alarm._clockwork
    assert clockwork is not None
    clockwork.scheduler.shutdown(wait=False)
    health = runner.health()
    assert (health.ok, health.threads) == (False, ALL_RUN | {"alarm": False})
    runner.wake()
    assert _well_again(runner)


def test_a_database_that_cannot_be_used_is_told(databases: Databases, clock: FrozenClock) -> None:
    """A runner on a database without tables starts, says what is wrong, and is well once they are there."""
    missing = databases.new(migrated=False)
    with Engine(missing.url, clock=clock) as engine, _runner(engine) as runner:
        health = runner.health()
        assert (health.ok, health.threads) == (False, ALL_RUN)
        assert health.errors >= 1
        # The class says it all: no host, no file, no statement.
        kind = MISSING[missing.name]
        assert health.last_error == f"{kind.__name__}: {kind().message}"
        engine.migrate()
        assert _well_again(runner)
        assert runner.health().last_error is None


@pytest.mark.parametrize(
    ("done", "state", "ok"),
    [
        ((), "current", True),
        (("UPDATE eoi_schema_version SET version_num = '9999'",), "newer", True),
        (("UPDATE eoi_schema_version SET version_num = '0003'",), "older", False),
        (("UPDATE eoi_schema_version SET version_num = 'a1b2c3'",), "foreign", False),
        (("INSERT INTO eoi_schema_version VALUES ('9999')",), "foreign", False),
        (("DELETE FROM eoi_schema_version",), "missing", False),
        (("DROP TABLE eoi_schema_version",), "missing", False),
    ],
)
def test_tables_of_another_version_are_seen_by_who_runs(
    runner: Runner, database: RawDatabase, done: tuple[str, ...], state: str, ok: bool
) -> None:
    """What is older, or none of ours, makes it ill; what a newer version upgraded meanwhile does not."""
    database.run(*done)
    health = runner.health()
    assert (health.schema, health.ok) == (state, ok)
    assert health.last_error == (
        None if ok else f"The database's tables are not this version's: they are {state}."
    )


def test_tables_that_cannot_be_asked_for_are_none(databases: Databases) -> None:
    """Where the database is not there, nothing is said of its tables; in an empty one there are none."""
    missing = databases.new(migrated=False)
    with Engine(missing.url) as engine:
        assert _runner(engine).health().schema == (None if missing.name == "sqlite" else "missing")


def test_to_ask_after_the_tables_is_one_read(database: RawDatabase) -> None:
    """Probes come every second: what they cost is one statement, once the connection is there."""
    said: list[str] = []
    host = database.host(hear=said.append)
    engine = Engine(host)
    engine.next_due()  # the connection is there, and the tables have been looked at
    said.clear()
    assert engine.schema_state() is SchemaState.CURRENT
    assert [each.split() for each in said] == [
        ["SELECT", "eoi_schema_version.version_num", "FROM", "eoi_schema_version"]
    ]
    engine.close()
    host.dispose()


def test_a_pump_that_cannot_write_is_told(database: RawDatabase, engine: Engine) -> None:
    """While another program holds the database, the pump fails step by step; afterwards all is well."""
    engine.open_call(new_call(), actor=officer())
    with database.locked() as lock, _runner(engine) as runner:
        health = _after(runner, errors=1)
        assert (health.ok, health.threads) == (False, ALL_RUN)
        assert str(health.last_error).startswith("DatabaseLocked: ")
        lock.release()
        assert _well_again(runner)
        runner.once()
    assert [each.state for each in engine.deliveries()] == ["delivered"]


def test_a_close_that_is_late_is_told(engine: Engine, runner: Runner, clock: FrozenClock) -> None:
    """A call that has been due for a period and 15 s makes the runner unwell, until it is closed."""
    call = engine.open_call(new_call(), actor=officer())
    due = call.closes_at + timedelta(seconds=2)
    _at_rest(runner)
    clock.move_to(due + timedelta(seconds=44.9))
    assert (runner.health().ok, runner.health().overdue_s) == (True, 44.9)
    clock.move_to(due + timedelta(seconds=45))
    assert (runner.health().ok, runner.health().overdue_s) == (False, 45)
    runner.wake()
    assert _well_again(runner)
    assert (engine.call(call.id).state, runner.health().overdue_s) == ("closed", 0)


def test_how_long_the_oldest_event_waits_is_told(engine: Engine, clock: FrozenClock) -> None:
    """An event that is not yet at all its receivers has an age, by the engine's clock."""
    engine.open_call(new_call(), actor=officer())
    clock.move_by(seconds=90)
    engine.open_call(new_call(reference="47/23"), actor=officer())
    runner = _runner(engine)
    assert runner.health().oldest_waiting_s == 90
    runner.once()
    assert runner.health().oldest_waiting_s is None


def test_a_courier_that_hangs_is_told(engine: Engine, clock: FrozenClock) -> None:
    """A delivery that has outlasted its lease makes the runner unwell, and is not sent a second time."""
    inside, go_on = threading.Event(), threading.Event()

    def hang(_: Delivery) -> Outcome:
        inside.set()
        go_on.wait(LONG_S)
        return Delivered()

    courier = RecordingCourier(hang)
    engine.open_call(new_call(), actor=officer())
    with _runner(engine, courier, lease_s=60) as runner:
        assert inside.wait(LONG_S)
        assert runner.health().ok
        clock.move_by(seconds=61)
        for _ in range(20_000):
            runner.wake()
            if not runner.health().ok:
                break
            runner._bell.wait(runner._bell.rings, 0.001)
        assert runner.health().last_error == "A courier hangs; deliveries that have outlasted their lease: 1."
        go_on.set()
        assert _well_again(runner)
    assert len(courier.attempts) == 1
    assert [each.state for each in engine.deliveries()] == ["delivered"]
