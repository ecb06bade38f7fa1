"""What a server answers with, as documents: the form of the views, and problems."""

import json
from http.server import BaseHTTPRequestHandler
from typing import Any, Final

from tests.servers.answering import Fault, says

EOI: Final = "0186e27e-7a80-7000-8000-0000000000e1"
CALL: Final = "0186e27e-7a80-7000-8000-0000000000c1"
RECEIPT: Final[dict[str, Any]] = {
    "eoi_id": EOI,
    "trigger": "submit",
    "source": "draft",
    "state": "submitted",
    "version": 2,
    "at": "2023-03-16T12:00:00Z",
    "event_id": f"{EOI}:2",
    "replayed": False,
}
ENDPOINT: Final[dict[str, Any]] = {
    "id": "0186e27e-7a80-7000-8000-0000000000d1",
    "courier": "webhook",
    "url": "https://council.example/eoi",
    "events": ["*"],
    "created_at": "2023-03-16T12:00:00Z",
    "secret": "whsec_SECRET",
}


def tells(document: object, status: int = 200, **headers: str) -> Fault:
    """Return an answer that is a document."""
    return says(status, json.dumps(document), **headers)


def refuses(status: int, code: str, **headers: str) -> Fault:
    """Return a problem."""
    told = json.dumps({"type": f"urn:eoi:problem:{code}", "status": status, "code": code, "detail": "No."})
    return says(status, told, **{"Content-Type": "application/problem+json"}, **headers)


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Begin an answer and end it in the middle."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    handler.close_connection = True
