"""Whether an event comes from whom it should: Standard Webhooks, checked on the bytes as they came.

Beside the key, which says who may, a signature says that nobody on the way has changed or made up anything,
and that it was sent a moment ago.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from states.errors import BadInput, EoiError

#: The headers that carry it.
SIGNED_BY: Final = ("webhook-id", "webhook-timestamp", "webhook-signature")
#: The shortest secret, in bytes. Source: Standard Webhooks, "Signature scheme".
SHORTEST: Final = 24

_SECRET: Final = re.compile(r"whsec_([A-Za-z0-9+/]+)={0,2}")
# Its libraries take other numbers, too, and round them.
_SECONDS: Final = re.compile("[0-9]{1,12}", re.ASCII)


class BadSignature(EoiError):
    """The signature is missing, does not fit, or is of another time than now."""

    code = "bad-signature"


class Signatures:
    """Checks signatures. Threads share one."""

    def __init__(self, secrets: Sequence[str]) -> None:
        """Take what is signed with any of these secrets, `whsec_…`: several while one takes another's place.

        Raises:
            BadInput: one that is none, or is too short; it is not shown.
        """
        self._by = [Webhook(each) for each in secrets if _require_secret(each)]

    @classmethod
    def parse(cls, said: str) -> "Signatures | None":
        """Return what checks by the secrets in a text, with blanks between them; None where there is none.

        Raises:
            BadInput: as the class.
        """
        return cls(said.split()) if said.strip() else None

    def __call__(self, headers: Mapping[str, str], body: bytes) -> None:
        """Let pass what is signed, within five minutes of now.

        Args:
            headers: those of the request, by names in small letters.
            body: the bytes as they came.

        Raises:
            BadSignature: anything else.
        """
        given = {name: headers.get(name, "") for name in SIGNED_BY}
        if not _SECONDS.fullmatch(given["webhook-timestamp"]):
            raise BadSignature
        if not any(_fits(each, given, body) for each in self._by):
            raise BadSignature


def _fits(webhook: Webhook, headers: dict[str, str], body: bytes) -> bool:
    try:
        webhook.verify(body, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):  # ValueError: what is no signature by its form; no UTF-8
        return False
    return True


def _require_secret(secret: str) -> bool:
    found = _SECRET.fullmatch(secret)
    try:
        long_enough = found is not None and len(base64.b64decode(found[1] + "==")) >= SHORTEST
    except ValueError:
        long_enough = False
    if not long_enough:
        msg = f"EOI_EVENTS_SECRET: a secret is whsec_ and at least {SHORTEST} bytes in base64; one is not."
        raise BadInput(msg, field="events_secret")
    return True
