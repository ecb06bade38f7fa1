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
            context: says which certificates are trusted; None: those of the public authorities, and of
                whom this machine trusts besides.
            network: makes the connections, to numbers only; None: this machine's.
        """
        # A context without any certificates: the pool that it is for makes way for ours.
        super().__init__(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False)
        self._under_way = _UnderWay()
        # httpx takes no backend; its pool is the only thing here that is not public.
        self._pool = _Pool(
            self._under_way,
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


def _trusted() -> ssl.SSLContext:
    """Trust the public authorities, and this machine's own: a receiver inside is certified by a council's."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


class _Pool(httpcore.ConnectionPool):
    """Keeps connections that know by whose request they are used."""

    def __init__(self, under_way: "_UnderWay", **settings: Any) -> None:  # noqa: ANN401 -- httpcore's
        super().__init__(**settings)
        self._under_way = under_way

    def create_connection(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        """Make one; called in one thread at a time."""
        if origin.scheme == b"https" and self._ssl_context is None:  # the authorities take a megabyte
            self._ssl_context = _trusted()
        return _Connection(
            origin,
            self._under_way,
            ssl_context=self._ssl_context,
            keepalive_expiry=self._keepalive_expiry,
            network_backend=self._network_backend,
        )


class _Connection(httpcore.HTTPConnection):
    """Is not used again once more has come than an answer: that would be taken for the next one's answer.

    Source: RFC 9112, 9.2. httpcore looks for it in the socket when it chooses a connection, and not among
    what it has read already; but the pool may choose one for two requests, of which one then waits until the
    other has its answer. So here it is looked for when a request is sent.
    """

    def __init__(self, origin: httpcore.Origin, under_way: "_UnderWay", **settings: Any) -> None:  # noqa: ANN401 -- httpcore's
        super().__init__(origin, **settings)
        self._under_way = under_way

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        self._under_way.connection = self
        return super().handle_request(request)

    def has_expired(self) -> bool:
        return super().has_expired() or (self.is_idle() and self.left_over())

    def left_over(self) -> bool:
        """Return whether more was read than answers."""
        http = self._connection
        # Nothing public leads to what h11 has read and not used.
        return isinstance(http, httpcore.HTTP11Connection) and http._h11_state.trailing_data[0] != b""  # noqa: SLF001


class _UnderWay(threading.local):
    """The attempt of the present thread, and the connection that it uses."""

    way: Way = Way()
    connection: _Connection | None = None

    def left_over(self) -> bool:
        """Return whether something was read on that connection that answers nothing."""
        return self.connection is not None and self.connection.left_over()

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
        #: Whether something was read since something was sent: the next that is sent is another request.
        self._has_answered = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._unsent:
            self._send(timeout)
        self._has_answered = True
        return self._stream.read(max_bytes, self._under_way.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send it, if this is where the attempt may go; else the pool takes another connection.

        So it does where something waits here that answers nothing, or has ended. Head and body go together:
        one trip through the system instead of two, and one packet. The pool ends a request with an empty
        buffer.
        """
        if self._address not in self._under_way.way.addresses:
            raise httpcore.ConnectionNotAvailable
        self._unsent += buffer
        if not buffer:
            self._send(timeout)

    def _send(self, timeout: float | None) -> None:
        buffer, self._unsent = self._unsent, b""
        if self._has_answered and (self._under_way.left_over() or self._stream.get_extra_info("is_readable")):
            raise httpcore.ConnectionNotAvailable  # what waits there is no answer, or its end
        self._has_answered = False  # from here on, what comes may be
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
        """Say what the connection says; whether it can be read is looked at when a request is sent."""
        return info != "is_readable" and self._stream.get_extra_info(info)
