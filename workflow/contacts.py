"""The use cases of contacts: lists of those who are told. Personal data, which can be taken away."""

from collections.abc import Iterable
from itertools import islice
from typing import Final

from states.errors import BadInput
from states.text import plain_id
from workflow.connection import Connection
from workflow.endpoints import require_keeper, require_looker
from workflow.inputs import LINE, name_or_none
from workflow.receivers import list_name, mail_address
from workflow.store import contacts as stored
from workflow.unit_of_work import own_transaction
from workflow.views import Contact

#: The most that are on one list: England has 24,453 schools.
MOST: Final = 200_000


def replace(connection: Connection, actor: object, name: object, contacts: Iterable[object]) -> int:
    """Let a list hold these, and nobody else; return how many.

    Raises:
        BadInput: no name; too many; one that is no contact, or has no organisation or address; nothing is
            changed then.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="keep contacts")
    known, checked = list_name(name), dict[tuple[str, str], Contact]()
    for number, each in enumerate(_not_too_many(contacts), start=1):
        contact = _checked(each, number)
        checked[contact.organisation, contact.address] = contact
    with own_transaction(connection):
        stored.replace(connection, known, list(checked.values()))
    return len(checked)


def of_list(connection: Connection, actor: object, name: object) -> list[Contact]:
    """Return who is on a list.

    Raises:
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    require_looker(actor)
    return stored.of_list(connection, list_name(name))


def counts(connection: Connection, actor: object) -> dict[str, int]:
    """Return how many are on each list.

    Raises:
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    require_looker(actor)
    return stored.counts(connection)


def checked(given: Contact) -> Contact:
    """Return a contact as it can be kept.

    Raises:
        BadInput: no organisation, no e-mail address, a name that cannot be kept; `field` says which.
    """
    return Contact(
        organisation=plain_id(given.organisation, field="organisation"),
        address=mail_address(given.address, field="address"),
        name=name_or_none(given.name, field="name", longest=LINE),
    )


def _not_too_many(contacts: Iterable[object]) -> list[object]:
    """Return them all, before the first is looked at: what is refused for its length takes no time."""
    found = list(islice(contacts, MOST + 1))
    if len(found) > MOST:
        msg = f"A list holds {MOST:,} contacts at the most."
        raise BadInput(msg, field="contacts")
    return found


def _checked(given: object, number: int) -> Contact:
    if not isinstance(given, Contact):
        msg = f"Number {number} is no Contact, but {type(given).__name__}."
        raise BadInput(msg, field="contacts")
    try:
        return checked(given)
    except BadInput as exc:
        msg = f"Number {number}: {exc.message}"
        raise BadInput(msg, field="contacts") from exc
