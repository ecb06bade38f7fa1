"""Connections that cannot be made, are stale, are cancelled, or wait for too long: told, and made anew."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final

import pytest
import sqlalchemy
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from tests.databases.raw import RawDatabase
from tests.servers.databases import text_of
from tests.servers.wire import WHERES, Where, Wire
from tests.storage.pools import fill_pool
from workflow import (
    ConnectionLost,
    DatabaseLocked,
    DatabaseUnavailable,
    DatabaseUnopened,
    Engine,
    EoiError,
)
from workflow.clock import SystemClock
from workflow.races import TRIES
from workflow.testing import FrozenClock, new_call, officer, school, submitted

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

#: Settings of a connection, and how our own have them: of libpq, and of the server's session.
OURS: Final = ({"connect_timeout": "10", "tcp_user_timeout": "60000", "keepalives_idle": "30"}, "1min")
CONNECTIONS: Final = 5


@pytest.fixture
def wire(database: RawDatabase) -> Iterator[Wire]:
    """Return a wire to the test's database."""
    with Wire(database.url) as wire:
        yield wire


@pytest.fixture
def engine(wire: Wire, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine by way of that wire."""
    with Engine(wire.url, clock=clock) as engine:
        yield engine


def codes(asks: Sequence[Callable[[], object]]) -> list[str]:
    """Return how each of these ends: `ok`, or an error's code."""
    found = list[str]()
    for ask in asks:
        try:
            ask()
        except EoiError as exc:
            found.append(exc.code)
        else:
            found.append("ok")
    return found


def settings(engine: Engine) -> tuple[dict[str, str], str]:
    """Return what a connection of the engine's was opened with."""
    with engine._database.connect() as connection:
        given = connection._dbapi.driver_connection.info.get_parameters()
        ((idle,),) = connection.ask("SHOW idle_in_transaction_session_timeout")
    return {name: given[name] for name in OURS[0]}, str(idle)


def test_our_own_connections_notice_a_server_that_is_gone(database: RawDatabase, engine: Engine) -> None:
    """Nobody waits for ever on a connection that leads nowhere, nor for who froze amid a transaction."""
    assert settings(engine) == OURS
    ours = make_url(database.url).update_query_dict({"options": "-c search_path=public -c work_mem=5MB"})
    with Engine(text_of(ours)) as other:
        assert settings(other) == OURS, "options of the URL's change nothing in these"
        with other._database.connect() as connection:
            assert connection.ask("SHOW work_mem") == [("5MB",)]


def test_what_the_url_says_counts(wire: Wire) -> None:
    """Whoever names another time in the URL has it."""
    more = "&tcp_user_timeout=7000&options=-cidle_in_transaction_session_timeout%3D5s"
    with Engine(wire.url + more) as engine:
        assert settings(engine) == (OURS[0] | {"tcp_user_timeout": "7000"}, "5s")


@pytest.mark.slow
def test_a_cable_that_is_pulled_is_noticed(wire: Wire, clock: FrozenClock) -> None:
    """Where nothing arrives any more, not even a goodbye, that is known in the time that was set."""
    with Engine(f"{wire.url}&tcp_user_timeout=1500", clock=clock) as engine:
        engine.open_call(new_call(), actor=officer())
        wire.pull()
        with pytest.raises(ConnectionLost, match="nothing was written: try again"):
            engine.close_due()
        assert submitted(engine, engine.call("46/23").id, school()) == engine.find().items[0].id


def test_stale_connections_fail_no_command(engine: Engine, wire: Wire) -> None:
    """After all connections of a pool were cut each command is carried out; one new connection is enough."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    fill_pool(engine, CONNECTIONS)
    before = wire.made
    assert before >= CONNECTIONS
    wire.cut_all()
    drafts = [
        lambda urn=urn: engine.draft(call_id, answers={}, actor=school(urn)) for urn in range(CONNECTIONS + 1)
    ]
    assert codes(drafts) == ["ok"] * (CONNECTIONS + 1)
    assert (wire.made - before, len(engine.find().items)) == (1, CONNECTIONS + 1)


@pytest.mark.parametrize(
    "name",
    [
        *("call", "calls", "get", "find", "history", "attempts", "allowed", "explain", "next_due"),
        *("endpoints", "deliveries", "add_endpoint", "retry"),
    ],
)
def test_stale_connections_fail_no_read(wire: Wire, name: str) -> None:
    """After all connections of a pool were cut whatever is asked is answered, by the database's clock too."""
    with Engine(wire.url) as engine:
        closes_at = SystemClock().now() + timedelta(days=1)
        call_id = engine.open_call(new_call(closes_at=closes_at), actor=officer()).id
        eoi_id = engine.draft(call_id, answers={}, actor=school()).eoi_id
        given = {
            "call": (call_id,),
            "get": (eoi_id,),
            "history": (eoi_id,),
            "attempts": (eoi_id,),
            "allowed": (eoi_id, school()),
            "explain": (eoi_id, "submit", school()),
            "add_endpoint": ("https://example.org/hook",),
        }.get(name, ())
        keeper = {"actor": officer()} if name in ("add_endpoint", "retry") else {}
        fill_pool(engine, CONNECTIONS)
        wire.cut_all()
        ask = getattr(engine, name)
        assert codes([lambda: ask(*given, **keeper)] * (CONNECTIONS + 1)) == ["ok"] * (CONNECTIONS + 1)


@pytest.mark.parametrize("name", ["check", "close_due", "migrate"])
def test_stale_connections_fail_one_of_the_rest_at_the_most(engine: Engine, wire: Wire, name: str) -> None:
    """What is not run again is told once, and all the other connections are made anew."""
    engine.calls()
    fill_pool(engine, CONNECTIONS)
    wire.cut_all()
    found = codes([getattr(engine, name)] * (CONNECTIONS + 1))
    assert found[0] in ("connection-lost", "database-not-opened")
    assert found[1:] == ["ok"] * CONNECTIONS
    fill_pool(engine, CONNECTIONS)


@pytest.mark.parametrize("where", WHERES)
def test_a_connection_may_be_cut_while_it_is_made(wire: Wire, clock: FrozenClock, where: Where) -> None:
    """Wherever the first use of an engine is cut, it is told or made anew, and the next one goes well."""
    found, trip = list[str](), 0
    while wire.trips >= trip:
        trip += 1
        with Engine(wire.url, clock=clock) as engine:
            wire.cut(trip, where)
            found += codes([engine.calls])
            assert engine.calls() == []
    assert trip > 10
    assert set(found) <= {"ok", "database-not-opened", "connection-lost"}
    assert found[-2:] == ["ok", "ok"], "a read on a connection that was made is run again"


def test_a_server_that_turns_everybody_away_is_told(engine: Engine, wire: Wire) -> None:
    """A connection that is closed before a word was said is a server that cannot be reached."""

    def close() -> None:
        raise OSError

    wire.at_connecting = close
    for _ in range(2):
        with pytest.raises(DatabaseUnopened, match=r"Does it run\? Is its URL right\?") as caught:
            engine.calls()
        assert caught.value.code == "database-not-opened"
    wire.at_connecting = int
    assert engine.calls() == []


def _other(url: str, **parts: object) -> str:
    return text_of(make_url(url).set(**parts))  # type: ignore[arg-type]  # any part of a URL


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"username": "nobody-we-know"}, "nobody-we-know"),
        ({"host": "nowhere.invalid"}, "nowhere.invalid"),
        ({"host": "127.0.0.1", "port": 1}, "Connection refused"),
        ({"host": None, "query": {"host": "/nowhere"}}, "No such file or directory"),
        ({"query": {"nonsense": "1"}}, 'invalid connection option "nonsense"'),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
def test_a_database_that_cannot_be_reached_is_told(wire: Wire, parts: dict[str, object], says: str) -> None:
    """Whatever part of the URL is wrong, one error says what the server or the system says of it."""
    with Engine(_other(wire.url, **parts)) as engine:
        for ask in (engine.calls, engine.migrate, engine.check, engine.require_writable):
            with pytest.raises(DatabaseUnopened, match=r"Is its URL right\?") as caught:
                ask()
            assert says in str(caught.value)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("where", WHERES)
def test_a_hosts_session_whose_connection_is_cut_commits_nothing(
    database: RawDatabase, wire: Wire, clock: FrozenClock, where: Where
) -> None:
    """The host hears of it from us, cannot commit a rest, and after its rollback does all of it again."""
    host = sqlalchemy.create_engine(_other(wire.url, drivername="postgresql+psycopg"))
    hosted, note = Engine(host, clock=clock), text("INSERT INTO host VALUES (1)")
    call_id = hosted.open_call(new_call(), actor=officer()).id
    database.run("CREATE TABLE host (note int)")
    with Session(host) as session:
        session.execute(note)
        wire.cut(0, where)
        hosted.draft(call_id, answers={}, actor=school(0), session=session)
        last = wire.trips
        assert last > 4
        session.commit()

    def both(session: Session, cut_at: int) -> None:
        """Do the host's part and ours."""
        session.execute(note)
        wire.cut(cut_at, where)
        hosted.draft(call_id, answers={}, actor=school(trip), session=session)

    for trip in range(1, last + 1):
        with pytest.raises(ConnectionLost), Session(host) as session:
            both(session, trip)
        with Session(host) as session:
            with pytest.raises(ConnectionLost, match="try again"):
                both(session, trip)
            with pytest.raises(sqlalchemy.exc.PendingRollbackError):
                session.commit()
            session.rollback()
            both(session, 0)
            session.commit()
    assert database.ask("SELECT count(*) FROM host") == [(last + 1,)]
    assert [each.applicant for each in hosted.find()] == [f"URN:{urn}" for urn in range(last + 1)]
    assert hosted.check() == []
    host.dispose()


IDLE: Final = (
    "SELECT pid FROM pg_stat_activity "
    "WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
)
WAITING: Final = (
    "SELECT {}(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def _meanwhile(database: RawDatabase, do: Callable[[], object], then: str) -> str:
    """Do something that waits for a lock, end that by a function of the server's; return how it went."""
    with ThreadPoolExecutor(1) as threads, database.locked() as lock:
        waiting = threads.submit(codes, [do])
        while not database.ask(WAITING.format(then)):
            assert not waiting.done()
        if then == "pg_terminate_backend":
            lock.release()
        return waiting.result(timeout=30)[0]


def test_a_command_that_an_administrator_cancels_is_told(database: RawDatabase, engine: Engine) -> None:
    """Nothing of it is done, its connection goes on, and it can be sent again."""
    call_id = engine.open_call(new_call(), actor=officer()).id

    def draft() -> object:
        return engine.draft(call_id, answers={}, actor=school(), idempotency_key="k")

    assert _meanwhile(database, draft, "pg_cancel_backend") == "database-unavailable"
    assert (engine.find().items, draft() == draft()) == ((), False)
    assert len(engine.find().items) == 1


def test_a_command_whose_backend_is_terminated_while_it_waits_is_run_again(
    database: RawDatabase, engine: Engine
) -> None:
    """It had no luck with one connection, and is done on another; nobody hears of it."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    done = _meanwhile(
        database, lambda: engine.draft(call_id, answers={}, actor=school()), "pg_terminate_backend"
    )
    assert (done, len(engine.find().items)) == ("ok", 1)


def test_a_servers_own_timeouts_are_told(database: RawDatabase, clock: FrozenClock) -> None:
    """A statement that takes too long, and a lock that is not had, are two errors, each with what to do."""
    with (
        Engine(_with(database, "statement_timeout=50"), clock=clock) as hasty,
        Engine(database.url, clock=clock, lock_timeout_s=0.05) as engine,
    ):
        call_id = engine.open_call(new_call(), actor=officer()).id
        with database.locked():
            with pytest.raises(DatabaseUnavailable, match=r"statement timeout.*try again") as cancelled:
                hasty.draft(call_id, answers={}, actor=school())
            with pytest.raises(DatabaseLocked, match="try again") as locked:
                engine.draft(call_id, answers={}, actor=school())
        assert (cancelled.value.code, locked.value.code) == ("database-unavailable", "database-locked")
        hasty.draft(call_id, answers={}, actor=school(1))
        engine.draft(call_id, answers={}, actor=school(2))
        assert len(engine.find().items) == 2


class Freezing(FrozenClock):
    """Lets whoever asks for the time amid a transaction freeze until the server has ended that."""

    def __init__(self, database: RawDatabase) -> None:
        super().__init__()
        self._database, self.frozen = database, 0

    def now(self) -> datetime:
        """Return where it stands."""
        self.frozen += len(self._database.ask(IDLE))
        while self._database.ask(IDLE):
            pass
        return super().now()


def test_a_transaction_that_was_left_idle_is_ended_by_the_server(
    database: RawDatabase, clock: FrozenClock
) -> None:
    """A node that freezes amid a command holds up nobody for long, and is told in the end."""
    freezing = Freezing(database)
    short = "idle_in_transaction_session_timeout=30"
    with (
        Engine(database.url, clock=clock) as engine,
        Engine(_with(database, short), clock=freezing) as frozen,
    ):
        call_id = engine.open_call(new_call(), actor=officer()).id
        found = codes([lambda: frozen.draft(call_id, answers={}, actor=school())])
        assert (found, freezing.frozen, engine.find().items) == (["connection-lost"], TRIES, ())
        cancelled = engine.draft(call_id, answers={}, actor=school())
        assert frozen.get(cancelled.eoi_id).version == 1


def _with(database: RawDatabase, option: str) -> str:
    return text_of(make_url(database.url).update_query_dict({"options": f"-c {option}"}))
