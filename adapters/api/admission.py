"""A fair answer under overload: whoever could not be answered in time is told so at once, and when to return.

What waits is bounded in time, not in number: how long a newcomer would wait is how many are under way, times
how much time each of those that were answered lately took of a queue that long (Little's law). Before any
was, each is taken to take as long as on a small machine. A request is under way once its body is there, so
that whoever sends slowly keeps nobody out; it is looked at then once more, since many may have been let in
while it came. Those who are refused together are told different seconds, or all would come back together.
"""

import math
import random
import time
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.errors import Overloaded
from workflow.log import get_log

#: So many are always let in: however slow the last ones were, the next ones show whether that is over.
ALWAYS: Final = 8
#: How many requests are open at once at the most, those that are still being sent among them.
OPEN: Final = 1_000
#: How much time each takes as long as none was answered, in seconds: fifty a second.
FIRST_S: Final = 0.02
#: What the last request counts for in how much time each takes.
WEIGHT: Final = 0.05
#: The longest that anybody is asked to wait, in seconds.
LONGEST_WAIT_S: Final = 30
#: The same where too many are open, of whom nobody knows when they end.
OPEN_WAIT_S: Final = 5
#: What is never refused, since others decide by it what to do.
FREE: Final = frozenset({"/healthz", "/readyz", "/metrics"})

_log = get_log("api")
Refuse = Callable[[Overloaded], ASGIApp]


class Admission:
    """Lets requests in for as long as they can be answered in time."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        refuse: Refuse,
        within_s: float,
        most: int = OPEN,
        timer: Callable[[], float] = time.monotonic,
        dice: Callable[[], float] = random.random,
    ) -> None:
        """Stand in front of `app`.

        Args:
            app: who answers.
            refuse: makes the answer of an error.
            within_s: how long a request may wait, in seconds: as long as a close waits for what came in time.
            most: how many may be open at once.
            timer: tells seconds that never go back.
            dice: gives random numbers, 0 <= number < 1, for when whom is told to come back.
        """
        self._app = app
        self._refuse = refuse
        self._within_s = within_s
        self._most = most
        self._timer = timer
        self._dice = dice
        #: How many are open, and how many of them are there whole.
        self.open = 0
        self.under_way = 0
        #: How much time each takes of those that wait, in seconds.
        self.share_s = FIRST_S
        self._full = False

    @property
    def wait_s(self) -> float:
        """How long one more would wait, in seconds."""
        return self.share_s * (self.under_way + 1)

    @property
    def is_slow(self) -> bool:
        """Whether one more would wait for too long."""
        return self.under_way >= ALWAYS and self.wait_s > self._within_s

    @property
    def is_full(self) -> bool:
        """Whether nobody is let in now."""
        return self.is_slow or self.open >= self._most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http" or scope["path"] in FREE:
            await self._app(scope, receive, send)
        elif self.is_full:
            await self._refuse(self._overloaded())(scope, receive, send)
        else:
            self._say(full=False)
            await self._let_in(scope, receive, send)

    def _overloaded(self) -> Overloaded:
        self._say(full=True)
        return Overloaded(retry_after_s=self._back_in_s())

    def _back_in_s(self) -> int:
        """Return when one is to come back, in whole seconds: from 1 to as long as it would wait now."""
        longest_s = max(math.ceil(self.wait_s), OPEN_WAIT_S if self.open >= self._most else 1)
        return 1 + int(self._dice() * min(LONGEST_WAIT_S, longest_s))

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun: tuple[float, int] | None = None

        async def receiving() -> Message:
            nonlocal begun
            message = await receive()
            if begun is None and message["type"] == "http.request" and not message.get("more_body"):
                if self.is_slow:
                    raise self._overloaded()
                self.under_way += 1
                begun = self._timer(), self.under_way
            return message

        self.open += 1
        try:
            await self._app(scope, receiving, send)
        finally:
            self.open -= 1
            if begun is not None:
                self.under_way -= 1
                self._learn((self._timer() - begun[0]) / begun[1])

    def _learn(self, share_s: float) -> None:
        # One that hung tells no more about the next one than that it would have been too late.
        self.share_s += WEIGHT * (min(share_s, self._within_s) - self.share_s)

    def _say(self, *, full: bool) -> None:
        """Log when it begins to refuse, and when that is over; not each time."""
        if full and not self._full:
            _log.warning("api.overloaded", under_way=self.under_way, open=self.open)
        elif self._full and not full:
            _log.info("api.recovered", under_way=self.under_way)
        self._full = full
