"""How webhooks leave: httpx's transport, held to where an attempt may go, and until when.

httpx looks names up by itself, so that one could lead somewhere else than it did when it was vetted; and its
own timeouts begin anew with every byte, so that a receiver that drips its answer would hold a worker for
days. Here a connection is made to one of the attempt's own addresses and no other, while the name stays in
SNI and Host; one that is kept alive is used again only for an attempt that may go where it leads; and one
deadline stands over all steps together.
"""

import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import httpcore
import httpx

#: Under which name a request's extensions hold its `Way`.
WAY: Final = "eoi_way"
#: How many of the addresses of one name are tried.
TRIED: Final = 8


@dataclass(frozen=True, slots=True)
class Way:
    """Where one attempt may go, and until when."""

    #: Addresses that were vetted, as numbers, in the order in which they are tried.
    addresses: tuple[str, ...] = ()
    #: When the attempt must be over, on the monotonic clock, in seconds.
    give_up_at: float = 0.0


class PunctualTransport(httpx.HTTPTransport):
    """Carries requests, each on its own `Way`. Threads share one.

    The answer must be read in the thread that sent the request, before that sends another one.
    """

    def __init__(
        self, *, context: ssl.SSLContext | None = None, network: httpcore.NetworkBackend | None = None
    ) -> None:
        """Prepare a pool of connections; none is made yet.

        Args:
            context: says which certificates are trusted; None: those of the public authorities.
            network: makes the connections, to numbers only; None: this machine's.
        """
        context = context or httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        self._under_way = _UnderWay()
        # httpx takes no backend; its pool is the only thing here that is not public.
        self._pool = _Pool(
            ssl_context=context,
            max_connections=None,  # the pump's workers are limit enough
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Backend(self._under_way, network or httpcore.SyncBackend()),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it on its way; without one it goes nowhere."""
        self._under_way.way = request.extensions.get(WAY, Way())
        return super().handle_request(request)


class _Pool(httpcore.ConnectionPool):
    """Keeps connections on which nothing is left over."""

    def create_connection(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        return _Connection(
            origin,
            ssl_context=self._ssl_context,
            keepalive_expiry=self._keepalive_expiry,
            network_backend=self._network_backend,
        )


class _Connection(httpcore.HTTPConnection):
    """Is not used again once more has come than an answer: that would be taken for the next one's answer.

    Source: RFC 9112, 9.2. httpcore looks for it in the socket, but not among what it has already read.
    """

    #: Whether it was idle and fit when it was last looked at: the pool looks at each before it chooses one.
    _was_fit = False

    def is_available(self) -> bool:
        # Since the pool looked what has expired, an answer may have ended here; else once is enough.
        return super().is_available() and (self._was_fit or not self.has_expired())

    def has_expired(self) -> bool:
        idle = self.is_idle()
        expired = super().has_expired() or (idle and self._left_over())
        self._was_fit = idle and not expired
        return expired

    def _left_over(self) -> bool:
        http = self._connection
        # Nothing public leads to what h11 has read and not used.
        return isinstance(http, httpcore.HTTP11Connection) and http._h11_state.trailing_data[0] != b""  # noqa: SLF001


class _UnderWay(threading.local):
    """The attempt of the present thread."""

    way: Way = Way()

    def left(self, timeout: float | None, over: type[httpcore.TimeoutException]) -> float:
        """Return how long a step may take, in seconds."""
        left_s = self.way.give_up_at - time.monotonic()
        if left_s <= 0:
            msg = "the attempt took too long in all"
            raise over(msg)
        return left_s if timeout is None else min(timeout, left_s)


class _Backend(httpcore.NetworkBackend):
    """Makes connections, to the attempt's addresses and no other, and keeps an eye on the time."""

    def __init__(self, under_way: _UnderWay, network: httpcore.NetworkBackend) -> None:
        self._under_way = under_way
        self._network = network

    def connect_tcp(
        self,
        host: str,  # noqa: ARG002 -- a name, which might lead somewhere else by now
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that answers; what time there is, they share."""
        addresses = self._under_way.way.addresses[:TRIED]
        give_up_at = time.monotonic() + self._under_way.left(timeout, httpcore.ConnectTimeout)
        failed: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError(
            "no address is allowed"
        )
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share_s = max(0.001, (give_up_at - time.monotonic()) / left)
            try:
                stream = self._network.connect_tcp(address, port, share_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failed = exc
            else:
                return _Stream(stream, self._under_way, address)
        raise failed


class _Stream(httpcore.NetworkStream):
    """A connection to one address, whose every step ends in time."""

    def __init__(self, stream: httpcore.NetworkStream, under_way: _UnderWay, address: str) -> None:
        self._stream = stream
        self._under_way = under_way
        self._address = address
        self._unsent = b""

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            self._send(timeout)
        return self._stream.read(max_bytes, self._under_way.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send it, if this is where the attempt may go; else the pool takes another connection.

        Head and body go together: one trip through the system instead of two, and one packet. The pool ends
        a request with an empty buffer.
        """
        if self._address not in self._under_way.way.addresses:
            raise httpcore.ConnectionNotAvailable
        self._unsent += buffer
        if not buffer:
            self._send(timeout)

    def _send(self, timeout: float | None) -> None:
        buffer, self._unsent = self._unsent, b""
        self._stream.write(buffer, self._under_way.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        timeout = self._under_way.left(timeout, httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _Stream(stream, self._under_way, self._address)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 -- httpcore's
        return self._stream.get_extra_info(info)
