"""A server of our own that answers as a test says, rightly or not, and remembers what it was asked."""

import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from tests.servers.answering import Fault

#: What never comes is waited for no longer than this, in seconds, between two bytes that drip.
DRIP_S: Final = 0.05
#: How many bytes drip at the most: a client that reads on is found out by then.
DROPS: Final = 100


@dataclass(frozen=True, slots=True)
class Heard:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Answers each request with the next of its answers; the last one stands for all that follow."""

    def __init__(self, *answers: Fault, certified: ssl.SSLContext | None = None) -> None:
        """Take its answers; `certified`: it is to be spoken to by TLS."""
        self.answers = list(answers)
        self.heard: list[Heard] = []
        self.gone = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        if certified is not None:
            self._server.socket = certified.wrap_socket(self._server.socket, server_side=True)
            self.url = f"https://localhost:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def keys(self) -> list[str | None]:
        """The idempotency keys that came, in order."""
        return [each.headers.get("idempotency-key") for each in self.heard]

    def answer(self, handler: Any) -> None:
        """Answer one request."""
        length = int(handler.headers.get("Content-Length") or 0)
        said = {name.lower(): value for name, value in handler.headers.items()}
        self.heard.append(Heard(handler.command, handler.path, said, handler.rfile.read(length)))
        (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])(handler)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Be there no more; twice is harmless."""
        self.gone.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def receiver(*answers: Fault, certified: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Lend a server that answers so."""
    found = Receiver(*answers, certified=certified)
    found.start()
    try:
        yield found
    finally:
        found.close()


class _Server(ThreadingHTTPServer):
    """A server that says nothing of clients that go in the middle of an answer."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of every other failure."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def _handler(found: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found.answer(self)

        do_POST = do_PUT = do_DELETE = do_CONNECT = do_GET  # noqa: N815 -- as the library calls them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection, the request being read, without an answer."""
    handler.close_connection = True


def drips(head: bytes, drop: bytes) -> Fault:
    """Return an answer that begins with `head` and goes on in drops for longer than anybody should read."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        pause = threading.Event()
        try:
            handler.wfile.write(head)
            for _ in range(DROPS):
                pause.wait(DRIP_S)
                handler.wfile.write(drop)
        except OSError:
            return

    return answer
