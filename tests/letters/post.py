"""Mail servers on 127.0.0.1, and an authority that vouches for them.

aiosmtpd's, which says what it is told to; and one that follows a script, for what no decent server does.
"""

import asyncio
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.outbound.mail.server import MailServer, Security


@dataclass
class Taken:
    """A letter as the server took it."""

    sender: str
    to: list[str]
    content: bytes
    #: Whose connection it came by.
    peer: Any
    #: Whether that was encrypted, and who had signed in.
    secured: bool
    user: object

    @property
    def message(self) -> EmailMessage:
        """It, read."""
        found = message_from_bytes(self.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


@dataclass
class Clerk:
    """Takes letters for aiosmtpd, or answers as it is told."""

    #: Command -> what is said to it instead of yes.
    says: dict[str, str] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    #: How often each command came.
    heard: list[str] = field(default_factory=list)

    async def handle_EHLO(  # noqa: N802 -- aiosmtpd's names, here and below
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        """Take a greeting."""
        self.heard.append(f"EHLO {hostname}")
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802 -- as above
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a sender."""
        self.heard.append("MAIL")
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.says.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 -- as above
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Take a mailbox."""
        self.heard.append("RCPT")
        if "RCPT" not in self.says:
            envelope.rcpt_tos.append(address)
        return self.says.get("RCPT", "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 -- as above
        """Take the letter."""
        self.heard.append("DATA")
        if "DATA" not in self.says:
            self.taken.append(
                Taken(
                    envelope.mail_from,
                    list(envelope.rcpt_tos),
                    envelope.content,
                    session.peer,
                    server.transport.get_extra_info("cipher") is not None,
                    session.auth_data,
                )
            )
        return self.says.get("DATA", "250 2.0.0 OK: queued as 12")


class Post(Controller):
    """aiosmtpd, in a thread of its own, on a free port."""

    def __init__(self, clerk: Clerk, **settings: Any) -> None:
        super().__init__(clerk, hostname="127.0.0.1", port=0, server_hostname="post.example", **settings)

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd's

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def accepts(user: bytes, password: bytes) -> Callable[..., AuthResult]:
    """Return what lets in one user with one password."""

    def authenticator(server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and (given.login, given.password) == (user, password)
        return AuthResult(success=right, handled=False, auth_data=given.login if right else None)

    return authenticator


class Line:
    """One connection of a scripted server."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._file = sock.makefile("rb")

    def say(self, text: bytes) -> None:
        """Send it as it is."""
        self._sock.sendall(text)

    def hear(self) -> bytes:
        """Return the next line; empty where nobody speaks any more."""
        return self._file.readline().rstrip(b"\r\n")

    def hear_letter(self) -> bytes:
        """Return all lines up to the dot."""
        lines = iter(self._file.readline, b"")
        return b"".join(iter(lambda: next(lines, b".\r\n"), b".\r\n"))

    def secure(self, context: ssl.SSLContext) -> None:
        """Go on by TLS."""
        self._file.close()
        self._sock = context.wrap_socket(self._sock, server_side=True)
        self._file = self._sock.makefile("rb")

    def hang_up(self) -> None:
        """Cut it; nothing more is heard."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Be done with it."""
        self.hang_up()
        self._file.close()
        self._sock.close()


#: What a scripted server does with a connection.
Script = Callable[[Line], object]


class Scripted:
    """A server of which a script says what it does with each connection."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]
        #: How many connections there were.
        self.met = 0

    @property
    def server(self) -> MailServer:
        """It, as one to send by."""
        return plain(self.port)

    def __enter__(self) -> Self:
        self._start(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        # Closing alone does not wake who waits in accept().
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is said is there at once
                self.met += 1
                self._start(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        line = Line(sock)
        with suppress(OSError):
            self._script(line)
        line.close()

    def _start(self, do: Callable[..., object], *args: object) -> None:
        thread = threading.Thread(target=do, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()


#: What is said instead of the usual: bytes, or something that is done with the connection.
Instead = bytes | Script


def polite(says: Mapping[str, Instead] | None = None) -> Script:
    """Return a script that does all a mail server does, but for what it says to some commands.

    Args:
        says: by command; `GREETING` before any, `DOT` after the letter.
    """
    usual = {
        "GREETING": b"220 post.example ESMTP\r\n",
        "EHLO": b"250-post.example\r\n250 8BITMIME\r\n",
        "MAIL": b"250 OK\r\n",
        "RCPT": b"250 OK\r\n",
        "DATA": b"354 go on\r\n",
        "DOT": b"250 taken\r\n",
        "RSET": b"250 OK\r\n",
        "QUIT": b"221 bye\r\n",
    }
    told: dict[str, Instead] = {**usual, **(says or {})}

    def script(line: Line) -> None:
        _answer(line, told["GREETING"])
        while command := line.hear()[:4].decode().upper():
            _answer(line, told.get(command, b"502 what?\r\n"))
            if command == "DATA" and told["DATA"] == usual["DATA"]:
                line.hear_letter()
                _answer(line, told["DOT"])

    return script


def _answer(line: Line, told: Instead) -> None:
    if isinstance(told, bytes):
        line.say(told)
    else:
        told(line)


def plain(port: int) -> MailServer:
    """Return a server on this machine that is spoken to in clear text."""
    return MailServer(host="127.0.0.1", port=port, security=Security.NONE)


@dataclass(frozen=True)
class Authority:
    """A throwaway authority, which has vouched for one server."""

    #: The files: its own certificate; the server's, with its key.
    ca: Path
    server: Path

    def for_server(self) -> ssl.SSLContext:
        """Return what the server shows."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server)
        return context

    def for_client(self) -> ssl.SSLContext:
        """Return what trusts it."""
        return ssl.create_default_context(cafile=self.ca)

    @classmethod
    def made(cls, folder: Path, *, host: str = "127.0.0.1", days: int = 1) -> Self:
        """Make one that vouches for an address for so many days; negative: it did so once."""
        folder.mkdir()
        now = datetime.now(UTC)  # noqa: TID251 -- OpenSSL looks at the system's clock, too
        times = (now - timedelta(days=3), now + timedelta(days=days))
        ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "throwaway")])
        ca = _certificate(ca_name, ca_key.public_key(), times, ca_name, ca_key, ca=True, host=None)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "post.example")])
        cert = _certificate(name, key.public_key(), times, ca_name, ca_key, ca=False, host=host)
        pem = serialization.Encoding.PEM
        (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "server.pem").write_bytes(private + cert.public_bytes(pem))
        return cls(folder / "ca.pem", folder / "server.pem")


def _certificate(
    name: x509.Name,
    key: ec.EllipticCurvePublicKey,
    times: tuple[datetime, datetime],
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
    host: str | None,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(times[0])
        .not_valid_after(times[1])
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=ca,
                crl_sign=ca,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    if host is not None:
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer_key, hashes.SHA256())
