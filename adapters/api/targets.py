"""What a request is for, said with the whole address: `GET http://host/v1/calls HTTP/1.1`.

Clients say it so to proxies; a server must accept it, and takes the host from there (RFC 9112, 3.2.2).
"""

import re
from typing import Final
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

_ABSOLUTE: Final = re.compile(
    rb"https?://([^/@]*@)?(?P<host>[^/@]+)(?P<path>/.*)?", re.IGNORECASE | re.DOTALL
)


class OriginForm:
    """Hands each request on as if it had named its path alone."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        found = _ABSOLUTE.fullmatch(scope["raw_path"]) if scope["type"] == "http" else None
        if found is not None:
            path = found["path"] or b"/"
            headers = [each for each in scope["headers"] if each[0] != b"host"]
            headers.insert(0, (b"host", found["host"]))
            scope = dict(scope, path=unquote(path.decode("ascii")), raw_path=path, headers=headers)
        await self._app(scope, receive, send)
