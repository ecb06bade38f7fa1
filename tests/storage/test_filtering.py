"""A list that is narrowed: by whichever filters are given, with one statement for each set of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import bindparam, select

from workflow.connection import Connection
from workflow.store import contacts
from workflow.store.filtering import KEPT, Filtered
from workflow.store.tables import CONTACT
from workflow.testing import engine_in
from workflow.unit_of_work import own_transaction
from workflow.views import Contact

ROWS: Final = [("URN:1", "a@x"), ("URN:1", "b@x"), ("URN:2", "a@x"), ("URN:2", "b@x")]


@pytest.fixture
def people() -> Filtered:
    """Return the list of contacts."""
    return Filtered(
        select(CONTACT.c.organisation, CONTACT.c.address)
        .order_by(CONTACT.c.organisation, CONTACT.c.address)
        .limit(bindparam("at_most")),
        {
            "whose": CONTACT.c.organisation == bindparam("whose"),
            "after": CONTACT.c.address > bindparam("after"),
        },
        choices={"of": CONTACT.c.organisation, "at": CONTACT.c.address},
    )


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """Return a connection to a database that holds them."""
    with engine_in(tmp_path) as engine, engine._database.connect() as connection:
        with own_transaction(connection):
            known = [Contact(organisation=whose, address=address, name=None) for whose, address in ROWS]
            contacts.replace(connection, "heads", known)
        yield connection


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ROWS),
        ({"whose": None, "after": None, "choices": {"of": None}}, ROWS),
        ({"whose": "URN:2"}, ROWS[2:]),
        ({"whose": "URN:2", "after": "a@x"}, ROWS[3:]),
        ({"whose": ""}, []),
        ({"choices": {"of": {"URN:1", "URN:3"}}}, ROWS[:2]),
        ({"choices": {"of": ["URN:1", "URN:2"], "at": ("b@x",)}}, [ROWS[1], ROWS[3]]),
        ({"choices": {"of": ["URN:1", "URN:2"], "at": ["b@x"]}, "whose": "URN:2"}, ROWS[3:]),
        ({"choices": {"of": []}}, []),
        ({"choices": {"of": ["URN:1"], "at": frozenset()}, "whose": "URN:1"}, []),
    ],
)
def test_what_is_given_narrows_a_list(
    connection: Connection, people: Filtered, given: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    """None narrows nothing, though an empty text does; of a choice any will do, of an empty one nothing."""
    assert people.rows(connection, limit=9, **given) == found
    assert people.rows(connection, limit=1, **given) == found[:1]


def test_a_set_of_filters_is_prepared_once(connection: Connection, people: Filtered) -> None:
    """Other values take the same statement; another size of a choice takes another, and few are kept."""
    for whose in ("URN:1", "URN:2"):
        people.rows(connection, limit=9, whose=whose, choices={"of": [whose]})
    assert people._statement.cache_info().currsize == 1
    for size in range(1, 2 * KEPT):
        people.rows(connection, limit=9, choices={"of": [f"URN:{n}" for n in range(size)]})
    assert people._statement.cache_info().currsize == KEPT


def test_what_it_cannot_be_narrowed_by_is_a_mistake(connection: Connection, people: Filtered) -> None:
    """A filter that the list does not know narrows nothing by accident."""
    with pytest.raises(KeyError):
        people.rows(connection, limit=9, who="URN:1")
