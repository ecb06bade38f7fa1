"""Somebody else's systems on 127.0.0.1.

One answers, by TLS where that is wished; one must hear nothing.
"""

import select
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = Callable[[BaseHTTPRequestHandler], object]


@dataclass(frozen=True)
class Taken:
    """One request as it came."""

    path: str
    #: Every header as it stood, in order.
    headers: tuple[tuple[str, str], ...]
    body: bytes
    #: Whose connection it came by.
    peer: tuple[str, int]

    def header(self, name: str) -> str:
        """Return the only value of a header."""
        (value,) = [text for each, text in self.headers if each.lower() == name]
        return value

    @property
    def named(self) -> dict[str, str]:
        """The headers as receivers' libraries like them."""
        return {name.lower(): value for name, value in self.headers}


def says(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Return an answer; in names of headers, `_` stands for `-`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status != 204:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


class Receiver:
    """Takes POSTs, remembers them, and answers as it was told; without being told: 204."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.taken: list[Taken] = []
        #: The names that were asked for in the TLS handshakes.
        self.asked_for: list[str | None] = []
        self.answer: Answer = says(204)
        self._server = _Server(("127.0.0.1", 0), _handler(self), context)
        self.port: int = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        if context:
            context.sni_callback = lambda _, name, __: self.asked_for.append(name)

    def url(self, host: str = "127.0.0.1") -> str:
        """Return where to POST by http."""
        return f"http://{host}:{self.port}/eoi-events"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def __init__(self, address: tuple[str, int], handler: Any, context: ssl.SSLContext | None) -> None:
        super().__init__(address, handler)
        self._context = context

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self._context is None:
            super().finish_request(request, client_address)
            return
        try:
            request = self._context.wrap_socket(request, server_side=True)
        except OSError:
            return  # The other side did not like the certificate.
        with request:
            super().finish_request(request, client_address)


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = tuple(self.headers.items())
            receiver.taken.append(Taken(self.path, headers, body, self.client_address))
            receiver.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class Trap:
    """A service inside, which no webhook may reach: it hears every connection that is even tried."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]

    def heard(self) -> bool:
        """Return whether anybody has connected."""
        readable, _, _ = select.select([self._socket], [], [], 0)
        return bool(readable)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
