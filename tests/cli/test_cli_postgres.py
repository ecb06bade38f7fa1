"""The command line on PostgreSQL: what its user is told, and what nobody is."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.many_nodes.node import Node
from tests.servers.databases import text_of
from tests.servers.postgres import PostgresServer
from workflow import Engine

SECRET = "hunter2"
#: Commands that need the tables, each in its own way.
COMMANDS = (
    ("call", "list"),
    ("list",),
    ("outbox", "list"),
    ("db", "check"),
    ("tick",),
    ("serve", "--no-api"),
)
Eoi = Callable[..., Any]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server on 127.0.0.1 that asks for a password."""
    with PostgresServer(durable=False, tcp=True) as server:
        yield server


@pytest.fixture
def empty(server: PostgresServer) -> str:
    """Return the URL of a database without any table."""
    return server.new_database()


@pytest.fixture
def migrated(empty: str) -> str:
    """Return the URL of a database with our tables."""
    with Engine(empty) as engine:
        engine.migrate()
    return empty


def changed(url: str, **parts: Any) -> str:
    """Return a URL with something else in it."""
    return text_of(make_url(url).set(**parts))


def shown(url: str) -> str:
    """Return a URL as it may be shown to anybody."""
    return make_url(url).render_as_string(hide_password=True)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_without_tables_it_says_how_to_make_them(eoi: Eoi, empty: str, words: tuple[str, ...]) -> None:
    """A server's database is not filled unasked: one line, exit status 1, and the command that does it."""
    answer = eoi(*words, db=empty)
    assert (answer.status, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert "`eoi db upgrade`" in answer.err
    assert eoi(*words, "--json", db=empty).json["code"] == "schema-missing"


def test_an_upgrade_makes_the_tables(eoi: Eoi, empty: str) -> None:
    """After it everything works; where that is, is told without the password."""
    answer = eoi("db", "upgrade", db=empty)
    assert answer.told == f"{shown(empty)} now holds the tables of this version."
    assert (eoi("call", "list", db=empty).told, eoi("db", "check", db=empty).told) == ("(none)", "All well.")
    assert (
        eoi("tick", db=empty).told
        == "Closed 0; 0 drafts lapsed. Notices: 0 delivered, 0 to try again, 0 parked."
    )


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"password": SECRET}, 'password authentication failed for user "eoi"'),
        ({"database": "elsewhere"}, 'database "elsewhere" does not exist'),
        ({"port": 1}, "Connection refused"),
    ],
    ids=lambda each: next(iter(each)) if isinstance(each, dict) else "",
)
@pytest.mark.parametrize(
    "words", [("call", "list"), ("db", "upgrade"), ("tick",), ("serve", "--no-api")], ids=" ".join
)
def test_a_server_that_lets_nobody_in_is_one_line(
    eoi: Eoi, empty: str, parts: dict[str, Any], why: str, words: tuple[str, ...]
) -> None:
    """A wrong password, name or port: one line with the server's own words, and without the password."""
    answer = eoi(*words, db=changed(empty, **parts))
    assert (answer.status, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert why in answer.err
    assert "[database-not-opened]" in answer.err
    assert [secret for secret in (SECRET, make_url(empty).password or "?") if secret in answer.err] == []


@pytest.mark.slow
def test_a_node_says_where_it_serves_without_the_password(migrated: str) -> None:
    """Neither the words for people, nor the document for programs, nor the log holds it."""
    with Node("serve", "--no-api", "--json", "--db", migrated) as node:
        node.wait_for("Serving")
        node.signal(signal.SIGTERM)
        status, said = node.end(), node.said()
    (aside,) = (line for line in node.lines if line.startswith("Serving"))
    assert aside == f"Serving {shown(migrated)}. No call is open. Ctrl-C stops."
    assert (status, json.loads(said)) == (0, {"serving": shown(migrated), "next_due": None, "url": None})
    assert str(make_url(migrated).password) not in said + "".join(node.lines)


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["raise ModuleNotFoundError", "raise ImportError('no pq wrapper')"])
def test_without_the_driver_it_says_how_to_install_it(
    program: Callable[..., subprocess.CompletedProcess[bytes]], migrated: str, tmp_path: Path, broken: str
) -> None:
    """Without the extra, or with a driver that lacks its library: one line that names the extra."""
    (tmp_path / "psycopg.py").write_text(broken)
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    for words in (("call", "list"), ("serve", "--no-api")):
        answer = program("--db", migrated, *words, env={"PYTHONPATH": path})
        said = answer.stderr.decode()
        assert (answer.returncode, answer.stdout, said.count("\n")) == (1, b"", 1), said
        assert "pip install 'eoi-workflow[postgres]'" in said
