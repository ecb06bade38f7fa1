"""What an answer means for the delivery: it arrived, it is tried again, or nothing more is wanted there.

Any 2xx is an arrival; 410 disables the endpoint; everything else is tried again, redirects as well, which
are not followed. Where an answer asks for time, it gets it, up to an hour.
"""

import codecs
import re
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final

import httpx

from adapters.outbound.http_times import date_in, seconds_in
from workflow.ports import ANSWER, Delayed, Delivered, Outcome, Undeliverable

#: The most that a receiver may ask us to wait, in seconds.
LONGEST_ASKED_S: Final = 3600.0
#: The refusals that speak of the receiver as a whole; the other 4xx speak of this one event.
OF_RECEIVER: Final = frozenset({401, 403, 408, 425, 429})

#: What would steer a terminal, end a line, or show letters in another order than they stand.
_UNSEEMLY: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_DECODER: Final = codecs.getincrementaldecoder("utf-8")
_BLANKS: Final = re.compile("[\t\n\r]+")


def outcome(response: httpx.Response, beginning: bytes, *, now: Callable[[], datetime]) -> Outcome:
    """Return how the delivery ended.

    Args:
        response: its status and headers; what is left of its body is not read.
        beginning: the first bytes of its body.
        now: reads a Retry-After that is a date, where the answer does not say what time it is there.
    """
    status = response.status_code
    answer = words(beginning) if beginning and not _is_packed(response) else ""
    if response.is_success:
        return Delivered(status=status, answer=answer)
    why = f"The receiver answered {status} {_phrase(status)}".rstrip() + "."
    if status == HTTPStatus.GONE:
        why += " It wants no more events."
        return Undeliverable(why=why, status=status, answer=answer, gone=True)
    if response.is_redirect:
        why += " Redirects are not followed: give the endpoint its new address."
    return Delayed(
        why=why,
        status=status,
        answer=answer,
        retry_after_s=_retry_after_s(response, now),
        of_receiver=not response.is_client_error or status in OF_RECEIVER,
    )


def words(beginning: bytes) -> str:
    """Return how an answer begins as text fit to be stored and shown, at most `ANSWER` bytes of UTF-8."""
    # A letter that the end cuts through is left out.
    text = _DECODER("replace").decode(beginning[:ANSWER], final=len(beginning) < ANSWER)
    fit = _UNSEEMLY.sub("", _BLANKS.sub(" ", text)).strip()
    return fit.encode()[:ANSWER].decode(errors="ignore")  # again: what is no UTF-8 became longer


def _is_packed(response: httpx.Response) -> bool:
    """Return whether the body is compressed, which nobody asked for."""
    return response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity")


def _retry_after_s(response: httpx.Response, now: Callable[[], datetime]) -> float | None:
    """Return how long the receiver asked us to wait, in seconds. Source: RFC 9110, 10.2.3.

    With any status from 400: it is the time before a next request; 413, 429 and 503 are named as examples.
    With a redirect it is the time before the request to the other place, which is not made.
    """
    asked = "" if response.is_redirect else response.headers.get("Retry-After", "").strip()
    seconds = seconds_in(asked)
    if seconds is not None:
        return min(seconds, LONGEST_ASKED_S)
    until = date_in(asked)
    if until is None:
        return None
    begin = date_in(response.headers.get("Date", "")) or now()
    return min(max(0.0, (until - begin).total_seconds()), LONGEST_ASKED_S)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
