"""`engine.check()` on PostgreSQL: whatever was changed in the schema is found, and nothing is left behind."""

from collections.abc import Iterator
from typing import Final

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.databases.lent import NewEngine
from tests.databases.postgres import PostgresDatabase
from tests.databases.raw import RawDatabase
from tests.servers.databases import database_of, text_of
from tests.servers.postgres import PostgresServer
from tests.storage.lives import live
from workflow import DatabaseLocked, Engine
from workflow.testing import FrozenClock, new_call, officer

#: Those that need no server of their own.
here = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

_VERSION: Final = "ALTER TABLE eoi_eoi DROP CONSTRAINT ck_eoi_eoi_version_counts"
_CALL: Final = "ALTER TABLE eoi_call ALTER COLUMN"
_TRIGGERS: Final = [f"trigger eoi_history_refuses_{change}" for change in ("delete", "truncate", "update")]
CHANGES: Final[dict[str, list[str]]] = {
    "DROP TRIGGER eoi_history_refuses_delete ON eoi_history": [f"{_TRIGGERS[0]}: missing"],
    "ALTER TABLE eoi_history DISABLE TRIGGER eoi_history_refuses_delete": [f"{_TRIGGERS[0]}: changed"],
    "ALTER TABLE eoi_history DISABLE TRIGGER USER": [f"{name}: changed" for name in _TRIGGERS],
    "ALTER TABLE eoi_history ENABLE REPLICA TRIGGER eoi_history_refuses_update": [f"{_TRIGGERS[2]}: changed"],
    "CREATE OR REPLACE FUNCTION eoi_history_refuse() RETURNS trigger LANGUAGE plpgsql "
    "AS $$ BEGIN RETURN NEW; END $$": [f"{name}: changed" for name in _TRIGGERS],
    "CREATE TRIGGER flip AFTER INSERT ON eoi_eoi FOR EACH ROW EXECUTE FUNCTION eoi_history_refuse()": [
        "trigger flip: unknown"
    ],
    "CREATE TRIGGER flip AFTER UPDATE ON eoi_eoi FOR EACH ROW WHEN (NEW.version > OLD.version) "
    "EXECUTE FUNCTION eoi_history_refuse()": ["trigger flip: unknown"],
    "CREATE RULE quiet AS ON INSERT TO eoi_attempt DO INSTEAD NOTHING": ["rule eoi_attempt.quiet: unknown"],
    _VERSION: ["check eoi_eoi.ck_eoi_eoi_version_counts: missing"],
    f"{_VERSION}, ADD CONSTRAINT ck_eoi_eoi_version_counts CHECK (version >= 0)": [
        "check eoi_eoi.ck_eoi_eoi_version_counts: changed"
    ],
    f"{_VERSION}, ADD CONSTRAINT ck_eoi_eoi_version_counts CHECK (version >= 1) NOT VALID": [
        "check eoi_eoi.ck_eoi_eoi_version_counts: changed"
    ],
    "ALTER TABLE eoi_eoi DROP CONSTRAINT fk_eoi_eoi_call_id": ["fk fk_eoi_eoi_call_id: missing"],
    "ALTER TABLE eoi_call DROP CONSTRAINT uq_eoi_call_reference": [
        "constraint uq_eoi_call_reference: missing"
    ],
    "ALTER TABLE eoi_key DROP CONSTRAINT pk_eoi_key": ["primary key eoi_key: missing"],
    "DROP INDEX ix_eoi_eoi_by_state": ["index ix_eoi_eoi_by_state: missing"],
    "DROP INDEX uq_eoi_eoi_one_live; CREATE UNIQUE INDEX uq_eoi_eoi_one_live "
    "ON eoi_eoi (call_id, applicant) WHERE state = 'draft'": ["index uq_eoi_eoi_one_live: changed"],
    "CREATE INDEX mine ON eoi_call (title)": ["index mine: unknown"],
    "ALTER TABLE eoi_note ADD COLUMN more TEXT": ["column eoi_note.more: unknown"],
    "ALTER TABLE eoi_call DROP COLUMN phase": ["column eoi_call.phase: missing"],
    f"{_CALL} title DROP NOT NULL": ["column eoi_call.title: another nullable"],
    f"{_CALL} closes_at TYPE timestamp": ["column eoi_call.closes_at: another type"],
    f"{_CALL} closes_at TYPE timestamptz(0)": ["column eoi_call.closes_at: changed"],
    f"{_CALL} title TYPE varchar(10)": ["column eoi_call.title: changed"],
    f"{_CALL} title SET DEFAULT 'x'": ["column eoi_call.title: changed"],
    "ALTER TABLE eoi_outbox ALTER COLUMN position DROP DEFAULT": ["column eoi_outbox.position: changed"],
    "DROP TABLE eoi_note": ["table eoi_note: missing"],
    "CREATE TABLE eoi_extra (id int)": ["table eoi_extra: unknown"],
    "ALTER TABLE eoi_note SET UNLOGGED": ["table eoi_note: changed"],
    "ALTER TABLE eoi_history ENABLE ROW LEVEL SECURITY": ["table eoi_history: changed"],
    "CREATE TABLE child () INHERITS (eoi_history)": ["table eoi_history: changed"],
}


@here
@pytest.mark.parametrize("change", CHANGES)
def test_what_somebody_changed_in_the_schema_is_found(
    database: RawDatabase, new_engine: NewEngine, change: str
) -> None:
    """Whoever switches a trigger off, weakens a rule or drops an index is found out by `eoi db check`."""
    database.run(change)
    assert new_engine().check() == CHANGES[change]


@here
def test_an_index_that_was_not_finished_is_found(database: RawDatabase, new_engine: NewEngine) -> None:
    """CREATE INDEX CONCURRENTLY, where it fails, leaves an index that no query uses."""
    engine = new_engine()
    for reference in ("1", "2"):
        engine.open_call(new_call(reference=reference), actor=officer())
    with database.shell() as shell:
        shell("DROP INDEX ix_eoi_call_due")
        with pytest.raises(database.error, match="could not create unique index"):
            shell("CREATE UNIQUE INDEX CONCURRENTLY ix_eoi_call_due ON eoi_call (closes_at)")
    assert engine.check()[0] == "index ix_eoi_call_due: not valid; REINDEX it"


@here
def test_commits_that_may_be_lost_are_found(database: RawDatabase, new_engine: NewEngine) -> None:
    """Though only one database was told so; once it is on again in any of its ways, all is well."""
    for level, found in (("off", 1), ("local", 0), ("on", 0)):
        alter = f"format('ALTER DATABASE %I SET synchronous_commit = {level}', current_database())"
        database.run(f"DO $$ BEGIN EXECUTE {alter}; END $$")
        said = new_engine().check()
        assert len(said) == found
        assert all(each.startswith("synchronous_commit is off: ") for each in said)


@here
def test_a_check_leaves_nothing_behind(
    database: RawDatabase, new_engine: NewEngine, clock: FrozenClock
) -> None:
    """No table, no setting and no transaction is left on the connection that it was made on."""
    seen = (
        "SELECT current_setting('search_path'), (SELECT count(*) FROM pg_class WHERE relpersistence = 't'), "
        "(SELECT count(*) FROM pg_proc WHERE pronamespace = pg_my_temp_schema()), "
        "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), current_setting('lock_timeout')"
    )
    engine = new_engine()
    live(engine, clock)
    before = database.tables(), database.schema()
    with engine._database.connect() as connection:
        usual = list(connection.ask(seen))
    assert engine.check() == []
    with engine._database.connect() as connection:
        assert not connection.in_transaction
        assert list(connection.ask(seen)) == usual
    assert (database.tables(), database.schema()) == before


@here
def test_temporary_tables_of_the_same_name_are_nobodys(database: RawDatabase, clock: FrozenClock) -> None:
    """A host that has made a temporary table named like ours, on its own connection, gets it back."""
    host = database.host()
    hosted = Engine(host, clock=clock)
    with host.connect() as connection:
        connection.exec_driver_sql("CREATE TEMP TABLE mine AS SELECT 1 AS kept")
        connection.commit()
        with Engine(database.url, clock=clock) as ours:
            assert ours.check() == []
        assert hosted.check() == []
        assert connection.exec_driver_sql("SELECT kept FROM mine").all() == [(1,)]
    host.dispose()


@pytest.fixture(scope="module")
def ours() -> Iterator[PostgresServer]:
    """Return a server on which users can be made."""
    with PostgresServer(durable=False) as server:
        yield server


def in_schema(url: str, name: str) -> str:
    """Return the URL that looks for tables in a schema, and there alone."""
    made: URL = make_url(url).update_query_dict({"options": f"-csearch_path={name}"})
    return text_of(made)


@pytest.mark.parametrize("schema", ["council", 'odd"name', "Großstadt"])
def test_tables_may_live_in_a_schema_of_their_own(
    ours: PostgresServer, clock: FrozenClock, schema: str
) -> None:
    """Where the URL names a schema all is made, used and found well there, and nothing in `public`."""
    plain = ours.new_database()
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    url = in_schema(plain, sql.Identifier(schema).as_string())
    with Engine(url, clock=clock) as engine:
        engine.migrate()
        live(engine, clock)
        assert engine.check() == []
        with psycopg.connect(plain) as connection:
            found = connection.execute(
                "SELECT DISTINCT schemaname FROM pg_tables WHERE tablename LIKE 'eoi%'"
            )
            assert found.fetchall() == [(schema,)]
        PostgresDatabase(url).run("ALTER TABLE eoi_history DISABLE TRIGGER eoi_history_refuses_update")
        assert engine.check() == ["trigger eoi_history_refuses_update: changed"]


def test_two_councils_share_a_database_in_schemas_of_their_own(
    ours: PostgresServer, clock: FrozenClock
) -> None:
    """Each sees its own calls only, and each can be migrated, checked and damaged without the other."""
    plain = ours.new_database()
    engines = []
    for name in ("norfolk", "suffolk"):
        PostgresDatabase(plain).run(f"CREATE SCHEMA {name}")
        engine = Engine(in_schema(plain, name), clock=clock)
        engine.migrate()
        engine.open_call(new_call(title=name), actor=officer())
        engines.append(engine)
    PostgresDatabase(plain).run("DROP INDEX suffolk.ix_eoi_call_due")
    assert [[call.title for call in engine.calls()] for engine in engines] == [["norfolk"], ["suffolk"]]
    assert [engine.check() for engine in engines] == [[], ["index ix_eoi_call_due: missing"]]
    for engine in engines:
        engine.close()


def test_a_user_that_owns_nothing_can_use_and_check_it(ours: PostgresServer, clock: FrozenClock) -> None:
    """Who may only read and write the rows lives a whole life there, and finds the schema well."""
    plain = ours.new_database()
    with Engine(plain) as owner:
        owner.migrate()
    user = f"clerk_{database_of(plain)}"
    with psycopg.connect(ours.superuser_url(database_of(plain)), autocommit=True) as connection:
        for statement in (
            "CREATE ROLE {} LOGIN",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {}",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {}",
        ):
            connection.execute(sql.SQL(statement).format(sql.Identifier(user)))
    with Engine(text_of(make_url(plain).set(username=user)), clock=clock) as engine:
        live(engine, clock)
        assert engine.check() == []


@here
def test_a_migration_waits_for_another_and_is_told(database: RawDatabase, new_engine: NewEngine) -> None:
    """While another node migrates, this one waits as long as for any lock, and is told."""
    database.run("DROP TABLE eoi_schema_version")
    engine = new_engine(lock_timeout_s=0.05)
    with database.connect() as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('eoi', 0))")
        with pytest.raises(DatabaseLocked) as locked:
            engine.migrate()
        assert locked.value.code == "database-locked"
