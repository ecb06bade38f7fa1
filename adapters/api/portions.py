"""How much of what has come on a connection is read at once, before others have their turns.

A body in chunks can be cut into crumbs: a byte each, of which a quarter of a megabyte holds forty thousand.
To read one takes as long as to read a kilobyte: all of those in one go would hold everybody up a second. So
it is with a head of thousands of lines, which cannot be read but in one go: that is not read at all.
"""

import re
from asyncio import Transport
from typing import Final

from h11 import IDLE, NEED_DATA, PAUSED, SERVER, Connection, Event, RemoteProtocolError
from uvicorn.protocols.http.h11_impl import H11Protocol

from adapters.api.heads import LONGEST_HEAD

#: How many pieces are read before others have their turns: a millisecond's worth.
AT_ONCE: Final = 50
#: How many lines a request's head may have, its first among them; Apache and gunicorn take as many headers.
MOST_LINES: Final = 101
# Where a head ends, as h11 finds it.
_END: Final = re.compile(rb"\n\r?\n")


class Portions(Connection):
    """Reads a connection so far and no further, until the next portion is begun."""

    #: What is wrong with what has come, where that can be said.
    wrong: str | None = None
    _left = AT_ONCE

    @property
    def is_over(self) -> bool:
        """Whether this portion has been read, and there may be more."""
        return not self._left

    def begin(self) -> None:
        """Begin the next one."""
        self._left = AT_ONCE

    def next_event(self) -> Event | type[NEED_DATA] | type[PAUSED]:
        """Return what has come next; as if nothing had, once the portion is over.

        Raises:
            RemoteProtocolError: it is no HTTP, or a head of too many lines.
        """
        if self.is_over:
            return NEED_DATA
        self._left -= 1
        if self.their_state is IDLE:
            self._require_few_lines()
        return super().next_event()

    def _require_few_lines(self) -> None:
        came, _ = self.trailing_data
        end = _END.search(came)
        if came.count(b"\n", 0, end.start() + 1 if end else None) > MOST_LINES:
            self.wrong = f"A request has {MOST_LINES - 1} headers at the most."
            raise RemoteProtocolError(self.wrong)


class PortionedProtocol(H11Protocol):
    """Reads what has come in portions; until all of it is read, nothing more is taken from the connection."""

    conn: Portions
    #: Whether there is more to be read.
    _is_behind = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as theirs
        """Begin to read, with the first portion."""
        super().connection_made(transport)
        self.conn = Portions(SERVER, LONGEST_HEAD)

    def handle_events(self) -> None:
        """Read a portion; the next one once others have had their turns."""
        self.conn.begin()
        super().handle_events()
        if not self.conn.is_over:
            return
        self.transport.pause_reading()  # each time: whoever waits for the body has it resumed
        if not self._is_behind:
            self._is_behind = True
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._is_behind = False
        if self.transport.is_closing():
            return
        self.handle_events()
        if not self._is_behind and not self.flow.read_paused:
            self.transport.resume_reading()
