"""Signatures of events: Standard Webhooks, as the field's own libraries make them."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from standardwebhooks.webhooks import Webhook
from svix.webhooks import Webhook as Svix

from adapters.inbound.event_signature import BadSignature, Signatures
from states.errors import BadInput
from workflow.clock import SystemClock

SECRET: Final = "whsec_" + base64.b64encode(b"a" * 24).decode()
OTHER: Final = "whsec_" + base64.b64encode(b"b" * 32).decode()
BODY: Final = '{"é": 1}'.encode()


def signed(
    secret: str = SECRET, *, body: bytes = BODY, ago_s: float = 0, id_: str = "msg_1"
) -> dict[str, str]:
    """Return the headers of a body that was signed so many seconds ago."""
    at = SystemClock().now() - timedelta(seconds=ago_s)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, at.astimezone(UTC), body.decode()),
    }


@pytest.mark.parametrize("ago_s", [0, 290, -290])
def test_what_was_signed_within_five_minutes_is_let_pass(ago_s: float) -> None:
    """By either of two secrets, while one takes the other's place."""
    check = Signatures.parse(f"{SECRET} {OTHER}")
    assert check is not None
    check(signed(SECRET, ago_s=ago_s), BODY)
    check(signed(OTHER, ago_s=ago_s), BODY)


def test_another_library_is_understood() -> None:
    """And one good signature among others is enough, as during the sender's own rotation."""
    at = datetime.fromtimestamp(int(SystemClock().now().timestamp()), UTC)
    good = Svix(SECRET).sign("m", at, BODY.decode())
    stamp = str(int(at.timestamp()))
    for said in (good, f"v1,AAAA {good}", f"v2,x {good}"):
        headers = {"webhook-id": "m", "webhook-timestamp": stamp, "webhook-signature": said}
        Signatures([SECRET])(headers, BODY)


#: What is not let pass: how it was signed, what was put into the place of a header, and the body that came.
BAD: Final[list[tuple[dict[str, Any], dict[str, str], bytes]]] = [
    ({"secret": OTHER}, {}, BODY),
    ({}, {}, BODY + b" "),
    ({}, {}, b"\xff"),
    ({"ago_s": 310}, {}, BODY),
    ({"ago_s": -310}, {}, BODY),
    ({}, {"webhook-id": "msg_2"}, BODY),
    ({}, {"webhook-id": ""}, BODY),
    *(({}, {"webhook-timestamp": said}, BODY) for said in ("", "nan", "1e9", "-1", "9" * 12, "9" * 400)),
    *(({}, {"webhook-signature": said}, BODY) for said in ("", "v1", "v1,a,b", "v1,é", "v1,A", "v1,", ",")),
]


@pytest.mark.parametrize(("by", "changes", "body"), BAD)
def test_anything_else_is_told_alike(by: dict[str, Any], changes: dict[str, str], body: bytes) -> None:
    """Of another secret, body, id or time, or no signature by its form: one answer."""
    with pytest.raises(BadSignature) as caught:
        Signatures([SECRET])(signed(**by) | changes, body)
    assert caught.value.message == "The signature is missing, does not fit, or is of another time than now."


def test_what_is_not_signed_or_in_another_way_is_told_alike() -> None:
    """Without its headers, or with a good signature under another version's name."""
    good = signed()
    other = good | {"webhook-signature": good["webhook-signature"].replace("v1", "v2")}
    for headers in ({}, other, *({**good} | {name: ""} for name in good)):
        with pytest.raises(BadSignature):
            Signatures([SECRET])(headers, BODY)
    Signatures([SECRET])(good, BODY)


@pytest.mark.parametrize(
    "bad", ["x", "whsec_", "whsec_!", f"{SECRET} whsec_AAAA", SECRET[6:], f"{SECRET},{OTHER}"]
)
def test_a_secret_that_is_none_is_told_and_not_shown(bad: str) -> None:
    """Too short, without its beginning, or with commas: who starts the program learns it at once."""
    with pytest.raises(BadInput, match="EOI_EVENTS_SECRET") as caught:
        Signatures.parse(bad)
    assert all(each not in caught.value.message for each in bad.split() if len(each) > 6)


def test_without_a_secret_nothing_is_checked() -> None:
    """An empty setting demands no signature."""
    assert Signatures.parse(" ") is None
