"""A host's engine, its connections, its metadata and its tables are after us as they were before."""

from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any, Final

import psycopg
import sqlalchemy
from sqlalchemy import MetaData, event, text
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from tests.databases.raw import RawDatabase
from workflow import Engine, EoiError
from workflow.testing import FrozenClock, admin, new_call, officer, school

PRAGMAS: Final = (
    "journal_mode",
    "synchronous",
    "foreign_keys",
    "busy_timeout",
    "recursive_triggers",
    "query_only",
)
#: What a session on PostgreSQL has of its own beside its settings.
OWN: Final = (
    # plpgsql has some of its own as soon as its library is loaded.
    "SELECT name, setting FROM pg_settings WHERE name !~ '^(plpgsql|transaction_isolation$)' ORDER BY name",
    "SELECT locktype, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'",
    "SELECT relname FROM pg_class WHERE relpersistence = 't'",
    "SELECT name FROM pg_cursors WHERE name <> ''",
    "SELECT pg_listening_channels()",
)
#: What a driver's connection is set to.
DRIVER: Final = (
    "autocommit",
    "isolation_level",
    "read_only",
    "deferrable",
    "row_factory",
    "cursor_factory",
    "server_cursor_factory",
    "prepare_threshold",
    "prepared_max",
    "text_factory",
    "in_transaction",
)


def settings(host: sqlalchemy.Engine) -> dict[str, object]:
    """Return all that a pooled connection of the host's is set to."""
    with closing(host.raw_connection()) as pooled:
        driver: Any = pooled.driver_connection
        found = {name: getattr(driver, name) for name in DRIVER if hasattr(driver, name)}
        if isinstance(driver, psycopg.Connection):
            found |= {"status": driver.info.transaction_status}
            asked: tuple[str, ...] = OWN
        else:
            asked = tuple(f"PRAGMA {name}" for name in PRAGMAS)
        for statement in asked:
            cursor = pooled.cursor()
            cursor.execute(statement)
            found[statement] = cursor.fetchall()
        return found


def listeners(*targets: object) -> list[tuple[str, int]]:
    """Return how many listen to each event of these."""
    return [
        (name, len(list(getattr(target.dispatch, name))))  # type: ignore[attr-defined]  # SQLAlchemy's own word
        for target in targets
        for name in sorted(target.dispatch._event_names)  # type: ignore[attr-defined]  # as above
    ]


def use_all(engine: Engine, clock: FrozenClock, host: sqlalchemy.Engine) -> None:
    """Do whatever is done with an engine: commands, refusals, sweeps, reads, its schema; in a session too."""
    head, call = school(1), engine.open_call(new_call(reference="1"), actor=officer())
    eoi_id = engine.draft(call.id, answers={}, actor=head, idempotency_key="k").eoi_id
    with suppress(EoiError):
        engine.approve(eoi_id, actor=head, reason="Mine.")
    with Session(host) as session:
        engine.save(eoi_id, answers={"a": 1}, actor=head, session=session)
        with suppress(EoiError):
            engine.approve(eoi_id, actor=head, reason="Mine.", session=session)
        session.commit()
        engine.submit(eoi_id, actor=head, session=session)
        session.rollback()
    engine.cancel_call(
        engine.open_call(new_call(reference="2"), actor=officer()).id, actor=admin(), reason="No."
    )
    clock.move_to(call.closes_at + timedelta(seconds=2))
    assert len(engine.close_due().closed) == 2
    assert len(engine.find().items) == 1
    assert engine.history(eoi_id) != []
    engine.require_writable()
    assert engine.outbox.claim(clock.now(), limit=5, lease_s=60) != []
    clock.move_by(days=60)
    assert engine.prune() == 1
    engine.migrate()
    assert engine.check() == []
    engine.close()


def test_its_connections_are_set_as_before(
    host: sqlalchemy.Engine, hosted: Engine, clock: FrozenClock
) -> None:
    """Autocommit, isolation, search path, time-outs, pragmas, locks: nothing of ours stays there."""
    before = settings(host)
    use_all(hosted, clock, host)
    assert settings(host) == before


def test_nothing_listens_to_it(host: sqlalchemy.Engine, hosted: Engine, clock: FrozenClock) -> None:
    """Whatever the host listens to is heard as before, and by nobody else."""
    heard: list[str] = []
    event.listen(host, "commit", lambda _: heard.append("commit"))
    targets = (host, host.pool, host.dialect)
    before = listeners(*targets)
    assert sum(count for _, count in before) > 0
    pool, dialect, options = host.pool, host.dialect, dict(host.get_execution_options())
    use_all(hosted, clock, host)
    assert listeners(*targets) == before
    assert (host.pool, host.dialect, dict(host.get_execution_options())) == (pool, dialect, options)
    with host.begin() as connection:
        connection.execute(text("INSERT INTO host VALUES ('x')"))
    assert heard[-1] == "commit"


def test_its_metadata_and_tables_are_its_own(
    host: sqlalchemy.Engine, hosted: Engine, clock: FrozenClock, database: RawDatabase
) -> None:
    """No table of ours is in the host's metadata, or in SQLModel's; its own tables stay as they are."""
    database.run(
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('hosts')",
        "CREATE INDEX mine ON host (note)",
        "CREATE TABLE eoitis (illness TEXT)",
        "INSERT INTO host VALUES ('kept')",
    )

    def theirs() -> dict[str, list[str]]:
        names = ("host", "mine", "alembic_version", "eoitis")
        return {key: parts for key, parts in database.schema().items() if key.split()[-1] in names}

    before = theirs()
    assert len(before) >= 4
    use_all(hosted, clock, host)
    assert theirs() == before
    assert SQLModel.metadata.tables == {}
    reflected = MetaData()
    reflected.reflect(host, only=lambda name, _: not name.startswith("eoi_"))
    assert sorted(reflected.tables) == ["alembic_version", "eoitis", "host"]
    assert database.ask("SELECT version_num FROM alembic_version") == [("hosts",)]
    assert database.ask("SELECT note FROM host") == [("kept",)]


def test_its_pool_is_still_open(
    host: sqlalchemy.Engine, hosted: Engine, clock: FrozenClock, notes: Callable[[], list[str]]
) -> None:
    """To close our engine closes nothing of the host's; every connection is back in its pool."""
    use_all(hosted, clock, host)
    assert "Current Checked out connections: 0" in host.pool.status()
    with Session(host) as session:
        session.execute(text("INSERT INTO host VALUES ('after')"))
        session.commit()
    assert notes() == ["after"]
