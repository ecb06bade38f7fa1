"""Requests put to a program as a server would put them: byte by byte, as odd as one likes."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.types import ASGIApp, Message, Scope

#: The address that a request comes from, unless it is said.
ADDRESS: Final = "203.0.113.7"
JSON: Final = ("Content-Type", "application/json")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def said(self) -> list[tuple[str, str]]:
        """Return the headers but for the request's own name."""
        return [each for each in self.headers if each[0] != "x-request-id"]

    @property
    def json(self) -> Any:
        """Return what the body says."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Return a problem's code, of which everything else is as RFC 9457 wants it."""
        told = self.json
        assert self.header("content-type") == "application/problem+json"
        assert (told["status"], told["type"]) == (self.status, f"urn:eoi:problem:{told['code']}")
        assert told["title"]
        assert told["detail"]
        return str(told["code"])

    def header(self, name: str) -> str | None:
        """Return a header that is there once at the most."""
        found = [value for each, value in self.headers if each.lower() == name.lower()]
        assert len(found) <= 1
        return found[0] if found else None


def key(token: str) -> tuple[str, str]:
    """Return the header that carries a key."""
    return ("Authorization", f"Bearer {token}")


def ask(app: ASGIApp, method: str, path: str, *headers: tuple[str, str], **how: Any) -> Answer:
    """Return the answer to one request; see `asked`."""
    return asyncio.run(asked(app, method, path, *headers, **how))


async def asked(
    app: ASGIApp,
    method: str,
    path: str,
    *headers: tuple[str, str],
    body: bytes | Sequence[bytes] = b"",
    then: str = "",
    address: str = ADDRESS,
    scheme: str = "http",
    query: bytes = b"",
) -> Answer:
    """Return the answer to one request.

    Args:
        app: who answers.
        method: `GET` and so on.
        path: as a server hands it on, decoded.
        headers: names and values, as often as they are given.
        body: in one piece, or in several.
        then: what follows the last piece: nothing (it is the last), `hangs`, or `goes` (the client).
        address: where it comes from.
        scheme: `http` or `https`.
        query: what stands behind the question mark.
    """
    pieces, sent = [body] if isinstance(body, bytes) else list(body), list[Message]()

    async def receive() -> Message:
        if not pieces and then != "goes":
            await asyncio.Event().wait()  # as a server does while the client stays
        if not pieces:
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces or then)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": (address, 50000),
        "server": ("127.0.0.1", 8000),
    }
    await app(scope, receive, send)
    if not sent:
        return Answer(0, [], b"")
    start, *rest = sent
    told = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    return Answer(start["status"], told, b"".join(each.get("body", b"") for each in rest))
