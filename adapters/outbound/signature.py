"""How a webhook shows who sent it: Standard Webhooks, by which a receiver's own library checks it.

The id stays the same in every retry, the timestamp is that of the attempt, and there is one signature for
each secret that the endpoint has at the time, so that a receiver may take its time to learn the new one.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from standardwebhooks.webhooks import Webhook

from workflow.errors import SecretUnreadable
from workflow.ports import Delivery, Vault

#: A header as it travels.
Header = tuple[bytes, bytes]

#: Source: Standard Webhooks, "Signature scheme". Its libraries do not agree on what is beside that.
_SECRET: Final = re.compile(r"whsec_[A-Za-z0-9+/]+={0,2}")


class Signer:
    """Signs what is sent. Threads share one."""

    def __init__(self, vault: Vault) -> None:
        """Unseal secrets by `vault`, each once."""
        self._vault = vault
        self._by = lru_cache(maxsize=1024)(self._unsealed)

    def headers(self, delivery: Delivery, content: bytes, at: datetime) -> tuple[Header, ...]:
        """Return what shows a receiver that the content is ours, and of when; nothing without a secret.

        Args:
            delivery: whose event's id and secrets are taken.
            content: the bytes that are sent.
            at: when this attempt is made.

        Raises:
            SecretUnreadable: not by this vault, or what it holds is no secret.
        """
        if not delivery.secrets:
            return ()
        at, text = at.astimezone(UTC), content.decode()
        signatures = [self._by(each).sign(delivery.event.id, at, text) for each in delivery.secrets]
        return (
            (b"webhook-id", delivery.event.id.encode()),
            (b"webhook-timestamp", b"%d" % int(at.timestamp())),
            (b"webhook-signature", " ".join(signatures).encode()),
        )

    def _unsealed(self, sealed: str) -> Webhook:
        secret = self._vault.unseal(sealed)
        try:
            if _SECRET.fullmatch(secret):
                return Webhook(secret)
        except ValueError:  # No base64; it would be shown in the error.
            pass
        msg = "The endpoint's secret is none of the form whsec_…: give it a new one."
        raise SecretUnreadable(msg)
