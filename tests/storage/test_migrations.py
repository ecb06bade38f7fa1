"""The schema: made, found as described, taken down and up again, and left alone where it is not ours."""

import subprocess
import sys

import pytest
from alembic import command
from sqlmodel import SQLModel

from states.errors import BadInput
from tests.databases.lent import NewEngine
from tests.databases.raw import Databases, RawDatabase
from tests.storage.lives import live
from workflow import (
    DatabaseUnavailable,
    Engine,
    SchemaMissing,
    SchemaOutdated,
    SchemaTooNew,
    migrations,
    schema,
)
from workflow.databases import database_of
from workflow.migrations import differences, downgrade, upgrade
from workflow.tables import APPEND_ONLY, REVISIONS, VERSION_TABLE, Row
from workflow.testing import FrozenClock, new_call, officer, school, submitted

# Two programs wait at one line of stdin, so that they migrate at the same instant.
MIGRATE = """
import sys
from workflow import Engine
import workflow.migrations
engine = Engine(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
engine.migrate()
print(len(engine.calls()), engine.check(), flush=True)
engine.close()
"""
#: Which changes of history a trigger refuses.
REFUSED = {"sqlite": {"update", "delete", "replace"}, "postgresql": {"update", "delete", "truncate"}}
#: What the database's own words are for a table that is there already.
EXISTS = {"sqlite": "table eoi_outbox already exists", "postgresql": 'relation "eoi_outbox" already exists'}


def of_ours(database: RawDatabase) -> dict[str, list[str]]:
    """Return what stands in the schema but for Alembic's own table, which is left when ours are gone."""
    return {name: parts for name, parts in database.schema().items() if VERSION_TABLE not in name}


def upgrade_to(engine: Engine, revision: str) -> None:
    """Bring a new database to a revision, as the program of its day did."""
    engine._database.make_file()
    engine._database.prepare()
    migrations._change(engine._database, lambda config: command.upgrade(config, revision))


def test_the_migrations_make_what_the_tables_describe(databases: Databases) -> None:
    """Every column, CHECK, key and index of `workflow.tables` is in a migrated database, to the letter."""
    migrated, described = databases.new(), databases.new(migrated=False)
    host = described.host()
    Row.metadata.create_all(host)
    host.dispose()
    beside = ("trigger ", "function ")  # which no table describes
    found = {name: parts for name, parts in of_ours(migrated).items() if not name.startswith(beside)}
    assert found == described.schema()


def test_each_append_only_table_has_its_triggers(database: RawDatabase) -> None:
    """Each way to change history is refused by a trigger that stands in the schema."""
    triggers = {name for name in database.schema() if name.startswith("trigger ")}
    assert triggers == {
        f"trigger {table}_refuses_{change}" for table in APPEND_ONLY for change in REFUSED[database.name]
    }


def test_a_fresh_database_is_found_well(databases: Databases, clock: FrozenClock) -> None:
    """`eoi db check` says nothing about what the migrations made, and migrating again changes nothing."""
    database = databases.new(migrated=False)
    with Engine(database.url, clock=clock) as engine:
        engine.migrate()
        live(engine, clock)
        before = database.schema(), database.tables()
        assert engine.check() == []
        engine.migrate()
        assert (engine.check(), (database.schema(), database.tables())) == ([], before)


def test_the_schema_goes_down_and_up_again(database: RawDatabase, new_engine: NewEngine) -> None:
    """Taken down, nothing of ours is left but the version table; brought up again, all is as before."""
    engine = new_engine()
    submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
    before = database.schema()
    downgrade(engine._database, "base")
    assert of_ours(database) == {}
    assert database.names() == [VERSION_TABLE]
    upgrade(engine._database)
    assert database.schema() == before
    assert (engine.calls(), differences(engine._database)) == ([], [])
    with pytest.raises(BadInput, match="no revision '0000'"):
        downgrade(engine._database, "0000")


@pytest.mark.parametrize("revision", REVISIONS)
def test_from_each_earlier_revision_every_row_comes_along(
    databases: Databases, clock: FrozenClock, revision: str
) -> None:
    """A database in use goes back to an older revision and up again: no row is lost, all is found well."""
    database, fresh = databases.new(), databases.new()
    with Engine(database.url, clock=clock) as engine:
        live(engine, clock)
        lived = database.tables()
        assert [name for name, rows in lived.items() if not rows] == [], "no migration is tried on it"
        downgrade(engine._database, revision)
        older = database.tables()
        engine.migrate()
        newer = database.tables()
        assert (engine.check(), database.schema()) == ([], fresh.schema())
        assert engine.find(limit=9).items != ()
    version = (older.pop(VERSION_TABLE), newer.pop(VERSION_TABLE))
    assert version == ([{"version_num": revision}], [{"version_num": REVISIONS[-1]}])
    for name, rows in older.items():
        kept = [{column: row[column] for column in rows[0]} for row in newer[name]]
        assert kept == rows == [{column: row[column] for column in rows[0]} for row in lived[name]], name


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_revision_is_the_same_from_above_and_from_below(databases: Databases, revision: str) -> None:
    """Taken down to a revision, or brought up to it, a schema is the same, and goes up to the newest."""
    above, below, fresh = databases.new(), databases.new(migrated=False), databases.new()
    with Engine(above.url) as engine:
        downgrade(engine._database, revision)
    with Engine(below.url) as engine:
        upgrade_to(engine, revision)
        assert above.schema() == below.schema()
        engine.migrate()
        assert (below.schema(), engine.check()) == (fresh.schema(), [])


@pytest.mark.parametrize(
    ("version", "error", "says"),
    [
        ("UPDATE eoi_schema_version SET version_num = '9999'", SchemaTooNew, "of a newer version"),
        ("INSERT INTO eoi_schema_version VALUES ('9998')", SchemaTooNew, "of a newer version"),
        ("DELETE FROM eoi_schema_version", SchemaMissing, "none of our tables"),
        ("DROP TABLE eoi_schema_version", SchemaMissing, "none of our tables"),
    ],
)
def test_a_schema_of_another_version_is_neither_read_nor_written(
    database: RawDatabase, new_engine: NewEngine, version: str, error: type[Exception], says: str
) -> None:
    """An old program on a new database is turned away at once, with what to do, and changes nothing."""
    with new_engine() as engine:
        engine.open_call(new_call(), actor=officer())
    database.run(version)
    before = database.schema(), database.tables()
    engine = new_engine()
    for ask in (engine.calls, engine.find, engine.close_due, engine.check):
        with pytest.raises(error, match=says):
            ask()
    with pytest.raises(DatabaseUnavailable):
        engine.migrate()
    assert not engine.create()
    assert (database.schema(), database.tables()) == before
    assert len(before[1]["eoi_call"]) == 1


def test_a_schema_too_new_names_both_versions(database: RawDatabase, new_engine: NewEngine) -> None:
    """The error carries what was found and what is known, for whoever has to find the right program."""
    database.run("UPDATE eoi_schema_version SET version_num = '9999'")
    with pytest.raises(SchemaTooNew) as caught:
        new_engine().calls()
    assert (caught.value.code, caught.value.facts) == (
        "schema-too-new",
        {"found": "9999", "newest_known": REVISIONS[-1]},
    )


def test_a_database_with_tables_of_somebody_else_keeps_them(databases: Databases, clock: FrozenClock) -> None:
    """In a host's own database the host's rows, triggers and Alembic version stay as they are."""
    database = databases.new(migrated=False)
    database.run(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
        "INSERT INTO alembic_version VALUES ('host-7')",
        "CREATE TABLE school (urn INTEGER PRIMARY KEY, name TEXT)",
        "INSERT INTO school VALUES (121234, 'Sprowston Junior School')",
    )
    database.plant("BEFORE DELETE ON school", None, name="school_stays")
    before = database.schema()
    with Engine(database.url, clock=clock) as engine:
        with pytest.raises(SchemaMissing):
            engine.calls()
        assert not engine.create(), "who holds data is not migrated unasked"
        engine.migrate()
        engine.open_call(new_call(), actor=officer())
        assert engine.check() == []
        assert before.items() <= database.schema().items()
        downgrade(engine._database, "base")
    assert of_ours(database) == before
    assert database.ask("SELECT * FROM alembic_version, school") == [
        ("host-7", 121234, "Sprowston Junior School")
    ]


def test_a_hosts_metadata_stays_its_own() -> None:
    """A host that builds its tables from SQLModel's metadata, sees none of ours in them."""
    assert [name for name in SQLModel.metadata.tables if name.startswith("eoi_")] == []
    assert Row.metadata is not SQLModel.metadata


def test_a_migration_that_fails_leaves_no_table(databases: Databases) -> None:
    """Where one of the tables is there already, none of the others is made, and the reason is told."""
    database = databases.new(migrated=False)
    database.run("CREATE TABLE eoi_outbox (position INTEGER)")
    before = database.schema()
    with (
        Engine(database.url) as engine,
        pytest.raises(DatabaseUnavailable, match=EXISTS[database.name]),
    ):
        engine.migrate()
    assert database.schema() == before


@pytest.mark.slow
def test_programs_that_migrate_at_once_do_it_once(databases: Databases) -> None:
    """Nodes that start on a new database all come up, and the tables are made one time."""
    database = databases.new(migrated=False)
    program = [sys.executable, "-W", "error", "-c", MIGRATE, database.url]
    pipe = subprocess.PIPE
    started = [subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(3)]
    for node in started:
        assert node.stdout is not None
        assert node.stdout.readline() == "ready\n"
    for node in started:
        assert node.stdin is not None
        node.stdin.write("\n")
        node.stdin.flush()
    assert [node.communicate(timeout=60) for node in started] == [("0 []\n", "")] * 3
    assert database.rows(VERSION_TABLE) == [{"version_num": REVISIONS[-1]}]


def test_an_older_schema_is_told_and_not_read(database: RawDatabase) -> None:
    """The next version of this program meets today's database: it asks to be migrated, and reads nothing."""
    newer = (*REVISIONS, "9999")
    opened = database_of(database.url, check=lambda found, by=None: schema.check(found, by, revisions=newer))
    with pytest.raises(SchemaOutdated, match="run `eoi db upgrade`") as caught, opened.connect():
        pass
    assert caught.value.facts == {"found": REVISIONS[-1], "needed": "9999"}
    opened.close()
