"""Deliveries and couriers for the tests of webhooks."""

import ssl
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from adapters.outbound.addresses import Allow
from adapters.outbound.transport import PunctualTransport
from adapters.outbound.webhook import WebhookCourier
from tests.told import submission
from workflow import Event
from workflow.ports import Delivery
from workflow.testing import FrozenClock

AT = datetime(2023, 3, 17, 9, tzinfo=UTC)


def event(**changes: Any) -> Event:
    """Return a submission, with what you change in it."""
    return submission(AT, **({"closes_at": AT + timedelta(hours=15)} | changes))


def delivery(address: str, **changes: Any) -> Delivery:
    """Return its delivery to an address, with what you change in it."""
    fields: dict[str, Any] = {"id": 1, "event": event(), "courier": "webhook", "attempt": 1}
    return Delivery(address=address, **(fields | changes))


def courier(allow: Allow | str = "127.0.0.1", **more: Any) -> WebhookCourier:
    """Return a courier that may reach this machine, and no other that is private."""
    allowed = Allow.parse(allow) if isinstance(allow, str) else allow
    fields: dict[str, Any] = {"clock": FrozenClock(AT), "allow": allowed}
    if "transport" not in more:
        fields["transport"] = PunctualTransport(context=trusting_nobody())
    return WebhookCourier(**(fields | more))


@cache
def trusting_nobody() -> ssl.SSLContext:
    """Return what is had at once: reading who the public authorities are takes longer than most tests."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
