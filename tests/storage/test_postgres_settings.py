"""What a connection of ours says to a server as it begins; rights and schemas that are missing."""

from typing import Final

import pytest
from sqlalchemy import make_url

from tests.databases.lent import NewEngine
from tests.databases.raw import Databases, RawDatabase
from tests.servers.databases import text_of
from workflow import DatabaseForbidden, DatabaseUnopened, Engine, SchemaMissing
from workflow.testing import new_call, officer, school

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

IDLE: Final = "idle_in_transaction_session_timeout"


def with_options(url: str, options: str) -> str:
    """Return a URL that says something to the server itself."""
    return text_of(make_url(url).update_query_dict({"options": options}))


def begun(engine: Engine) -> tuple[str | None, str]:
    """Return what a connection of the engine's told the server of options, and how long it may be idle."""
    with engine._database.connect() as connection:
        given = connection._dbapi.driver_connection.info.get_parameters()
        ((idle,),) = connection.ask(f"SHOW {IDLE}")
    return given.get("options") or None, str(idle)


@pytest.mark.parametrize(
    ("options", "idle"),
    [
        (None, "1min"),
        ("-c work_mem=5MB", "1min"),
        (f"-c {IDLE}=5s", "5s"),
        (f"-c {IDLE}=0 -c statement_timeout=9s", "0"),
    ],
)
def test_a_connection_has_the_options_of_its_url_and_none_of_ours(
    database: RawDatabase, options: str | None, idle: str
) -> None:
    """Poolers such as PgBouncer turn away who begins with options; what must be set is said afterwards."""
    with Engine(database.url if options is None else with_options(database.url, options)) as engine:
        assert begun(engine) == (options, idle)


@pytest.mark.parametrize(
    "whose", ["ALTER DATABASE {name} SET", "ALTER ROLE CURRENT_USER IN DATABASE {name} SET"]
)
def test_what_an_administrator_has_set_counts(
    database: RawDatabase, new_engine: NewEngine, whose: str
) -> None:
    """Who has said for a database or a role how long a transaction may be idle, is not overruled."""
    ((name,),) = database.ask("SELECT quote_ident(current_database())")
    database.run(f"{whose.format(name=name)} {IDLE} = '7s'")
    assert begun(new_engine()) == (None, "7s")


def test_a_missing_right_is_told_by_name(database: RawDatabase, new_engine: NewEngine) -> None:
    """Who may read and not write is told apart from a database that failed; given the right, it goes on."""
    engine = new_engine()
    call = engine.open_call(new_call(), actor=officer())
    database.run("REVOKE INSERT ON eoi_eoi FROM CURRENT_USER")
    with pytest.raises(
        DatabaseForbidden, match=r"permission denied for table eoi_eoi.*docs/operations.md"
    ) as told:
        engine.draft(call.id, answers={}, actor=school())
    assert (told.value.code, told.value.facts["sqlstate"]) == ("database-forbidden", "42501")
    assert (engine.calls(), engine.find().items) == ([call], ())
    database.run("GRANT INSERT ON eoi_eoi TO CURRENT_USER")
    assert engine.draft(call.id, answers={}, actor=school()).version == 1


def test_a_search_path_that_leads_nowhere_is_told(databases: Databases) -> None:
    """Where no table can be made, and none is found, the URL's search_path is named."""
    empty = databases.new(migrated=False)
    with Engine(with_options(empty.url, "-c search_path=nowhere")) as engine:
        with pytest.raises(DatabaseUnopened, match="is the search_path of its URL right") as told:
            engine.migrate()
        assert (told.value.code, told.value.facts["sqlstate"]) == ("database-not-opened", "3F000")
        with pytest.raises(SchemaMissing):
            engine.calls()
    assert empty.names() == []
    with Engine(empty.url) as engine:
        engine.migrate()
        assert engine.check() == []
