"""A server's problem documents (RFC 9457), made the errors again that they were."""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from adapters.api import errors as door
from adapters.client.errors import UnknownProblem
from adapters.inbound.event_signature import BadSignature
from adapters.inbound.table_file import BadTable
from adapters.outbound.http_times import seconds_in
from adapters.outbound.issuer import IssuerUnavailable
from states.errors import BadDeadline, BadInput, EoiError, Refusal, Refused, UnknownTrigger
from workflow import errors as storage

#: The longest sentence of a server that is said again, in characters: reasons are told whole.
LONGEST: Final = 20_000
#: The most reasons of one refusal.
MOST: Final = 100
#: What a server may call a request.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}")
#: Codes that a class refines.
_REFINED: Final[Mapping[str, type[BadInput]]] = dict.fromkeys(
    (
        "one-closing", "naive-datetime", "no-such-date", "no-such-time", "year-out-of-range",
        "unknown-timezone", "local-time-missing", "local-time-twice", "closing-before-opening",
    ),
    BadDeadline,
)  # fmt: skip
_ELSEWHERE: Final = (BadInput, BadDeadline, UnknownTrigger, BadSignature, BadTable, IssuerUnavailable)


def error_of(
    told: Mapping[str, Any], *, retry_after: str = "", allow: str = "", request_id: str = ""
) -> EoiError:
    """Return the error that a problem tells of: its class, its code, its facts.

    Args:
        told: the document.
        retry_after: what the header of that name says.
        allow: likewise.
        request_id: by what whoever runs the server finds what went wrong there.
    """
    code, detail = told["code"], _sentence(told.get("detail"))
    facts = dict(_facts(told, retry_after, allow))
    if _REQUEST_ID.fullmatch(request_id):
        facts["request_id"] = request_id
    reasons = [*_reasons(told.get("errors"))]
    if reasons and reasons[0].code == code:
        return Refused.because(reasons, **facts)
    kind = CLASSES.get(code)
    if kind is None:
        return _unknown(code, detail, facts)
    if issubclass(kind, BadInput):
        return kind(detail, code=code, field=_word(told.get("field")), **facts)
    return kind(detail, **facts)


def _classes() -> Iterator[tuple[str, type[EoiError]]]:
    for place in (door, storage):
        for each in vars(place).values():
            if isinstance(each, type) and issubclass(each, EoiError) and "code" in vars(each):
                yield each.code, each
    yield from ((each.code, each) for each in _ELSEWHERE)
    yield from _REFINED.items()


#: Code -> class, for all that is no refusal.
CLASSES: Final[Mapping[str, type[EoiError]]] = {
    code: kind for code, kind in _classes() if code != EoiError.code
}


def _facts(told: Mapping[str, Any], retry_after: str, allow: str) -> Iterator[tuple[str, object]]:
    wait_s = seconds_in(retry_after)
    if wait_s is not None:
        yield "retry_after_s", math.ceil(wait_s)
    if allow:
        yield "methods", allow
    for name in ("closes_at", "server_time"):
        if at := _instant(told.get(name)):
            yield name, at


def _reasons(told: object) -> Iterator[Refusal]:
    for each in told[:MOST] if isinstance(told, list) else ():
        if isinstance(each, Mapping) and (code := _word(each.get("code"))):
            message = _sentence(each.get("message")) or code
            yield Refusal(code, message, _word(each.get("field")), _instant(each.get("until")))


def _unknown(code: str, detail: str | None, facts: Mapping[str, object]) -> UnknownProblem:
    word = _word(code)
    msg = f"The server tells of a problem that this version does not know, {word}: {detail or '(no words)'}"
    return UnknownProblem(msg, problem=word, **facts)


def _sentence(said: object) -> str | None:
    return said[:LONGEST] if isinstance(said, str) and said.strip() else None


def _word(said: object) -> str | None:
    return said[:60] if isinstance(said, str) and said else None


def _instant(said: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(said) if isinstance(said, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
