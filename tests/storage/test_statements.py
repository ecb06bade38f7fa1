"""Prepared statements: values go in and come out as Python has them, and nothing is compiled twice."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    false,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from states.names import EoiState
from workflow.statements import Prepared, Unreadable
from workflow.store.tables import CALL

SQLITE = sqlite.dialect(paramstyle="qmark")
THING = Table(
    "thing",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", CALL.c.closes_at.type),
    Column("told", Boolean),
    Column("word", String),
)
ADD = Prepared(insert(THING), columns=("id", "at", "told", "word"))
ALL = Prepared(select(THING.c.at, THING.c.told, THING.c.word).order_by(THING.c.id))


@pytest.fixture
def cursor() -> Iterator[sqlite3.Cursor]:
    """Return a cursor on an empty table of things."""
    with closing(sqlite3.connect(":memory:")) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, at DATETIME, told BOOLEAN, word VARCHAR)")
        yield cursor


def add(cursor: sqlite3.Cursor, **values: Any) -> int:
    """Store one thing."""
    return ADD.run(cursor, SQLITE, {"id": None, "at": None, "told": None, "word": None, **values})


@pytest.mark.parametrize(
    ("at", "stored"),
    [
        (datetime(2023, 3, 18, tzinfo=UTC), "2023-03-18 00:00:00.000000"),
        (datetime(2023, 3, 17, 23, 59, 59, 999_999, tzinfo=UTC), "2023-03-17 23:59:59.999999"),
        (datetime(2023, 7, 1, 0, 30, tzinfo=ZoneInfo("Europe/London")), "2023-06-30 23:30:00.000000"),
        (datetime(2023, 3, 17, 5, tzinfo=timezone(timedelta(hours=-7))), "2023-03-17 12:00:00.000000"),
        (
            datetime(2023, 10, 29, 1, 30, fold=1, tzinfo=ZoneInfo("Europe/London")),
            "2023-10-29 01:30:00.000000",
        ),
        (None, None),
    ],
)
def test_an_instant_is_kept_in_utc_to_the_microsecond(
    cursor: sqlite3.Cursor, at: datetime | None, stored: str | None
) -> None:
    """An aware instant of any zone is stored as one text in UTC, which sorts by time, and read back aware."""
    add(cursor, at=at)
    assert cursor.execute("SELECT at FROM thing").fetchall() == [(stored,)]
    ((found, _, _),) = ALL.rows(cursor, SQLITE, {})
    assert found == (None if at is None else at.astimezone(UTC))
    assert at is None or found.tzinfo is UTC


@pytest.mark.parametrize("at", [datetime(2023, 3, 18), "2023-03-18", date(2023, 3, 18), 1_679_097_600])  # noqa: DTZ001 -- a naive one is the point
def test_what_is_no_instant_is_never_stored(cursor: sqlite3.Cursor, at: object) -> None:
    """A naive datetime, a text or a number raises where an instant is meant, and leaves no row."""
    with pytest.raises((ValueError, AttributeError)):
        add(cursor, at=at)
    assert ALL.rows(cursor, SQLITE, {}) == []


def test_words_and_flags_come_back_as_what_they_are(cursor: sqlite3.Cursor) -> None:
    """A StrEnum is stored as its plain word, a bool as 0 or 1 and read as a bool, None as NULL."""
    add(cursor, told=True, word=EoiState.DRAFT)
    add(cursor, told=False, word="é\u202e\x00!")
    add(cursor)
    assert cursor.execute("SELECT told, word, typeof(word) FROM thing").fetchall() == [
        (1, "draft", "text"),
        (0, "é\u202e\x00!", "text"),
        (None, None, "null"),
    ]
    found = [(told, word) for _, told, word in ALL.rows(cursor, SQLITE, {})]
    assert found == [(True, "draft"), (False, "é\u202e\x00!"), (None, None)]
    assert [type(told) for told, _ in found] == [bool, bool, type(None)]
    assert not isinstance(found[0][1], StrEnum)


def test_a_statement_says_how_many_rows_it_changed(cursor: sqlite3.Cursor) -> None:
    """The conditional update, on which staleness rests, counts what it changed and nothing else."""
    assert [add(cursor, word=word) for word in "aab"] == [1, 1, 1]
    change = Prepared(update(THING).where(THING.c.word == bindparam("old")).values(word=bindparam("new")))
    assert [change.run(cursor, SQLITE, {"old": old, "new": "c"}) for old in ("a", "a", "b", "nobody")] == [
        2,
        0,
        1,
        0,
    ]


def test_a_parameter_used_twice_is_given_once(cursor: sqlite3.Cursor) -> None:
    """One name stands for one value, wherever in the text it is; fixed values stand beside it."""
    add(cursor, word="x", told=True)
    twice = Prepared(
        select(bindparam("who", type_=String), literal(7), THING.c.told).where(
            THING.c.word == bindparam("who"), THING.c.told != false()
        )
    )
    assert twice.rows(cursor, SQLITE, {"who": "x"}) == [("x", 7, True)]
    assert twice.rows(cursor, SQLITE, {"who": "y"}) == []


def test_a_missing_parameter_is_an_error(cursor: sqlite3.Cursor) -> None:
    """A forgotten value is never stored as NULL."""
    with pytest.raises(KeyError, match="word"):
        ADD.run(cursor, SQLITE, {"id": 1, "at": None, "told": None})
    assert ALL.rows(cursor, SQLITE, {}) == []


def test_a_list_of_in_is_turned_away(cursor: sqlite3.Cursor) -> None:
    """A text that would vary with its values is refused when it is prepared, not run as nonsense."""
    with pytest.raises(ValueError, match="no fixed text"):
        Prepared(select(THING.c.id).where(THING.c.word.in_(["a", "b"]))).rows(cursor, SQLITE, {})


def test_a_value_of_another_type_is_unreadable(cursor: sqlite3.Cursor) -> None:
    """What somebody wrote over an instant by hand is told apart from an instant."""
    cursor.execute("INSERT INTO thing (at) VALUES ('tomorrow')")
    with pytest.raises(Unreadable):
        ALL.rows(cursor, SQLITE, {})


def test_a_statement_is_compiled_once_for_each_dialect() -> None:
    """The second use takes the text of the first one; another database gets its own."""
    statement = Prepared(select(THING.c.id).where(THING.c.word == bindparam("who")))
    first = statement.sql(SQLITE)
    assert statement.sql(SQLITE) is first
    assert first.endswith("WHERE thing.word = ?")
    other = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    assert "WHERE thing.word = %(who)s" in statement.sql(other)
    assert statement.sql(SQLITE) is first
