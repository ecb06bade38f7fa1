"""Who was told to come again (503) has been there since they first came.

A submission that came in time, was put off, and comes again after the deadline is late, but not for want of
its sender. So its refusal is flagged, and an officer can let it in, as where a request waited unseen.

It is known again by what its head says: method, path, key, idempotency key, length. What has no idempotency
key is not known again; nor is it by another process, or after a restart. Nobody had read it when it was put
off. But all that can be let in later is a submission, and what it submits nobody could change any more.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import blake2b
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: How long after it was last put off a request may come again, in seconds: ten times the longest wait that
#: anybody is told.
KEPT_S: Final = 300.0
#: How many are remembered; for one more, whoever was put off longest ago is forgotten.
MOST: Final = 20_000
#: What whoever is put off is told; and what they may be told as they come again, too soon or with others.
_PUT_OFF: Final = 503
_TOO_OFTEN: Final = 429
#: Where a request's state has what tells how long ago it first came.
_NAME: Final = "put_off"
#: What tells a request from another one.
_SAID: Final = ("authorization", "idempotency-key", "content-length")


@dataclass(frozen=True, slots=True)
class _Came:
    """When a request came that was put off, in seconds of the timer."""

    first_s: float
    last_s: float


class PutOff:
    """Remembers who was put off; for one event loop."""

    def __init__(
        self, app: ASGIApp, *, timer: Callable[[], float] = time.monotonic, most: int = MOST
    ) -> None:
        """Stand in front of `app`.

        Args:
            app: who answers.
            timer: tells seconds that never go back.
            most: how many are remembered.
        """
        self._app = app
        self._timer = timer
        self._most = most
        #: By what they are known, who was last put off at the end.
        self._came: OrderedDict[bytes, _Came] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request go on, which knows since when it has been there."""
        mark = _mark(scope) if scope["type"] == "http" else None
        if mark is None:
            await self._app(scope, receive, send)
            return
        before = self._before(mark)
        first_s = self._timer() if before is None else before
        if before is not None:
            scope.setdefault("state", {})[_NAME] = lambda: timedelta(seconds=self._timer() - first_s)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(mark, first_s, message["status"])
            await send(message)

        await self._app(scope, receive, sending)

    def _before(self, mark: bytes) -> float | None:
        """Return when it first came; None where it was not put off, or too long ago."""
        came = self._came.get(mark)
        return None if came is None or self._timer() - came.last_s > KEPT_S else came.first_s

    def _note(self, mark: bytes, first_s: float, status: int) -> None:
        """Remember one that is to come again; forget one that was answered."""
        known = self._came.pop(mark, None)
        if status == _PUT_OFF or (known is not None and status == _TOO_OFTEN):
            self._came[mark] = _Came(first_s, self._timer())
        if len(self._came) > self._most:
            self._came.popitem(last=False)


def waited_put_off(scope: Scope) -> timedelta:
    """Return how long ago a request first came that was put off; 0 where it was not."""
    tell: Callable[[], timedelta] | None = scope.get("state", {}).get(_NAME)
    return timedelta() if tell is None else tell()


def _mark(scope: Scope) -> bytes | None:
    """Return by what a request is known again; None where it is not."""
    said = Headers(scope=scope)
    if "idempotency-key" not in said:
        return None
    parts = [scope["method"], scope["path"], *(said.get(name, "") for name in _SAID)]
    return blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
