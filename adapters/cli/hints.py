"""How to mend, on the command line, what was refused."""

from collections.abc import Mapping
from typing import Final

from states.errors import EoiError, Refused

#: The code of a refusal, or the field at fault -> how to mend it on the command line.
_HINTS: Final = {
    "role-missing": "Say who asks: --as NAME --role ROLE, or EOI_AS and EOI_ROLES for the whole shell.",
    "not-your-organisation": "Say for whom: --organisation ID, or EOI_ORGANISATIONS for the whole shell.",
    "applicant": "Say for whom: --organisation ID, and --applicant ID where they act for several.",
    "reason-missing": "Say why: --reason TEXT.",
    "closes-at-missing": "Say until when: --closes-on DATE or --closes-at TIME.",
    "opens-in-future": "To open it now, give a time that has passed: --opens-at TIME.",
}
#: What is said instead where a server is asked.
_OF_SERVER: Final = {
    "role-missing": "The key says who asks: take one with that role; an admin makes it (eoi key create).",
    "not-your-organisation": "The key says for whom: take one of that organisation.",
    "applicant": "Say for whom: --applicant ID, one of the key's organisations.",
    "unauthenticated": "Give a key that is valid, by EOI_KEY, --key-file FILE or eoi --key - …",
}


#: The code of what is not there; its class comes with all of the engine.
_NOT_FOUND: Final = "not-found"
#: The groups of commands that can list what they are about.
_LISTS: Final = frozenset({"call", "contact", "endpoint", "job", "key", "outbox"})


def hint_for(error: EoiError, *, asks_server: bool, command: str = "eoi") -> str | None:
    """Return how to say here what was missing.

    Args:
        error: what was refused.
        asks_server: whether a key says who asks.
        command: the command's whole name: `eoi key rotate`.
    """
    hints: Mapping[str, str] = _HINTS | _OF_SERVER if asks_server else _HINTS
    said = {error.code, getattr(error, "field", None)}
    if isinstance(error, Refused):
        said |= {reason.code for reason in error.reasons}
    found = [hint for what, hint in hints.items() if what in said]
    if error.code == _NOT_FOUND and (listing := _listing(command)):
        found.append(f"`{listing}` shows which there are.")
    if request_id := error.facts.get("request_id"):
        found.append(
            f"Whoever runs the server finds in its log what it was, by the request's id: {request_id}"
        )
    return " ".join(found) or None


def _listing(command: str) -> str | None:
    """Return the command that lists what another one is about: `eoi key list` for `eoi key rotate`."""
    program, *group = command.split()[:2]
    return f"{program} {group[0]} list" if group and group[0] in _LISTS else None
