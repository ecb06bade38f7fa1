"""A database that somebody else keeps busy: nobody waits in vain."""

import sqlite3
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from workflow import CallClosed
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
