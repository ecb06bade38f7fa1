"""What GOV.UK Notify refuses, and who can do something about it: time, or a person."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.outbound.govuk_notify import NotifyCourier
from adapters.outbound.notify_answers import Answer, of_sending
from tests.notify.service import (
    AT,
    CALLS,
    KEY,
    SECRET,
    SERVICE,
    TEMPLATES,
    Notify,
    delivery,
    errors,
)
from tests.servers.answering import says
from workflow import Event, EventType
from workflow.ports import Delayed, Delivery, Outcome, Undeliverable
from workflow.testing import FrozenClock


def _refused(outcome: Outcome) -> Delayed | Undeliverable:
    assert isinstance(outcome, Delayed | Undeliverable)
    return outcome


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("BadRequestError", "Can’t send to this recipient using a team-only API key"),
        ("BadRequestError", "Missing personalisation: applicant_phone"),
        ("ValidationError", "email_address Not a valid email address"),
        ("InvalidEmailError", "Not a valid email address"),
    ],
)
@pytest.mark.parametrize("status", [400, 404])
def test_what_notify_does_not_take_is_for_a_person(
    notify: Notify, courier: NotifyCourier, error: str, message: str, status: int
) -> None:
    """Trying again would not mend it; what Notify says is kept."""
    notify.instead = says(status, errors(error, message, status=status))
    assert courier.deliver(delivery()) == Undeliverable(
        why=f"GOV.UK Notify does not take it ({error}); its answer says why.",
        status=status,
        answer=f"{error}: {message}",
    )


def test_a_team_key_sends_to_the_team_only(notify: Notify, courier: NotifyCourier) -> None:
    """Whoever goes live with a key for tests is told by Notify's own words."""
    notify.guests = set()
    outcome = _refused(courier.deliver(delivery()))
    assert outcome.answer == "BadRequestError: Can’t send to this recipient using a team-only API key"
    assert isinstance(outcome, Undeliverable)


def test_a_template_that_is_gone_is_for_a_person(notify: Notify, courier: NotifyCourier) -> None:
    """Somebody has deleted it there, or has set another service's."""
    del notify.templates[CALLS]
    outcome = courier.deliver(delivery(type=EventType.CALL_OPENED))
    assert isinstance(outcome, Undeliverable)
    assert outcome.answer == "BadRequestError: Template not found"


def test_every_error_that_notify_names_is_kept(notify: Notify, courier: NotifyCourier) -> None:
    """It may name several at once; what is no name of an error does not get into `why`."""
    named = '{"error": "Oh no!", "message": null}, {"error": "B", "message": "c"}'
    notify.instead = says(400, f'{{"errors": [null, {{"error": 3}}, {named}]}}')
    outcome = _refused(courier.deliver(delivery()))
    assert outcome.why == "GOV.UK Notify does not take it (400); its answer says why."
    assert outcome.answer == "Oh no!: None\nB: c"


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 451])
@pytest.mark.parametrize(
    "body",
    ["", "<html>Blocked</html>", '{"errors": []}', '{"errors": "x"}', '{"result": "error"}', "[" * 50_000],
)
def test_a_refusal_that_is_not_notifys_is_tried_again(
    notify: Notify, courier: NotifyCourier, status: int, body: str
) -> None:
    """A proxy or a firewall on the way has not spoken for Notify."""
    notify.instead = says(status, body)
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delayed)
    assert (outcome.status, outcome.of_receiver, outcome.answer) == (status, True, body[:1024])


def test_a_wrong_address_of_notify_is_tried_again(notify: Notify, clock: FrozenClock) -> None:
    """There is no such path: somebody mends the setting, and nothing is lost."""
    courier = NotifyCourier(KEY, TEMPLATES, clock=clock, base_url=f"{notify.url}/proxy")
    outcome = courier.deliver(delivery())
    assert (notify.asked, _refused(outcome).status) == (["POST /proxy/v2/notifications/email"], 404)
    assert isinstance(outcome, Delayed)
    courier.close()


@pytest.mark.parametrize("off_s", [-31, 31, 95, 7 * 3600])
def test_a_clock_that_is_off_is_told(notify: Notify, courier: NotifyCourier, off_s: int) -> None:
    """Nobody is let in whose clock is wrong; by how much, is said, and nothing is lost until it is mended."""
    notify.clock = FrozenClock(AT + timedelta(seconds=off_s))
    assert courier.deliver(delivery()) == Delayed(
        why="GOV.UK Notify does not let this service in (403): "
        f"its clock and ours are {abs(off_s)} seconds apart, and may be 30.",
        status=403,
        answer="AuthError: Error: Your system clock must be accurate to within 30 seconds",
    )


@pytest.mark.parametrize(
    ("secrets", "said"),
    [
        ({SECRET: True}, "AuthError: Invalid token: API key revoked"),
        ({SERVICE: False}, "AuthError: Invalid token: API key not found"),
    ],
)
def test_a_key_that_does_not_let_in_is_told(
    notify: Notify, courier: NotifyCourier, secrets: dict[str, bool], said: str
) -> None:
    """Everything waits until somebody has set a new one."""
    notify.secrets = secrets
    assert courier.deliver(delivery()) == Delayed(
        why="GOV.UK Notify does not let this service in (403): "
        "look at EOI_NOTIFY_KEY, and whether it was revoked.",
        status=403,
        answer=said,
    )


@pytest.mark.parametrize("date", ["yesterday", "Fri, 99 Mar 2023 09:00:00 GMT", ""])
def test_a_date_that_is_none_says_nothing_of_clocks(
    courier: NotifyCourier, notify: Notify, date: str
) -> None:
    """Whoever is not let in by something without a clock is told to look at the key."""

    def answer(handler: Any) -> None:
        handler.date_time_string = lambda: date
        says(401)(handler)

    notify.instead = answer
    assert _refused(courier.deliver(delivery())).why.endswith("and whether it was revoked.")


def test_too_much_in_a_minute_waits_a_moment(notify: Notify, courier: NotifyCourier) -> None:
    """Notify's limit by the minute refills by the second."""
    message = "Exceeded rate limit for key type LIVE of 3000 requests per 60 seconds"
    notify.instead = says(429, errors("RateLimitError", message, status=429))
    assert courier.deliver(delivery()) == Delayed(
        why="GOV.UK Notify was sent too much within a minute (429).",
        status=429,
        answer=f"RateLimitError: {message}",
        retry_after_s=5,
    )


@pytest.mark.parametrize(
    ("asked", "wait_s"), [("120", 120), ("0", 5), ("soon", 5), ("-1", 5), ("99999999999999", 999_999_999)]
)
def test_who_says_how_long_to_wait_is_heeded(
    notify: Notify, courier: NotifyCourier, asked: str, wait_s: float
) -> None:
    """Notify sends no Retry-After; what stands before it may."""
    notify.instead = says(429, Retry_After=asked)
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delayed)
    assert outcome.retry_after_s == wait_s


@pytest.mark.parametrize(
    ("now", "wait_s"),
    [
        (datetime(2023, 3, 17, 9, tzinfo=UTC), 15 * 3600 + 5),
        (datetime(2023, 3, 17, 23, 59, 59, tzinfo=UTC), 6),
        (datetime(2023, 3, 18, tzinfo=UTC), 24 * 3600 + 5),
        # In London it is tomorrow already.
        (datetime.fromisoformat("2023-07-01T00:30:00+01:00"), 1800 + 5),
    ],
)
def test_too_much_in_a_day_waits_until_midnight_utc(now: datetime, wait_s: float) -> None:
    """Notify's limits of the day end then, whatever the clocks in London show."""
    message = "Exceeded send limits (email: 50) for today"
    body = errors("TooManyRequestsError", message, status=429).encode()
    assert of_sending(Answer(status=429, headers={}, body=body, at=now)) == Delayed(
        why="GOV.UK Notify takes no more e-mails from this service today (TooManyRequestsError).",
        status=429,
        answer=f"TooManyRequestsError: {message}",
        wait_s=wait_s,
    )


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, errors("Exception", "Internal server error", status=500), "500 (Exception)"),
        (504, errors("EventletTimeout", "Timeout", status=504), "504 (EventletTimeout)"),
        (502, "<html>Bad Gateway</html>", "502"),
        (599, "", "599"),
    ],
)
def test_a_notify_that_is_not_well_is_tried_again(
    notify: Notify, courier: NotifyCourier, status: int, body: str, why: str
) -> None:
    """All that goes there waits, not this e-mail alone."""
    notify.instead = says(status, body)
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delayed)
    assert (outcome.why, outcome.status, outcome.of_receiver) == (
        f"GOV.UK Notify answered {why}.",
        status,
        True,
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(notify: Notify, courier: NotifyCourier, status: int) -> None:
    """Where they lead, nobody knows what becomes of the address and the token."""
    notify.instead = says(status, Location=f"{notify.url}/v2/notifications/email")
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delayed)
    assert "Redirects are not followed: is EOI_NOTIFY_URL right?" in outcome.why
    assert len(notify.requests) == 1


@pytest.mark.parametrize("status", [200, 202, 204])
def test_a_success_that_is_not_notifys_is_none(notify: Notify, courier: NotifyCourier, status: int) -> None:
    """A page that says "log in to this network" with 200 has sent no e-mail."""
    notify.instead = says(status, "" if status == 204 else "<html>Log in</html>")
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delayed)
    assert outcome.why == f"What answered {status} is not GOV.UK Notify: is EOI_NOTIFY_URL right?"


def test_a_delivery_that_cannot_be_an_email_is_for_a_person(notify: Notify, courier: NotifyCourier) -> None:
    """Without an address, or without what there is to tell of the call, Notify is not asked."""
    event: Event = delivery().event
    nothing = Delivery(id=1, event=event, courier="notify", address="a@b.example", attempt=1)
    for each in (delivery(""), nothing):
        outcome = _refused(courier.deliver(each))
        assert outcome.why == "An e-mail needs an address, and what there is to tell of the call."
        assert isinstance(outcome, Undeliverable)
    assert notify.asked == []
