"""The use cases of endpoints and of what is on its way to them."""

from collections.abc import Collection
from datetime import datetime
from urllib.parse import urlsplit

from states.access import require_role
from states.errors import BadInput
from states.names import Role
from states.text import plain_text
from workflow.columns import DELIVERY_STATES
from workflow.connection import Connection
from workflow.errors import NotFound
from workflow.hooks import event_types
from workflow.ids import new_id, shown
from workflow.inputs import LONGEST_PAGE, some_actor, whole_number
from workflow.races import until_had
from workflow.store import deliveries as stored
from workflow.store import endpoints, outbox
from workflow.unit_of_work import own_transaction
from workflow.views import DeliveryView, EndpointView

#: Who keeps endpoints and the outbox.
KEEPERS = frozenset({Role.OFFICER, Role.ADMIN})
#: Longest URL, in characters.
URL = 2000


def add(connection: Connection, actor: object, *, url: object, events: object, now: datetime) -> EndpointView:
    """Add a receiver of the events that happen from now on.

    Raises:
        BadInput: no http(s) URL with a host, or a pattern that fits no event.
        Refused: `role-missing`: no officer, no admin.
    """
    _require_keeper(actor, to="add an endpoint")
    endpoint = EndpointView(
        id=new_id(), courier="webhook", url=_address(url), events=_patterns(events), created_at=now
    )
    until_had(lambda wait_s: _add(connection, endpoint, wait_s), longest_s=connection.lock_timeout_s)
    return endpoint


def every(connection: Connection, actor: object) -> list[EndpointView]:
    """Return every receiver, the oldest first.

    Raises:
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    _let_see(actor)
    return endpoints.every(connection)


def deliveries(connection: Connection, actor: object, *, state: object, limit: object) -> list[DeliveryView]:
    """Return what is on its way to them, and what was, the newest first.

    Raises:
        BadInput: no such state; a limit that is no number from 1 to 1000.
        Refused: `role-missing`: neither officer nor admin nor auditor.
    """
    _let_see(actor)
    count = whole_number(limit, field="limit", least=1, greatest=LONGEST_PAGE)
    return stored.listed(connection, state=_state_or_none(state), limit=count)


def retry(connection: Connection, actor: object, delivery_id: object, *, now: datetime) -> int:
    """Put a parked delivery (None: all of them) back into its line; return how many there were.

    Raises:
        BadInput: the id is no whole number.
        NotFound: nothing parked has that id.
        Refused: `role-missing`: no officer, no admin.
    """
    _require_keeper(actor, to="retry a delivery")
    known = None if delivery_id is None else whole_number(delivery_id, field="delivery_id")
    with own_transaction(connection):
        count = stored.retry(connection, known, now)
    if known is not None and not count:
        msg = f"No parked delivery has the id {known}."
        raise NotFound(msg)
    return count


def _add(connection: Connection, endpoint: EndpointView, wait_s: float) -> None:
    with own_transaction(connection, wait_s=wait_s):
        # An event that is written and not yet committed has its position already, perhaps below the last one
        # that can be seen; whoever reads the state from now on must get it, so it is waited for.
        outbox.hold_still(connection)
        endpoints.add(connection, endpoint, after_position=outbox.last_position(connection))


def _require_keeper(actor: object, *, to: str) -> None:
    require_role(some_actor(actor), KEEPERS, to=to)


def _let_see(actor: object) -> None:
    if actor is not None:
        require_role(some_actor(actor), KEEPERS | {Role.AUDITOR}, to="see endpoints and deliveries")


def _patterns(events: object) -> tuple[str, ...]:
    if isinstance(events, str) or not isinstance(events, Collection):
        msg = f"events must be a list of patterns, such as ['eoi.*'], not {type(events).__name__}."
        raise BadInput(msg, field="events")
    for pattern in events:
        event_types(pattern)
    return tuple(dict.fromkeys(events)) or ("*",)


def _state_or_none(state: object) -> str | None:
    if state is not None and (not isinstance(state, str) or state not in DELIVERY_STATES):
        msg = f"There is no state {shown(state)} of a delivery. States are: {', '.join(DELIVERY_STATES)}."
        raise BadInput(msg, field="state")
    return state


def _address(url: object) -> str:
    address = plain_text(url, field="url", longest=URL)
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
    except ValueError:  # A port that is no number, a bracket left open.
        usable = False
    if not usable or not address.isprintable() or " " in address:
        msg = f"{address!r} is no address of a receiver: give one such as https://example.org/hook."
        raise BadInput(msg, field="url")
    return address
