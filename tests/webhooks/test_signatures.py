"""Signatures by Standard Webhooks, checked as receivers check them: with the field's own libraries."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import svix.webhooks
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from adapters.vault import KeyedVault
from tests.webhooks.making import courier, delivery, event
from tests.webhooks.receivers import Receiver, Taken, says
from workflow.clock import SystemClock
from workflow.ports import Delayed, Delivered, Delivery
from workflow.testing import FrozenClock
from workflow.vault import PlainVault

NEW = "whsec_" + base64.b64encode(bytes(range(24))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(100, 132))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(24)).decode()
KEY = base64.b64encode(b"k" * 32).decode()
#: Source: Standard Webhooks, "Webhook headers".
HEADERS = {"webhook-id", "webhook-timestamp", "webhook-signature"}

Check = Callable[[str, Taken], Any]


def _standard(secret: str, taken: Taken) -> None:
    Webhook(secret).verify(taken.body, taken.named)


def _svix(secret: str, taken: Taken) -> None:
    svix.webhooks.Webhook(secret).verify(taken.body, taken.named)


@pytest.fixture(params=[_standard, _svix], ids=["standardwebhooks", "svix"])
def check(request: pytest.FixtureRequest) -> Check:
    """Return how a receiver checks what it got."""
    found: Check = request.param
    return found


def _signed(address: str, *secrets: str, vault: Any = None, **changes: Any) -> Delivery:
    sealed = tuple((vault or PlainVault()).seal(each) for each in secrets)
    return delivery(address, secrets=sealed, **changes)


def _taken(receiver: Receiver, *secrets: str, clock: Any = None, **changes: Any) -> Taken:
    """Return what comes of one delivery under these secrets."""
    sender = courier(clock=clock or SystemClock())
    assert sender.deliver(_signed(receiver.url(), *secrets, **changes)) == Delivered(status=204)
    sender.close()
    return receiver.taken[-1]


def test_a_receiver_knows_that_it_is_ours(receiver: Receiver, check: Check) -> None:
    """Under the secret that both know, and no other; the id is the event's, and the CloudEvent's."""
    taken = _taken(receiver, NEW)
    check(NEW, taken)
    assert taken.header("webhook-id") == event().id
    assert re.fullmatch(r"v1,[A-Za-z0-9+/]{43}=", taken.header("webhook-signature"))
    with pytest.raises(WebhookVerificationError):
        check(OTHER, taken)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("webhook-id", lambda text: text + "1"),
        ("webhook-timestamp", lambda text: str(int(text) + 1)),
        ("webhook-signature", lambda text: text.replace(text[5], "B" if text[5] == "A" else "A")),
    ],
)
def test_whoever_changes_anything_on_the_way_is_found_out(
    receiver: Receiver, check: Check, name: str, change: Callable[[str], str]
) -> None:
    """Body, id, time and signature hang together."""
    taken = _taken(receiver, NEW)
    changed = tuple((each, change(text) if each == name else text) for each, text in taken.headers)
    assert changed != taken.headers
    with pytest.raises(WebhookVerificationError):
        check(NEW, Taken(taken.path, changed, taken.body, taken.peer))
    with pytest.raises(WebhookVerificationError):
        check(NEW, Taken(taken.path, taken.headers, taken.body.replace(b"46/23", b"47/23"), taken.peer))


def test_letters_of_every_script_are_signed(receiver: Receiver, check: Check) -> None:
    """The signature is over the very bytes that are sent."""
    taken = _taken(receiver, NEW, event=event(applicant="Ysgol Dŵr 学校"))
    assert "Dŵr 学校" in taken.body.decode()
    check(NEW, taken)


def test_while_a_secret_is_changed_both_are_good(receiver: Receiver, check: Check) -> None:
    """A receiver that has the new one, and one that has still the old one, both know us."""
    taken = _taken(receiver, NEW, OLD)
    alone = [_taken(receiver, each, clock=_at(taken)).header("webhook-signature") for each in (NEW, OLD)]
    assert taken.header("webhook-signature") == " ".join(alone)
    for secret in (NEW, OLD):
        check(secret, taken)
    with pytest.raises(WebhookVerificationError):
        check(OTHER, taken)


def _at(taken: Taken) -> FrozenClock:
    return FrozenClock(datetime.fromtimestamp(int(taken.header("webhook-timestamp")), tz=UTC))


def test_once_the_old_secret_is_gone_it_is_good_for_nothing(receiver: Receiver, check: Check) -> None:
    """What is told by its endpoint at the time counts, not what was told before."""
    sender = courier(clock=SystemClock())
    for secrets in ((NEW, OLD), (NEW,)):
        sender.deliver(_signed(receiver.url(), *secrets))
    with pytest.raises(WebhookVerificationError):
        check(OLD, receiver.taken[1])
    check(OLD, receiver.taken[0])
    sender.close()


def test_each_attempt_has_its_own_time_and_the_same_id(receiver: Receiver) -> None:
    """A retry an hour later is no replay, and still the same event to whoever counts."""
    clock = FrozenClock(datetime(2023, 3, 17, 9, 0, 0, 999_999, tzinfo=UTC))
    sender = courier(clock=clock)
    receiver.answer = says(503)
    for attempt in (1, 2):
        sender.deliver(_signed(receiver.url(), NEW, attempt=attempt))
        clock.move_by(hours=1)
    first, second = receiver.taken
    assert (first.header("webhook-timestamp"), second.header("webhook-timestamp")) == (
        "1679043600",
        "1679047200",
    )
    assert first.header("webhook-id") == second.header("webhook-id")
    assert first.header("webhook-signature") != second.header("webhook-signature")
    assert first.body == second.body
    sender.close()


def test_a_clock_of_another_zone_tells_the_same_time(receiver: Receiver, check: Check) -> None:
    """The timestamp counts seconds in UTC, whatever zone an instant is told in."""

    class There:
        def now(self) -> datetime:
            return SystemClock().now().astimezone(timezone(timedelta(hours=5, minutes=30)))

    check(NEW, _taken(receiver, NEW, clock=There()))


def test_without_a_secret_it_goes_unsigned(receiver: Receiver) -> None:
    """No half of a signature, which a library would stumble over."""
    assert not HEADERS & _taken(receiver).named.keys()


def test_secrets_are_unsealed_once(receiver: Receiver, check: Check) -> None:
    """The vault costs more than the signature."""

    class Counting(KeyedVault):
        unsealed = 0

        def unseal(self, sealed: str) -> str:
            Counting.unsealed += 1
            return super().unseal(sealed)

    vault = Counting([KEY])
    sender = courier(clock=SystemClock(), vault=vault)
    told = _signed(receiver.url(), NEW, vault=vault)
    for _ in range(3):
        assert sender.deliver(told) == Delivered(status=204)
    assert Counting.unsealed == 1
    check(NEW, receiver.taken[-1])
    sender.close()


@pytest.mark.parametrize("place", [0, 1])
def test_a_secret_that_cannot_be_unsealed_waits_for_the_key(receiver: Receiver, place: int) -> None:
    """Nothing goes unsigned, or half signed; whoever runs this node reads what to do."""
    sealed = [PlainVault().seal(OLD)]
    sealed.insert(place, KeyedVault([KEY]).seal(NEW))
    sender = courier()
    outcome = sender.deliver(delivery(receiver.url(), secrets=tuple(sealed)))
    assert outcome == Delayed(
        why="What was sealed cannot be read: give this node the `EOI_SECRET_KEY` that it was sealed under.",
        unable=True,
    )
    assert receiver.taken == []
    with_key = courier(clock=SystemClock(), vault=KeyedVault([KEY]))
    assert with_key.deliver(delivery(receiver.url(), secrets=tuple(sealed))) == Delivered(status=204)
    sender.close()
    with_key.close()


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "s3cret", "whsec_s3cret!", "whsec_=", "whsec_a", "whsec_" + "A" * 5, "whsec_ab-_",
     f" {NEW}", f"{NEW}\n", NEW.removeprefix("whsec_"), "whsec_é" + "A" * 31],
)  # fmt: skip
def test_a_secret_that_is_none_signs_nothing(receiver: Receiver, secret: str) -> None:
    """Libraries read such a one in different ways, and some as an empty one; it is not shown."""
    outcome = courier().deliver(_signed(receiver.url(), secret))
    assert outcome == Delayed(
        why="The endpoint's secret is none of the form whsec_…: give it a new one.", unable=True
    )
    assert receiver.taken == []
