"""A server of ours in this process, whose threads somebody holds up; and one who asks it."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any, Final, NamedTuple
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
        self._came = 0
        self._changed = threading.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the program does."""
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

    def _count(self) -> None:
        with self._changed:
            self._came += 1
            self._changed.notify_all()


class Served:
    """A server, and how to ask it; whoever asks is the school that the key names."""

    def __init__(self, url: str, threads: Threads) -> None:
        where = urlsplit(url)
        self._where = str(where.hostname), where.port
        self.threads = threads

    def ask(self, method: str, path: str, *, school: int = 0, key: str = "", body: object = None) -> Answer:
        """Return what it answers."""
        headers = {"Authorization": f"Bearer {school}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": f'"{key}"'} if key else {}
        line = HTTPConnection(*self._where, timeout=PATIENCE_S)
        try:
            line.request(method, path, None if body is None else json.dumps(body), headers)
            answer = line.getresponse()
            return Answer(answer.status, json.loads(answer.read()), answer.headers.get("Retry-After"))
        finally:
            line.close()

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
