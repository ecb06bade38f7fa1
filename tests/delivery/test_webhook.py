"""The webhook courier against a real receiver: what it sends, and what it makes of answers."""

import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.addresses import Allow
from adapters.outbound.envelope import body, envelope
from adapters.outbound.webhook import WebhookCourier
from tests.told import submission
from workflow.ports import Delayed, Delivered, Delivery, Undeliverable
from workflow.testing import FrozenClock

AT = datetime(2023, 3, 17, 9, tzinfo=UTC)
_STRANGE = st.text(max_size=40) | st.from_regex(
    r"(Fri, ?)?[0-9]{1,3}[ -]Mar[ -][0-9]{1,9} [0-9:]{0,9} ?[A-Z+-]{0,4}"
)


def _delivery(address: str, *, version: int = 1, attempt: int = 1) -> Delivery:
    event = submission(AT, id=f"e-1:{version}", version=version, closes_at=AT + timedelta(hours=15))
    return Delivery(id=version, event=event, courier="webhook", address=address, attempt=attempt)


def _courier(allow: str = "127.0.0.1", **more: Any) -> WebhookCourier:
    return WebhookCourier(clock=FrozenClock(AT), allow=Allow.parse(allow), **more)


@pytest.fixture
def courier() -> Iterator[WebhookCourier]:
    """Lend a courier that may reach this machine, and no other that is private."""
    courier = _courier(timeout_s=10.0)
    yield courier
    courier.close()


def test_an_event_is_posted_as_a_cloudevent(receiver: Any, courier: WebhookCourier) -> None:
    """One POST to the endpoint's path and query, structured JSON, with the type that says so."""
    delivery = _delivery(receiver.url + "?key=1")
    assert courier.deliver(delivery) == Delivered(status=204)
    (request,) = receiver.requests
    assert request["path"] == "/eoi-events?key=1"
    assert request["headers"]["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert request["headers"]["user-agent"].startswith("eoi-workflow/")
    assert json.loads(request["body"]) == envelope(delivery.event)


def test_every_attempt_sends_the_same_bytes(receiver: Any, courier: WebhookCourier) -> None:
    """A second attempt differs in nothing from the first, whatever the receiver set in its answer to that."""
    receiver.answer = receiver.says(503, Set_Cookie="session=1; Path=/", Connection="close")
    for attempt in (1, 2):
        courier.deliver(_delivery(receiver.url, attempt=attempt))
    first, second = receiver.requests
    assert (first["headers"], first["body"]) == (second["headers"], second["body"])
    assert first["body"] == body(_delivery(receiver.url).event)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_an_arrival(receiver: Any, courier: WebhookCourier, status: int) -> None:
    """What the receiver says besides is not asked."""
    receiver.answer = receiver.says(status)
    assert courier.deliver(_delivery(receiver.url)) == Delivered(status=status)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (400, "The receiver answered 400 Bad Request."),
        (404, "The receiver answered 404 Not Found."),
        (429, "The receiver answered 429 Too Many Requests."),
        (500, "The receiver answered 500 Internal Server Error."),
        (503, "The receiver answered 503 Service Unavailable."),
        (599, "The receiver answered 599."),
    ],
)
def test_everything_else_is_tried_again(
    receiver: Any, courier: WebhookCourier, status: int, why: str
) -> None:
    """A receiver that says no may say yes tomorrow, when somebody has mended it."""
    receiver.answer = receiver.says(status, b"no, because\xff")
    outcome = courier.deliver(_delivery(receiver.url))
    assert isinstance(outcome, Delayed)
    assert (outcome.why, outcome.status, outcome.answer) == (why, status, "no, because\ufffd")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(receiver: Any, courier: WebhookCourier, status: int) -> None:
    """A redirect is a failure: it could lead where webhooks may not go."""
    receiver.answer = receiver.says(status, Location="/elsewhere")
    outcome = courier.deliver(_delivery(receiver.url))
    assert isinstance(outcome, Delayed)
    assert (outcome.status, len(receiver.requests)) == (status, 1)
    assert outcome.why.endswith("Redirects are not followed: give the endpoint its new address.")


@pytest.mark.parametrize(
    ("headers", "asked_s"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": " 0 "}, 0),
        ({"Retry-After": "3599"}, 3599),
        ({"Retry-After": "3601"}, 3600),
        ({"Retry-After": "0000000000300"}, 300),
        ({"Retry-After": "9" * 5000}, 3600),
        ({"Retry-After": "99999999999999999999"}, 3600),
        ({"Retry-After": "Sat, 18 Mar 2023 09:00:00 GMT"}, 3600),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": "Fri, 17 Mar 2023 09:02:00 GMT"}, 120),
        ({"Retry-After": "Friday, 17-Mar-23 09:02:00 GMT"}, 120),
        ({"Retry-After": "Fri, 17 Mar 2023 08:00:00 GMT"}, 0),
        ({"Retry-After": "Fri, 17 Mar 2023 09:02:00 GMT", "Date": "Fri, 17 Mar 2023 09:01:00 GMT"}, 60),
        ({"Retry-After": "Fri, 17 Mar 2023 09:02:00 GMT", "Date": "yesterday"}, 120),
        ({"Retry-After": "Fri, 99 Mar 2023 09:02:00 GMT"}, None),
    ],
)
def test_how_long_the_receiver_asks_us_to_wait_is_read(headers: dict[str, str], asked_s: int | None) -> None:
    """Retry-After in seconds or as a date, by the receiver's own clock where it tells the time."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    courier = _courier(transport=httpx.MockTransport(lambda _: httpx.Response(503, headers=raw)))
    outcome = courier.deliver(_delivery("http://127.0.0.1/"))
    assert isinstance(outcome, Delayed)
    assert outcome.retry_after_s == asked_s


def test_no_date_of_a_receiver_is_too_strange() -> None:
    """Whatever stands in Retry-After and Date, the attempt has an outcome, and no wait is below zero."""
    raw: list[tuple[bytes, bytes]] = []
    courier = _courier(transport=httpx.MockTransport(lambda _: httpx.Response(503, headers=raw)))
    delivery = _delivery("http://127.0.0.1/")

    @given(_STRANGE, _STRANGE)
    def check(after: str, now: str) -> None:
        raw[:] = [(b"Retry-After", after.encode()), (b"Date", now.encode())]
        outcome = courier.deliver(delivery)
        assert isinstance(outcome, Delayed)
        assert outcome.retry_after_s is None or 0 <= outcome.retry_after_s <= 3600

    check()


def test_a_connection_is_used_again(receiver: Any, courier: WebhookCourier) -> None:
    """One delivery after another goes by the same connection."""
    receiver.answer = receiver.says(200, b"thank you")
    for version in (1, 2, 3):
        courier.deliver(_delivery(receiver.url, version=version))
    assert len({request["from"] for request in receiver.requests}) == 1
    assert [event["id"] for event in receiver.events] == ["e-1:1", "e-1:2", "e-1:3"]


def _leads_to(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda *_: list(addresses)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["fe80::1%eth0"]])
def test_a_name_that_leads_somewhere_private_is_not_reached(addresses: list[str]) -> None:
    """The name is looked up at each attempt, and a person is told where it led."""
    requests: list[httpx.Request] = []
    courier = _courier("", resolve=_leads_to(*addresses), transport=httpx.MockTransport(_remember(requests)))
    outcome = courier.deliver(_delivery("https://council.example/"))
    assert isinstance(outcome, Delayed)
    assert outcome.unable
    assert "council.example leads to" in outcome.why
    assert requests == []


def _remember(requests: list[httpx.Request]) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(204)

    return answer


def test_a_name_is_looked_up_again_at_each_attempt() -> None:
    """A name that led to a public address yesterday, and to this machine today, is not reached today."""
    requests: list[httpx.Request] = []
    answers = [["127.0.0.1"], ["93.184.215.14"]]
    courier = _courier(
        "", resolve=lambda *_: answers.pop(), transport=httpx.MockTransport(_remember(requests))
    )
    delivery = _delivery("https://council.example/")
    assert courier.deliver(delivery) == Delivered(status=204)
    again = courier.deliver(delivery)
    assert isinstance(again, Delayed)
    assert again.unable
    assert [request.url.host for request in requests] == ["council.example"]


@pytest.mark.parametrize("path", ["", "/eoi"])
def test_an_address_that_is_not_allowed_is_not_reached(receiver: Any, path: str) -> None:
    """What was let in when the endpoint was added is vetted again when something is sent."""
    courier = _courier("")
    outcome = courier.deliver(_delivery(f"http://{receiver.host}{path}"))
    assert isinstance(outcome, Delayed)
    assert outcome.unable
    assert "EOI_WEBHOOK_ALLOW" in outcome.why
    assert receiver.requests == []
    courier.close()


@pytest.mark.parametrize("resolve", [_leads_to(), None])
def test_a_name_that_leads_nowhere_is_tried_again(resolve: Any) -> None:
    """A resolver that is down, or knows no address, does not give the delivery up."""

    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    outcome = _courier("", resolve=resolve or unknown).deliver(_delivery("https://council.example/"))
    assert isinstance(outcome, Delayed)
    said = "Name or service not known" if resolve is None else "it has no address"
    assert outcome.why == f"The receiver's name could not be looked up ({said})"


def test_a_url_that_the_client_cannot_use_is_for_a_person(courier: WebhookCourier) -> None:
    """Trying again would not mend it."""
    outcome = courier.deliver(_delivery("http://127.0.0.1/" + "a" * 70_000))
    assert isinstance(outcome, Undeliverable)
    assert outcome.why.startswith("The receiver's URL cannot be used (")
