"""A server of ours in this process, whose threads somebody holds up; and one who asks it."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any, Final, NamedTuple, Self
from urllib.parse import urlsplit

import anyio.to_thread
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.app import Surroundings, build_api
from adapters.api.door import Door
from adapters.api.server import ApiServer
from tests.api.routes.around import AROUND
from workflow import Actor, Engine
from workflow.testing import school

#: How long anything may take before a test gives up, in seconds.
PATIENCE_S: Final = 60.0
#: Comes before each request is authenticated, in its thread.
Hold = Callable[[], object]


class Answer(NamedTuple):
    """What somebody was told."""

    status: int
    body: Any
    retry_after: str | None


class Threads:
    """Sets how many threads the program behind it has; knows how many requests have come in whole."""

    def __init__(self, app: ASGIApp, threads: int) -> None:
        self._app, self._threads = app, threads
        self._loop: asyncio.AbstractEventLoop | None = None
        self._came = 0
        self._changed = threading.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the program does."""
        self._loop = asyncio.get_running_loop()
        anyio.to_thread.current_default_thread_limiter().total_tokens = self._threads

        async def receiving() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                # By then the program has done whatever it does with a request before it waits for anything.
                asyncio.get_running_loop().call_soon(self._count)
            return message

        await self._app(scope, receiving, send)

    def wait_for(self, count: int) -> None:
        """Wait until so many have come in."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._came >= count, PATIENCE_S)

    def hold_up(self, hold: Callable[[], object]) -> None:
        """Hold up the whole server, which has answered before; return once it is."""
        held = threading.Event()

        def hold_on() -> None:
            held.set()
            hold()

        assert self._loop is not None
        self._loop.call_soon_threadsafe(hold_on)
        assert held.wait(PATIENCE_S)

    def _count(self) -> None:
        with self._changed:
            self._came += 1
            self._changed.notify_all()


class Line:
    """A connection, kept alive, on which a school asks one thing after the other."""

    def __init__(self, host: str, port: int | None, school: int) -> None:
        self._line = HTTPConnection(host, port, timeout=PATIENCE_S)
        self._headers = {"Authorization": f"Bearer {school}", "Content-Type": "application/json"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._line.close()

    def send(self, method: str, path: str, *, key: str = "", body: object = None) -> None:
        """Ask; all of it has been sent then."""
        headers = self._headers | ({"Idempotency-Key": f'"{key}"'} if key else {})
        self._line.request(method, path, None if body is None else json.dumps(body), headers)

    def answer(self) -> Answer:
        """Return what is answered to what was sent."""
        answer = self._line.getresponse()
        return Answer(answer.status, json.loads(answer.read()), answer.headers.get("Retry-After"))


class Served:
    """A server, and how to ask it; whoever asks is the school that the key names."""

    def __init__(self, url: str, threads: Threads) -> None:
        where = urlsplit(url)
        self._where = str(where.hostname), where.port
        self.threads = threads

    def ask(self, method: str, path: str, *, school: int = 0, key: str = "", body: object = None) -> Answer:
        """Return what it answers."""
        with self.line(school) as line:
            line.send(method, path, key=key, body=body)
            return line.answer()

    def line(self, school: int = 0) -> Line:
        """Return a connection of its own."""
        return Line(*self._where, school)

    def submit(self, eoi_id: str, *, school: int = 0, key: str = "") -> Answer:
        """Submit an EOI."""
        path = f"/v1/eois/{eoi_id}/transitions"
        return self.ask("POST", path, school=school, key=key, body={"trigger": "submit"})


@contextmanager
def serving(engine: Engine, *, threads: int, hold: Hold, wait_s: float = 2.0) -> Iterator[Served]:
    """Lend a server with so many threads, each of which is held up by `hold` before it does anything."""

    def authenticate(request: Request) -> Actor:
        hold()
        return school(request.headers["authorization"].removeprefix("Bearer "))

    around = Surroundings(operation=AROUND.operation, wait_s=wait_s)
    api = Threads(build_api(Door(engine=engine, authenticate=authenticate), around), threads)
    server = ApiServer(api, host="127.0.0.1", port=0)
    server.start()
    try:
        yield Served(server.url, api)
    finally:
        server.close()
