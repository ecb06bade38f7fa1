"""A wire between a client and a server that breaks: the request is through, and its answer lost."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from tests.servers.talking import PATIENCE_S

_CHUNK: Final = 64 * 1024


class Relay:
    """Hands bytes on. Of a command's answer the first bytes go to `instead`, which may let the server die."""

    def __init__(self, upstream: tuple[str, int], instead: Callable[[], object]) -> None:
        #: Where the server is.
        self.upstream = upstream
        self._instead = instead
        self._listens = socket.create_server(("127.0.0.1", 0))
        self._is_command = self._broken = False
        self.url = f"http://127.0.0.1:{self._listens.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                near, _ = self._listens.accept()
                with near, socket.create_connection(self.upstream, PATIENCE_S) as far:
                    self._carry(near, far)

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        """Hand requests and answers on until either side ends."""
        asks = threading.Thread(target=self._ask, args=(near, far))
        asks.start()
        with suppress(OSError):
            while answer := far.recv(_CHUNK):
                if self._is_command and not self._broken:
                    self._broken = True
                    self._instead()
                    break
                near.sendall(answer)
        for end in (near, far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        asks.join(PATIENCE_S)

    def _ask(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while request := near.recv(_CHUNK):
                self._is_command |= request.startswith(b"POST")
                far.sendall(request)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End."""
        self._listens.shutdown(socket.SHUT_RDWR)
        self._listens.close()
        self._thread.join(PATIENCE_S)


@contextmanager
def relay(upstream: tuple[str, int], instead: Callable[[], object]) -> Iterator[Relay]:
    """Lend one."""
    found = Relay(upstream, instead)
    found.start()
    try:
        yield found
    finally:
        found.close()
