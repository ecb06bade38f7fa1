"""Pages of lists: cursors that fit one question only, and the link to the next page (RFC 8288)."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from adapters.api.answers import answer
from adapters.api.errors import BadCursor
from adapters.api.queries import IN_DIGITS

#: How many are on a page where nobody says, and at the most: each EOI may hold 256 KiB of answers.
USUAL: Final = 50
MOST: Final = 100
#: How many letters of a digest tell one question from another.
_MARK: Final = 16
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
#: What places may be, since anybody can make a cursor by themselves; of instants, with how many were seen.
IDS: Final = re.compile(r"[0-9a-f-]{36}")
NUMBERS: Final = re.compile(r"[0-9]{1,18}")
VERSIONS: Final = re.compile(r"[0-9]{1,9}")
INSTANTS: Final = re.compile(r"[0-9]{1,17}-[0-9]{1,9}")

Limit = Annotated[
    int,
    Query(ge=1, le=MOST, description="How many at the most.", examples=[USUAL]),
    IN_DIGITS,  # after the bounds, or the schema would not tell them
]
Cursor = Annotated[
    str | None,
    Query(description="The `next` of another page of the same list, with the same filters.", max_length=256),
]


def cursor_of(after: str, question: Mapping[str, str | None]) -> str:
    """Return what stands for a place in the list that answers a question.

    Args:
        after: the place, as the engine has it.
        question: every filter of the list, and of what it is; the limit may change from page to page.
    """
    return base64.urlsafe_b64encode(f"{_mark(question)}{after}".encode()).decode().rstrip("=")


def place_of(
    cursor: str | None, question: Mapping[str, str | None], *, places: re.Pattern[str] = IDS
) -> str | None:
    """Return the place that a cursor stands for; None: the list's beginning.

    Args:
        cursor: what was given.
        question: see `cursor_of`.
        places: what places of this list are.

    Raises:
        BadCursor: it is none, or of another list or filter.
    """
    if cursor is None:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.urlsafe_b64decode(padded).decode() if _FORM.fullmatch(cursor) else ""
    except ValueError:
        text = ""
    mark, place = text[:_MARK], text[_MARK:]
    if mark != _mark(question) or not places.fullmatch(place):
        msg = "That is no cursor of this list with these filters: begin again without one."
        raise BadCursor(msg, field="cursor")
    return place


def page(
    request: Request, items: Sequence[object], *, after: str | None, question: Mapping[str, str | None]
) -> Response:
    """Return a page, and where the next one is.

    Args:
        request: what asks; its filters go into the link, which is relative, so that no Host gets into it.
        items: what is on it.
        after: the place of the last one, if there is more.
        question: see `cursor_of`.
    """
    following = None if after is None else cursor_of(after, question)
    return answer({"items": items, "next": following}, links=_link(request, following))


def whole(items: Sequence[object]) -> Response:
    """Return a list that is never long, all of it, in the form of a page."""
    return answer({"items": items, "next": None})


def _link(request: Request, following: str | None) -> str | None:
    if following is None:
        return None
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return f'<?{urlencode([*kept, ("cursor", following)])}>; rel="next"'


def _mark(question: Mapping[str, Any]) -> str:
    asked = json.dumps(question, sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:_MARK]
