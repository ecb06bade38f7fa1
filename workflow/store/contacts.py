"""Statements about contacts: who is told, on which list."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import String, bindparam, delete, func, insert, literal, select

from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.locks import turn_alone
from workflow.store.tables import CONTACT
from workflow.views import Contact

_INSERT: Final = Prepared(insert(CONTACT), columns=("list_name", "organisation", "address", "name"))
_OF_LIST: Final = CONTACT.c.list_name == bindparam("the_list")
# Of two who replace a list at once, the second would not see what the first has written, and leave it there.
_TURN: Final = Prepared(select(literal(1)).where(turn_alone(bindparam("the_list", type_=String()))))
_CLEAR: Final = Prepared(delete(CONTACT).where(_OF_LIST))
_LIST: Final = Prepared(
    select(CONTACT.c.organisation, CONTACT.c.address, CONTACT.c.name)
    .where(_OF_LIST)
    .order_by(CONTACT.c.organisation, CONTACT.c.address)
)
_COUNTS: Final = Prepared(
    select(CONTACT.c.list_name, func.count()).group_by(CONTACT.c.list_name).order_by(CONTACT.c.list_name)
)


def replace(connection: Connection, list_name: str, contacts: Sequence[Contact]) -> None:
    """Let a list hold these, and nobody else; whoever replaces it, too, comes after."""
    connection.row(_TURN, the_list=list_name)
    connection.run(_CLEAR, the_list=list_name)
    rows: list[dict[str, Any]] = [
        {
            "list_name": list_name,
            "organisation": each.organisation,
            "address": each.address,
            "name": each.name,
        }
        for each in contacts
    ]
    connection.run_each(_INSERT, rows)


def of_list(connection: Connection, list_name: str) -> list[Contact]:
    """Return who is on a list."""
    return [
        Contact(organisation=organisation, address=address, name=name)
        for organisation, address, name in connection.rows(_LIST, the_list=list_name)
    ]


def counts(connection: Connection) -> dict[str, int]:
    """Return how many are on each list."""
    return dict(connection.rows(_COUNTS))
