"""One connection to the mail server, on the standard library's smtplib, with one deadline over all its steps.

A socket's timeout begins anew with each byte, so that a server that drips its replies would hold a worker for
days: here each read and each write is given what is left of the attempt. Looking the server's name up is the
one step without a deadline; the system's resolver has its own.
"""

import smtplib
import socket
import ssl
import time
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from typing import Final, Self

from adapters.outbound.mail.server import MailServer, Security

#: The longest reply that is read, in bytes, all its lines together.
LONGEST_REPLY: Final = 64 * 1024
#: And the longest line of one; RFC 5321, 4.5.3.1.5 allows 512.
LONGEST_LINE: Final = 2048
#: How long a server may take to say good-bye, in seconds.
GOOD_BYE_S: Final = 1.0


class ServerTrouble(OSError):
    """The server does not offer what is asked of it, or does not speak as a mail server does."""


class Deadline:
    """How long an attempt may still take."""

    def __init__(self, *, step_s: float, in_all_s: float) -> None:
        """Begin now; each step may take that long, and all of them together that long, in seconds."""
        self._give_up_at = time.monotonic() + in_all_s
        self._step_s: float | None = step_s

    def be_patient(self) -> None:
        """Let the next step take all that is left."""
        self._step_s = None

    def left_s(self) -> float:
        """Return how long the next step may take, in seconds.

        Raises:
            TimeoutError: it is over.
        """
        left_s = self._give_up_at - time.monotonic()
        if left_s <= 0:
            msg = "the attempt took too long in all"
            raise TimeoutError(msg)
        return left_s if self._step_s is None else min(left_s, self._step_s)


class MailSession(smtplib.SMTP):
    """A connection, greeted; `open` returns one that is secured and signed in, too."""

    def __init__(self, server: MailServer, *, name: str, context: ssl.SSLContext, deadline: Deadline) -> None:
        """Connect, and hear the greeting.

        Args:
            server: whom to.
            name: the domain that we say we are of.
            context: vets the server's certificate.
            deadline: of the attempt; another one for each attempt that this connection carries.

        Raises:
            OSError: it could not be reached, or did not greet; smtplib's own errors are such, too.
        """
        self.deadline = deadline
        #: How many letters it has carried, or tried to.
        self.carried = 0
        #: Whether it must not be used again.
        self.spent = False
        #: When it was last used, on the monotonic clock.
        self.used_at = 0.0
        self._server, self._context = server, context
        super().__init__(server.host, server.port, local_hostname=name)

    @classmethod
    def open(cls, server: MailServer, *, name: str, context: ssl.SSLContext, deadline: Deadline) -> Self:
        """Return a connection over which letters can go.

        Raises:
            ServerTrouble: it offers no STARTTLS, or no way to sign in.
            OSError: as above.
        """
        session = cls(server, name=name, context=context, deadline=deadline)
        try:
            session._begin()
        except BaseException:
            session.close()
            raise
        return session

    def hand_in(self, message: bytes) -> tuple[int, bytes]:
        """Send a message, and return what is replied; to its last line, after as long as it may take.

        A server may look through all of it before it answers, and whoever does not wait sends it twice.

        Raises:
            ServerTrouble: it was not sent.
            OSError: it is not known whether it has arrived.
        """
        self.deadline.be_patient()
        try:
            return self.data(message)
        except smtplib.SMTPDataError as refused:
            if refused.smtp_code // 100 in {4, 5}:
                return refused.smtp_code, _bytes(refused.smtp_error)
            # A yes to being offered a letter would else be read as a yes to the letter.
            msg = "The mail server did not ask for the letter."
            raise ServerTrouble(msg) from None

    def is_alive(self) -> bool:
        """Return whether it can carry another letter; what the last one has left behind is cleared."""
        if self.sock is None or _has_something_to_say(self.sock):
            return False
        with suppress(OSError):
            return self.rset()[0] == 250  # noqa: PLR2004 -- RFC 5321, 4.2.3: done
        return False

    def say_good_bye(self) -> None:
        """Close it, as politely as can be in a second."""
        self.deadline = Deadline(step_s=GOOD_BYE_S, in_all_s=GOOD_BYE_S)
        with suppress(OSError):
            self.quit()
        self.close()

    def getreply(self) -> tuple[int, bytes]:
        """Read one reply, in time."""
        if self.file is None and self.sock is not None:
            self.file = _Lines(self.sock, self)
        if self.file is not None:
            self.file.begin()
        return super().getreply()

    def send(self, s: bytes | str) -> None:  # type: ignore[override]  # typeshed lets any buffer through
        """Write, in time."""
        if self.sock is not None:
            self.sock.settimeout(self.deadline.left_s())
        if self.file is not None and self.file.has_more:
            msg = "The mail server spoke before it was asked."
            raise ServerTrouble(msg)
        super().send(s)

    def _get_socket(self, host: str, port: int, _: float) -> socket.socket:
        """Connect in time. smtplib's own place for it: SMTP_SSL does so, too."""
        sock = _connected(host, port, self.deadline)
        if self._server.security is not Security.TLS:
            return sock
        try:
            sock.settimeout(self.deadline.left_s())
            return self._context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise

    def _begin(self) -> None:
        self.ehlo_or_helo_if_needed()
        if self._server.security is Security.STARTTLS:
            if not self.has_extn("starttls"):
                msg = "The mail server does not offer STARTTLS, and nothing is sent to it in clear text."
                raise ServerTrouble(msg)
            self.starttls(context=self._context)
            self.ehlo_or_helo_if_needed()
        if self._server.user:
            self._sign_in()

    def _sign_in(self) -> None:
        if not {"CRAM-MD5", "PLAIN", "LOGIN"} & set(self.esmtp_features.get("auth", "").split()):
            msg = "The mail server offers no way to sign in by name and password."
            raise ServerTrouble(msg)
        try:
            self.login(self._server.user, self._server.password)
        except ValueError:
            msg = "The mail server does not sign in as a mail server does."
            raise ServerTrouble(msg) from None


class _Lines:
    """What the server says, line by line, as smtplib reads it."""

    def __init__(self, sock: socket.socket, session: MailSession) -> None:
        self._sock = sock
        self._session = session
        self._read = bytearray()
        self._left = LONGEST_REPLY

    @property
    def has_more(self) -> bool:
        """Whether something was said that nobody has asked for."""
        return bool(self._read)

    def begin(self) -> None:
        """Begin with a new reply."""
        self._left = LONGEST_REPLY

    def readline(self, _: int) -> bytes:
        """Return the next line; empty where the server has gone."""
        while (end := self._read.find(b"\n")) < 0:
            if not self._fill():
                return b""
        line = bytes(self._read[: end + 1])
        del self._read[: end + 1]
        self._left -= len(line)
        # For a TLS handshake, which may come next: its time counts as a whole.
        with suppress(TimeoutError):
            self._sock.settimeout(self._session.deadline.left_s())
        return line

    def close(self) -> None:
        """Let smtplib close what it has read from; the socket it closes itself."""

    def _fill(self) -> bool:
        if len(self._read) > min(self._left, LONGEST_LINE):
            msg = "The mail server's reply is too long."
            raise ServerTrouble(msg)
        self._sock.settimeout(self._session.deadline.left_s())
        chunk = self._sock.recv(4096)
        self._read += chunk
        return bool(chunk)


def _connected(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Return a socket that is connected to one of the host's addresses, the first that answers."""
    error: OSError = OSError("it has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(deadline.left_s())
            sock.connect(address)
        except OSError as exc:
            sock.close()
            error = exc
        else:
            return sock
    raise error


def _has_something_to_say(sock: socket.socket) -> bool:
    """Return whether a server that was not asked has spoken or gone: its words would be taken for a reply."""
    with DefaultSelector() as selector:
        selector.register(sock, EVENT_READ)
        return bool(selector.select(0)) or (isinstance(sock, ssl.SSLSocket) and sock.pending() > 0)


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
