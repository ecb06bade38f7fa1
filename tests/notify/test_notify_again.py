"""Trying again: Notify is asked first, so that nothing is sent twice and nothing is taken for sent."""

import json
from typing import Any

import pytest

from adapters.outbound.govuk_notify import LONGEST_FOUND, NotifyCourier
from tests.notify.service import HEAD, Notify, delivery, errors, hangs_up
from tests.servers.answering import Fault, says
from workflow.ports import Delayed, Delivered, Outcome, Undeliverable

UNREADABLE = Delayed(why="What GOV.UK Notify has taken could not be read from its answer.", status=200)


def _again(courier: NotifyCourier, address: str = HEAD) -> Outcome:
    return courier.deliver(delivery(address, attempt=2))


@pytest.mark.parametrize(
    "fault", [hangs_up, says(500, errors("Exception", "Internal server error", status=500))]
)
def test_an_answer_that_got_lost_sends_nothing_twice(
    notify: Notify, courier: NotifyCourier, fault: Fault
) -> None:
    """Notify had taken it; the second attempt asks, finds it, and leaves it at that."""
    notify.after = fault
    assert isinstance(courier.deliver(delivery()), Delayed)
    notify.after = None
    assert _again(courier) == Delivered(status=200, answer=notify.taken[0]["id"])
    reference = courier.reference(delivery()).replace(":", "%3A")
    assert notify.asked == [
        "POST /v2/notifications/email",
        f"GET /v2/notifications?reference={reference}",
    ]


def test_what_notify_never_got_is_sent(notify: Notify, courier: NotifyCourier) -> None:
    """It broke off before it took anything: the second attempt asks, finds nothing, and sends it."""
    notify.instead = hangs_up
    assert isinstance(courier.deliver(delivery()), Delayed)
    notify.instead = None
    assert _again(courier) == Delivered(status=201, answer=notify.taken[0]["id"])
    assert len(notify.given) == 1


def test_the_first_attempt_asks_nothing(notify: Notify, courier: NotifyCourier) -> None:
    """What a person has put back counts from one again, and is meant to be sent."""
    notify.taken = [{"id": "", "reference": courier.reference(delivery()), "status": "permanent-failure"}]
    assert isinstance(courier.deliver(delivery()), Delivered)
    assert notify.asked == ["POST /v2/notifications/email"]


def test_while_it_may_still_be_at_work_notify_is_left_in_peace(
    notify: Notify, courier: NotifyCourier
) -> None:
    """It goes on for 30 seconds after we have left; asked sooner, it might not know yet what it will take."""
    for fault in (hangs_up, says(504, "<html>Gateway"), says(503, Retry_After="7")):
        notify.instead = fault
        outcome = courier.deliver(delivery())
        assert isinstance(outcome, Delayed)
        assert outcome.retry_after_s == 30


@pytest.mark.parametrize("status", ["created", "sending", "delivered", "pending", "sent", "what-is-new"])
def test_what_is_on_its_way_has_been_delivered(notify: Notify, courier: NotifyCourier, status: str) -> None:
    """Notify has it, and goes on trying by itself for three days."""
    courier.deliver(delivery())
    notify.taken[0]["status"] = status
    assert _again(courier) == Delivered(status=200, answer=notify.taken[0]["id"])
    assert len(notify.given) == 1


def test_an_address_that_does_not_exist_is_for_a_person(notify: Notify, courier: NotifyCourier) -> None:
    """Trying again would do harm: Notify says to remove such addresses from one's database."""
    courier.deliver(delivery())
    notify.taken[0]["status"] = "permanent-failure"
    assert _again(courier) == Undeliverable(
        why="GOV.UK Notify took it, and it did not arrive: there is no such e-mail address.",
        status=200,
        answer=notify.taken[0]["id"],
    )
    assert len(notify.given) == 1


@pytest.mark.parametrize("status", ["temporary-failure", "technical-failure", "failed"])
def test_what_did_not_arrive_is_sent_again(notify: Notify, courier: NotifyCourier, status: str) -> None:
    """A full inbox may be empty by now; Notify itself does not try any more."""
    courier.deliver(delivery())
    notify.taken[0]["status"] = status
    assert _again(courier) == Delivered(status=201, answer=notify.taken[1]["id"])


@pytest.mark.parametrize(
    ("statuses", "outcome", "sent"),
    [
        (["temporary-failure", "sending"], Delivered, 0),
        (["sending", "temporary-failure"], Delivered, 0),
        (["delivered", "permanent-failure"], Delivered, 0),
        (["temporary-failure", "permanent-failure"], Undeliverable, 0),
        (["permanent-failure", "technical-failure"], Delivered, 1),
    ],
)
def test_of_several_the_one_that_arrived_counts_else_the_newest(
    notify: Notify, courier: NotifyCourier, statuses: list[str], outcome: type[Outcome], sent: int
) -> None:
    """Once it is on its way, it is not sent beside itself; the oldest is named first here."""
    reference = courier.reference(delivery())
    notify.taken = [{"id": "", "reference": reference, "status": status} for status in statuses]
    assert isinstance(_again(courier), outcome)
    assert len(notify.given) == sent


@pytest.mark.parametrize(
    "told",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"notifications": null}',
        '{"notifications": {}}',
        "<html>Welcome to the hotel's network</html>",
        b"\xff\xfe",
        "[" * 50_000,
        '{"notifications": [' + "1" * 5000 + "]}",
        '{"notifications": ["' + "x" * LONGEST_FOUND + '"]}',
    ],
    ids=[
        "none",
        "null",
        "list",
        "object",
        "null-in-it",
        "object-in-it",
        "html",
        "bytes",
        "deep",
        "int",
        "long",
    ],
)
def test_without_an_answer_that_can_be_read_nothing_is_sent(
    notify: Notify, courier: NotifyCourier, told: str | bytes
) -> None:
    """Whoever cannot know whether it was taken waits; an e-mail sent twice cannot be taken back."""
    notify.untold = says(200, told)
    assert _again(courier) == UNREADABLE
    assert notify.given == []


@pytest.mark.parametrize(
    "fault",
    [
        hangs_up,
        says(302, Location="/"),
        says(429, errors("RateLimitError", "", status=429)),
        says(502),
        says(204),
    ],
)
def test_where_asking_fails_nothing_is_sent(notify: Notify, courier: NotifyCourier, fault: Fault) -> None:
    """A question without an answer is tried again like everything else."""
    notify.untold = fault
    assert isinstance(_again(courier), Delayed)
    assert notify.given == []


@pytest.mark.parametrize(
    "stranger",
    [
        None,
        "x",
        {},
        {"reference": "e-1:2"},
        {"reference": None, "status": "delivered"},
        {"status": "sending"},
    ],
)
def test_only_our_own_reference_counts(notify: Notify, courier: NotifyCourier, stranger: Any) -> None:
    """What else is told of, and whatever stands there, says nothing of this e-mail."""
    notify.untold = says(200, json.dumps({"notifications": [stranger]}))
    assert isinstance(_again(courier), Delivered)
    assert len(notify.given) == 1


@pytest.mark.parametrize("status", [None, 7, [], {}])
def test_a_status_that_is_none_still_says_that_it_was_taken(
    notify: Notify, courier: NotifyCourier, status: object
) -> None:
    """Notify has the e-mail, whatever it says of it."""
    told = {"id": 5, "reference": courier.reference(delivery()), "status": status}
    notify.untold = says(200, json.dumps({"notifications": [told]}))
    assert _again(courier) == Delivered(status=200)


def test_long_emails_can_be_told_of(notify: Notify, courier: NotifyCourier) -> None:
    """Each e-mail comes back with its whole text; several long ones are read all the same."""
    courier.deliver(delivery())
    notify.taken[0]["body"] = "x" * 300_000
    notify.taken += [dict(notify.taken[0], status="technical-failure") for _ in range(2)]
    assert isinstance(_again(courier), Delivered)
    assert len(notify.given) == 1
