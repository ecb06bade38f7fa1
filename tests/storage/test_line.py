"""The line before SQLite's write lock: one thread asks, the others stand behind, and nobody is forgotten."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from pathlib import Path

import pytest

from workflow.databases.sqlite import SqliteDatabase, line
from workflow.databases.sqlite.line import Line
from workflow.testing import FrozenClock, admin, engine_in, new_call, officer, school

#: How long a thread may take to get anywhere, in seconds; it takes milliseconds.
PATIENCE_S = 15.0
#: A pause that nobody sits out in time.
TOO_LONG_S = 2 * PATIENCE_S


class _Lock:
    """A lock that is taken by trying, and remembers who tried."""

    def __init__(self) -> None:
        self.is_free = False
        self.tries: list[int] = []
        self.tried = threading.Semaphore(0)

    def had(self) -> bool:
        self.tries.append(threading.get_ident())
        self.tried.release()
        return self.is_free


@pytest.fixture
def never_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody try again who is not called."""
    monkeypatch.setattr(line, "PAUSE_S", TOO_LONG_S)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Lend threads."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def test_only_the_first_one_asks(threads: ThreadPoolExecutor) -> None:
    """Of eight who wait, one tries again and again; once it is free, all of them have had it."""
    lock, waiting = _Lock(), Line()
    results = [threads.submit(waiting.wait, lock.had, PATIENCE_S) for _ in range(8)]
    for _ in range(50):
        assert lock.tried.acquire(timeout=PATIENCE_S)
    assert len(set(lock.tries)) == 1
    lock.is_free = True
    assert all(result.result(PATIENCE_S) for result in results)
    assert len(set(lock.tries)) == 8


@pytest.mark.usefixtures("never_by_itself")
def test_who_gives_it_back_calls_the_first(threads: ThreadPoolExecutor) -> None:
    """Whoever is first tries at once when it is called, and need not sit out the pause."""
    lock, waiting = _Lock(), Line()
    result = threads.submit(waiting.wait, lock.had, PATIENCE_S)
    assert lock.tried.acquire(timeout=PATIENCE_S)
    lock.is_free = True
    waiting.call()
    assert not wait([result], PATIENCE_S).not_done
    assert result.result()


def test_nobody_waits_for_longer_than_they_said(threads: ThreadPoolExecutor) -> None:
    """Whoever is first gives up in time, and so does who stands behind somebody with more patience."""
    lock, waiting = _Lock(), Line()
    assert not waiting.wait(lock.had, 0.0)
    assert len(lock.tries) == 1
    patient = threads.submit(waiting.wait, lock.had, PATIENCE_S)
    for _ in range(2):
        assert lock.tried.acquire(timeout=PATIENCE_S)
    assert not waiting.wait(lock.had, 0.01)
    lock.is_free = True
    assert patient.result(PATIENCE_S)
    assert threading.get_ident() not in lock.tries[1:]


def test_who_cannot_wait_for_its_turn_asks_at_once(threads: ThreadPoolExecutor) -> None:
    """Beside the line it is tried once at least, however many stand there, however little time there is."""
    lock, waiting = _Lock(), Line()
    patient = [threads.submit(waiting.wait, lock.had, PATIENCE_S) for _ in range(4)]
    assert lock.tried.acquire(timeout=PATIENCE_S)
    assert not waiting.ask_beside(lock.had, 0.0)
    assert lock.tries.count(threading.get_ident()) == 1
    lock.is_free = True
    assert all(each.result(PATIENCE_S) for each in patient)


def test_the_first_in_line_leaves_the_lock_to_who_asks_beside_it(threads: ThreadPoolExecutor) -> None:
    """While one asks beside the line, nobody else does; when that one has had it, the line goes on."""
    lock, waiting = _Lock(), Line()
    patient = threads.submit(waiting.wait, lock.had, PATIENCE_S)
    assert lock.tried.acquire(timeout=PATIENCE_S)
    hurried = threads.submit(waiting.ask_beside, lock.had, PATIENCE_S)
    while len(set(lock.tries)) == 1:
        assert lock.tried.acquire(timeout=PATIENCE_S)
    begun = len(lock.tries)
    for _ in range(begun + 50):
        assert lock.tried.acquire(timeout=PATIENCE_S)
    assert len(set(lock.tries[begun + 1 :])) == 1
    lock.is_free = True
    assert hurried.result(PATIENCE_S)
    assert patient.result(PATIENCE_S)


def test_a_sweep_gets_through_a_line_that_stays_full(
    tmp_path: Path, clock: FrozenClock, threads: ThreadPoolExecutor
) -> None:
    """While the line does not move at all, what is due is closed, and the use of a key is noted."""
    with engine_in(tmp_path, clock=clock) as engine:
        call = engine.open_call(new_call(), actor=officer())
        key = engine.create_key("portal", roles={"officer"}, actor=admin()).key
        assert isinstance(engine.outbox._database, SqliteDatabase)
        lock, waiting = _Lock(), engine.outbox._database._line
        assert waiting is not None
        stuck = [threads.submit(waiting.wait, lock.had, TOO_LONG_S) for _ in range(4)]
        assert lock.tried.acquire(timeout=PATIENCE_S)
        clock.move_to(call.closes_at + timedelta(seconds=2))
        assert [each.id for each in engine.close_due().closed] == [call.id]
        assert engine.authenticate(str(key)).id == "portal"
        assert [each.last_used_at for each in engine.keys(actor=admin())] == [clock.now()]
        lock.is_free = True
        assert all(each.result(PATIENCE_S) for each in stuck)


def test_one_whose_try_fails_leaves_the_line(threads: ThreadPoolExecutor) -> None:
    """What a try raises reaches who tried, and the next one is first."""

    def broken() -> bool:
        raise OSError("the disk is full")

    lock, waiting = _Lock(), Line()
    lock.is_free = True
    with pytest.raises(OSError, match="full"):
        waiting.wait(broken, PATIENCE_S)
    assert threads.submit(waiting.wait, lock.had, PATIENCE_S).result(PATIENCE_S)


@pytest.mark.usefixtures("never_by_itself")
@pytest.mark.parametrize("fails", [False, True], ids=["commit", "rollback"])
def test_the_end_of_a_transaction_calls_the_next(
    tmp_path: Path, clock: FrozenClock, threads: ThreadPoolExecutor, *, fails: bool
) -> None:
    """Writers of one engine wait in one line: each has the lock as soon as the one before ends, however."""
    with engine_in(tmp_path, clock=clock) as engine:
        call = engine.open_call(new_call(), actor=officer())
        holds, lets_go = threading.Event(), threading.Event()

        def hold() -> None:
            with engine.outbox._database.connect() as connection:
                connection.begin_write()
                holds.set()
                lets_go.wait(PATIENCE_S)
                if fails:
                    connection.rollback()
                else:
                    connection.commit()

        holder = threads.submit(hold)
        assert holds.wait(PATIENCE_S)
        drafts = [
            threads.submit(engine.draft, call.id, answers={}, actor=school(f"URN:{number}"))
            for number in range(4)
        ]
        lets_go.set()
        holder.result(PATIENCE_S)
        assert not wait(drafts, PATIENCE_S).not_done
        assert len({draft.result().eoi_id for draft in drafts}) == 4
