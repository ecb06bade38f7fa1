"""The server of our own: uvicorn, in a thread beside the runner.

Only this file, `protocol` and `portions` know uvicorn.
It hears no signals: who serves listens for them, and says when to stop. The port is bound before anything
else begins, so that one that is taken stops the start, and not the service.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from starlette.types import ASGIApp
from uvicorn import Config, Server

from adapters.api.errors import CannotListen, ServerEnded
from adapters.api.protocol import Crowd, most_connections, watched
from adapters.api.proxies import in_each_form
from adapters.api.spells import Spell
from adapters.api.targets import OriginForm
from workflow.log import get_log

#: How long requests in flight may take to end when it is told to stop, in seconds.
GRACE_S: Final = 15
#: How long a connection is kept that asks for nothing more, in seconds.
IDLE_S: Final = 5

#: What uvicorn says of each request that is none.
_NO_HTTP: Final = "Invalid HTTP request received."

_log = get_log("api")


class ApiServer:
    """Serves a program at one address: bound at once, started by `start`, ended by `close`."""

    def __init__(self, api: ASGIApp, *, host: str, port: int, trusted_proxies: Sequence[str] = ()) -> None:
        """Bind; nobody is answered yet.

        Args:
            api: who answers.
            host: a name or an address of this machine; of IPv6 also as in a URL, `[::1]`.
            port: 0: one that is free.
            trusted_proxies: addresses and networks whose word counts for where a request comes from.

        Raises:
            CannotListen: no such host, the port is taken, or this user may not use it.
        """
        host = without_brackets(host)
        self._server = Server(_config(api, trusted_proxies))
        self._socket = _bound(host, port)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="eoi-api", daemon=True
        )
        #: Where it is.
        self.url = _url(host, self._socket.getsockname()[1])

    def start(self) -> None:
        """Begin to answer, in a thread."""
        _hear_uvicorn()
        self._thread.start()

    def require_alive(self) -> None:
        """Let pass what answers.

        Raises:
            ServerEnded: it does not, and nobody has told it to stop.
        """
        if not self._thread.is_alive():
            raise ServerEnded

    def close(self) -> None:
        """Take no new requests, and wait for those in flight, for so long and no longer."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join()
        self._socket.close()


def _config(api: ASGIApp, trusted_proxies: Sequence[str]) -> Config:
    return Config(
        OriginForm(api),
        http=watched(Crowd(most_connections())),
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=in_each_form(trusted_proxies),
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


def without_brackets(host: str) -> str:
    """Return an address of IPv6 as it is outside of a URL; every other host as it was given."""
    inside = host[1:-1]
    return inside if host == f"[{inside}]" and ":" in inside else host


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bound(host: str, port: int) -> socket.socket:
    # As a text it would be read by IDNA, whose tables take a megabyte for as long as the program runs.
    name = host.encode() if host.isascii() else host
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, proto)
    except (OSError, UnicodeError, OverflowError) as exc:
        raise _cannot(host, port, exc) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen()
    except (OSError, OverflowError) as exc:
        bound.close()
        raise _cannot(host, port, exc) from None
    return bound


def _cannot(host: str, port: int, exc: Exception) -> CannotListen:
    why = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    return CannotListen(f"Requests cannot be taken at {host}, port {port}: {why}.")


class _Heard(logging.Handler):
    """Says in our log what uvicorn has to say; what anybody can make it say, once for as long as they do."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._spell = Spell(timer)

    def emit(self, record: logging.LogRecord) -> None:
        """Say it."""
        if record.msg == _NO_HTTP:
            self._spell.is_over()
            if not self._spell.is_begun():
                return
        _log.warning("server.said", said=record.getMessage(), exc_info=record.exc_info)


def _hear_uvicorn() -> None:
    """Let what uvicorn warns of be heard in our log, and nowhere else."""
    theirs = logging.getLogger("uvicorn")
    if not any(isinstance(each, _Heard) for each in theirs.handlers):
        theirs.addHandler(_Heard())
    theirs.setLevel(logging.WARNING)
    theirs.propagate = False
