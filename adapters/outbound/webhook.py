"""The courier that POSTs events to a receiver's URL.

One attempt, one answer: any 2xx is success, everything else is tried again by the pump; redirects are not
followed. Only a URL that webhooks may not go to is given up at once, for a person to look at.
"""

import socket
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import httpx

from adapters.outbound.addresses import Allow, Receiver, vet, vet_resolved
from adapters.outbound.envelope import CONTENT_TYPE, body
from adapters.outbound.transport import PunctualTransport
from states.errors import BadInput
from workflow.ports import Clock, Delayed, Delivered, Delivery, Outcome, Undeliverable

#: How long each step (connect, send, wait for the answer, read it) may take, in seconds.
TIMEOUT_S: Final = 10.0
#: How many times that an attempt may take in all, looking the name up not counted.
STEPS: Final = 3
#: How much of an answer is read, in bytes, before the connection is dropped instead.
LONGEST_ANSWER: Final = 64 * 1024
#: Longest text of an error that is kept, in characters.
LONGEST_WHY: Final = 300

#: Name and port -> the addresses it leads to. Raises OSError.
Resolve = Callable[[str, int], Sequence[str]]


def system_resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses that this machine's resolver gives for a name."""
    return [str(answer[4][0]) for answer in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class WebhookCourier:
    """Sends each event as a CloudEvent by HTTP POST. Threads share one."""

    def __init__(
        self,
        *,
        clock: Clock,
        allow: Allow | None = None,
        timeout_s: float = TIMEOUT_S,
        resolve: Resolve = system_resolve,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            clock: reads a Retry-After that is a date, where the answer does not say what time it is there.
            allow: what may be reached although private, by http and on any port; None: nothing.
            timeout_s: how long each step may take, in seconds; three times that all of them together.
            resolve: looks names up.
            transport: carries the requests; None: one that keeps to that time.
        """
        self._clock = clock
        self._allow = allow or Allow()
        self._timeout_s = timeout_s
        self._resolve = resolve
        # No client around it: that would follow redirects, keep cookies, obey the proxies of the environment,
        # to which what was vetted here would go instead, and take half as long again.
        self._transport = transport or PunctualTransport(in_all_s=STEPS * timeout_s)
        self._headers = httpx.Headers(
            {
                "User-Agent": f"eoi-workflow/{_version()}",
                "Content-Type": CONTENT_TYPE,
                "Accept": "*/*",
            }
        )
        self._extensions = {"timeout": httpx.Timeout(timeout_s).as_dict()}

    def deliver(self, delivery: Delivery) -> Outcome:
        """POST it once, and say how that ended."""
        try:
            self._vet(vet(delivery.address, self._allow))
            return self._post(delivery)
        except BadInput as refused:
            return Undeliverable(why=refused.message)
        except httpx.InvalidURL as exc:
            return Undeliverable(why=_words(exc, "The receiver's URL cannot be used"))
        except OSError as exc:
            return Delayed(why=_words(exc, "The receiver's name could not be looked up"))
        except (httpx.ReadTimeout, httpx.WriteTimeout) as exc:
            return Delayed(why=_words(exc, "The receiver did not answer in time"))
        except httpx.HTTPError as exc:
            return Delayed(why=_words(exc, "The receiver could not be reached"))

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    def _vet(self, receiver: Receiver) -> None:
        if receiver.named:
            return
        addresses = self._resolve(receiver.host, receiver.port)
        if not addresses:
            msg = f"{receiver.host} has no address"
            raise OSError(msg)
        vet_resolved(receiver, addresses, self._allow)

    def _post(self, delivery: Delivery) -> Outcome:
        request = httpx.Request(
            "POST",
            delivery.address,
            headers=self._headers,
            content=body(delivery.event),
            extensions=self._extensions,
        )
        response = self._transport.handle_request(request)
        try:
            self._read(response)
        finally:
            response.close()
        return self._outcome(response)

    def _read(self, response: httpx.Response) -> None:
        """Read a short answer to its end, so that its connection is used again; leave a long or slow one."""
        give_up_at, size = time.monotonic() + self._timeout_s, 0
        try:
            for chunk in response.iter_raw():
                size += len(chunk)
                if size > LONGEST_ANSWER or time.monotonic() > give_up_at:
                    return
        except (httpx.HTTPError, httpx.StreamError):
            return  # The status line has said how it went; what was wrong after it changes nothing.

    def _outcome(self, response: httpx.Response) -> Outcome:
        status = response.status_code
        if response.is_success:
            return Delivered(status=status)
        why = f"The receiver answered {status} {_phrase(status)}".rstrip() + "."
        if response.is_redirect:
            why += " Redirects are not followed: give the endpoint its new address."
        return Delayed(why=why, status=status, retry_after_s=self._retry_after_s(response))

    def _retry_after_s(self, response: httpx.Response) -> float | None:
        """Return how long the receiver asked us to wait, in seconds. Source: RFC 9110, 10.2.3."""
        asked = response.headers.get("Retry-After", "").strip()
        if asked.isascii() and asked.isdigit():
            return float(asked[:9])
        until = _date(asked)
        if until is None:
            return None
        now = _date(response.headers.get("Date", "")) or self._clock.now()
        return max(0.0, (until - now).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError, TypeError, IndexError):  # its parser trips over some rubbish
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _words(exc: Exception, what: str) -> str:
    return f"{what} ({type(exc).__name__}: {exc})"[:LONGEST_WHY]


def _version() -> str:
    try:
        return version("eoi-workflow")
    except PackageNotFoundError:
        return "0"
