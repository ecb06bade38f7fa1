"""A fair answer under overload: whoever could not be answered in time is told so at once, and when to return.

What waits is bounded in time, not in number. A request counts from when its body is there, so that whoever
sends slowly keeps nobody out, to when its answer begins, so that whoever reads slowly does not either. It is
looked at once more as it begins, since many may have been let in while its body came. Those who are refused
together are told different seconds, or all would come back together.
"""

import math
import random
import time
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from adapters.api.errors import Overloaded
from adapters.api.places import path_in
from adapters.api.spells import Spell
from adapters.api.turns import Turn, Turns
from workflow.log import get_log

#: How many requests are open at once at the most, those that are still being sent among them.
OPEN: Final = 1_000
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
        self._most = most
        self._dice = dice
        #: What is under way.
        self.turns = Turns(within_s, timer)
        #: How many are open, those that are still being sent or read among them.
        self.open = 0
        self._spell = Spell(timer)

    @property
    def is_full(self) -> bool:
        """Whether nobody is let in now."""
        return self.turns.is_slow or self.open >= self._most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http" or path_in(scope) in FREE:
            await self._app(scope, receive, send)
        elif self.is_full:
            await self._refuse(self._overloaded())(scope, receive, send)
        else:
            if self._spell.is_over():
                _log.info("api.recovered", under_way=self.turns.under_way)
            await self._let_in(scope, receive, send)

    def _overloaded(self) -> Overloaded:
        if self._spell.is_begun():
            _log.warning("api.overloaded", under_way=self.turns.under_way, open=self.open)
        return Overloaded(retry_after_s=self._back_in_s())

    def _back_in_s(self) -> int:
        """Return when one is to come back, in whole seconds: from 1 to as long as it would wait now."""
        longest_s = max(math.ceil(self.turns.wait_s), OPEN_WAIT_S if self.open >= self._most else 1)
        return 1 + int(self._dice() * min(LONGEST_WAIT_S, longest_s))

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        turn = Turn(self.turns, scope)

        async def receiving() -> Message:
            message = await receive()
            is_whole = message["type"] == "http.request" and not message.get("more_body")
            if is_whole and not turn.has_begun:
                if self.turns.is_slow:
                    raise self._overloaded()
                turn.begin()
            return message

        async def sending(message: Message) -> None:
            turn.end()
            await send(message)

        self.open += 1
        try:
            await self._app(scope, receiving, sending)
        finally:
            self.open -= 1
            turn.end()
