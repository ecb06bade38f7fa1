"""A database that somebody else keeps busy: nobody waits in vain."""

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from workflow import CallClosed, DatabaseLocked
from workflow.testing import FrozenClock, engine_in, new_call, officer, school


@pytest.mark.slow
def test_who_is_too_late_is_told_although_the_database_is_locked_for_long(tmp_path: Path) -> None:
    """A school that is late hears so within seconds, however long the others would wait for the lock."""
    clock = FrozenClock()
    with engine_in(tmp_path, clock=clock, lock_timeout_s=600) as engine:
        call = engine.open_call(new_call(), actor=officer())
        eoi = engine.draft(call.id, answers={}, actor=school()).eoi_id
        clock.move_to(call.closes_at)
        blocker = sqlite3.connect(tmp_path / "eoi.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        told = list[str]()

        def submit() -> None:
            try:
                engine.submit(eoi, actor=school())
            except CallClosed as refused:
                told.append(refused.code)

        late = threading.Thread(target=submit)
        late.start()
        late.join(timeout=60)
        blocker.execute("ROLLBACK")
        blocker.close()
        late.join()
        assert told == ["call-closed"]
        assert engine.attempts(eoi) == []  # It could not be kept, which the log says.


def test_a_sweep_waits_once_for_a_lock_that_is_not_to_be_had(tmp_path: Path) -> None:
    """A sweep beside a locked database ends after one wait, and the next one closes every call."""
    clock = FrozenClock()
    with engine_in(tmp_path, clock=clock, lock_timeout_s=0.01) as engine:
        calls = [engine.open_call(new_call(reference=name), actor=officer()).id for name in ("1", "2", "3")]
        clock.move_to(engine.call("1").closes_at + timedelta(seconds=2))
        blocker = sqlite3.connect(tmp_path / "eoi.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        report = engine.close_due()
        assert (report.closed, report.failed) == ((), {calls[0]: "database-locked"})
        blocker.execute("ROLLBACK")
        blocker.close()
        assert [call.id for call in engine.close_due().closed] == calls


def test_what_the_database_failed_stands_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A school that came in time and met a locked database can be told from one that never came."""
    with engine_in(tmp_path, lock_timeout_s=0) as engine:
        call = engine.open_call(new_call(), actor=officer())
        eoi = engine.draft(call.id, answers={}, actor=school()).eoi_id
        blocker = sqlite3.connect(tmp_path / "eoi.db", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with caplog.at_level("WARNING", logger="eoi"), pytest.raises(DatabaseLocked):
            engine.submit(eoi, actor=school())
        blocker.execute("ROLLBACK")
        blocker.close()
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
