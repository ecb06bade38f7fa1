import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy

from adapters.bootstrap import build, build_engine
from adapters.settings import Settings
from scheduler.pump import BEGIN_WITHIN
from states.errors import BadInput
from workflow import DatabaseForeign, DatabaseLocked, SchemaMissing
from workflow.clock import SystemClock
from workflow.testing import FrozenClock, engine_in, new_call, officer, school


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings for a file that is not there yet."""
    return Settings(database_url=str(tmp_path / "eoi.db"), settle_s=0)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[sqlalchemy.Engine]:
    """Return a host's own engine on its own file, with a table of its own."""
    engine = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (x)")
    yield engine
    engine.dispose()


#: What ran before: a courier's thread of another test may idle for a second.
_BEFORE: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def before() -> None:
    """Look which threads run before a test."""
    _BEFORE.clear()
    _BEFORE.update(threading.enumerate())


def threads() -> set[str]:
    """Return the names of the program's threads that run now, and did not before."""
    return {each.name for each in {*threading.enumerate()} - _BEFORE if each.name.startswith("eoi-")}


def test_nothing_runs_and_nothing_is_opened_before_the_start(settings: Settings, tmp_path: Path) -> None:
    """A program that is put together but not started has no thread and no file; closing it is harmless."""
    app = build(settings)
    assert (threads(), list(tmp_path.iterdir()), app.runner.health().threads["sweep"]) == (set(), [], False)
    app.close()
    app.close()


def test_a_with_starts_it_and_closes_it(settings: Settings, tmp_path: Path) -> None:
    """In the `with` the tables are there and the runner is well; after it no thread is left."""
    with build(settings) as app:
        assert app.runner.health().ok
        assert threads() >= {"eoi-sweep", "eoi-pump"}
        call = app.engine.open_call(
            new_call(reference="1/99", closes_on=None, closes_at=LATER), actor=officer()
        )
        assert app.engine.next_due() == LATER
    assert threads() == set()
    with build(settings) as again:
        assert again.engine.call("1/99") == call


LATER = datetime(2099, 3, 18, tzinfo=UTC)


def test_the_start_closes_what_fell_due_before_it_returns(settings: Settings, tmp_path: Path) -> None:
    """A host that starts late finds every overdue call closed as soon as its `with` begins."""
    with engine_in(tmp_path) as past:
        overdue = past.open_call(new_call(), actor=officer())
    with build(settings) as app:
        assert app.engine.call(overdue.id).state == "closed"


def test_a_start_that_fails_closes_what_was_opened(tmp_path: Path) -> None:
    """On a file that is no database the start raises, and leaves no thread and no connection behind."""
    (tmp_path / "eoi.db").write_bytes(b"no database " * 100)
    app = build(Settings(database_url=str(tmp_path / "eoi.db")))
    with pytest.raises(DatabaseForeign), app:
        pytest.fail("it started")
    assert (threads(), app.engine._database._used_by) == (set(), None)


def test_an_error_in_the_body_closes_it_too(settings: Settings) -> None:
    """Whatever a host's own code raises, nothing goes on running."""
    with pytest.raises(ZeroDivisionError), build(settings):
        raise ZeroDivisionError
    assert threads() == set()


def test_a_hosts_engine_is_used_as_it_is_and_stays_open(
    settings: Settings, host: sqlalchemy.Engine, tmp_path: Path
) -> None:
    """A host's database is not migrated by itself; once it is, the program works on it, leaving it open."""
    with pytest.raises(SchemaMissing), build(settings, host):
        pytest.fail("it started")
    app = build(settings, host)
    app.engine.migrate()
    with app, host.connect() as held:
        held.exec_driver_sql("SELECT 1")
        app.engine.open_call(new_call(reference="1/99", closes_on=None, closes_at=LATER), actor=officer())
        app.close()
        assert held.exec_driver_sql("SELECT count(*) FROM eoi_call").scalar_one() == 1
    assert not (tmp_path / "eoi.db").exists()


def test_the_clock_that_is_handed_in_is_obeyed_everywhere(settings: Settings) -> None:
    """On a clock of March 2023 a call is open in the real sheet's window, and closed once it has moved on."""
    clock = FrozenClock()
    with build(settings, clock=clock) as app:
        call = app.engine.open_call(new_call(), actor=officer())
        app.engine.draft(call.id, answers={}, actor=school())
        clock.move_to(call.closes_at)
        report = app.runner.once()
        assert app.engine.call(call.id).closed_at == call.closes_at
        assert report.swept.failed == {}
    assert isinstance(build_engine(settings).clock, SystemClock)


def test_settings_reach_whom_they_concern(tmp_path: Path) -> None:
    """Settle time and patience with locks are the engine's."""
    said = Settings(database_url=str(tmp_path / "eoi.db"), settle_s=7, lock_timeout_s=0)
    with build_engine(said, clock=FrozenClock()) as engine:
        engine.migrate()
        call = engine.open_call(new_call(), actor=officer())
        due = engine.next_due()
        assert due is not None
        assert (due - call.closes_at).total_seconds() == 7
        with closing(sqlite3.connect(tmp_path / "eoi.db", isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseLocked) as caught:
                engine.draft(call.id, answers={}, actor=school())
    assert caught.value.facts["waited_s"] == 0


@pytest.mark.parametrize("timeout_s", [1, 10, 60])
def test_a_delivery_is_ours_for_longer_than_any_webhook_takes(settings: Settings, timeout_s: float) -> None:
    """However patient webhooks are told to be, nobody else takes a delivery while one is on its way."""
    app = build(settings.model_copy(update={"webhook_timeout_s": timeout_s}))
    lease_s = app.runner._pump._lease_s
    assert lease_s * (1 - BEGIN_WITHIN) >= max(30, 3 * timeout_s)
    app.close()


def test_settings_that_cannot_be_used_are_refused_before_anything_is_opened() -> None:
    """A database of a kind that is not supported is refused when the program is put together."""
    with pytest.raises(BadInput):
        build(Settings(database_url="mysql://council/eoi"))
