"""A server that stops, dies, starts again, or hangs while a program works: nothing acknowledged is lost."""

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest

from scheduler import Runner
from tests.servers.databases import ask
from tests.servers.postgres import PostgresServer
from workflow import CommitUnknown, DatabaseUnavailable, DatabaseUnopened, Engine, Event, Receipt
from workflow.clock import SystemClock
from workflow.testing import FrozenClock, RecordingCourier, new_call, officer, school, submitted

pytestmark = pytest.mark.slow

LONG_S: Final = 30.0
#: Lets COMMIT take longer than any test.
WAITS_AT_COMMIT: Final = """
CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_sleep(600); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON eoi_outbox DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.type = 'eoi.submitted') EXECUTE FUNCTION waits()
"""
WAITING: Final = (
    "SELECT 1 FROM pg_stat_activity WHERE usename = 'eoi' AND wait_event = 'PgSleep' AND query = 'COMMIT'"
)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server as in production, which each test leaves running."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def url(server: PostgresServer) -> Iterator[str]:
    """Return the URL of a migrated database on it."""
    url = server.new_database()
    with Engine(url) as engine:
        engine.migrate()
    yield url
    if not server.running:
        server.start()
    server.drop_database(url)


class HookedClock(FrozenClock):
    """Calls `amid` once when a command asks for the time while it holds its call's lock."""

    def __init__(self, server: PostgresServer) -> None:
        super().__init__()
        self._server = server
        self.amid: Callable[[], object] | None = None
        self.was_amid = False

    def now(self) -> datetime:
        """Return where it stands."""
        if self.amid and self._is_amid():
            self.was_amid, amid, self.amid = True, self.amid, None
            amid()
        return super().now()

    def _is_amid(self) -> bool:
        busy = "SELECT 1 FROM pg_stat_activity WHERE usename = 'eoi' AND state = 'idle in transaction'"
        return bool(ask(self._server.superuser_url(), busy))


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_command_that_the_server_leaves_in_the_middle(server: PostgresServer, url: str, how: str) -> None:
    """Restarted amid a transaction, the server has nothing of it; on the new one it is carried out, once."""
    clock = HookedClock(server)

    def kill() -> None:
        server.kill()
        server.start()

    with Engine(url, clock=clock) as engine:
        eoi_id = engine.draft(
            engine.open_call(new_call(), actor=officer()).id, answers={}, actor=school()
        ).eoi_id
        clock.amid = kill if how == "kill" else server.restart
        receipt = engine.submit(eoi_id, actor=school(), idempotency_key="once")
        assert clock.was_amid
        assert (receipt.version, receipt.replayed) == (2, False)
        assert engine.submit(eoi_id, actor=school(), idempotency_key="once").replayed
        assert [row.trigger for row in engine.history(eoi_id)] == ["draft", "submit"]
        assert engine.check() == []


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_goes_during_commit(
    server: PostgresServer, url: str, clock: FrozenClock, end: str
) -> None:
    """Nobody knows then, and that is said; sent again under its key it is done once."""
    ask(url, WAITS_AT_COMMIT)
    with Engine(url, clock=clock) as engine, ThreadPoolExecutor(1) as threads:
        eoi_id = engine.draft(
            engine.open_call(new_call(), actor=officer()).id, answers={}, actor=school()
        ).eoi_id

        def submit() -> Receipt:
            return engine.submit(eoi_id, actor=school(), idempotency_key="once")

        submitting = threads.submit(submit)
        while not ask(server.superuser_url(), WAITING):
            assert not submitting.done()
        getattr(server, end)()
        with pytest.raises(CommitUnknown, match="send it again under its key"):
            submitting.result(timeout=LONG_S)
        with pytest.raises(DatabaseUnopened):
            submit()
        server.start()
        ask(url, "DROP FUNCTION waits() CASCADE")
        assert (submit().replayed, submit().replayed) == (False, True)
        assert [row.trigger for row in engine.history(eoi_id)] == ["draft", "submit"]
        assert engine.check() == []


class Writer:
    """Drafts and submits without a pause; under the same key again where nobody answers, or knows."""

    def __init__(self, engine: Engine, call_id: str, number: int) -> None:
        self._engine, self._call_id, self._number = engine, call_id, number
        self.acknowledged: dict[str, int] = {}
        self.failed: list[str] = []
        self.stopping = threading.Event()

    def work(self) -> None:
        """Go on until told to stop, and at least until the last one is acknowledged."""
        for number in itertools.count():
            if self.stopping.is_set():
                return
            who = school(f"{self._number}-{number}")
            terms: dict[str, Any] = {"actor": who, "idempotency_key": "once"}
            draft = self._insist(partial(self._engine.draft, self._call_id, answers={}, **terms))
            submit = self._insist(partial(self._engine.submit, draft.eoi_id, **terms))
            self.acknowledged[submit.eoi_id] = submit.version

    def _insist(self, command: Callable[[], Receipt]) -> Receipt:
        while True:
            try:
                return command()
            except DatabaseUnavailable as exc:
                self.failed.append(exc.code)
                self.stopping.wait(0.005)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_acknowledged_is_lost(server: PostgresServer, url: str, end: str, *, long: bool) -> None:
    """However often a server goes amid writers, each of their commands is done once, and stays done."""
    clock = FrozenClock()
    with Engine(url, clock=clock) as engine, ThreadPoolExecutor(3) as threads:
        call_id = engine.open_call(new_call(), actor=officer()).id
        writers = [Writer(engine, call_id, number) for number in range(3)]
        working = [threads.submit(writer.work) for writer in writers]
        for _ in range(20 if long else 3):
            goal = sum(len(each.acknowledged) for each in writers) + 20
            _wait_for(lambda goal=goal: sum(len(each.acknowledged) for each in writers) >= goal)  # type: ignore[misc]  # bound now
            getattr(server, end)()
            _wait_for(lambda: all(each.failed for each in writers))
            server.start()
        for writer in writers:
            writer.stopping.set()
        for each in working:
            each.result(timeout=LONG_S)
        done = {eoi_id: version for writer in writers for eoi_id, version in writer.acknowledged.items()}
        found = ask(url, "SELECT id, version FROM eoi_eoi WHERE state = 'submitted' ORDER BY id")
        assert found == sorted(done.items())
        assert set(done.values()) == {2}
        assert ask(url, "SELECT count(*) FROM eoi_history WHERE trigger = 'submit'") == [(len(done),)]
        assert engine.check() == []
        codes = {code for writer in writers for code in writer.failed}
        assert codes <= {"database-not-opened", "commit-unknown", "connection-lost"}


def _wait_for(what: Callable[[], bool]) -> None:
    never = threading.Event()
    for _ in range(30_000):
        if what():
            return
        never.wait(0.001)
    pytest.fail("It does not come.")


def test_a_runner_outlives_its_server(server: PostgresServer, url: str) -> None:
    """Calls that fall due while the server is away, or just after, are closed at once, and told."""
    closed, courier, now = list[Event](), RecordingCourier(), SystemClock().now()
    with Engine(url, settle_s=0) as engine, Runner(engine, {"log": courier}) as runner:
        engine.on("call.closed", closed.append)
        for name, in_s in (("while away", 1.0), ("after", 3.0)):
            engine.open_call(
                new_call(reference=name, closes_at=now + timedelta(seconds=in_s)), actor=officer()
            )
        assert runner.health().ok
        server.stop()
        health = runner.health()
        assert (health.ok, str(health.last_error)[:17]) == (False, "DatabaseUnopened:")
        _wait_for(lambda: SystemClock().now() > now + timedelta(seconds=1))
        server.start()
        _wait_for(lambda: len(closed) == 2)
        _wait_for(lambda: runner.health().ok and len(courier.delivered) == 4)
        after = engine.call("after")
        assert after.closed_at is not None
        assert after.closed_at - after.closes_at < timedelta(seconds=2)
        assert sorted(event.type for event in courier.delivered) == ["call.closed"] * 2 + ["call.opened"] * 2
        assert (runner.health().last_error, runner.health().threads) == (
            None,
            {"sweep": True, "pump": True, "alarm": True},
        )


def test_a_server_that_hangs(server: PostgresServer, url: str, clock: FrozenClock) -> None:
    """Who is connected waits for it, who wants to be is told in the time set; awake again it goes on."""
    sign = "&" if "?" in url else "?"
    with (
        ExitStack() as stack,
        ThreadPoolExecutor(1) as threads,
        Engine(url, clock=clock) as engine,
        Engine(f"{url}{sign}connect_timeout=2", clock=clock) as newcomer,
    ):
        call_id = engine.open_call(new_call(), actor=officer()).id
        server.pause()
        stack.callback(server.resume)
        waiting: Future[str] = threads.submit(submitted, engine, call_id, school())
        with pytest.raises(DatabaseUnopened, match="timeout"):
            newcomer.calls()
        assert not waiting.done()
        stack.close()
        assert engine.get(waiting.result(timeout=LONG_S)).state == "submitted"
        assert len(newcomer.calls()) == 1
