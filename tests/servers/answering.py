"""What a server of a test answers with, whoever it stands in for."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

#: Answers one request, rightly or not.
Fault = Callable[[BaseHTTPRequestHandler], object]


def says(status: int, body: str | bytes = b"", **headers: str) -> Fault:
    """Return an answer; in names of headers, `_` stands for `-`."""
    content = body.encode() if isinstance(body, str) else body

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        try:
            handler.wfile.write(content)
        except OSError:  # nobody reads a long answer to its end
            handler.close_connection = True

    return answer
