"""How an event is written for the outside: CloudEvents 1.0, JSON format, structured mode.

Ids, state, version and instants; never answers, never a person's name.
"""

import json
from typing import Final

from adapters.documents import instant
from states.events import Event

#: Source: CloudEvents 1.0, JSON event format, 3; HTTP protocol binding, 3.2.
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"

_JSON: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def envelope(event: Event) -> dict[str, object]:
    """Return the event as a CloudEvent; `source` and `id` together are unique, the same in every retry."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": f"/eoi-workflow/calls/{event.call_id}",
        "type": event.type.value,
        "subject": event.subject,
        "time": instant(event.at),
        "datacontenttype": "application/json",
        "data": {
            "call_id": event.call_id,
            "call_reference": event.call_reference,
            "eoi_id": event.eoi_id,
            "applicant": event.applicant,
            "source": event.source,
            "state": event.state,
            "version": event.version,
            "at": instant(event.at),
            "recorded_at": instant(event.recorded_at),
            "closes_at": instant(event.closes_at),
        },
    }


def body(event: Event) -> bytes:
    """Return the bytes to send: the same for every attempt."""
    return _JSON.encode(envelope(event)).encode()
