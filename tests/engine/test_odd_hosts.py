"""Hosts that have set up their engine as few do: what we write, read and answer is the same."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import pytest
import sqlalchemy
from psycopg.rows import namedtuple_row
from sqlalchemy import NullPool, QueuePool, StaticPool, create_engine, event, make_url
from sqlalchemy.orm import Session

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.storage.lives import live
from workflow import DatabaseReadOnly, Engine
from workflow.clock import SystemClock
from workflow.testing import FrozenClock, new_call, officer, school

NOON = datetime(2023, 3, 16, 12, tzinfo=UTC)
#: Settings of each of a host's connections to PostgreSQL.
OPTIONS: Final = [
    "timezone=Asia/Kathmandu -c datestyle=SQL,DMY -c standard_conforming_strings=off",
    "timezone=America/St_Johns -c datestyle=German -c extra_float_digits=0 -c bytea_output=escape",
    "timezone=Pacific/Apia -c datestyle=Postgres,MDY -c transform_null_equals=on -c enable_seqscan=off",
    "default_transaction_isolation=serializable -c default_transaction_deferrable=on",
    "default_transaction_isolation=repeatable\\ read -c plan_cache_mode=force_generic_plan",
    "client_min_messages=debug1 -c jit_above_cost=0 -c intervalstyle=sql_standard",
]
#: What else a host says to SQLAlchemy or to psycopg.
TERMS: Final[dict[str, dict[str, Any]]] = {
    "serializable": {"isolation_level": "SERIALIZABLE"},
    "read uncommitted": {"isolation_level": "READ UNCOMMITTED"},
    "autocommit": {"isolation_level": "AUTOCOMMIT"},
    "named tuples": {"connect_args": {"row_factory": namedtuple_row}},
    "values in the text": {"connect_args": {"cursor_factory": psycopg.ClientCursor}},
    "prepares at once": {"connect_args": {"prepare_threshold": 0}},
    "prepares never": {"connect_args": {"prepare_threshold": None}},
    "autocommit of the driver": {"connect_args": {"autocommit": True}},
    "no pool": {"poolclass": NullPool},
    "resets by a commit": {"poolclass": QueuePool, "pool_reset_on_return": "commit"},
    "never resets": {"poolclass": QueuePool, "pool_reset_on_return": None},
    "looks before it lends": {"pool_pre_ping": True},
    "reads in streams": {"execution_options": {"stream_results": True, "max_row_buffer": 1}},
    "no cache of statements": {"query_cache_size": 0},
    "in Latin letters": {"connect_args": {"client_encoding": "latin1"}},
}
#: The same for SQLite: how it connects, and what it then says to each connection.
SQLITE: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "rows by name": ({}, "row_factory"),
    "types by declaration": (
        {"connect_args": {"detect_types": sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES}},
        "",
    ),
    "immediate": ({"connect_args": {"isolation_level": "IMMEDIATE"}}, ""),
    "exclusive": ({"connect_args": {"isolation_level": "EXCLUSIVE"}}, ""),
    "autocommit": ({"isolation_level": "AUTOCOMMIT"}, ""),
    "serializable": ({"isolation_level": "SERIALIZABLE"}, ""),
    "no cache of statements": ({"connect_args": {"cached_statements": 0}, "query_cache_size": 0}, ""),
    "no pool": ({"poolclass": NullPool}, ""),
    "one connection": ({"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}, ""),
    "recursive triggers": ({}, "PRAGMA recursive_triggers = ON"),
    "no foreign keys": ({}, "PRAGMA foreign_keys = OFF"),
    "memory for the log": ({}, "PRAGMA locking_mode = NORMAL"),
}


def _on_postgresql(url: str, terms: dict[str, Any]) -> sqlalchemy.Engine:
    return create_engine(make_url(url).set(drivername="postgresql+psycopg"), **terms)


def _on_sqlite(url: str, how: str) -> sqlalchemy.Engine:
    terms, said = SQLITE[how]
    host = create_engine(url, **terms)

    def connected(driver: sqlite3.Connection, _: object) -> None:
        if said == "row_factory":
            driver.row_factory = sqlite3.Row
        else:
            driver.execute(said)

    if said:
        event.listen(host, "connect", connected)
    return host


HOSTS: Final = [
    *(("postgresql", option) for option in OPTIONS),
    *(("postgresql", how) for how in TERMS),
    *(("sqlite", how) for how in SQLITE),
]


@pytest.fixture
def odd(request: pytest.FixtureRequest, database: RawDatabase) -> Iterator[sqlalchemy.Engine]:
    """Return the engine of a host that is set up as the test says."""
    how: str = request.param
    if database.name == "sqlite":
        host = _on_sqlite(database.url, how)
    else:
        options = {"connect_args": {"options": f"-c {how}"}}
        host = _on_postgresql(database.url, TERMS.get(how, options))
    yield host
    host.dispose()


def answers_of(engine: Engine, eoi_id: str) -> list[object]:
    """Return what an engine says of everything that there is."""
    call = engine.call(engine.get(eoi_id).call_id)
    asked: list[Callable[[], object]] = [
        lambda: engine.get(eoi_id),
        engine.calls,
        lambda: list(engine.find(limit=50)),
        lambda: engine.history(eoi_id),
        lambda: engine.history(call.id),
        lambda: engine.attempts(call.id),
        engine.deliveries,
        engine.endpoints,
        engine.next_due,
        engine.outbox.oldest_waiting,
    ]
    return [call, *(ask() for ask in asked)]


@pytest.mark.parametrize(("databases", "odd"), HOSTS, indirect=True)
def test_a_whole_life_is_the_same_on_an_odd_host(
    odd: sqlalchemy.Engine, new_engine: NewEngine, clock: FrozenClock
) -> None:
    """Zone, style of dates, isolation, rows and pools of a host's own change nothing in what is kept."""
    hosted, plain = Engine(odd, clock=clock), new_engine()
    eoi_id = live(hosted, clock)
    assert answers_of(hosted, eoi_id) == answers_of(plain, eoi_id)
    found = plain.get(eoi_id)
    assert (found.created_at, found.submitted_at, found.answers) == (NOON, NOON, {"places": 18})
    assert hosted.check() == []


@pytest.mark.parametrize(("databases", "odd"), HOSTS, indirect=True)
def test_a_session_of_an_odd_host_commits_both_or_neither(
    odd: sqlalchemy.Engine, new_engine: NewEngine, clock: FrozenClock
) -> None:
    """In such a host's own transaction our command is kept with its commit, and gone with its rollback."""
    hosted, plain = Engine(odd, clock=clock), new_engine()
    plain.open_call(new_call(), actor=officer())
    with Session(odd) as session:
        hosted.draft("46/23", answers={"a": 1}, actor=school(1), session=session)
        session.rollback()
        kept = hosted.draft("46/23", answers={"a": 2}, actor=school(2), session=session)
        assert plain.find().items == ()
        session.commit()
    assert [(each.id, each.answers, each.created_at) for each in plain.find()] == [
        (kept.eoi_id, {"a": 2}, NOON)
    ]
    assert hosted.submit(kept.eoi_id, actor=school(2)).at == NOON


@pytest.mark.parametrize(
    ("databases", "odd"), [("postgresql", "default_transaction_read_only=on")], indirect=True
)
def test_a_host_that_only_reads_means_us_too(
    odd: sqlalchemy.Engine, new_engine: NewEngine, clock: FrozenClock
) -> None:
    """Where a host's connections are read-only by default, so are ours: commands say so, and reads go on."""
    hosted, plain = Engine(odd, clock=clock), new_engine()
    plain.open_call(new_call(), actor=officer())
    with Session(odd) as session, pytest.raises(DatabaseReadOnly):
        hosted.draft("46/23", answers={}, actor=school(1), session=session)
    with pytest.raises(DatabaseReadOnly):
        hosted.draft("46/23", answers={}, actor=school(1))
    assert (hosted.calls(), hosted.find().items) == (plain.calls(), ())


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("setting", ["datestyle = 'German'", "timezone = 'Pacific/Apia'"])
def test_our_own_pool_minds_no_setting_of_the_database(
    database: RawDatabase, new_engine: NewEngine, clock: FrozenClock, setting: str
) -> None:
    """What an administrator sets for a whole database holds for our connections as well."""
    name = database.ask("SELECT quote_ident(current_database())")[0][0]
    database.run(f"ALTER DATABASE {name} SET {setting}")
    engine, real = new_engine(), new_engine(clock=None)
    eoi_id = live(engine, clock)
    assert (engine.get(eoi_id).submitted_at, engine.check()) == (NOON, [])
    before, asked, after = SystemClock().now(), real.clock.now(), SystemClock().now()
    assert before <= asked <= after
