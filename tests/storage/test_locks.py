"""Who waits for whom, how long, and that no update is lost on the way."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from workflow import DatabaseLocked, DatabaseUnavailable, Engine, StaleVersion
from workflow.testing import FrozenClock, new_call, officer, race, results, school

#: How long a thread may take to get anywhere, in seconds; it takes milliseconds.
PATIENCE_S = 30.0


@pytest.mark.slow
def test_no_update_is_lost_between_threads(new_engine: NewEngine, *, long: bool) -> None:
    """Eight people who save one draft at once each get their version, and every save is in history."""
    engine = new_engine()
    head, threads, saves = school(), 8, 100 if long else 15
    eoi_id = engine.draft(engine.open_call(new_call(), actor=officer()).id, answers={}, actor=head).eoi_id

    def save(_: int) -> tuple[list[int], int]:
        versions, stale = list[int](), 0
        while len(versions) < saves:
            seen = engine.get(eoi_id)
            count = seen.answers.get("count", 0) + 1
            try:
                receipt = engine.save(
                    eoi_id, answers={"count": count}, actor=head, expected_version=seen.version
                )
            except StaleVersion:
                stale += 1
            else:
                versions.append(receipt.version)
        return versions, stale

    saved = results(race(save, threads, within_s=240))
    total = threads * saves
    assert sorted(version for versions, _ in saved for version in versions) == list(range(2, total + 2))
    assert sum(stale for _, stale in saved) > 0, "they never met"
    assert engine.get(eoi_id).answers == {"count": total}
    assert [row.seq for row in engine.history(eoi_id)] == list(range(1, total + 2))


def test_a_lock_held_for_too_long_is_told_and_nothing_is_lost(
    database: RawDatabase, new_engine: NewEngine
) -> None:
    """While another program writes, a command waits its time, is told, and works once the other is done."""
    engine = new_engine(lock_timeout_s=0.2)
    call = engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft(call.id, answers={}, actor=school()).eoi_id
    with database.locked():
        began = time.monotonic()
        with pytest.raises(DatabaseLocked, match="try again") as caught:
            engine.submit(eoi_id, actor=school(), idempotency_key="once")
        assert caught.value.code == "database-locked"
        assert 0.2 <= time.monotonic() - began < PATIENCE_S / 2
        assert engine.get(eoi_id).state == "draft", "reads do not wait"
        assert engine.close_due().closed == ()
    receipt = engine.submit(eoi_id, actor=school(), idempotency_key="once")
    assert (receipt.version, receipt.replayed) == (2, False)
    assert [row.trigger for row in engine.history(eoi_id)] == ["draft", "submit"]


def test_a_lock_that_is_given_back_is_taken(database: RawDatabase, new_engine: NewEngine) -> None:
    """Whoever waits gets through as soon as the other program commits, and is not refused."""
    engine, impatient = new_engine(), new_engine(lock_timeout_s=0)
    call = engine.open_call(new_call(), actor=officer())
    with database.locked() as lock, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(engine.draft, call.id, answers={}, actor=school())
        with pytest.raises(DatabaseLocked):
            impatient.draft(call.id, answers={}, actor=school(2))
        assert not waiting.done()
        lock.release()
        assert waiting.result(PATIENCE_S).version == 1
    assert [each.applicant for each in engine.find()] == ["URN:121234"]


def test_a_pool_that_is_used_up_is_told(database: RawDatabase, clock: FrozenClock) -> None:
    """When every connection of a host's pool is lent out, reads and commands say so, each as our error."""
    host = database.host(pool_size=1, max_overflow=0, pool_timeout=0.05)
    engine = Engine(host, clock=clock)
    asks: list[Callable[[], object]] = [
        engine.calls,
        engine.find,
        lambda: engine.open_call(new_call(), actor=officer()),
    ]
    assert engine.calls() == []
    with closing(host.raw_connection()):
        for ask in asks:
            with pytest.raises(DatabaseUnavailable, match="Every connection of the pool was busy"):
                ask()
    assert engine.open_call(new_call(), actor=officer()).version == 1
    host.dispose()
