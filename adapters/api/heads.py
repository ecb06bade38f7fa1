"""What a request's head may be: short, quickly read, and such that everybody reads the same request from it.

A proxy in front may take its end elsewhere than we do, and then the rest of one request for another one's
beginning (request smuggling). Servers differ in what they let through: here it is the same behind each.
"""

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.api.errors import BadRequest

#: The longest that a request's line and headers may be together, in bytes.
LONGEST_HEAD: Final = 32 * 1024
#: The longest that its path and query may be, as Apache takes them: each route is held against them.
LONGEST_LINE: Final = 8 * 1024
#: How many things a query may say: to read one takes as long as to read a hundred letters.
MOST_SAID: Final = 100
#: What stands between a header's name and its value, and behind that, in bytes.
_AROUND: Final = len(b": \r\n")

Refuse = Callable[[BadRequest], ASGIApp]


class Heads:
    """Lets a request in whose head is short and says once where its body ends."""

    def __init__(self, app: ASGIApp, *, refuse: Refuse) -> None:
        """Stand in front of `app`; `refuse` makes the answer of an error."""
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it in, or refuse it."""
        wrong = _wrong_with(scope) if scope["type"] == "http" else None
        app = self._app if wrong is None else self._refuse(BadRequest(wrong))
        await app(scope, receive, send)


def _wrong_with(scope: Scope) -> str | None:
    line = _line(scope)
    if line + _headers(scope) > LONGEST_HEAD:
        return f"A request's line and headers come to {LONGEST_HEAD:,} bytes at the most."
    if line > LONGEST_LINE:
        return f"A request's path and query come to {LONGEST_LINE:,} bytes at the most."
    if scope["query_string"].count(b"&") >= MOST_SAID:
        return f"A query says {MOST_SAID} things at the most."
    if _ends_twice(scope):
        return "Content-Length and Transfer-Encoding each say where the body ends: send one of them."
    return None


def _line(scope: Scope) -> int:
    """Return how long its line is, but for what is the same in every request."""
    return len(scope.get("raw_path") or b"") + len(scope["query_string"])


def _headers(scope: Scope) -> int:
    return sum(len(name) + len(value) + _AROUND for name, value in scope["headers"])


def _ends_twice(scope: Scope) -> bool:
    """Return whether the body's end is told in two ways (RFC 9112, 6.1)."""
    names = {name for name, _ in scope["headers"]}
    return b"transfer-encoding" in names and b"content-length" in names
