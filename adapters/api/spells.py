"""A spell in which some are refused: told once as it begins, and once when nobody was for some time.

On the brink one is refused and the next one let in, hundreds of times a second: that is one spell.
"""

import time
from collections.abc import Callable
from typing import Final

#: How long nobody must have been refused for a spell to be over, in seconds.
QUIET_S: Final = 5.0


class Spell:
    """Knows whether one lasts; for one event loop."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        """Begin with none.

        Args:
            timer: tells seconds that never go back.
        """
        self._timer = timer
        #: When one was last refused, by the timer; None: no spell lasts.
        self._refused_s: float | None = None

    def is_begun(self) -> bool:
        """Note that one is refused; return whether a spell begins with that."""
        begins = self._refused_s is None
        self._refused_s = self._timer()
        return begins

    def is_over(self) -> bool:
        """Note that one is let in; return whether a spell is over with that."""
        if self._refused_s is None or self._timer() - self._refused_s < QUIET_S:
            return False
        self._refused_s = None
        return True
