"""Receivers of webhooks, looked at before they are added.

Imports couriers' parts and the settings, which is slow: the command line imports this inside its commands.
"""

from typing import Final

from adapters.outbound.addresses import Allow, NotAllowedHere, vet, vet_resolved
from adapters.outbound.lookup import Lookups, Resolve, system_resolve
from adapters.settings import Settings
from states.errors import BadInput

#: How long a name may take to be looked up, in seconds.
LOOKUP_S: Final = 5.0


def look_at(
    url: str, settings: Settings, *, resolve: Resolve = system_resolve, within_s: float = LOOKUP_S
) -> str | None:
    """Pass only where webhooks may go to a URL, and to all that its name leads to now.

    Args:
        url: where they are to go.
        settings: which private places they may reach.
        resolve: looks names up.
        within_s: how long that may take, in seconds.

    Returns:
        What to warn of: a name that cannot be looked up may only be new.

    Raises:
        BadInput: they may not go there; the message says why, and what to do.
    """
    allow = Allow.parse(settings.webhook_allow)
    receiver = vet(url, allow)
    if receiver.known:
        return None
    try:
        found = Lookups(resolve).addresses(receiver.host, receiver.port, within_s=within_s)
    except OSError as exc:
        return (
            f"The name {receiver.host} cannot be looked up from here ({exc.strerror or exc}): is it right? "
            "Nothing arrives there until it can."
        )
    vet_resolved(receiver, found, allow)
    return None


def is_forbidden_here(url: str, settings: Settings) -> bool:
    """Return whether the settings keep webhooks from a URL, as far as it says itself: without a look-up."""
    try:
        vet(url, Allow.parse(settings.webhook_allow))
    except BadInput as exc:  # any other one: from no node may they go there
        return isinstance(exc, NotAllowedHere)
    return False
