"""The courier that has GOV.UK Notify send e-mails, by its REST API.

One attempt hands one e-mail over. From the second attempt on, Notify is asked first whether it has it
already: an answer that got lost must not send it twice. docs/notify.md tells operators the rest.
"""

import hmac
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final, Self

import httpx
import jwt

from adapters.outbound.lookup import Lookups, system_resolve
from adapters.outbound.notify_answers import SETTLED_S, Answer, of_asking, of_sending
from adapters.outbound.notify_words import UNTRUSTED, VARIABLE, Templates, is_uuid, personalisation
from adapters.outbound.transport import WAY, PunctualTransport, Way
from adapters.version import own_version
from states.errors import BadInput
from workflow.ports import About, Clock, Delayed, Delivery, Outcome, Undeliverable

#: Where Notify is.
BASE_URL: Final = "https://api.notifications.service.gov.uk"
#: How long each request may take in all, in seconds.
TIMEOUT_S: Final = 10.0
#: How many requests an attempt makes at the most.
REQUESTS: Final = 2
#: The longest that an endpoint may ask for each of them, in seconds: together they must end within a lease.
LONGEST_TIMEOUT_S: Final = 15.0
#: How much of the answer to an e-mail is read, in bytes, and of the answer to a question: that one holds
#: the whole text of each e-mail that it tells of.
LONGEST_ANSWER: Final = 64 * 1024
LONGEST_FOUND: Final = 1024 * 1024

_KEY: Final = re.compile(
    r"[!-~]{1,255}-(?P<service>[0-9a-f-]{36})-(?P<secret>[0-9a-f-]{36})", re.IGNORECASE | re.ASCII
)
#: Where an e-mail may go in clear text: tests, and a proxy beside us.
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
#: How much of an address's digest stands in a reference, in hexadecimal digits.
_DIGEST: Final = 16


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, taken apart."""

    service_id: str
    secret: str = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a key as Notify shows it, once: <name>-<service id>-<secret>.

        Raises:
            BadInput: it is none; it is not shown.
        """
        found = _KEY.fullmatch(text) if isinstance(text, str) else None
        if found is None or not is_uuid(found["service"]) or not is_uuid(found["secret"]):
            msg = "EOI_NOTIFY_KEY must be a key as GOV.UK Notify shows it: <name>-<service id>-<secret>."
            raise BadInput(msg, field="notify_key")
        return cls(found["service"], found["secret"])

    def token(self, now: datetime) -> str:
        """Return what proves, for 30 seconds, that a request is ours.

        Source: GOV.UK Notify, REST API documentation, "Authorisation header".
        """
        return jwt.encode(
            {"iss": self.service_id, "iat": int(now.timestamp())}, self.secret, algorithm="HS256"
        )


class NotifyCourier:
    """Has GOV.UK Notify send each event as an e-mail from a template. Threads share one."""

    def __init__(
        self,
        key: str,
        templates: Templates | Mapping[str, str] | Iterable[tuple[str, str]],
        *,
        clock: Clock,
        base_url: str = BASE_URL,
        reply_to: str | None = None,
        timeout_s: float = TIMEOUT_S,
        longest_timeout_s: float = LONGEST_TIMEOUT_S,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Prepare; nothing is connected yet.

        Args:
            key: as Notify shows it.
            templates: patterns of events and ids of templates; the first that fits an event counts.
            clock: dates each request; Notify refuses what is 30 seconds off.
            base_url: where Notify is.
            reply_to: the id of one of the service's reply-to addresses; None: its default.
            timeout_s: how long each request may take in all, in seconds; an attempt makes two at the most.
            longest_timeout_s: what a delivery may ask for instead, in seconds.
            transport: carries the requests; None: one that keeps to that time.

        Raises:
            BadInput: one of these cannot be used; the message names the variable that sets it.
        """
        self._key = Key.parse(key)
        self._templates = templates if isinstance(templates, Templates) else Templates(templates)
        self._clock = clock
        self._url = _vetted(base_url)
        url = httpx.URL(self._url)
        self._host, self._port = url.host, url.port or (443 if url.scheme == "https" else 80)
        self._lookups = Lookups(system_resolve)
        self._extra = {} if reply_to is None else {"email_reply_to_id": _reply_to(reply_to)}
        # No client around it: that would follow redirects and obey the proxies of the environment.
        self._transport = transport or PunctualTransport()
        self._timeout_s = timeout_s
        self._longest_timeout_s = longest_timeout_s
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "User-Agent": f"eoi-workflow/{own_version()}",
        }

    def deliver(self, delivery: Delivery) -> Outcome:
        """Hand it over once, unless Notify has it already, and say how that ended."""
        template = self._templates.template(delivery.event.type)
        if template is None:
            return Undeliverable(why=f"{VARIABLE} names no template for {delivery.event.type.value}.")
        if not delivery.address or delivery.about is None:
            return Undeliverable(why="An e-mail needs an address, and what there is to tell of the call.")
        try:
            return self._deliver(delivery, template, delivery.about)
        except BadInput as refused:
            return Undeliverable(why=refused.message)
        except (OSError, httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
            return Delayed(why=f"GOV.UK Notify could not be reached ({type(exc).__name__}: {exc}).")
        except (httpx.HTTPError, httpx.StreamError) as exc:
            # Of the error its kind alone: its text may hold what was sent.
            why = f"GOV.UK Notify did not answer ({type(exc).__name__}): next it is asked whether it has it."
            return Delayed(why=why, retry_after_s=SETTLED_S)

    def reference(self, delivery: Delivery) -> str:
        """Return by what Notify is asked for an e-mail: the same for every attempt, without personal data.

        An event goes to many people, so its id alone would not tell their e-mails apart. The address goes in
        as a digest under the service's id, which a new key leaves as it is.
        """
        digest = hmac.digest(
            self._key.service_id.lower().encode(), delivery.address.encode(errors="surrogatepass"), "sha256"
        )
        return f"{delivery.event.id}:{digest.hex()[:_DIGEST]}"

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    def _deliver(self, delivery: Delivery, template: str, about: About) -> Outcome:
        reference = self.reference(delivery)
        email = {
            "email_address": delivery.address,
            "template_id": template,
            "personalisation": personalisation(delivery.event, about),
            "reference": reference,
            "sanitise_content_for": list(UNTRUSTED),
            **self._extra,
        }
        hide = (delivery.address, about.applicant_name or "", about.contact or "")
        ask = partial(self._ask, hide=hide, timeout_s=self._patience_s(delivery))
        if delivery.attempt > 1:
            # What became of it, where it was sent before.
            found = ask("GET", "", longest=LONGEST_FOUND, params={"reference": reference})
            if outcome := of_asking(found, reference):
                return outcome
        return of_sending(ask("POST", "/email", longest=LONGEST_ANSWER, content=json.dumps(email).encode()))

    def _patience_s(self, delivery: Delivery) -> float:
        if delivery.timeout_s is None:
            return self._timeout_s
        return min(delivery.timeout_s, self._longest_timeout_s)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        hide: tuple[str, ...],
        timeout_s: float,
        longest: int,
        **what: Any,  # noqa: ANN401 -- httpx's
    ) -> Answer:
        now = self._clock.now()
        token = self._key.token(now)
        url = f"{self._url}/v2/notifications{path}"
        headers = {**self._headers, "Authorization": f"Bearer {token}"}
        request = httpx.Request(method, url, headers=headers, extensions=self._terms(timeout_s), **what)
        response = self._transport.handle_request(request)
        try:
            body = _beginning(response, longest)
        finally:
            response.close()
        return Answer(
            status=response.status_code,
            headers=response.headers,
            body=body,
            at=now,
            hide=(*hide, token, self._key.secret),
        )

    def _terms(self, timeout_s: float) -> dict[str, Any]:
        """Return how long each step of a request may take, all of them together, and where it goes."""
        give_up_at = time.monotonic() + timeout_s
        found = self._lookups.addresses(self._host, self._port, within_s=timeout_s)
        return {"timeout": httpx.Timeout(timeout_s).as_dict(), WAY: Way(found, give_up_at)}


def _beginning(response: httpx.Response, longest: int) -> bytes:
    """Return the body, or as much as came of it: the status line has said how it went."""
    body = bytearray()
    try:
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > longest:
                break
    except (httpx.HTTPError, httpx.StreamError):
        pass
    return bytes(body[:longest])


def _vetted(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL()
    safe = url.scheme == "https" or (url.scheme == "http" and url.host in _THIS_MACHINE)
    if not safe or not url.host or url.userinfo or url.query or url.fragment:
        msg = f"EOI_NOTIFY_URL must be an address such as {BASE_URL}."
        raise BadInput(msg, field="notify_url")
    return str(url).rstrip("/")


def _reply_to(value: str) -> str:
    if not is_uuid(value):
        msg = "EOI_NOTIFY_REPLY_TO must be the id of a reply-to address, as GOV.UK Notify shows it."
        raise BadInput(msg, field="notify_reply_to")
    return value
