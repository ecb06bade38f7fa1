"""What the engine answers, as JSON documents: for the command line and for HTTP.

Keys are the views' field names; instants are RFC 3339 in UTC, ending in Z. Errors become problem details
(RFC 9457) with our `code`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final

from states.errors import BadInput, EoiError, Refused

# What steers a terminal, shows letters in another order than they stand, or is half of a surrogate pair.
_UNFIT: Final = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def to_json(answer: object, *, ascii_only: bool = False, one_line: bool = False) -> str:
    """Return an answer as one JSON document, fit for a terminal and for UTF-8.

    Args:
        answer: see `document`.
        ascii_only: write every other character as its code, for whom UTF-8 cannot be sent to.
        one_line: as one of many, each on a line of its own (https://jsonlines.org).
    """
    text = json.dumps(answer, ensure_ascii=ascii_only, indent=None if one_line else 2, default=_opened)
    return _UNFIT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def document(answer: object) -> Any:  # noqa: ANN401 -- JSON's values
    """Return views, reports, lists of them, and what stands in them, as JSON knows it."""
    if isinstance(answer, dict):
        return {str(name): document(value) for name, value in answer.items()}
    if isinstance(answer, list | tuple):
        return [document(each) for each in answer]
    if answer is None or isinstance(answer, str | int | float):
        return answer
    return document(_opened(answer))


def _opened(answer: object) -> Any:  # noqa: ANN401 -- JSON's values
    """Return what JSON does not know as what it knows; what stands inside is opened when it is come to.

    So answers, which may be long and are JSON already, are written as they are.
    """
    if is_dataclass(answer) and not isinstance(answer, type):
        return {field.name: getattr(answer, field.name) for field in fields(answer)}
    if isinstance(answer, Mapping):
        return dict(answer)
    if isinstance(answer, set | frozenset):
        return [*answer]
    if isinstance(answer, datetime):
        return instant(answer)
    msg = f"JSON knows nothing of {type(answer).__name__}."
    raise TypeError(msg)


def problem(error: EoiError) -> dict[str, Any]:
    """Return an error as a problem document (RFC 9457): `title`, `detail`, and our `code`."""
    told: dict[str, Any] = {
        "title": (type(error).__doc__ or "").split("\n", 1)[0],
        "code": error.code,
        "detail": error.message,
    }
    if isinstance(error, Refused):
        told["errors"] = document(error.reasons)
    if isinstance(error, BadInput) and error.field:
        told["field"] = error.field
    return told


def instant(at: datetime) -> str:
    """Return an instant as RFC 3339 has it, in UTC, ending in Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
