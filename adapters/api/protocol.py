"""What one connection may do to the server: how it is asked, read and answered; and how many there may be.

Without a proxy in front, anybody connects. Each bound is on what costs us something: heads that never end,
answers that nobody reads, descriptors.
"""

import sys
import time
from asyncio import Transport
from collections.abc import Callable
from functools import partial
from typing import ClassVar, Final, NamedTuple

from h11 import IDLE, SEND_RESPONSE, Data, EndOfMessage, Response

from adapters.api.answers import problem_of
from adapters.api.errors import BadRequest
from adapters.api.headers import ALWAYS, NOTHING
from adapters.api.portions import PortionedProtocol
from adapters.api.spells import Spell
from adapters.api.unseen import NAME, since_data
from workflow.log import get_log

if sys.platform != "win32":
    import resource

#: How long a connection may take to say what it asks for, and how often it is looked at, in seconds; what it
#: does wrong is noticed within twice that.
HEAD_S: Final = 10.0
#: How much of an answer must be read in a second, in bytes, once the system's own buffers are full of it.
LEAST_READ: Final = 1024
#: How many connections there may be at once at the most; fewer where the process may not have so many files.
MOST: Final = 4096
#: How many files are left to others: the database, receivers, libraries.
LEFT: Final = 128

_log = get_log("api")


def most_connections() -> int:
    """Return how many connections there may be at once, so that the process never runs out of descriptors."""
    if sys.platform == "win32":
        return MOST
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else max(1, min(MOST, soft - LEFT))


class Crowd:
    """How many connections there may be; for one event loop."""

    def __init__(self, most: int, timer: Callable[[], float] = time.monotonic) -> None:
        """Let so many in; `timer` tells seconds that never go back."""
        self._most = most
        self._spell = Spell(timer)

    def has_room(self, count: int) -> bool:
        """Return whether there may be so many; log when there are too many, and when that is over."""
        full = count > self._most
        if full and self._spell.is_begun():
            _log.warning("server.full", connections=self._most)
        elif not full and self._spell.is_over():
            _log.info("server.has-room", connections=count)
        return not full


class _Look(NamedTuple):
    """What a connection was seen to do."""

    #: The request that was answered last, or is being.
    cycle: object
    #: Whether it waits for the next one's head.
    waits: bool
    #: How much of answers has not been taken, in bytes.
    unread: int


class WatchedProtocol(PortionedProtocol):
    """Says as a problem what is no HTTP at all, and closes what says nothing, or is read too slowly."""

    crowd: ClassVar[Crowd]

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as theirs
        """Begin to look at it now and then; let each of its requests be asked how long it waited unseen."""
        super().connection_made(transport)
        if not self.crowd.has_room(len(self.connections)):
            transport.abort()
            return
        self.app_state = self.app_state | {NAME: partial(since_data, transport.get_extra_info("socket"))}
        self.loop.call_later(HEAD_S, self._look, self._seen())

    def _look(self, before: _Look) -> None:
        """Close it where it waits for the same head as at the last look (slowloris), or is hardly read."""
        now = self._seen()
        if self.transport.is_closing() and not now.unread:
            return  # else it closes only once somebody has read the rest
        # Else another answer may have been added to what is not read.
        is_same = now.cycle is before.cycle and now.waits == before.waits
        if is_same and before.unread and now.unread > max(0, before.unread - LEAST_READ * HEAD_S):
            self.transport.abort()  # to close it would wait for who reads
        elif is_same and now.waits and not now.unread:
            self.transport.close()
        else:
            self.loop.call_later(HEAD_S, self._look, now)

    def _seen(self) -> _Look:
        waits = self.cycle is None or self.cycle.response_complete
        return _Look(self.cycle, waits, self.transport.get_write_buffer_size())

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: whoever asks for another protocol is answered in this one (RFC 9110, 7.8)."""

    def send_400_response(self, msg: str) -> None:
        """Answer, and close the connection; where the request has its answer already, only that."""
        if self.conn.our_state not in (IDLE, SEND_RESPONSE):
            self.transport.close()
            return
        answer = problem_of(BadRequest(self.conn.wrong))
        headers = [
            *answer.raw_headers,
            (b"Content-Security-Policy", NOTHING.encode()),
            *((name.encode(), value.encode()) for name, value in ALWAYS.items()),
        ]
        del msg
        body = Data(data=bytes(answer.body))
        for event in (Response(status_code=answer.status_code, headers=headers), body, EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def watched(crowd: Crowd) -> type[WatchedProtocol]:
    """Return the class of the connections of one crowd."""
    return type("ProtocolOfCrowd", (WatchedProtocol,), {"crowd": crowd})
