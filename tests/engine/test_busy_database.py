"""A database that somebody else keeps busy: who is refused is still told."""

import sqlite3
import threading
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
