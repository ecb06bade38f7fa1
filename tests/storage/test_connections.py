"""What each connection to a SQLite file promises, and what is the host's to decide."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import bindparam, select
from sqlalchemy.types import NullType

from states.errors import BadInput
from workflow import DatabaseLocked, Engine
from workflow.statements import Prepared
from workflow.testing import FrozenClock, engine_in, new_call, officer, school, submitted

PRAGMAS = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")

HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
connection.execute("COMMIT")
print("free", flush=True)
sys.stdin.readline()
"""


@contextmanager
def another_program_writes(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Hold the write lock in another process until it gets a line, or to the end."""
    program = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def settings_of(connection: sqlalchemy.PoolProxiedConnection) -> list[object]:
    """Return the pragmas of a pooled connection, asked of it."""
    cursor = connection.cursor()
    return [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS]


def test_every_connection_is_durable_and_patient(tmp_path: Path) -> None:
    """What is acknowledged is on the disk; references hold; nobody fails at the first sign of a writer."""
    engine = engine_in(tmp_path, lock_timeout_s=7)
    engine.open_call(new_call(), actor=officer())
    pool = engine._database.engine
    first, second = pool.raw_connection(), pool.raw_connection()
    assert [settings_of(first), settings_of(second)] == [["wal", 2, 1, 7000]] * 2
    first.close()
    second.close()
    engine.close()


def test_a_reference_to_nothing_is_refused(tmp_path: Path) -> None:
    """Foreign keys are not only switched on: an EOI of no call cannot be written by us."""
    engine = engine_in(tmp_path)
    eoi_id = submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
    pooled = engine._database.engine.raw_connection()
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        pooled.cursor().execute("UPDATE eoi_eoi SET call_id = 'nowhere'")
    pooled.close()
    assert engine.get(eoi_id).state == "submitted"
    engine.close()


def test_a_hosts_connection_keeps_its_own_settings(tmp_path: Path) -> None:
    """On a host's engine no pragma is other after our commands than before."""
    engine_in(tmp_path).close()
    hosts = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'eoi.db'}", connect_args={"timeout": 3.5})
    with closing(hosts.raw_connection()) as pooled:
        before = settings_of(pooled)
    engine = Engine(hosts, clock=FrozenClock())
    submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
    engine.close_due()
    with closing(hosts.raw_connection()) as pooled:
        assert settings_of(pooled) == before == ["wal", 2, 0, 3500]
    hosts.dispose()


def test_migrating_on_a_hosts_engine_leaves_its_journal(tmp_path: Path) -> None:
    """Whether a host's file is in WAL mode is the host's to decide."""
    hosts = sqlalchemy.create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    engine = Engine(hosts, clock=FrozenClock())
    engine.migrate()
    engine.open_call(new_call(), actor=officer())
    with closing(hosts.raw_connection()) as pooled:
        assert settings_of(pooled)[0] == "delete"
    assert engine.check() == []
    hosts.dispose()


def engine_in_a_hurry(folder: Path) -> Engine:
    """Return an engine on the same file that does not wait at all."""
    return Engine(f"sqlite:///{folder / 'eoi.db'}", clock=FrozenClock(), lock_timeout_s=0)


def test_migrating_waits_its_time_for_the_lock(tmp_path: Path) -> None:
    """A migration beside a program that writes is told apart from one that failed, and leaves no table."""
    path = tmp_path / "eoi.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with engine_in_a_hurry(tmp_path) as engine:
        with another_program_writes(path), pytest.raises(DatabaseLocked):
            engine.migrate()
        assert engine.create()
        assert engine.check() == []


@pytest.mark.parametrize(("value", "fits"), [(2**63, 2**63 - 1), ("\ud800", "\ud7ff")])
def test_a_value_that_no_database_holds_is_bad_input(tmp_path: Path, value: object, fits: object) -> None:
    """A number beyond 64 bits and half a surrogate are the caller's to mend, no failure of the file."""
    echo = Prepared(select(bindparam("value", type_=NullType())))
    with engine_in(tmp_path) as engine, engine._database.connect() as connection:
        with pytest.raises(BadInput, match="cannot be stored"):
            connection.rows(echo, value=value)
        assert connection.rows(echo, value=fits) == [(fits,)]


@pytest.mark.parametrize("lock_timeout_s", [-1, float("nan"), float("inf"), 3601, None, "9", True])
def test_a_timeout_that_is_none_is_refused(lock_timeout_s: Any) -> None:
    """A wait is from 0 seconds to an hour."""
    with pytest.raises(BadInput, match="lock_timeout_s must be a number of seconds from 0 to 3600"):
        Engine("sqlite://", lock_timeout_s=lock_timeout_s)
