"""Answers: documents as the command line's --json has them, with their versions, and problems (RFC 9457)."""

import math
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

from starlette.responses import Response

from adapters.api.errors import JSON
from adapters.api.faults import is_behind, told_of
from adapters.documents import instant, problem, to_json
from states.errors import EoiError, Refused

PROBLEM: Final = "application/problem+json"
#: What is said to who gave no key, or none that is known (RFC 6750, 3).
CHALLENGE: Final = 'Bearer realm="eoi"'
#: Codes after which what is left of the request is not waited for: nobody can say where it ends.
_HALF_READ: Final = {"bad-request", "body-too-large", "body-too-slow"}
#: Status -> the codes that it is for; docs/errors.md says the same. What is not here is a fault of ours: 500.
_CODES: Final[Mapping[int, tuple[str, ...]]] = {
    400: (
        "bad-json",
        "bad-header",
        "bad-request",
    ),
    401: (
        "unauthenticated",
        "bad-signature",
    ),
    403: (
        "role-missing",
        "not-your-organisation",
        "reviewed-by-you",
        "cross-site",
    ),
    404: (
        "not-found",
        "no-such-path",
    ),
    405: ("method-not-allowed",),
    408: ("body-too-slow",),
    409: (
        "reference-taken",
        "already-applied",
        "name-taken",
        "nobody-to-tell",
        "wrong-state",
        "conflict",
        "call-not-open",
        "call-still-open",
        "closing-not-due",
        "eois-exist",
        "call-closed",
        "closed-in-flight",
        "call-cancelled",
        "call-not-cancelled",
        "not-in-flight",
        "job-unfinished",
    ),
    412: ("stale-version",),
    413: ("body-too-large",),
    415: ("unsupported-media-type",),
    422: (
        "bad-input",
        "bad-cursor",
        "bad-deadline",
        "bad-table",
        "one-closing",
        "naive-datetime",
        "no-such-date",
        "no-such-time",
        "year-out-of-range",
        "unknown-timezone",
        "local-time-missing",
        "local-time-twice",
        "closing-before-opening",
        "unknown-trigger",
        "unknown-event",
        "key-reused",
        "reason-missing",
        "closes-at-missing",
        "closing-not-later",
        "closing-has-passed",
        "opens-in-future",
    ),
    428: ("version-required",),
    429: (
        "too-many-requests",
        "too-many-jobs",
    ),
    500: (
        "internal",
        "secret-unreadable",
    ),
    503: (
        "database-locked",
        "connection-lost",
        "commit-unknown",
        "database-unavailable",
        "database-read-only",
        "database-full",
        "database-not-opened",
        "database-forbidden",
        "database-foreign",
        "database-refused",
        "database-corrupt",
        "schema-missing",
        "schema-outdated",
        "schema-too-new",
        "overloaded",
        "issuer-unavailable",
    ),
}
#: Code -> status.
STATUSES: Final[Mapping[str, int]] = {code: status for status, codes in _CODES.items() for code in codes}
#: Refusals that say, besides, when the call closed and what the time is.
_LATE: Final = {"call-closed", "closed-in-flight"}


def answer(
    view: object,
    *,
    status: int = 200,
    version: int | None = None,
    location: str | None = None,
    links: str | None = None,
    retry_after_s: int | None = None,
) -> Response:
    """Return a view as a response.

    Args:
        view: what `adapters.documents` knows.
        status: 201 for what was created.
        version: told as the ETag (RFC 9110, 8.8.3).
        location: where what was created is.
        links: the header `Link` (RFC 8288).
        retry_after_s: in how many seconds to ask again how it is.
    """
    headers = {
        "ETag": None if version is None else f'"{version}"',
        "Location": location,
        "Link": links,
        "Retry-After": None if retry_after_s is None else str(retry_after_s),
    }
    told = {name: value for name, value in headers.items() if value is not None}
    return Response(to_json(view, one_line=True), status, told, JSON)


def is_late(error: EoiError) -> bool:
    """Whether its problem says what the time is."""
    return isinstance(error, Refused) and error.code in _LATE


def problem_of(error: EoiError, *, now: datetime | None = None) -> Response:
    """Return an error as a problem (RFC 9457).

    - `errors`: every refusal
    - of what came too late: `closes_at`, and `server_time`
    - of what a host says of who asks: its own status and headers
    - of a fault behind the door: a sentence that never changes; what it says itself is logged

    Args:
        error: why.
        now: the time, where `is_late`; None: it cannot be told. The clock that nodes share is a trip to the
            database, which no other error may cost, and which may be why there is one.
    """
    status = STATUSES.get(error.code) or int(str(error.facts.get("status", 500)))
    told: dict[str, Any] = {"type": f"urn:eoi:problem:{error.code}", "status": status, **problem(error)}
    if is_behind(error):
        told["detail"] = told_of(error)
    if isinstance(error, Refused) and is_late(error):
        until = error.reasons[0].until
        told |= {
            "closes_at": None if until is None else instant(until),
            "server_time": None if now is None else instant(now),
        }
    return Response(to_json(told, one_line=True), status, _headers(error, status), PROBLEM)


def _headers(error: EoiError, status: int) -> dict[str, str]:
    headers = _of_host(error)
    if status == HTTPStatus.UNAUTHORIZED:
        headers.setdefault("www-authenticate", CHALLENGE)
    if error.code in _HALF_READ:
        headers["Connection"] = "close"
    if methods := error.facts.get("methods"):
        headers["Allow"] = str(methods)
    wait_s = error.facts.get("retry_after_s")
    if wait_s is not None or status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(math.ceil(float(str(wait_s or 1))))
    return headers


def _of_host(error: EoiError) -> dict[str, str]:
    """Return the headers that a host's own word came with, but for those that are of its own form."""
    said = error.facts.get("headers")
    told = said.items() if isinstance(said, Mapping) else ()
    return {
        str(name).lower(): str(value) for name, value in told if not str(name).lower().startswith("content-")
    }
