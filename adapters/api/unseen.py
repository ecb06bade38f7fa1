"""How long a request was there before the server saw it. The only file that asks the kernel.

A busy event loop reads late, and accepts connections late. Meanwhile the kernel has what was sent, and knows
of each TCP connection how long ago data last came in on it, accepted or not (Linux, tcp(7): `TCP_INFO`).

What that bounds: all that passes on this machine between a request's last byte and the look at it. A request
that is there whole was not there before: whatever its sender does, a late one cannot be made to look early by
more than the kernel's clock is coarse.

What it does not: the way through the network and the sender's own queue, which are the sender's; a proxy in
front, which is the sender for us, and whose own queue nobody here sees; and what else came on the same
connection after the request, which hides how long it waited itself. Where the kernel cannot be asked (another
system than Linux, another server than ours, no TCP), nothing is claimed: no wait.
"""

import socket
import struct
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol

from starlette.types import Scope

#: The name under which a request's `state` has what tells how long it waited.
NAME: Final = "waited_unseen"
#: Where in `struct tcp_info` (linux/tcp.h) `tcpi_last_data_recv` stands: milliseconds, 32 bits.
_PLACE: Final = struct.Struct("=52x I")
#: Linux's clock that goes on with each tick of the kernel (linux/time.h).
_COARSE: Final = 6


class Asked(Protocol):
    """A socket, to be asked."""

    def getsockopt(self, level: int, name: int, size: int, /) -> bytes:
        """Return what the kernel says."""
        ...


def waited_unseen(scope: Scope) -> timedelta:
    """Return how long a request that is there whole may have waited; 0 where its server cannot tell."""
    tell: Callable[[], timedelta] | None = scope.get("state", {}).get(NAME)
    return timedelta() if tell is None else tell()


def since_data(connection: Asked) -> timedelta:
    """Return how long ago at the most data last came in on a connection; 0 where nobody knows."""
    if sys.platform != "linux":
        return timedelta()
    try:
        (ms,) = _PLACE.unpack(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _PLACE.size))
    except (OSError, struct.error):  # it is closed, or no TCP
        return timedelta()
    return timedelta(milliseconds=ms) + _tick()


def _tick() -> timedelta:
    """Return by how much the kernel's word may be too short: a tick of its clock, and what it rounds off."""
    return timedelta(seconds=time.clock_getres(_COARSE), milliseconds=1)
