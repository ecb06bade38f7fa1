"""Headers that an endpoint wants: which will do, and how they travel."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.vault import KeyedVault
from tests.webhooks.making import courier, delivery
from tests.webhooks.receivers import Receiver
from workflow import BadInput
from workflow.headers import LARGEST, MOST, header_map
from workflow.ports import Delayed, Delivered, Undeliverable
from workflow.vault import PlainVault

SECRET = "s3cret" * 3
KEY = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="


def _refusal(given: object) -> str:
    with pytest.raises(BadInput) as refused:
        header_map(given)
    assert refused.value.field == "headers"
    assert SECRET not in refused.value.message
    return refused.value.message


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {}),
        ("", {}),
        (" \n", {}),
        ("{}", {}),
        ({"Authorization": "Bearer x"}, {"Authorization": "Bearer x"}),
        ('{"X-Team": "eoi", "x-day": ""}', {"X-Team": "eoi", "x-day": ""}),
        ({"X-Name": " \tYsgol\t1 "}, {"X-Name": "Ysgol\t1"}),
        ({"X-Name": "Zoë £5"}, {"X-Name": "Zoë £5"}),
        ({"!#$%&'*+.^_`|~09-aZ": "~"}, {"!#$%&'*+.^_`|~09-aZ": "~"}),
        ({"User-Agent": "us"}, {"User-Agent": "us"}),
        ({f"X-{number}": "1" for number in range(MOST)}, {f"X-{number}": "1" for number in range(MOST)}),
        ({"X-A": "a" * (LARGEST - 3)}, {"X-A": "a" * (LARGEST - 3)}),
    ],
)
def test_headers_are_read_as_a_mapping_or_as_json(given: object, found: dict[str, str]) -> None:
    """Names stay as they are written, values lose the blanks around them."""
    assert header_map(given) == found


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "not NoneType"),
        (7, "not int"),
        ([("X-A", "1")], "not list"),
        ("[]", "not list"),
        ('"X-A: 1"', "not str"),
        ("null", "not NoneType"),
        ("X-A: 1", "no JSON object"),
        ('{"X-A": "1"', "no JSON object"),
        ('{"X-A": NaN}', "must be a text, not float"),
        ("[" * 20_000, "no JSON object"),
        (" " * 8 * LARGEST + "{}", "4,096 bytes"),
        ('{"X-A": "1", "X-A": "2"}', "same name"),
        ({"X-A": "1", "x-a": "2"}, "same name"),
        ({"X-A": 1}, "must be a text, not int"),
        ({"X-A": None}, "must be a text, not NoneType"),
        ({"X-A": ["1"]}, "must be a text, not list"),
        ({f"X-{number}": "1" for number in range(MOST + 1)}, "20 headers at the most, not 21"),
        ({"X-A": "a" * (LARGEST - 2)}, "4,096 bytes"),
        ({f"X-{number}": "a" * 300 for number in range(15)}, "4,096 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_set_of_headers_is_refused(given: object, why: str) -> None:
    """Twenty at the most, 4 kB in all, each name once, each value a text."""
    assert why in _refusal(given)


@pytest.mark.parametrize(
    "name",
    ["", " ", "X A", "X-A:", "X-A ", " X-A", "X\r\nHost", "X-Ä", "X/A", "(X)", "X\x00", "X-A\n", 7, None,
     b"X-A", f"Authorization: Bearer {SECRET}"],
)  # fmt: skip
def test_what_is_no_name_of_a_header_is_refused_and_not_repeated(name: object) -> None:
    """It could end the line and begin another header; or it is a secret in the wrong place."""
    assert "Header number 2 has no name" in _refusal({"X-First": "1", name: "v"})


@pytest.mark.parametrize(
    "end",
    ["\r\nHost: evil.example", "\n", "\r", "\x00", "\x1b[2J", "\x7f", "\x85", "\x0b", "\u2028", "ŵ", "€",
     "\ud800"],
)  # fmt: skip
def test_what_http_does_not_carry_is_refused_and_not_repeated(end: str) -> None:
    """A value that ends its line would say what follows it in our name."""
    assert "X-A holds" in _refusal({"X-A": f"{SECRET}{end}{SECRET}"})


@pytest.mark.parametrize(
    "name",
    ["Host", "host", "HOST", "Content-Type", "content-length", "Content-Encoding", "Transfer-Encoding", "TE",
     "Connection", "Proxy-Connection", "Keep-Alive", "Upgrade", "Trailer", "Expect", "Webhook-Id",
     "webhook-signature", "WEBHOOK-TIMESTAMP", "webhook-anything", "Webhook_Signature", "content_type",
     "ce-id", "CE-Type"],
)  # fmt: skip
def test_what_is_ours_to_say_is_refused(name: str) -> None:
    """Nobody can sign in our name, lead a request elsewhere, or smuggle a second one behind it."""
    assert f"The header {name} is set by the engine itself" in _refusal({name: SECRET})
    assert f"The header {name} is set by the engine itself" in _refusal(json.dumps({name: SECRET}))


@given(st.dictionaries(st.text(max_size=12), st.text(max_size=12) | st.integers(), max_size=4) | st.text())
def test_whatever_is_given_is_read_or_refused_in_words(given: Any) -> None:
    """What is read can be read again, and has no character that ends a line."""
    try:
        found = header_map(given)
    except BadInput:
        return
    assert header_map(json.dumps(found)) == found
    assert not any(char in "\r\n\0" for each in found.items() for char in "".join(each))


@pytest.mark.parametrize("vault", [PlainVault(), KeyedVault([KEY])])
def test_an_endpoints_headers_are_unsealed_and_sent(receiver: Receiver, vault: Any) -> None:
    """They stand beside ours; a user agent stands in place of ours."""
    sealed = vault.seal(json.dumps({"authorization": "Bearer x", "user-AGENT": "council", "X-Who": "Zoë"}))
    sender = courier(vault=vault)
    for _ in range(2):
        assert sender.deliver(delivery(receiver.url(), headers=sealed)) == Delivered(status=204)
    assert sender.deliver(delivery(receiver.url())) == Delivered(status=204)
    with_them, again, without = receiver.taken
    assert with_them.headers == again.headers
    assert (with_them.header("authorization"), with_them.header("x-who")) == ("Bearer x", "Zoë")
    assert with_them.header("user-agent") == "council"
    assert with_them.header("content-type") == "application/cloudevents+json; charset=utf-8"
    assert "authorization" not in without.named
    assert without.header("user-agent").startswith("eoi-workflow/")
    sender.close()


@pytest.mark.parametrize("text", ['{"Host": "evil.example"}', '{"X": "a\\r\\nb"}', "no json", '{"X": 1}'])
def test_headers_that_will_not_do_are_not_sent(receiver: Receiver, text: str) -> None:
    """Whatever way they came into the database, they are looked at again before each attempt."""
    outcome = courier().deliver(delivery(receiver.url(), headers=PlainVault().seal(text)))
    assert isinstance(outcome, Undeliverable)
    assert receiver.taken == []


def test_headers_that_this_node_cannot_unseal_wait_for_the_key(receiver: Receiver) -> None:
    """Another node may have it; and whoever runs this one reads what to do."""
    sealed = KeyedVault([KEY]).seal('{"X-A": "1"}')
    outcome = courier().deliver(delivery(receiver.url(), headers=sealed))
    assert isinstance(outcome, Delayed)
    assert (outcome.of_receiver, "EOI_SECRET_KEY" in outcome.why) == (True, True)
    assert receiver.taken == []
