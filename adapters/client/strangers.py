"""What to say where no eoi server has answered: nobody, what stands before it, or another program."""

from typing import Final
from urllib.parse import urlsplit

from adapters.client import again
from adapters.client.again import Answer, Asking, Lost
from adapters.client.errors import NotOurServer, OutcomeUnknown, ServerUnreachable
from states.errors import EoiError

_REDIRECTED: Final = range(300, 400)


def lost(asking: Asking, found: Lost, *, place: str, may_be_done: bool) -> EoiError:
    """Return what to say where no answer came.

    Args:
        asking: what was asked.
        found: why.
        place: of whom, for people.
        may_be_done: whether any try may have been carried out.
    """
    if may_be_done and asking.method != "GET":
        return _outcome_unknown(asking, f"No answer came from {place}: {found.why}")
    return ServerUnreachable(f"The server {place} does not answer: {found.why}. Nothing was done.")


def strange(asking: Asking, found: Answer, *, place: str, may_be_done: bool) -> EoiError:
    """Return what to say of an answer that no eoi server gives; see `lost`."""
    status = found.status
    if status in again.PASSING:
        what = f"What stands before {place} answers with {status}"
        if may_be_done and asking.method != "GET":
            return _outcome_unknown(asking, what)
        return ServerUnreachable(f"{what}: the server itself does not answer.", status=status)
    if status in _REDIRECTED:
        where = _leads_to(found)
        msg = f"{place} redirects{where}, and no key follows there: give the server's own address."
        return NotOurServer(msg, status=status)
    what = found.kind[:60] or "no type"
    msg = f"What answers at {place} is no eoi server ({status}, {what}): is the address right, and its path?"
    return NotOurServer(msg, status=status)


def _outcome_unknown(asking: Asking, what: str) -> OutcomeUnknown:
    key = asking.idempotency_key
    if key is not None:
        then = f"send it again under the same idempotency key, {key}, and it is done once"
    elif asking.repeatable:
        then = "send it again: it is done once"
    else:
        then = "look whether it is, before you send it again"
    return OutcomeUnknown(f"{what}. It may be done: {then}.", idempotency_key=key)


def _leads_to(found: Answer) -> str:
    """Return which host a redirect leads to, and no more of it."""
    try:
        host = urlsplit(found.headers.get("location", "")).hostname
    except ValueError:
        host = None
    return f" to {host[:100]}" if host else ""
