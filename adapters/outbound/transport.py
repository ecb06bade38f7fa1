"""How webhooks leave: httpx's transport, with one deadline over all steps of an attempt together.

httpx's own timeouts begin anew with every byte, so that a receiver that drips its answer would hold a worker
for days. Looking names up is the one step that has no deadline here; the system's resolver has its own.

`_Backend.connect_tcp` is the place where a connection will be made to the very addresses that were vetted.
"""

import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx


class PunctualTransport(httpx.HTTPTransport):
    """Carries requests, each from its first step to the last byte of its answer within `in_all_s` seconds."""

    def __init__(self, *, in_all_s: float) -> None:
        """Prepare a pool of connections; none is made yet."""
        context = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        self._in_all_s = in_all_s
        self._time = _Time()
        # httpx takes no backend; its pool is the only thing here that is not public.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Backend(self._time),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it; its answer is read under the same deadline, in the same thread."""
        self._time.give_up_at = time.monotonic() + self._in_all_s
        return super().handle_request(request)


class _Time(threading.local):
    """When the attempt of the present thread must be over, on the monotonic clock."""

    give_up_at: float = 0.0

    def left(self, timeout: float | None, over: type[httpcore.TimeoutException]) -> float:
        """Return how long a step may take, in seconds."""
        left_s = self.give_up_at - time.monotonic()
        if left_s <= 0:
            msg = "the attempt took too long in all"
            raise over(msg)
        return left_s if timeout is None else min(timeout, left_s)


class _Backend(httpcore.NetworkBackend):
    """Makes connections that keep an eye on the time."""

    def __init__(self, clock: _Time) -> None:
        self._time = clock
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        timeout = self._time.left(timeout, httpcore.ConnectTimeout)
        stream = self._system.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._time)


class _Stream(httpcore.NetworkStream):
    """A connection whose every step ends in time."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Time) -> None:
        self._stream = stream
        self._time = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._time.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._time.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._time.left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._time)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 -- httpcore's
        return self._stream.get_extra_info(info)
