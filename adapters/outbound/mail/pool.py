"""A few connections to the mail server, lent to whichever thread has a letter to send.

An audience is 24,453 schools: to greet, secure and sign in anew for each of them would take all day, and more
connections at once than a server allows would be refused.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from adapters.outbound.mail.session import Deadline, MailSession

#: How many there are at the most. Microsoft's service allows three for one account.
CONNECTIONS: Final = 3
#: How many letters one carries before it is closed.
LETTERS: Final = 100
#: How long one may lie idle and still be used, in seconds; most servers then wait on for minutes.
IDLE_S: Final = 30.0


class NoConnection(TimeoutError):
    """All of them were in use for the whole time."""


class MailPool:
    """Connections that are used again; threads share it."""

    def __init__(
        self,
        open_session: Callable[[Deadline], MailSession],
        *,
        most: int = CONNECTIONS,
        letters: int = LETTERS,
        idle_s: float = IDLE_S,
    ) -> None:
        """Prepare; none is made yet.

        Args:
            open_session: makes one.
            most: how many there are at the most.
            letters: how many letters one carries.
            idle_s: how long one may lie idle and still be used, in seconds.
        """
        self._open = open_session
        self._room = threading.BoundedSemaphore(most)
        self._letters = letters
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._idle: list[MailSession] = []
        self._closed = False

    @contextmanager
    def lend(self, deadline: Deadline) -> Iterator[MailSession]:
        """Lend a connection to carry one letter; one that breaks, or is `spent`, is not used again.

        Raises:
            NoConnection: none was free in time.
            OSError: none could be made.
        """
        if not self._room.acquire(timeout=deadline.left_s()):
            raise NoConnection
        try:
            session = self._ready(deadline)
            try:
                yield session
            except BaseException:
                session.close()
                raise
            self._take_back(session)
        finally:
            self._room.release()

    def close(self) -> None:
        """Close those that lie idle now, and each that is lent when it comes back."""
        with self._lock:
            self._closed, left, self._idle = True, self._idle, []
        for session in left:
            session.say_good_bye()

    def _ready(self, deadline: Deadline) -> MailSession:
        session = self._idle_one(deadline) or self._open(deadline)
        session.carried += 1
        return session

    def _idle_one(self, deadline: Deadline) -> MailSession | None:
        """Return the one that was used last, if it still lives."""
        while True:
            with self._lock:
                if not self._idle:
                    return None
                session = self._idle.pop()
            if time.monotonic() - session.used_at > self._idle_s:
                session.say_good_bye()
                continue
            session.deadline = deadline
            if session.is_alive():
                return session
            session.close()

    def _take_back(self, session: MailSession) -> None:
        session.used_at = time.monotonic()
        keep = not session.spent and session.carried < self._letters
        with self._lock:
            keep = keep and not self._closed
            if keep:
                self._idle.append(session)
        if session.spent:
            session.close()
        elif not keep:
            session.say_good_bye()
