"""What the tests of delivery share: an engine with a call, and a real HTTP receiver that answers as told."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest

from tests.databases.lent import NewEngine
from workflow import CallView, Engine
from workflow.testing import new_call, officer


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    """Return an engine that gives up early where the database is locked."""
    return new_engine(lock_timeout_s=0.05)


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Open the call, before there is any endpoint."""
    return engine.open_call(new_call(), actor=officer())


class Receiver:
    """Somebody else's system: takes POSTs on 127.0.0.1, remembers them, and answers as it was told."""

    def __init__(self, port: int = 0) -> None:
        #: What came: path, headers in small letters, the body's bytes, and whose connection it came by.
        self.requests: list[dict[str, Any]] = []
        #: Answers one request by way of its handler; without one: 204.
        self.answer: Callable[[BaseHTTPRequestHandler], object] = self.says(204)
        self.server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self.port = self.server.server_port
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}/eoi-events"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def events(self) -> list[dict[str, Any]]:
        """The CloudEvents that came, in order."""
        return [json.loads(request["body"]) for request in self.requests]

    @staticmethod
    def says(status: int, body: bytes = b"", **headers: str) -> Callable[[BaseHTTPRequestHandler], object]:
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

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            receiver.requests.append(
                {
                    "path": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": self.rfile.read(int(self.headers["Content-Length"])),
                    "from": self.client_address,
                }
            )
            receiver.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Lend a receiver that listens."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver_at() -> Callable[[int], Receiver]:
    """Return what builds a receiver on a port; 0: one that is free."""
    return Receiver
