"""A database that somebody else keeps busy: nobody waits in vain."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.databases.raw import RawDatabase
from workflow import CallClosed, DatabaseLocked, Engine, StaleVersion
from workflow.races import TRIES
from workflow.testing import FrozenClock, new_call, officer, school


@pytest.mark.slow
def test_who_is_too_late_is_told_although_the_database_is_locked_for_long(
    database: RawDatabase, new_engine: Callable[..., Engine], clock: FrozenClock
) -> None:
    """A school that is late hears so within seconds, however long the others would wait for the lock."""
    engine = new_engine(lock_timeout_s=600)
    call = engine.open_call(new_call(), actor=officer())
    eoi = engine.draft(call.id, answers={}, actor=school()).eoi_id
    clock.move_to(call.closes_at)
    told = list[str]()

    def submit() -> None:
        try:
            engine.submit(eoi, actor=school())
        except CallClosed as refused:
            told.append(refused.code)

    late = threading.Thread(target=submit)
    with database.locked():
        late.start()
        late.join(timeout=60)
    late.join()
    assert told == ["call-closed"]
    assert engine.attempts(eoi) == []  # It could not be kept, which the log says.


def test_a_sweep_beside_a_locked_database_closes_nothing_and_says_so(
    database: RawDatabase, new_engine: Callable[..., Engine], clock: FrozenClock
) -> None:
    """It tries each call, none of them for long; the next sweep closes them all."""
    engine = new_engine(lock_timeout_s=0.01)
    calls = [engine.open_call(new_call(reference=name), actor=officer()).id for name in ("1", "2", "3")]
    clock.move_to(engine.call("1").closes_at + timedelta(seconds=2))
    with database.locked():
        report = engine.close_due()
    assert (report.closed, report.failed) == ((), dict.fromkeys(calls, "database-locked"))
    assert [call.id for call in engine.close_due().closed] == calls


def test_what_the_database_failed_stands_in_the_log(
    database: RawDatabase, new_engine: Callable[..., Engine], caplog: pytest.LogCaptureFixture
) -> None:
    """A school that came in time and met a locked database can be told from one that never came."""
    engine = new_engine(lock_timeout_s=0)
    call = engine.open_call(new_call(), actor=officer())
    eoi = engine.draft(call.id, answers={}, actor=school()).eoi_id
    with database.locked(), caplog.at_level("WARNING", logger="eoi"), pytest.raises(DatabaseLocked):
        engine.submit(eoi, actor=school())
    (line,) = caplog.records
    told = {name: line.__dict__[name] for name in ("code", "command", "id", "arrived_at")}
    assert (line.msg, told) == (
        "command.failed",
        {
            "code": "database-locked",
            "command": "eoi submit",
            "id": eoi,
            "arrived_at": "2023-03-16T12:00:00+00:00",
        },
    )


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_what_lost_all_its_races_stands_in_the_log(
    database: RawDatabase,
    new_engine: Callable[..., Engine],
    clock: FrozenClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever was overtaken at every try can be told from who had not read the latest version."""
    engine = new_engine()
    call = engine.open_call(new_call(), actor=officer())
    eoi = engine.draft(call.id, answers={}, actor=school()).eoi_id
    others = list[int]()

    def overtake(statement: str) -> None:
        if "UPDATE eoi_eoi" in statement:
            others.append(engine.save(eoi, answers={"by": f"{len(others)}"}, actor=school()).version)

    host = database.host(hear=overtake)
    with caplog.at_level("WARNING", logger="eoi"):
        with pytest.raises(StaleVersion):
            Engine(host, clock=clock).submit(eoi, actor=school())
        with pytest.raises(StaleVersion):
            engine.submit(eoi, actor=school(), expected_version=1)
    host.dispose()
    assert others == list(range(2, TRIES + 2))
    told = [
        (line.msg, *(line.__dict__[name] for name in ("code", "command", "id", "arrived_at")))
        for line in caplog.records
    ]
    assert told == [("command.failed", "stale-version", "eoi submit", eoi, "2023-03-16T12:00:00+00:00")]
