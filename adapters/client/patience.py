"""One deadline over all steps of a request: httpx's own time-outs begin anew with every byte.

The environment's proxies are httpx's business; here every transport that it made is held to the time.
"""

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx


class Patience(threading.local):
    """Until when the request of the present thread must be over, on the monotonic clock, in seconds."""

    give_up_at: float = 0.0

    def begin(self, within_s: float) -> None:
        """Let a request begin that must be over within so many seconds."""
        self.give_up_at = time.monotonic() + within_s

    def left(self, timeout: float | None, over: type[httpcore.TimeoutException]) -> float:
        """Return how long a step may take, in seconds."""
        left_s = self.give_up_at - time.monotonic()
        if left_s <= 0:
            msg = "it took too long in all"
            raise over(msg)
        return left_s if timeout is None else min(timeout, left_s)


def hold(client: httpx.Client, patience: Patience) -> None:
    """Let every connection of a client be held to the time."""
    # httpx takes no backend; its pools are the only thing here that is not public.
    for transport in (client._transport, *client._mounts.values()):  # noqa: SLF001 -- as above
        if isinstance(transport, httpx.HTTPTransport):
            pool = transport._pool  # noqa: SLF001 -- as above
            pool._network_backend = _Backend(pool._network_backend, patience)  # noqa: SLF001 -- as above


class _Backend(httpcore.NetworkBackend):
    """Makes connections in time."""

    def __init__(self, network: httpcore.NetworkBackend, patience: Patience) -> None:
        self._network = network
        self._patience = patience

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = self._patience.left(timeout, httpcore.ConnectTimeout)
        stream = self._network.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._patience)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step ends in time."""

    def __init__(self, stream: httpcore.NetworkStream, patience: Patience) -> None:
        self._stream = stream
        self._patience = patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._patience.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._patience.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._patience.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._patience)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 -- httpcore's
        return self._stream.get_extra_info(info)
