"""An event from elsewhere, out of a JSON file; what it must be besides JSON, the engine says."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Never

from adapters.inbound.files import MOST
from states.errors import BadInput
from workflow.ids import shown


def event_from(data: bytes) -> Mapping[str, Any]:
    """Return the event that a JSON file holds: one object.

    Args:
        data: the file, whole; UTF-8, with or without a byte order mark.

    Raises:
        BadInput: too large; not UTF-8; not JSON; a name twice in one object; no object.
    """
    if len(data) > MOST:
        _refuse(f"The event has more than {MOST // 1024**2} MB: is it the right file?")
    try:
        event = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_each_once)
    except UnicodeDecodeError:
        _refuse("The event is not UTF-8 text.")
    except RecursionError:
        _refuse("The event is nested too deep.")
    except ValueError as exc:
        _refuse(f"The event is not JSON: {exc}.")
    if not isinstance(event, dict):
        _refuse("The event must be one JSON object, with specversion, id, source and type.")
    return event


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        _refuse(f"The event holds the name {shown(next(n for n in names if names.count(n) > 1))} twice.")
    return found


def _refuse(message: str) -> Never:
    raise BadInput(message, field="event")
