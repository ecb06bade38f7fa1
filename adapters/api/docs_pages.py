"""The documentation of the API, as pages that need no other server and run nothing but our own files.

Swagger UI comes with the package fastapi-offline, of which only the files are used. What starts it stands in
a file of its own, so that no script in the page itself has to be allowed (Content-Security-Policy).
"""

import json
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.types import Receive, Scope, Send

from adapters.api.errors import JSON
from adapters.api.headers import DOCS

#: Where what the pages show is, as one document.
DOCUMENT: Final = "/openapi.json"
#: Below how many places the document is kept, as it is written there.
PLACES: Final = 4
#: The page.
PAGE: Final = f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>eoi-workflow: the API</title>
<link rel="stylesheet" href=".{DOCS}/swagger-ui.css">
</head>
<body>
<main id="swagger-ui"></main>
<noscript>The same as a document: <a href="./openapi.json">openapi.json</a></noscript>
<script src=".{DOCS}/swagger-ui-bundle.js"></script>
<script src=".{DOCS}/begin.js"></script>
</body>
</html>
"""
#: What starts Swagger UI in it. No key is kept by the browser, and nothing is sent to another's validator.
BEGIN: Final = """\
SwaggerUIBundle({
  url: "./openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
"""
#: File -> its type.
FILES: Final = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}


def enter_document(api: FastAPI) -> None:
    """Let the program tell what it can be asked; written once, since anybody may ask for it at any time."""

    @lru_cache(PLACES)
    def written(root: str) -> bytes:
        told = api.openapi() | ({"servers": [{"url": root}]} if root else {})
        return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()

    async def show_document(request: Request) -> Response:
        root = request.scope.get("root_path", "").rstrip("/")
        return Response(await run_in_threadpool(written, root), media_type=JSON)

    api.add_route(DOCUMENT, show_document, include_in_schema=False)


def docs_router() -> APIRouter:
    """Return the routes of the pages."""
    router = APIRouter(include_in_schema=False)
    router.get(DOCS)(partial(_text, PAGE, "text/html"))
    router.get(f"{DOCS}/begin.js")(partial(_text, BEGIN, "text/javascript"))
    for name, kind in FILES.items():
        router.get(f"{DOCS}/{name}")(partial(_file, _folder() / name, kind))
    return router


def _folder() -> Path:
    """Return where the package's files are; nothing of it is imported."""
    found = find_spec("fastapi_offline")
    if found is None or found.origin is None:  # pragma: no cover -- the extra brings it
        raise ModuleNotFoundError(name="fastapi_offline")
    return Path(found.origin).parent / "static"


def _text(text: str, kind: str) -> Response:
    return Response(text, media_type=kind)


def _file(path: Path, kind: str) -> Response:
    return _Whole(path, media_type=kind, headers={"Accept-Ranges": "none"})


class _Whole(FileResponse):
    """A file that is always sent whole: whoever asks for a part may be given all of it (RFC 9110, 14.2)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        asked = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await super().__call__(dict(scope, headers=asked), receive, send)
