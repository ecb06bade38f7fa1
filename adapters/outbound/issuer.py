"""What an OpenID provider publishes: its keys, fetched within bounds of time and size.

Which of them are any good, and for how long they are kept, others know. The operator says where it is, and
that may be inside: webhooks' rules on addresses are not for it.
"""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx

from adapters.outbound.lookup import Lookups, system_resolve
from adapters.outbound.transport import WAY, PunctualTransport, Way
from adapters.version import own_version
from states.errors import BadInput, EoiError

#: How long both documents may take together, in seconds.
TIMEOUT_S: Final = 5.0
#: The largest document that is read, in bytes; a provider with ten keys and their certificates needs 30 KiB.
LONGEST_ANSWER: Final = 256 * 1024
#: The longest name of an issuer, in characters: with whom it names it must fit into an actor's id.
LONGEST_NAME: Final = 120
#: Where a provider tells of itself, below its name. Source: OpenID Connect Discovery 1.0, 4.
DISCOVERY: Final = "/.well-known/openid-configuration"

_OK: Final = 200
#: Where one may be asked in clear text: tests, and a proxy beside us.
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class IssuerUnavailable(EoiError):
    """Tokens cannot be checked now: their issuer's keys are out of reach."""

    code = "issuer-unavailable"


class Issuer:
    """Who signs tokens. Threads share one."""

    def __init__(self, name: str, *, jwks_url: str | None = None, timeout_s: float = TIMEOUT_S) -> None:
        """Prepare; nobody is asked yet.

        Args:
            name: what its tokens say as `iss`, letter by letter: a URL.
            jwks_url: where its keys are; None: where it says, at its name.
            timeout_s: how long both documents may take together, in seconds.

        Raises:
            BadInput: one is no URL that can be asked; the message names the variable that sets it.
        """
        if not isinstance(name, str) or len(name) > LONGEST_NAME or not _may_be_asked(name) or "?" in name:
            msg = f"EOI_OIDC_ISSUER must be the https URL that tokens name, up to {LONGEST_NAME} characters."
            raise BadInput(msg, field="oidc_issuer")
        if jwks_url is not None and not _may_be_asked(jwks_url):
            msg = (
                "EOI_OIDC_JWKS_URL must be where the issuer's keys are, by https: https://login.example/keys."
            )
            raise BadInput(msg, field="oidc_jwks_url")
        #: What its tokens say as `iss`.
        self.name = name
        self._jwks_url = jwks_url
        self._timeout_s = timeout_s
        self._lookups = Lookups(system_resolve)

    def keys(self) -> Sequence[object]:
        """Return the keys that it publishes now, each as it stands there (RFC 7517, 5).

        Raises:
            IssuerUnavailable: they cannot be had; `why` says in a word or two what was wrong.
        """
        # A pool for these two requests alone: the next ones come in minutes. No client around it, which would
        # follow redirects and obey the proxies of the environment.
        with PunctualTransport() as transport:
            ask = _Asking(transport, self._lookups, give_up_at=time.monotonic() + self._timeout_s)
            try:
                url = self._jwks_url or self._told_by(ask)
                keys = ask.document(url).get("keys")
            except _Unusable as exc:
                raise IssuerUnavailable(issuer=self.name, why=str(exc)) from None
        if not isinstance(keys, list):
            raise IssuerUnavailable(issuer=self.name, why="no keys")
        return keys

    def _told_by(self, ask: "_Asking") -> str:
        """Return where its keys are, as it says itself."""
        told = ask.document(self.name.rstrip("/") + DISCOVERY)
        if told.get("issuer") != self.name:  # Source: OpenID Connect Discovery 1.0, 4.3.
            msg = "another issuer"
            raise _Unusable(msg)
        url = told.get("jwks_uri")
        if not isinstance(url, str) or not _may_be_asked(url):
            msg = "no jwks_uri"
            raise _Unusable(msg)
        return url


class _Unusable(Exception):
    """What came is no document that can be used; or nothing came."""


class _Asking:
    """Two requests under one deadline."""

    def __init__(self, transport: PunctualTransport, lookups: Lookups, *, give_up_at: float) -> None:
        self._transport = transport
        self._lookups = lookups
        self._give_up_at = give_up_at

    def document(self, url: str) -> Mapping[str, Any]:
        """Return the JSON object that is there."""
        try:
            found = json.loads(self._body(httpx.URL(url)))
        except (ValueError, RecursionError):
            msg = "no JSON"
            raise _Unusable(msg) from None
        except (OSError, httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as exc:
            raise _Unusable(type(exc).__name__) from None
        if not isinstance(found, dict):
            msg = "no JSON object"
            raise _Unusable(msg)
        return found

    def _body(self, url: httpx.URL) -> bytes:
        response = self._transport.handle_request(
            httpx.Request("GET", url, headers=_headers(), extensions=self._terms(url))
        )
        try:
            if response.status_code != _OK:
                msg = f"status {response.status_code}"
                raise _Unusable(msg)
            return _whole(response)
        finally:
            response.close()

    def _terms(self, url: httpx.URL) -> dict[str, Any]:
        """Return how long each step may take, all of them together, and where the request goes."""
        left_s = max(0.0, self._give_up_at - time.monotonic())
        port = url.port or (443 if url.scheme == "https" else 80)
        found = self._lookups.addresses(url.host, port, within_s=left_s)
        return {"timeout": httpx.Timeout(left_s).as_dict(), WAY: Way(found, self._give_up_at)}


def _headers() -> dict[str, str]:
    return {
        "Accept": "application/json, application/jwk-set+json",
        "Accept-Encoding": "identity",
        "User-Agent": f"eoi-workflow/{own_version()}",
    }


def _whole(response: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > LONGEST_ANSWER:
            msg = "too large"
            raise _Unusable(msg)
    return bytes(body)


def _may_be_asked(text: object) -> bool:
    """Return whether a text is a URL by https, or of this machine, that says nothing besides where it is."""
    if not isinstance(text, str) or not text.isascii() or not text.isprintable() or " " in text:
        return False
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    safe = url.scheme == "https" or (url.scheme == "http" and url.host in _THIS_MACHINE)
    return safe and bool(url.host) and not url.userinfo and "#" not in text
