"""Somebody else's system, as quick as can be: takes POSTs on 127.0.0.1, counts them, and answers 204.

A process of its own (`python -m bench.receiver SECONDS`), which tells its port and ends with its standard
input. It takes its time for each answer, if it is told to.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Final

_END_OF_HEAD: Final = b"\r\n\r\n"


class Taken:
    """What has come, as the sender sees it."""

    def __init__(self, port: int) -> None:
        """Remember where."""
        self._port = port
        #: Where to POST.
        self.url = f"http://127.0.0.1:{port}/events"

    def count(self) -> int:
        """Return how many POSTs have come so far."""
        connection = HTTPConnection("127.0.0.1", self._port, timeout=10)
        connection.request("GET", "/events")
        count = int(connection.getresponse().read())
        connection.close()
        return count


@contextmanager
def receiver(*, after_s: float = 0.0) -> Iterator[Taken]:
    """Start a receiver that takes so long for each answer, in seconds, and end it."""
    command = [sys.executable, "-m", "bench.receiver", f"{after_s}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 -- ourselves
        assert process.stdin
        assert process.stdout
        with process.stdin:
            yield Taken(int(process.stdout.readline()))


class _Connection(asyncio.Protocol):
    """One connection that is kept alive: heads and bodies one after the other."""

    taken = 0
    after_s = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing read."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._read = b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come whole."""
        self._read += data
        while (end := self._read.find(_END_OF_HEAD)) >= 0:
            head = self._read[:end].lower()
            whole = end + len(_END_OF_HEAD) + _length(head)
            if len(self._read) < whole:
                return
            self._read = self._read[whole:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        if head.startswith(b"post"):
            _Connection.taken += 1
            if self.after_s:
                asyncio.get_running_loop().call_later(self.after_s, self._say_yes)
            else:
                self._say_yes()
            return
        count = str(_Connection.taken).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(count), count))

    def _say_yes(self) -> None:
        self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def _length(head: bytes) -> int:
    _, _, rest = head.partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0] or 0)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    _Connection.after_s = float(sys.argv[1])
    asyncio.run(_serve())
