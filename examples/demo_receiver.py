"""Somebody else's system: a real HTTP receiver on 127.0.0.1 that takes webhooks and remembers their order."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Receiver:
    """Listens on a free port of 127.0.0.1 while it is used in a `with`."""

    def __init__(self) -> None:
        """Take a port; nothing is answered yet."""
        #: The CloudEvents that came, in the order of their coming.
        self.events: list[dict[str, Any]] = []
        self._came = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def host(self) -> str:
        """Host and port, as EOI_WEBHOOK_ALLOW wants them."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """Where it takes webhooks."""
        return f"http://{self.host}/eoi-events"

    def take(self, event: dict[str, Any]) -> None:
        """Remember an event, and wake who waits for it."""
        with self._came:
            self.events.append(event)
            self._came.notify_all()

    def wait_until(self, told: Callable[[list[dict[str, Any]]], bool], *, timeout_s: float = 30.0) -> bool:
        """Wait until `told(events)`; False if it is not so within the timeout."""
        with self._came:
            return self._came.wait_for(lambda: told(self.events), timeout=timeout_s)

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening, and give the port back."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.take(json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the story is told elsewhere."""

    return Handler
