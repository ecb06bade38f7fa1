"""A connection to PostgreSQL that has begun to write, in the trip that asked for the time: on whose terms."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, bindparam, insert, update

from tests.clock import now
from tests.databases.raw import RawDatabase
from workflow import Engine
from workflow.databases.postgres.connection import PostgresConnection
from workflow.statements import Prepared

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

#: What a transaction is like, and which it is.
TERMS: Final = "SELECT current_setting('transaction_isolation'), current_setting('lock_timeout')"
WHICH: Final = "SELECT pg_current_xact_id()::text"
USUAL: Final = ("read committed", "9s")


@pytest.fixture
def connection(database: RawDatabase) -> Iterator[PostgresConnection]:
    """Return a connection whose commands wait for nine seconds."""
    with Engine(database.url, lock_timeout_s=9) as engine, engine._database.connect() as connection:
        assert isinstance(connection, PostgresConnection)
        yield connection


@pytest.mark.parametrize(
    ("wait_s", "one_state", "terms"),
    [
        (None, False, USUAL),
        (0.05, False, ("read committed", "50ms")),
        (None, True, ("repeatable read", "9s")),
        (0.05, True, ("repeatable read", "50ms")),
        (99, False, USUAL),
    ],
)
def test_a_transaction_is_on_the_terms_that_are_asked_for_last(
    connection: PostgresConnection, wait_s: float | None, one_state: bool, terms: tuple[str, str]
) -> None:
    """What began as usual, for the time's sake, is gone on with only where nothing else is asked for."""
    before = now()
    at = connection.begin_and_read_time()
    assert before - timedelta(seconds=1) < at < now() + timedelta(seconds=1)
    assert connection.ask(TERMS) == [USUAL]
    begun = connection.ask(WHICH)
    connection.begin_write(wait_s=wait_s, one_state=one_state)
    assert connection.ask(TERMS) == [terms]
    assert (connection.ask(WHICH) == begun) is (wait_s is None and not one_state)
    connection.rollback()
    connection.begin_write(wait_s=wait_s, one_state=one_state)
    assert connection.ask(TERMS) == [terms], "the same without it"
    connection.rollback()
    assert not connection.in_transaction


THING: Final = Table("thing", MetaData(), Column("id", Integer), Column("told", Integer))
ADD: Final = Prepared(insert(THING), columns=("id", "told"))
TELL: Final = Prepared(update(THING).where(THING.c.id == bindparam("the_id")).values(told=bindparam("word")))


@pytest.mark.parametrize(
    "each", [[], [{"the_id": 1, "word": 5}], [{"the_id": 1, "word": 5}, {"the_id": 2, "word": 6}]]
)
def test_what_was_to_be_written_is_there_before_many_are_run_at_once(
    connection: PostgresConnection, each: list[dict[str, int]]
) -> None:
    """Statements that wait for their trip are run before those that come after, whichever way these go."""
    connection.execute("CREATE TEMP TABLE thing (id int, told int)")
    connection.begin_write()
    for number in (1, 2):
        connection.write(ADD, id=number, told=0)
    assert connection.run_each(TELL, each) == [1] * len(each)
    connection._waiting.clear()
    told = dict.fromkeys((1, 2), 0) | {each["the_id"]: each["word"] for each in each}
    assert connection.ask("SELECT id, told FROM thing ORDER BY id") == sorted(told.items())
