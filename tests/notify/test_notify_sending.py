"""What GOV.UK Notify is handed, and how it knows that it is us."""

from datetime import timedelta
from uuid import UUID

import pytest

from adapters.outbound.govuk_notify import NotifyCourier
from tests.notify.service import (
    AT,
    CALLS,
    HEAD,
    KEY,
    SECRET,
    SERVICE,
    SUBMITTED,
    TEMPLATES,
    Notify,
    delivery,
)
from tests.servers.answering import says
from workflow import EventType
from workflow.ports import Delivered, Undeliverable
from workflow.testing import FrozenClock


def test_an_event_is_handed_over_as_one_email(notify: Notify, courier: NotifyCourier) -> None:
    """One POST: the template for the event, the address, the words; Notify's id of it is kept."""
    outcome = courier.deliver(delivery())
    assert outcome == Delivered(status=201, answer=notify.taken[0]["id"])
    assert notify.asked == ["POST /v2/notifications/email"]
    (given,) = notify.given
    assert given["personalisation"].pop("applicant_name") == "Sprowston Junior School"
    assert given["personalisation"].pop("deadline") == "11:59pm on Friday 17 March 2023"
    del given["personalisation"]
    assert given == {
        "email_address": HEAD,
        "template_id": SUBMITTED,
        "reference": courier.reference(delivery()),
        "sanitise_content_for": ["applicant_name"],
    }


def test_a_reply_to_address_is_named_where_one_is_set(notify: Notify, clock: FrozenClock) -> None:
    """The id goes along as `email_reply_to_id`."""
    reply_to = "8e222534-7f05-4972-86e3-17c5d9f894e2"
    courier = NotifyCourier(KEY, TEMPLATES, clock=clock, base_url=notify.url + "/", reply_to=reply_to)
    courier.deliver(delivery())
    assert notify.given[0]["email_reply_to_id"] == reply_to
    courier.close()


def test_each_request_has_a_token_of_its_own(
    notify: Notify, courier: NotifyCourier, clock: FrozenClock
) -> None:
    """Service and present second, by the clock that was handed in: a token is good for 30 seconds only."""
    courier.deliver(delivery())
    clock.move_by(seconds=31.5)
    courier.deliver(delivery(attempt=2))
    first, second = (claims for _, claims in notify.requests)
    assert first == {"iss": SERVICE, "iat": int(AT.timestamp())}
    assert second == {"iss": SERVICE, "iat": int(AT.timestamp()) + 31}


def test_who_sends_is_named(notify: Notify, courier: NotifyCourier) -> None:
    """Notify's logs show whose request it was; nothing of it is compressed."""
    courier.deliver(delivery())
    (headers,) = notify.headers
    assert headers["user-agent"].startswith("eoi-workflow/")
    assert (headers["content-type"], headers["accept-encoding"]) == ("application/json", "identity")


@pytest.mark.parametrize("type_", [EventType.CALL_OPENED, EventType.CALL_CLOSED])
def test_a_pattern_stands_for_several_events(
    notify: Notify, courier: NotifyCourier, type_: EventType
) -> None:
    """`call.*` is the template for every event of a call, which has no EOI and no applicant."""
    of_call = delivery(type=type_, id="c-1:1", eoi_id=None, applicant=None, source=None, state="open")
    assert isinstance(courier.deliver(of_call), Delivered)
    assert notify.given[0]["template_id"] == CALLS
    assert notify.given[0]["personalisation"]["eoi_reference"] == ""


def test_an_event_without_a_template_is_for_a_person(notify: Notify, courier: NotifyCourier) -> None:
    """They are told which setting; Notify is not asked."""
    outcome = courier.deliver(delivery(type=EventType.EOI_APPROVED))
    assert outcome == Undeliverable(why="EOI_NOTIFY_TEMPLATES names no template for eoi.approved.")
    assert notify.asked == []


def test_two_recipients_of_one_event_get_one_email_each(notify: Notify, courier: NotifyCourier) -> None:
    """What one of them has got says nothing of the other, though the event is the same."""
    other = "office@sprowston.example"
    courier.deliver(delivery(HEAD))
    assert isinstance(courier.deliver(delivery(other, attempt=2)), Delivered)
    assert [each["email_address"] for each in notify.given] == [HEAD, other]


def test_a_reference_is_the_events_id_and_a_digest() -> None:
    """The same for every attempt and after a change of keys, another for each address and service."""
    clock = FrozenClock(AT)
    courier = NotifyCourier(KEY, TEMPLATES, clock=clock)
    renewed = NotifyCourier(KEY.replace(SECRET, SERVICE), TEMPLATES, clock=clock)
    elsewhere = NotifyCourier(KEY.replace(SERVICE, SECRET), TEMPLATES, clock=clock)
    first = courier.reference(delivery())
    assert first == "e-1:2:8e115f1b9859389b"
    assert {courier.reference(delivery(attempt=9)), renewed.reference(delivery())} == {first}
    others = {courier.reference(delivery("b@sprowston.example")), elsewhere.reference(delivery())}
    assert len(others | {first}) == 3


def test_a_service_with_a_revoked_key_beside_the_present_one_is_let_in(
    notify: Notify, courier: NotifyCourier
) -> None:
    """Notify tries all keys of the service."""
    notify.secrets = {str(UUID(int=7)): True, SECRET: False}
    assert isinstance(courier.deliver(delivery()), Delivered)


def test_a_clock_that_is_a_little_off_does_no_harm(notify: Notify, courier: NotifyCourier) -> None:
    """Within 30 seconds Notify takes what is sent."""
    notify.clock = FrozenClock(AT + timedelta(seconds=29))
    assert isinstance(courier.deliver(delivery()), Delivered)


def test_what_was_taken_counts_whatever_follows(notify: Notify, courier: NotifyCourier) -> None:
    """201 says it; the rest of the answer may be no JSON, or break off."""
    notify.after = says(201, "<html>")
    assert courier.deliver(delivery()) == Delivered(status=201)
    notify.after = says(201, b"{" * 100_000)
    assert courier.deliver(delivery()) == Delivered(status=201)


def test_nothing_of_the_text_is_kept(notify: Notify, courier: NotifyCourier) -> None:
    """Notify answers with the whole e-mail; only its id stays."""
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delivered)
    assert str(UUID(outcome.answer)) == outcome.answer


def test_a_connection_is_used_again(notify: Notify, courier: NotifyCourier) -> None:
    """One e-mail after another goes by the same connection."""
    for version in (1, 2, 3):
        courier.deliver(delivery(id=f"e-1:{version}"))
    (connection,) = courier._transport._pool.connections  # type: ignore[attr-defined]  # httpx's own, looked into
    assert connection._connection._request_count == 3
