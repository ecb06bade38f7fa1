"""What GOV.UK Notify's answers mean, and what of them may be kept.

Only statuses and the names of errors are heeded: "Do not use the content of the messages in your code."
Given up is only what Notify itself refuses, in its own form; whoever else answers (a proxy, a page in HTML)
has not spoken for it. Source: GOV.UK Notify, REST API documentation, "Error messages", "General errors",
"Email status descriptions", "Limits".
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import quote

from adapters.outbound.http_times import date_in, seconds_in
from adapters.outbound.notify_words import is_uuid
from workflow.ports import ANSWER, Delayed, Delivered, Outcome, Undeliverable

#: How far apart Notify lets its clock and ours be, in seconds.
LONGEST_SKEW_S: Final = 30
#: How long to wait where too much was sent within a minute, in seconds: its bucket refills by the second.
BUSY_S: Final = 5.0
#: How long to wait where it may still be at work on what it was given, in seconds: it gives up after 30.
SETTLED_S: Final = 30.0
#: How long after midnight the limits of a day are sure to begin anew, in seconds.
AFTER_MIDNIGHT_S: Final = 5.0

#: Statuses of an e-mail that did not arrive, though it may when it is sent again.
_LOST: Final = frozenset({"temporary-failure", "technical-failure", "failed"})
_WRONG_ADDRESS: Final = "permanent-failure"

#: How Notify names its errors: BadRequestError.
_NAME: Final = re.compile(r"[A-Za-z]{1,40}")
_LOCKED_OUT: Final = "GOV.UK Notify does not let this service in"
#: Shorter texts stand in too many words to be taken out of an answer.
_SHORTEST_HIDDEN: Final = 3
_HIDDEN: Final = "[…]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, as far as it was read."""

    status: int
    #: Names in any case.
    headers: Mapping[str, str]
    body: bytes
    #: When it was asked for, by our clock.
    at: datetime
    #: What must not be kept of it: addresses, names, keys.
    hide: Sequence[str] = ()


def of_sending(answer: Answer) -> Outcome:
    """Return what became of an e-mail that was handed over.

    201 alone says that it was taken, whatever follows; any other success is not Notify's.
    """
    if answer.status == 201:  # noqa: PLR2004 -- Created
        return Delivered(status=answer.status, answer=_id(_object(answer.body)))
    return _failed(answer)


def of_asking(answer: Answer, reference: str) -> Outcome | None:
    """Return what became of an e-mail that may have been handed over before; None: it is to be sent.

    One that is on its way, or arrived, counts before all others of the same reference; else the newest.
    """
    if answer.status != 200:  # noqa: PLR2004 -- OK
        return _failed(answer)
    found = _object(answer.body).get("notifications")
    if not isinstance(found, list):
        return Delayed(why="What GOV.UK Notify has taken could not be read from its answer.", status=200)
    ours = [each for each in found if isinstance(each, dict) and each.get("reference") == reference]
    arrived = [each for each in ours if str(each.get("status")) not in {_WRONG_ADDRESS, *_LOST}]
    if arrived:
        return Delivered(status=answer.status, answer=_id(arrived[0]))
    if ours and ours[0]["status"] == _WRONG_ADDRESS:
        why = "GOV.UK Notify took it, and it did not arrive: there is no such e-mail address."
        return Undeliverable(why=why, status=answer.status, answer=_id(ours[0]))
    return None


def _failed(answer: Answer) -> Outcome:
    errors = _errors(answer.body)
    name, said = _first_name(errors), _said(answer, errors)
    if answer.status in {400, 404} and errors:
        why = f"GOV.UK Notify does not take it ({name or answer.status}); its answer says why."
        return Undeliverable(why=why, status=answer.status, answer=said)
    return Delayed(
        why=_why(answer, name),
        status=answer.status,
        answer=said,
        retry_after_s=_retry_after_s(answer, name),
        wait_s=_until_midnight_s(answer.at) if _is_limit_of_the_day(answer, name) else None,
    )


def _why(answer: Answer, name: str) -> str:
    match answer.status, name:
        case 429, "TooManyRequestsError":
            return "GOV.UK Notify takes no more e-mails from this service today (TooManyRequestsError)."
        case 429, _:
            return "GOV.UK Notify was sent too much within a minute (429)."
        case 401 | 403, _:
            return f"{_LOCKED_OUT} ({answer.status}): {_locked_out(answer)}"
        case status, _ if 300 <= status < 400:  # noqa: PLR2004 -- redirects
            return f"GOV.UK Notify answered {status}. Redirects are not followed: is EOI_NOTIFY_URL right?"
        case status, _ if status < 300:  # noqa: PLR2004 -- successes
            return f"What answered {status} is not GOV.UK Notify: is EOI_NOTIFY_URL right?"
        case status, _:
            return f"GOV.UK Notify answered {status}{f' ({name})' if name else ''}."


def _locked_out(answer: Answer) -> str:
    theirs = date_in(answer.headers.get("Date", ""))
    apart_s = abs(round((theirs - answer.at).total_seconds())) if theirs else 0
    if apart_s > LONGEST_SKEW_S:
        return f"its clock and ours are {apart_s} seconds apart, and may be {LONGEST_SKEW_S}."
    return "look at EOI_NOTIFY_KEY, and whether it was revoked."


def _is_limit_of_the_day(answer: Answer, name: str) -> bool:
    return (answer.status, name) == (429, "TooManyRequestsError")


def _retry_after_s(answer: Answer, name: str) -> float | None:
    """Return how long to wait at least, in seconds; Notify itself says it by the error's name alone."""
    if answer.status == 429:  # noqa: PLR2004 -- Too Many Requests
        return None if _is_limit_of_the_day(answer, name) else _asked_s(answer) or BUSY_S
    if answer.status >= 500:  # noqa: PLR2004 -- server errors
        return max(SETTLED_S, _asked_s(answer) or 0.0)
    return None


def _until_midnight_s(now: datetime) -> float:
    """Return how long it is until the limits of the day end: "These limits reset at midnight UTC"."""
    now = now.astimezone(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return (midnight - now).total_seconds() + AFTER_MIDNIGHT_S


def _asked_s(answer: Answer) -> float | None:
    """Return what stands in Retry-After, in seconds; Notify sends none, what stands before it may."""
    return seconds_in(answer.headers.get("Retry-After", "").strip())


def _object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body; an empty one where there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _errors(body: bytes) -> list[dict[str, Any]]:
    """Return the errors that Notify names: `{"errors": [{"error": …, "message": …}]}`."""
    found = _object(body).get("errors")
    errors = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    return [each for each in errors if isinstance(each.get("error"), str)]


def _first_name(errors: Sequence[Mapping[str, Any]]) -> str:
    """Return the first error's name; empty where that is not a name."""
    name = errors[0]["error"] if errors else ""
    return name if _NAME.fullmatch(name) else ""


def _id(notification: Mapping[str, Any]) -> str:
    """Return Notify's own id of an e-mail, by which it is found there; nothing else of it is kept."""
    found = notification.get("id")
    return str(found) if is_uuid(found) else ""


def _said(answer: Answer, errors: Sequence[Mapping[str, Any]]) -> str:
    """Return what may be kept of an answer: in Notify's own words where it named errors, or its beginning."""
    text = "\n".join(f"{each['error']}: {each.get('message')}" for each in errors)
    text = without(text or answer.body.decode(errors="replace"), answer.hide)
    text = "".join(each if each.isprintable() or each == "\n" else " " for each in text)
    return text.encode(errors="replace")[:ANSWER].decode(errors="ignore").strip()


def without(text: str, hide: Sequence[str]) -> str:
    """Return a text without what is to be hidden, however that is spelt in JSON, HTML and URLs."""
    spelt = {each for hidden in hide if len(hidden) >= _SHORTEST_HIDDEN for each in _spellings(hidden)}
    if not spelt:
        return text
    longest_first = sorted(spelt, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), _HIDDEN, text, flags=re.IGNORECASE)


def _spellings(hidden: str) -> set[str]:
    return {hidden, json.dumps(hidden)[1:-1], html.escape(hidden), quote(hidden, errors="replace")}
