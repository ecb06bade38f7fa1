"""Ids: UUIDs of version 7 (RFC 9562), as texts; they sort by the time of their making."""

import re
from typing import Final

import uuid_utils

from workflow.errors import NotFound

# A key of the HTTP door, whole or cut short: its secret part is told nobody, wherever it was put by mistake.
_KEY: Final = re.compile("(eoi_[a-z0-9]{8}_)[A-Za-z0-9_-]+")
_FORM: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def new_id() -> str:
    """Return a new id."""
    return str(uuid_utils.uuid7())


def is_id(value: object) -> bool:
    """Return whether this has the form of an id."""
    return isinstance(value, str) and _FORM.fullmatch(value) is not None


def existing_id(value: object) -> str:
    """Return `value` where it has the form of an id.

    Raises:
        NotFound: nothing can have that id.
    """
    if not isinstance(value, str) or not is_id(value):
        msg = f"Nothing has the id {shown(value)}."
        raise NotFound(msg)
    return value


def shown(value: object) -> str:
    """Return a text in quotes and not too long, of anything else its type: not everything can be printed.

    Of a key it is the prefix: somebody has put it where an id belongs, and logs what comes back.
    """
    return repr(_KEY.sub(r"\1…", value[:60])) if isinstance(value, str) else f"({type(value).__name__})"
