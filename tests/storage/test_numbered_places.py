"""Statements as PostgreSQL's server gets them: with numbered places, taken apart once."""

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from workflow import Engine
from workflow.databases.postgres.numbered import NumberedCursor, numbered
from workflow.testing import new_call, officer


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT 1", b"SELECT 1"),
        ("SELECT %s", b"SELECT $1"),
        ("SELECT %s::INTEGER, %s", b"SELECT $1::INTEGER, $2"),
        ("SELECT a LIKE %s || '%%' AND b %% %s", b"SELECT a LIKE $1 || '%' AND b % $2"),
        ("SELECT '%%s', %s", b"SELECT '%s', $1"),
        ("SELECT %%%s", b"SELECT %$1"),
        ("SELECT 'é', %s", "SELECT 'é', $1".encode()),
    ],
)
def test_each_place_has_its_number(sql: str, told: bytes) -> None:
    """From 1, in their order; what stands for a percent sign is one."""
    assert numbered(sql) == told


def test_a_text_is_taken_apart_once() -> None:
    """However long it is, and however many places it has."""
    sql = "SELECT " + ", ".join(["%s"] * 500)
    before = numbered.cache_info().misses
    assert all(numbered(sql).endswith(b"$500") for _ in range(5))
    assert numbered.cache_info().misses == before + 1


def test_it_is_what_statements_are_run_by(database: RawDatabase, new_engine: NewEngine) -> None:
    """By our connections to PostgreSQL; by a host's, where the host has no cursors of its own."""
    engine = new_engine()
    engine.open_call(new_call(), actor=officer())
    with engine.outbox._database.connect() as connection:
        cursor = connection._cursor
        assert isinstance(cursor, NumberedCursor) == (database.name == "postgresql")
        if isinstance(cursor, NumberedCursor):
            assert cursor.execute("SELECT %s::int, '5%%'", [7]).fetchall() == [(7, "5%")]


def test_a_host_s_own_cursors_are_used(database: RawDatabase, new_engine: NewEngine) -> None:
    """Whoever listens to their cursors hears what we run by them."""
    new_engine()
    if database.name != "postgresql":
        return
    heard = list[str]()
    host = database.host(hear=heard.append)
    with Engine(host) as engine:
        assert engine.calls() == []
    host.dispose()
    assert any("eoi_call" in each for each in heard)
