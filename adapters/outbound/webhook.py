"""The courier that POSTs events to a receiver's URL.

One attempt: vet the URL, look its name up and vet where it leads, sign, send it there and nowhere else, and
say how that ended (`answers`, `failures`).
"""

import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

import httpx

from adapters.outbound import answers, failures
from adapters.outbound.addresses import Allow, Receiver, vet, vet_resolved
from adapters.outbound.envelope import CONTENT_TYPE, body
from adapters.outbound.lookup import Lookups, Resolve, system_resolve
from adapters.outbound.signature import Header, Signer
from adapters.outbound.transport import WAY, PunctualTransport, Way
from adapters.version import own_version
from workflow.headers import header_map
from workflow.ports import ANSWER, Clock, Delivery, Outcome, Vault
from workflow.vault import PlainVault

#: How long each step (look the name up, connect, send, wait for the answer, read it) may take, in seconds.
TIMEOUT_S: Final = 10.0
#: The longest that an endpoint may ask for, in seconds.
LONGEST_TIMEOUT_S: Final = 30.0
#: How many times that an attempt may take in all.
STEPS: Final = 3
#: How much of an answer is read, in bytes, before the connection is dropped instead.
LONGEST_ANSWER: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL that was vetted."""

    receiver: Receiver
    url: httpx.URL


def longest_attempt_s(timeout_s: float) -> float:
    """Return how long an attempt may take in all, whatever an endpoint asks for, in seconds.

    Args:
        timeout_s: how long each step may take, unless an endpoint has a time of its own.
    """
    return max(LONGEST_TIMEOUT_S, STEPS * timeout_s)


class WebhookCourier:
    """Sends each event as a CloudEvent by HTTP POST. Threads share one."""

    def __init__(
        self,
        *,
        clock: Clock,
        allow: Allow | None = None,
        vault: Vault | None = None,
        timeout_s: float = TIMEOUT_S,
        longest_timeout_s: float = LONGEST_TIMEOUT_S,
        resolve: Resolve = system_resolve,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            clock: dates each attempt, for whoever checks its signature; cheap to ask.
            allow: what may be reached although private, by http and on any port; None: nothing.
            vault: unseals secrets and headers; None: one that knows only what was never sealed.
            timeout_s: how long each step may take, in seconds; three times that all of them together.
            longest_timeout_s: what a delivery may ask for instead, in seconds.
            resolve: looks names up.
            transport: carries the requests; None: one that goes only where it was vetted, and in time.
        """
        self._clock = clock
        self._allow = allow or Allow()
        self._vault = vault or PlainVault()
        self._timeout_s = timeout_s
        self._longest_timeout_s = longest_timeout_s
        self._in_all_s = longest_attempt_s(timeout_s)
        self._lookups = Lookups(resolve)
        # No client around it: that would follow redirects, keep cookies, obey the proxies of the environment,
        # to which what was vetted here would go instead, and take half as long again.
        self._transport = transport or PunctualTransport()
        self._signer = Signer(self._vault)
        self._target = lru_cache(maxsize=1024)(self._vetted)
        self._headers = lru_cache(maxsize=1024)(self._with_headers)

    def deliver(self, delivery: Delivery) -> Outcome:
        """POST it once, and say how that ended."""
        try:
            return self._attempt(delivery)
        except failures.FAILURES as exc:
            return failures.outcome(exc)

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    def _attempt(self, delivery: Delivery) -> Outcome:
        timeout_s = self._patience_s(delivery)
        give_up_at = time.monotonic() + min(STEPS * timeout_s, self._in_all_s)
        target, content = self._target(delivery.address), body(delivery.event)
        framing = ((b"Host", target.url.netloc), (b"Content-Length", b"%d" % len(content)))
        request = httpx.Request(
            "POST",
            target.url,
            headers=framing + self._headers(delivery.headers) + self._signed(delivery, content),
            stream=httpx.ByteStream(content),  # `content=` would look for what we know, and copy all headers
            extensions={
                "timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout_s),
                WAY: Way(self._addresses(target.receiver, timeout_s), give_up_at),
            },
        )
        return self._send(request, timeout_s)

    def _send(self, request: httpx.Request, timeout_s: float) -> Outcome:
        response = self._transport.handle_request(request)
        try:
            beginning = _beginning(response, timeout_s)
        finally:
            response.close()
        return answers.outcome(response, beginning, now=self._clock.now)

    def _vetted(self, address: str) -> _Target:
        receiver = vet(address, self._allow)
        # A dot at the end of a name means the same name; in a certificate it never stands.
        return _Target(receiver, httpx.URL(address).copy_with(host=receiver.host))

    def _addresses(self, receiver: Receiver, timeout_s: float) -> tuple[str, ...]:
        """Return where the attempt may go: all addresses that the name leads to, each of them vetted."""
        if receiver.known:
            return receiver.known
        found = self._lookups.addresses(receiver.host, receiver.port, within_s=timeout_s)
        vet_resolved(receiver, found, self._allow)
        return found

    def _signed(self, delivery: Delivery, content: bytes) -> tuple[Header, ...]:
        return self._signer.headers(delivery, content, self._clock.now()) if delivery.secrets else ()

    def _with_headers(self, sealed: str) -> tuple[Header, ...]:
        """Return what goes with every request to an endpoint, its own headers in place of ours."""
        own = header_map(self._vault.unseal(sealed)) if sealed else {}
        ours = {
            "User-Agent": f"eoi-workflow/{own_version()}",
            "Content-Type": CONTENT_TYPE,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        }
        taken = {name.lower() for name in own}
        left = {name: value for name, value in ours.items() if name.lower() not in taken}
        return tuple((name.encode("ascii"), value.encode("latin-1")) for name, value in (left | own).items())

    def _patience_s(self, delivery: Delivery) -> float:
        asked_s = delivery.timeout_s
        if asked_s is None or not (math.isfinite(asked_s) and asked_s > 0):
            return self._timeout_s
        return min(asked_s, self._longest_timeout_s)


def _beginning(response: httpx.Response, within_s: float) -> bytes:
    """Return how an answer begins.

    A short one is read to its end, so that its connection is used again; a long or slow one is left.
    """
    give_up_at, kept, size = time.monotonic() + within_s, b"", 0
    try:
        for chunk in cast("httpx.SyncByteStream", response.stream):  # iter_raw costs as much as it again
            kept += chunk[: ANSWER - len(kept)]
            size += len(chunk)
            if size > LONGEST_ANSWER or time.monotonic() > give_up_at:
                break
    except (httpx.HTTPError, httpx.StreamError):
        pass  # The status line has said how it went; what was wrong after it changes nothing.
    return kept
