"""The use cases of endpoints and of what is on its way to them."""

from collections.abc import Collection
from datetime import datetime
from urllib.parse import urlsplit

from states.errors import BadInput
from states.names import Role
from states.text import plain_text
from workflow.columns import DELIVERY_STATES
from workflow.hooks import event_types
from workflow.ids import new_id, shown
from workflow.inputs import LONGEST_PAGE, whole_number
from workflow.store import endpoints, outbox
from workflow.unit_of_work import UnitOfWork
from workflow.views import EndpointView

#: Who keeps endpoints and the outbox.
KEEPERS = frozenset({Role.OFFICER, Role.ADMIN})
#: Longest URL, in characters.
URL = 2000


def new_endpoint(*, url: object, events: object, now: datetime) -> EndpointView:
    """Return a receiver as it would be added.

    Raises:
        BadInput: no http(s) URL with a host, or a pattern that fits no event.
    """
    address = _address(url)
    if isinstance(events, str) or not isinstance(events, Collection):
        msg = f"events must be a list of patterns, such as ['eoi.*'], not {type(events).__name__}."
        raise BadInput(msg, field="events")
    for pattern in events:
        event_types(pattern)
    patterns = tuple(dict.fromkeys(events)) or ("*",)
    return EndpointView(id=new_id(), courier="webhook", url=address, events=patterns, created_at=now)


def add(unit: UnitOfWork, endpoint: EndpointView) -> EndpointView:
    """Add a receiver of the events that happen from now on."""
    endpoints.add(unit.connection, endpoint, after_position=outbox.last_position(unit.connection))
    return endpoint


def check_page(state: object, limit: object) -> None:
    """Pass only what deliveries can be listed by.

    Raises:
        BadInput: no such state; a limit that is no number from 1 to 1000.
    """
    if state is not None and state not in DELIVERY_STATES:
        msg = f"There is no state {shown(state)} of a delivery. States are: {', '.join(DELIVERY_STATES)}."
        raise BadInput(msg, field="state")
    whole_number(limit, field="limit", least=1, greatest=LONGEST_PAGE)


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
