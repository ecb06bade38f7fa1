"""The PostgreSQL that tests start, or that is given to them: URLs, databases, owners."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from tests.servers.databases import Postgres, ask, database_of
from tests.servers.postgres import PostgresServer, postgres_for_tests
from tests.servers.programs import VARIABLE, WHEEL, wheel
from tests.servers.scripts import python

#: As nobody. What this needs of Python is loaded before, from where nobody may not go.
AS_NOBODY = """
import os, sys
import psycopg
from tests.servers.postgres import PostgresServer
from tests.servers.programs import nobody
"".encode("idna")
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(nobody()["group"])
    os.setuid(nobody()["user"])
with PostgresServer(durable=False) as server:
    with psycopg.connect(server.new_database()) as connection:
        print(*connection.execute("SELECT current_user").fetchone(), server.data.stat().st_uid == os.getuid())
"""


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """Return the URL of a database with one row, of which the last test left nothing."""
    url = postgres.new_database()
    ask(url, "CREATE TABLE kept AS SELECT 1 AS id")
    yield url
    postgres.drop_database(url)


@pytest.fixture(scope="module")
def ours() -> Iterator[PostgresServer]:
    """Return a server of our own, whatever is given."""
    with PostgresServer(durable=False) as server:
        yield server


def test_driver_and_sqlalchemy_take_the_url(database: str) -> None:
    """One URL serves psycopg and SQLAlchemy, and comes to the same rows."""
    engine = create_engine(make_url(database).set(drivername="postgresql+psycopg"))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_database(), id FROM kept")).all() == [
            (database_of(database), 1)
        ]
    engine.dispose()
    assert ask(database, "SELECT current_database(), id FROM kept") == [(database_of(database), 1)]


def test_databases_belong_to_an_ordinary_user(ours: PostgresServer) -> None:
    """Whoever owns a database of the tests is no superuser; who is one comes by another URL."""
    url = ours.new_database()
    who = "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
    assert ask(url, who) == [("eoi", False)]
    assert ask(ours.superuser_url(database_of(url)), who) == [("postgres", True)]


def test_zone_and_letters(ours: PostgresServer) -> None:
    """The server thinks in London time and UTF-8, and orders letters the same way on every machine."""
    url = ours.new_database()
    assert ask(url, "SHOW timezone") + ask(url, "SHOW server_encoding") == [("Europe/London",), ("UTF8",)]
    assert ask(url, "SELECT t FROM (VALUES ('a'), ('B'), ('é'), ('z')) v (t) ORDER BY t") == [
        ("B",),
        ("a",),
        ("z",),
        ("é",),
    ]
    assert ask(url, "SELECT upper('é')") == [("É",)]


def test_copy_of_a_template(postgres: Postgres, database: str) -> None:
    """A copy has the template's rows, and is another database."""
    copy = postgres.new_database(template=database)
    ask(copy, "INSERT INTO kept VALUES (2)")
    assert ask(copy, "SELECT id FROM kept ORDER BY id") == [(1,), (2,)]
    assert ask(database, "SELECT id FROM kept") == [(1,)]
    postgres.drop_database(copy)


def test_any_name(postgres: Postgres) -> None:
    """A database may be called anything; the URL says it so that it comes back."""
    name = f'eoi test/é?&%"#@:{os.getpid()}'
    url = postgres.new_database(name)
    assert database_of(url) == name
    assert ask(url, "SELECT current_database()") == [(name,)]
    postgres.drop_database(name)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_drop_cuts_connections(postgres: Postgres) -> None:
    """A database is dropped in the middle of somebody's transaction; dropped twice is dropped."""
    url = postgres.new_database()
    with closing(psycopg.connect(url)) as connection:
        connection.execute("CREATE TABLE held (id int)")
        postgres.drop_database(url)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres.drop_database(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        psycopg.connect(url)


def test_given_server(monkeypatch: pytest.MonkeyPatch, ours: PostgresServer) -> None:
    """Where the environment names a server, databases are made there, and only they are dropped."""
    theirs = ours.new_database()
    monkeypatch.setenv(VARIABLE, theirs.replace("postgresql:", "postgresql+psycopg:"))
    before = ask(theirs, "SELECT datname FROM pg_database ORDER BY 1")
    with postgres_for_tests() as given:
        assert not given.managed
        made = given.new_database()
        copy = given.new_database(template=made)
        assert made == ours.url(database_of(made))
        after = ask(theirs, "SELECT datname FROM pg_database ORDER BY 1")
        assert sorted(set(after) - set(before)) == sorted([(database_of(made),), (database_of(copy),)])
    assert ask(theirs, "SELECT datname FROM pg_database ORDER BY 1") == before


def test_given_server_is_not_there(monkeypatch: pytest.MonkeyPatch, ours: PostgresServer) -> None:
    """A server that is named and lets nobody in fails the tests by the variable's name; no other is used."""
    monkeypatch.setenv(VARIABLE, ours.url("nothing"))
    with pytest.raises(ConnectionError, match=f'{VARIABLE} .*database "nothing" does not exist'):
        postgres_for_tests().__enter__()


def test_no_server_and_no_programs(tmp_path: Path) -> None:
    """Where neither the programs nor a server are there, the tests fail and say what to do."""
    (tmp_path / WHEEL).mkdir()
    (tmp_path / WHEEL / "__init__.py").touch()
    script = "from tests.servers.postgres import *; import tempfile; tempfile.tempdir = {!r}\n"
    script += "with postgres_for_tests(): pass"
    with python(script.format(str(tmp_path)), str(tmp_path)) as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.splitlines()[-1] == (
        f"FileNotFoundError: no PostgreSQL to test with: install {WHEEL} (./run does), or set {VARIABLE} "
        "to the URL of a database on a server that runs already, whose user may make others"
    )
    assert [each.name for each in tmp_path.iterdir()] == [WHEEL]


@pytest.mark.slow
def test_who_is_not_root_starts_it_too(folder: Path) -> None:
    """The server is started by whoever runs the tests; root is not needed."""
    source = wheel()
    assert source is not None
    for each in (source, source.with_name(f"{WHEEL}.libs")):
        if each.exists():
            shutil.copytree(each, folder / each.name, symlinks=True)
    folder.chmod(0o755)
    with python(AS_NOBODY, str(folder)) as process:
        said, wrong = process.communicate(timeout=60)
    assert (said, wrong) == ("eoi True\n", "")
