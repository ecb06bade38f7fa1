"""Headers that say for whom, of which version and under which key something is asked."""

import re
from collections.abc import Mapping
from typing import Any, Final

from adapters.client.errors import NeedsDatabase
from states.errors import BadInput
from workflow import Actor
from workflow.inputs import version_or_none

Headers = dict[str, str]
# A String of Structured Fields holds printable ASCII (RFC 9651, 3.3.3).
_PRINTABLE: Final = re.compile(r"[ -~]+")
_TERMS: Final = frozenset({"idempotency_key", "expected_version", "session", "arrival"})


def on_behalf(actor: Actor | None) -> Headers:
    """Return for whom it is done; who asks, the key says."""
    if actor is None or actor.on_behalf_of is None:
        return {}
    return {"EOI-On-Behalf-Of": actor.on_behalf_of}


def of_version(version: object) -> Headers:
    """Return which version it is asked of.

    Raises:
        BadInput: what is none.
    """
    number = version_or_none(version)
    return {} if number is None else {"If-Match": f'"{number}"'}


def under(key: str) -> Headers:
    """Return under which idempotency key it is asked.

    Raises:
        BadInput: it holds what a header cannot.
    """
    if not _PRINTABLE.fullmatch(key):
        msg = "Over HTTP an idempotency key is of printable ASCII letters."
        raise BadInput(msg, field="idempotency_key")
    escaped = re.sub(r'(["\\])', r"\\\1", key)
    return {"Idempotency-Key": f'"{escaped}"'}


def refuse_terms(terms: Mapping[str, Any]) -> None:
    """Let pass what can be said over HTTP.

    Raises:
        NeedsDatabase: a host's session, an arrival.
        TypeError: what no command takes.
    """
    if unknown := terms.keys() - _TERMS:
        msg = f"There is no {', '.join(sorted(unknown))}."
        raise TypeError(msg)
    for name in ("session", "arrival"):
        if terms.get(name) is not None:
            msg = f"{name} is for who holds the database: over HTTP the server has its own."
            raise NeedsDatabase(msg)
