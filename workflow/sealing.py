"""The use cases of sealing: which secrets a vault cannot read, which lie readable, and sealing all anew."""

from datetime import datetime

from states.errors import BadInput
from workflow.connection import Connection
from workflow.endpoints import every, require_keeper
from workflow.ports import Vault
from workflow.store import endpoints
from workflow.unit_of_work import own_transaction
from workflow.vault import PLAIN, is_readable, seals
from workflow.views import EndpointView


def unreadable(connection: Connection, actor: object, *, vault: Vault, now: datetime) -> list[EndpointView]:
    """Return each endpoint of which the secret or the headers cannot be read here: nothing is sent there.

    Raises:
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    return [
        each
        for each in every(connection, actor)
        if not all(is_readable(one, vault) for one in _in_use(connection, each.id, now))
    ]


def unsealed(connection: Connection, actor: object) -> list[EndpointView]:
    """Return each endpoint of which the secret or the headers lie readable in the database.

    Raises:
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    views, kept = every(connection, actor), endpoints.kept(connection)
    return [each for each in views if any(one.startswith(PLAIN) for one in kept.get(each.id, ()))]


def seal_anew(connection: Connection, actor: object, *, vault: Vault) -> int:
    """Seal the secrets and headers of every endpoint under the vault's present key; return of how many.

    What the vault cannot read stays as it is.

    - secrets, the old ones of a rotation among them, and headers

    Raises:
        BadInput: the vault seals nothing.
        Refused: `role-missing`: no officer, no admin.
    """
    require_keeper(actor, to="seal secrets")
    if not seals(vault):
        msg = "There is no key to seal with: give EOI_SECRET_KEY."
        raise BadInput(msg, field="secret_key")
    count = 0
    with own_transaction(connection):
        for endpoint_id, kept in endpoints.kept(connection, to_change=True).items():
            anew = endpoints.Kept(*(_anew(one, vault) for one in kept))
            if anew != kept:
                endpoints.keep(connection, endpoint_id, anew)
                count += 1
    return count


def _in_use(connection: Connection, endpoint_id: str, now: datetime) -> list[str]:
    headers, signing = endpoints.sealed(connection, endpoint_id, now)
    return [each for each in (headers, *signing) if each]


def _anew(sealed: str, vault: Vault) -> str:
    return vault.seal(vault.unseal(sealed)) if sealed and is_readable(sealed, vault) else sealed
