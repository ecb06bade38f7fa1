"""Whom it concerns and what opens the door: neither stands in an outcome, in a log, nor in an error."""

import html
import json
import logging
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.govuk_notify import Key, NotifyCourier
from adapters.outbound.notify_answers import Answer, of_sending, without
from tests.notify.service import AT, HEAD, KEY, SECRET, TEMPLATES, Notify, delivery, errors, hangs_up
from tests.servers.answering import says
from workflow.ports import ANSWER, Delayed, Undeliverable
from workflow.testing import FrozenClock

SCHOOL = "Sprowston Junior School"


def _echoes(handler: BaseHTTPRequestHandler, status: int, told: str) -> None:
    """Answer with all that it knows, as some programs do while they are being debugged."""
    says(status, told.format(address=HEAD.upper(), token=handler.headers["Authorization"], name=SCHOOL))(
        handler
    )


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
@pytest.mark.parametrize(
    "told",
    [
        "{address} {name} {token} Programme Management Team",
        '{{"errors": [{{"error": "ValidationError", "message": "{address} {name} {token}"}}]}}',
        '{{"errors": [{{"error": "{address} {token}", "message": "{name}"}}]}}',
    ],
)
def test_an_answer_that_tells_whom_it_concerns_is_kept_without_that(
    notify: Notify, courier: NotifyCourier, caplog: pytest.LogCaptureFixture, status: int, told: str
) -> None:
    """Address, names and token are taken out of what is kept, and no log has them."""
    caplog.set_level(logging.DEBUG)
    notify.instead = lambda handler: _echoes(handler, status, told)
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delayed | Undeliverable)
    assert outcome.answer.count("[…]") >= 3
    _knows_nothing(outcome.why + outcome.answer + caplog.text)


@pytest.mark.parametrize("attempt", [1, 2])
@pytest.mark.parametrize("fault", [hangs_up, says(200, "x"), says(302), says(204)])
def test_no_outcome_and_no_log_knows_whom_it_concerns(
    notify: Notify, courier: NotifyCourier, caplog: pytest.LogCaptureFixture, fault: Any, attempt: int
) -> None:
    """Whatever goes wrong, at the question or at the e-mail."""
    caplog.set_level(logging.DEBUG)
    notify.instead = notify.untold = fault
    _knows_nothing(f"{courier.deliver(delivery(attempt=attempt))} {caplog.text}")


def _knows_nothing(text: str) -> None:
    told = text.casefold()
    assert "notify" in told
    hidden = (HEAD, "sprowston", SECRET, KEY, "bearer e", "programme management")
    assert [each for each in hidden if each.casefold() in told] == []


def test_no_error_shows_the_key(clock: FrozenClock) -> None:
    """Nor does what a debugger shows of the courier and of the key itself."""
    key = Key.parse(KEY)
    assert SECRET not in repr(key)
    assert SECRET not in repr(vars(NotifyCourier(KEY, TEMPLATES, clock=clock)))


def test_the_reference_is_all_that_stands_in_a_url(notify: Notify, courier: NotifyCourier) -> None:
    """Addresses of requests end up in the logs of everybody on the way."""
    courier.deliver(delivery(attempt=2))
    asked, _ = notify.asked
    assert HEAD.partition("@")[0] not in asked
    assert "%40" not in asked


@pytest.mark.parametrize("spelt", [str, json.dumps, html.escape, quote, str.upper, str.title])
@pytest.mark.parametrize("hidden", ["o'neill+eoi@école.example", '"a b"@x.example', "a&b@x.example"])
def test_an_address_is_found_however_it_is_spelt(hidden: str, spelt: Any) -> None:
    """As it stands, in JSON, in HTML, in a URL, in capitals."""
    assert without(f"to <{spelt(hidden).strip(chr(34))}>", [hidden.strip('"'), hidden]) in {
        "to <[…]>",
        'to <"[…]">',
    }


def test_the_longer_of_two_is_taken_out_whole() -> None:
    """An address that begins like another leaves no end behind."""
    assert without("to head@x.example.org", ["head@x.example", "head@x.example.org"]) == "to […]"


def test_what_stands_in_every_word_is_left() -> None:
    """A name of one letter, or none at all, takes nothing out."""
    assert without("BadRequestError: no", ["", "a", "no"]) == "BadRequestError: no"


def test_a_long_answer_is_cut_after_the_address_is_out(notify: Notify, courier: NotifyCourier) -> None:
    """No half of an address is left at the end; what cannot be printed is left out."""
    notify.instead = says(500, "é\x00" * 337 + "x" + HEAD * 99)
    outcome = courier.deliver(delivery())
    assert isinstance(outcome, Delayed)
    assert outcome.answer.startswith("é é é")
    assert outcome.answer.endswith("x[…][…][")
    assert len(outcome.answer.encode()) <= ANSWER


@given(st.text(max_size=20), st.text() | st.none() | st.integers(), st.sampled_from([400, 403, 429, 503]))
def test_no_error_is_too_strange(error: str, message: Any, status: int) -> None:
    """Whatever Notify writes as an error, there is an outcome that can be written down."""
    body = errors(error, message, status=status).encode()
    outcome = of_sending(Answer(status=status, headers={}, body=body, at=AT, hide=(HEAD,)))
    assert isinstance(outcome, Delayed | Undeliverable)
    assert "\0" not in outcome.answer
    assert len(outcome.answer.encode()) <= ANSWER


@pytest.mark.parametrize(
    "address", ["\ud800@x.example", "a\0b@x.example", "no address", "é@x.example", "x" * 9000]
)
def test_no_address_is_too_strange(notify: Notify, courier: NotifyCourier, address: str) -> None:
    """Notify says what it thinks of it; the courier does not fall over."""
    for attempt in (1, 2):
        courier.deliver(delivery(address, attempt=attempt))
    assert [each["email_address"] for each in notify.given] == [address]
