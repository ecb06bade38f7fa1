"""Encodings of PostgreSQL: the environment's is none of ours, and a database's must be UTF-8."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from psycopg import sql

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.servers.databases import PREFIX, Postgres
from workflow import DatabaseUnopened, Engine, SchemaMissing

ROOT: Final = Path(__file__).resolve().parents[2]
#: What not every encoding can write.
TITLE: Final = "Tŷ Mawr, “lle” – 学校"


class Eoi:
    """The program, in an environment of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *words: str, db: str, **environment: str) -> tuple[int, str, str]:
        """Run `eoi …`; return its status and what it said."""
        done = subprocess.run(
            [sys.executable, "-c", "from adapters.cli import main; main()", "--db", db, *words],
            cwd=self._folder,
            env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"} | environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
def eoi(tmp_path: Path) -> Eoi:
    """Return the program."""
    return Eoi(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_the_environments_encoding_changes_nothing(
    database: RawDatabase, new_engine: NewEngine, eoi: Eoi, encoding: str
) -> None:
    """Whoever has set another one for PostgreSQL's own programs writes and reads every name with ours."""
    words = (
        "--reference",
        "1/2",
        "--title",
        TITLE,
        "--closes-on",
        "2099-01-01",
        "--as",
        "o",
        "--role",
        "officer",
    )
    opened = eoi("call", "open", *words, db=database.url, PGCLIENTENCODING=encoding)
    assert (opened[0], opened[2]) == (0, "")
    status, out, err = eoi("call", "list", "--json", db=database.url, PGCLIENTENCODING=encoding)
    assert (status, err) == (0, "")
    assert [each.title for each in new_engine().calls()] == [TITLE]
    assert [each["title"] for each in json.loads(out)] == [TITLE]


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def old(request: pytest.FixtureRequest, postgres: Postgres) -> Iterator[tuple[str, str]]:
    """Return the URL of a database that was made with another encoding, and which."""
    name = PREFIX + secrets.token_hex(8)
    make = sql.SQL(
        "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING {} LOCALE 'C' LOCALE_PROVIDER libc"
    )
    with postgres._administration() as connection:
        connection.execute(make.format(sql.Identifier(name), postgres._owner, sql.Literal(request.param)))
    yield postgres.url(name), request.param
    postgres.drop_database(name)


def test_a_database_that_cannot_hold_every_name_is_refused(old: tuple[str, str]) -> None:
    """It is said before a table is made there, with the encoding that is needed, and how to get it."""
    url, encoding = old
    with Engine(url) as engine:
        with pytest.raises(DatabaseUnopened, match=rf"encoding is {encoding}.*--encoding=UTF8") as told:
            engine.migrate()
        assert told.value.code == "database-not-opened"
        with pytest.raises(SchemaMissing):
            engine.calls()


@pytest.mark.slow
def test_the_program_refuses_such_a_database_in_a_line(old: tuple[str, str], eoi: Eoi) -> None:
    """`eoi db upgrade` ends with 1 and one line for whoever runs it."""
    url, encoding = old
    status, out, err = eoi("db", "upgrade", db=url)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert f"encoding is {encoding}" in err
