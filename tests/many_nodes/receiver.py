"""A real HTTP receiver on 127.0.0.1, which remembers what came, by its own clock, and who sent it."""

import json
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

from tests.clock import now


class Came(NamedTuple):
    """One POST, as it came."""

    at: datetime
    path: str
    body: bytes
    #: What stands behind the product's name in its User-Agent.
    sender: str

    @property
    def event(self) -> dict[str, Any]:
        """Return the CloudEvent."""
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def id(self) -> str:
        """Return the event's id."""
        return str(self.event["id"])


class Receiver:
    """Takes POSTs on every path, while it is used in a `with`."""

    def __init__(self) -> None:
        """Take a port; nothing is answered yet."""
        #: All that came, in the order of its coming.
        self.came: list[Came] = []
        #: Is told of each POST before it is answered.
        self.before_answer: Callable[[Came], object] = id
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def url(self, path: str) -> str:
        """Return where something is taken."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def take(self, path: str, body: bytes, sender: str) -> None:
        """Remember it."""
        with self._lock:
            came = Came(now(), path, body, sender)
            self.came.append(came)
        self.before_answer(came)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of whoever is killed before the answer comes."""


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            body = self.rfile.read(size)
            if len(body) < size:  # Its sender was killed amid it.
                return
            receiver.take(self.path, body, self.headers["User-Agent"].partition("/")[2])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
