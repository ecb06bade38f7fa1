"""The use cases of endpoints and of what is on its way to them."""

from datetime import datetime

from states.errors import BadInput
from states.names import Role
from states.text import plain_text
from workflow.hooks import event_types
from workflow.ids import new_id
from workflow.store import endpoints, outbox
from workflow.unit_of_work import UnitOfWork
from workflow.views import EndpointView

#: Who keeps endpoints and the outbox.
KEEPERS = frozenset({Role.OFFICER, Role.ADMIN})
#: Longest URL, in characters.
URL = 2000


def add(unit: UnitOfWork, *, url: str, events: tuple[str, ...], now: datetime) -> EndpointView:
    """Add a receiver of the events that happen from now on.

    Raises:
        BadInput: no http(s) URL, or a pattern that fits no event.
    """
    address = plain_text(url, field="url", longest=URL)
    if not address.startswith(("https://", "http://")):
        msg = f"{address!r} is no address of a receiver: give one that begins with https://."
        raise BadInput(msg, field="url")
    for pattern in events:
        event_types(pattern)
    view = EndpointView(
        id=new_id(),
        courier="webhook",
        url=address,
        events=tuple(dict.fromkeys(events)) or ("*",),
        created_at=now,
    )
    endpoints.add(unit.connection, view, after_position=outbox.last_position(unit.connection))
    return view
