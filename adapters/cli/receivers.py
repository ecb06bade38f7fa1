"""Receivers of webhooks: looked at before they are added, and tried on demand.

Imports the courier, and so httpx: commands import this inside.
"""

import time
from dataclasses import dataclass
from typing import Final

from adapters.outbound.addresses import Allow, vet, vet_resolved
from adapters.outbound.lookup import Lookups, Resolve, system_resolve
from adapters.outbound.webhook import WebhookCourier
from adapters.settings import Settings
from workflow.clock import SystemClock
from workflow.ports import Delivered, Delivery

#: How long a name may take to be looked up, in seconds.
LOOKUP_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of trying a receiver."""

    endpoint: str
    address: str
    arrived: bool
    #: What it answered; None where it did not.
    status: int | None
    #: What went wrong; None where it arrived.
    why: str | None
    #: The beginning of its answer.
    answer: str
    duration_s: float


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


def try_endpoint(settings: Settings, delivery: Delivery) -> Tried:
    """Carry one delivery to its webhook, as the pump would, and say what came of it; nothing is kept."""
    courier = WebhookCourier(
        clock=SystemClock(),
        allow=Allow.parse(settings.webhook_allow),
        timeout_s=settings.webhook_timeout_s,
    )
    begun_s = time.monotonic()
    try:
        outcome = courier.deliver(delivery)
    finally:
        ended_s = time.monotonic()
        courier.close()
    arrived = isinstance(outcome, Delivered)
    return Tried(
        endpoint=delivery.endpoint_id,
        address=delivery.address,
        arrived=arrived,
        status=outcome.status,
        why=None if isinstance(outcome, Delivered) else outcome.why,
        answer=outcome.answer,
        duration_s=round(ended_s - begun_s, 3),
    )
