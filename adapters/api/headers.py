"""What every answer says to browsers: that there is nothing here for them to run, keep, guess or frame.

Source: OWASP REST Security Cheat Sheet, "Security Headers".
"""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.places import path_in

#: Where the pages of the documentation are.
DOCS: Final = "/docs"
#: What a program's answer may do in a browser, and what the documentation may: what comes from here itself.
NOTHING: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
OWN: Final = f"{NOTHING}; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'"
#: Header -> what every answer says, unless it says something else of its own.
ALWAYS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
#: What is said to who came by https, for two years (RFC 6797).
HSTS: Final = "max-age=63072000"


class SecurityHeaders:
    """Adds them to every answer."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(scope, MutableHeaders(scope=message))
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


def _add(scope: Scope, headers: MutableHeaders) -> None:
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    path = path_in(scope)
    own = path == DOCS or path.startswith(f"{DOCS}/")
    headers.setdefault("Content-Security-Policy", OWN if own else NOTHING)
    if scope["scheme"] == "https":
        headers.setdefault("Strict-Transport-Security", HSTS)
