"""A wire between a program and a PostgreSQL, which tests cut where they like: nothing is left to chance.

It counts trips: what a client sends until it waits for the answer. The messages are those of
https://www.postgresql.org/docs/current/protocol-message-formats.html.
"""

import contextlib
import ctypes
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, Literal, Self, get_args

import psycopg
from sqlalchemy import make_url

from tests.servers.databases import text_of

#: Parse, Bind, Describe, Execute and Close wait for what ends a trip: Sync, or Query, which is one by itself.
WAITS: Final = frozenset(b"PBDEC")
ENDS: Final = frozenset(b"SQ")
#: ReadyForQuery ends the answer to a trip; BackendKeyData says who will answer.
READY: Final = ord("Z")
BACKEND: Final = ord("K")
NUMBER: Final = struct.Struct("!i")
#: A program for a socket's filter that lets nothing in, `ret 0` (linux/filter.h).
NOTHING: Final = struct.pack("HBBI", 0x06, 0, 0, 0)
SO_ATTACH_FILTER: Final = 26

#: unsent: the server never hears of the trip. unanswered: it has done what was asked, and nobody hears of it.
#: terminated: an administrator has ended the backend before that.
Where = Literal["unsent", "unanswered", "terminated"]
WHERES: Final[tuple[Where, ...]] = get_args(Where)


class Wire:
    """Forwards what comes to `url`, until it is told otherwise."""

    def __init__(self, url: str) -> None:
        """Lead to a database."""
        self._to = make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._strands: list[_Strand] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._cut: tuple[int, Where] | None = None
        #: How many trips there were since `cut` was called.
        self.trips = 0
        #: What is done with each new connection before a word is said; raise to close it.
        self.at_connecting: Callable[[], object] = int

    @property
    def url(self) -> str:
        """Return the database's URL by way of this wire."""
        host, port = self._listener.getsockname()
        query = {"sslmode": "disable", "gssencmode": "disable"}
        return text_of(self._to.set(host=host, port=port, query=query))

    @property
    def made(self) -> int:
        """Return how many connections were made."""
        return len(self._strands)

    def cut(self, trip: int, where: Where) -> None:
        """Cut the connection whose turn it is at a trip, the first from now on being 1; 0: none."""
        with self._lock:
            self.trips, self._cut = 0, (trip, where)

    def cut_all(self) -> None:
        """Cut every connection that there is."""
        for strand in self._strands:
            strand.cut()

    def pull(self) -> None:
        """Take in nothing more of what clients send, and do not say so, as where a cable was pulled."""
        place = ctypes.create_string_buffer(NOTHING)
        program = struct.pack("HL", 1, ctypes.addressof(place))
        for strand in self._strands:
            if not strand.is_cut:
                strand.client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)

    def terminate(self, backend: int) -> None:
        """End a backend, and come back when it is gone."""
        with psycopg.connect(text_of(self._to)) as connection:
            connection.execute("SELECT pg_terminate_backend(%s, 10000)", [backend])

    def takes(self) -> Where | None:
        """Count a trip; return where to cut it, if at all."""
        with self._lock:
            self.trips += 1
            number, where = self._cut or (0, "unsent")
            return where if self.trips == number else None

    def __enter__(self) -> Self:
        """Begin to forward."""
        self._start(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        """Cut everything."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self.cut_all()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _start(self, work: Callable[[], None]) -> None:
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    self.at_connecting()
                    server = self._connect()
                except OSError:
                    client.close()
                    continue
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                strand = _Strand(self, client, server)
                self._strands.append(strand)
                self._start(strand.carry_up)
                self._start(strand.carry_down)

    def _connect(self) -> socket.socket:
        host, port = self._to.host or str(self._to.query["host"]), self._to.port or 5432
        if not host.startswith("/"):
            return socket.create_connection((host, port))
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(f"{host}/.s.PGSQL.{port}")
        except OSError:
            server.close()
            raise
        return server


class _Strand:
    """One connection."""

    def __init__(self, wire: Wire, client: socket.socket, server: socket.socket) -> None:
        self._wire, self.client, self._server = wire, client, server
        self._withholds = False
        self._backend = 0
        self._carriers = 2
        self._lock = threading.Lock()
        self.is_cut = False

    def carry_up(self) -> None:
        """Carry what the client sends."""
        trip = b""
        with self._carrying(self.client) as file:
            self._server.sendall(_message(file, head=0))  # the first one has no letter
            while message := _message(file, head=1):
                trip += message
                if message[0] in WAITS:
                    continue
                where = self._wire.takes() if message[0] in ENDS else None
                if where == "unsent":
                    break
                if where == "terminated":
                    self._wire.terminate(self._backend)
                self._withholds = where == "unanswered"
                self._server.sendall(trip)
                trip = b""

    def carry_down(self) -> None:
        """Carry what the server answers."""
        with self._carrying(self._server) as file:
            while message := _message(file, head=1):
                if message[0] == BACKEND:
                    (self._backend,) = NUMBER.unpack(message[5:9])
                if not self._withholds:
                    self.client.sendall(message)
                elif message[0] == READY:
                    break

    def cut(self) -> None:
        """Cut it; twice is harmless."""
        with self._lock:
            self.is_cut = True
            if self._carriers:
                for end in (self.client, self._server):
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def _carrying(self, end: socket.socket) -> Iterator[BinaryIO]:
        """Lend what comes from an end; once there is no more, cut the whole."""
        try:
            with contextlib.suppress(OSError), end.makefile("rb") as file:
                yield file
        finally:
            self.cut()
            with self._lock:
                self._carriers -= 1
                if not self._carriers:
                    self.client.close()
                    self._server.close()


def _message(file: BinaryIO, *, head: int) -> bytes:
    """Return one message; nothing, where it does not come whole."""
    start = file.read(head + NUMBER.size)
    if len(start) < head + NUMBER.size:
        return b""
    (length,) = NUMBER.unpack(start[head:])
    return start + file.read(length - NUMBER.size)
