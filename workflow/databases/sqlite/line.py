"""Where the threads of one process wait for SQLite's write lock: the first one asks, the others stand behind.

SQLite tells nobody that its lock is free: who wants it asks again and again. Forty threads that each ask a
thousand times a second take the interpreter from the one that they wait for.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

#: How long whoever is first pauses between two tries, in seconds, unless somebody here gives the lock back:
#: other processes tell nobody. SQLite's own pauses grow to 100 ms, so that beside a busy writer others waited
#: over a second.
PAUSE_S: Final = 0.001


class Line:
    """One line of threads. A connection that shares none stands in one of its own."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._first = threading.Lock()
        self._freed = threading.Event()
        #: Who asks beside the line.
        self._beside = set[int]()

    def wait(self, had: Callable[[], bool], longest_s: float) -> bool:
        """Ask for a lock until it is had; return whether it was in time.

        Args:
            had: tries, and returns whether it is had.
            longest_s: how long at the most, in seconds; it is tried once at least by whoever is first.
        """
        give_up_at = time.monotonic() + longest_s
        if not self._first.acquire(timeout=max(0.0, longest_s)):
            return False
        try:
            while True:
                self._freed.clear()  # before the try: what is given back after it wakes us
                if (not self._beside or time.monotonic() > give_up_at) and had():
                    return True
                if time.monotonic() > give_up_at:
                    return False
                self._freed.wait(PAUSE_S)
        finally:
            self._first.release()

    def ask_beside(self, had: Callable[[], bool], longest_s: float) -> bool:
        """Ask for a lock as `wait` does, before anybody in the line: for whom its turn would come too late.

        A sweep that waits briefly for each call would never come to its turn while the line is long. Whoever
        is first leaves the lock to it for so long; it is tried once at least.
        """
        give_up_at = time.monotonic() + longest_s
        me = threading.get_ident()
        self._beside.add(me)
        try:
            while not had():
                if time.monotonic() > give_up_at:
                    return False
                self._freed.wait(PAUSE_S)
            return True
        finally:
            self._beside.discard(me)

    def call(self) -> None:
        """Let whoever is first ask at once: the lock was given back, perhaps."""
        self._freed.set()
