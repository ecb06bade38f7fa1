"""How many requests are under way, and how long one more would wait for its answer.

That is how many there are, times how much time each of those that were answered lately took of a queue that
long (Little's law). Before any was, each is taken to take as long as on a small machine. Where none has ended
for some time, as when somebody holds the database, what was answered tells nothing: then it is as long as
those that are under way have waited already. One that is stuck among others that end tells nothing of those.
"""

import time
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.types import Scope

#: So many are always let in: however slow the last ones were, the next ones show whether that is over.
ALWAYS: Final = 8
#: How much time each takes as long as none was answered, in seconds: fifty a second.
FIRST_S: Final = 0.02
#: What the last request counts for in how much time each takes.
WEIGHT: Final = 0.05

#: Where a request's state has its turn.
_TURN: Final = "eoi_turn"


class Turns:
    """Counts what is under way; for one event loop."""

    def __init__(self, within_s: float, timer: Callable[[], float] = time.monotonic) -> None:
        """Begin with nothing.

        Args:
            within_s: how long one may wait, in seconds.
            timer: tells seconds that never go back.
        """
        self.within_s = within_s
        self.timer = timer
        #: How many are under way.
        self.under_way = 0
        #: How much time each takes of those that wait, in seconds.
        self.share_s = FIRST_S
        #: When each of those that are under way began, by the timer, added up.
        self._began_s = 0.0
        #: When one last ended, by the timer; or the first of those began that are under way.
        self._moved_s = timer()

    @property
    def wait_s(self) -> float:
        """How long one more would wait, in seconds."""
        return max(self.share_s * (self.under_way + 1), self._waited_s())

    @property
    def is_slow(self) -> bool:
        """Whether one more would wait for too long."""
        return self.under_way >= ALWAYS and self.wait_s > self.within_s

    def begin(self, now_s: float) -> int:
        """Let one more be under way from now on; return how many there are."""
        if not self.under_way:
            self._moved_s = now_s
        self.under_way += 1
        self._began_s += now_s
        return self.under_way

    def end(self, began_s: float, among: int) -> None:
        """Let one be under way no more that had been one among so many, and learn from it."""
        self.under_way -= 1
        self._began_s = self._began_s - began_s if self.under_way else 0.0
        self._moved_s = self.timer()
        # One that hung tells no more about the next one than that it would have been too late.
        share_s = min((self._moved_s - began_s) / among, self.within_s)
        self.share_s += WEIGHT * (share_s - self.share_s)

    def _waited_s(self) -> float:
        """Return how long the first one has waited, had they come evenly; 0 while others end."""
        now_s = self.timer()
        if not self.under_way or now_s - self._moved_s < self.within_s / 4:
            return 0.0
        return 2 * (now_s - self._began_s / self.under_way)


class Turn:
    """One request's: from when all of it is there to when its answer begins."""

    def __init__(self, turns: Turns, scope: Scope) -> None:
        """Let the request know of it; it has not begun."""
        self._turns = turns
        self._began: tuple[float, int] | None = None
        #: Whether it is over.
        self.is_over = False
        scope.setdefault("state", {})[_TURN] = self

    @property
    def has_begun(self) -> bool:
        """Whether it is under way, or was."""
        return self._began is not None or self.is_over

    def begin(self) -> None:
        """Be under way."""
        now_s = self._turns.timer()
        self._began = now_s, self._turns.begin(now_s)

    def end(self) -> None:
        """Be under way no more; once is enough."""
        if self._began is not None and not self.is_over:
            self._turns.end(*self._began)
        self.is_over = True


def step_aside(request: Request) -> None:
    """Let a request be under way no more that now waits for somebody outside: nobody else waits for that."""
    turn: Turn | None = request.scope.get("state", {}).get(_TURN)
    if turn is not None:
        turn.end()
