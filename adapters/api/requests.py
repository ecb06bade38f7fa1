"""What surrounds every request: one line of log, an answer whatever happens, and HEAD as GET without a body.

The line holds the method, the route's template, the status, the time and who asked: never the address asked
for, a query, a body, a header or a key.
"""

import time
from collections.abc import Callable
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.errors import Internal
from adapters.api.places import path_in
from workflow.log import get_log

#: Methods that are logged by name.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
#: Probes come every few seconds: their lines are for who looks for them.
QUIET: Final = frozenset({"/healthz", "/readyz", "/metrics"})

_log = get_log("api")
Answer = Callable[[Internal], ASGIApp]
#: What is said for the status where nobody was answered.
GONE: Final = "gone"
#: Takes method, route, status and seconds of a request that is over.
Count = Callable[[str, str, str, float], None]


class Requests:
    """Logs and counts each request: stands around everything that may answer it."""

    def __init__(self, app: ASGIApp, *, count: Count, timer: Callable[[], float] = time.monotonic) -> None:
        """Stand around `app`.

        Args:
            app: who answers.
            count: is told of each request but probes.
            timer: tells seconds that never go back.
        """
        self._app = app
        self._count = count
        self._timer = timer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and log it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s, status = self._timer(), 0
        scope.setdefault("state", {})

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            self._say(scope, status or GONE, self._timer() - begun_s)

    def _say(self, scope: Scope, status: int | str, took_s: float) -> None:
        method, route = method_of(scope), template_of(scope) or "none"
        actor = scope["state"].get("actor")
        told = {
            "method": method,
            "route": route,
            "status": status,
            "took_s": round(took_s, 4),
            "actor": None if actor is None else actor.id,
        }
        if path_in(scope) in QUIET:
            _log.debug("request.answered", **told)
        else:
            _log.info("request.answered", **told)
            self._count(method, route, str(status), took_s)


class Answered:
    """Answers whatever happens."""

    def __init__(self, app: ASGIApp, *, answer: Answer) -> None:
        """Stand in front of `app`.

        Args:
            app: who answers.
            answer: makes the answer where nobody else made one.
        """
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        has_begun = False

        async def sending(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            return  # nobody is there to be answered
        except Exception:
            if scope["type"] != "http":
                raise
            _log.exception("request.failed", method=method_of(scope), route=template_of(scope) or "none")
            if has_begun:
                raise  # what was begun cannot be taken back: the server cuts it off
            await self._answer(Internal())(scope, receive, send)


class HeadAsGet:
    """Answers HEAD as it answers GET, without the body (RFC 9110, 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of `app`."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        asked = dict(scope, method="GET")
        try:
            await self._app(asked, receive, sending)
        finally:
            if "route" in asked:
                scope["route"] = asked["route"]


def method_of(scope: Scope) -> str:
    """Return a request's method, if it is one that is known; else `other`."""
    return scope["method"] if scope["method"] in METHODS else "other"


def template_of(scope: Scope) -> str:
    """Return the template of the route that answered: `/v1/calls/{call}`, never what was asked for.

    Empty where no route did.
    """
    return str(getattr(scope.get("route"), "path", ""))
