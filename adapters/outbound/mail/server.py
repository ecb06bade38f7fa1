"""Which server takes the mail, and how it is spoken to: in clear text only where it is on this machine."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Final, NoReturn, Self
from urllib.parse import SplitResult, unquote, urlsplit

from states.errors import BadInput

#: What the operator sets.
VARIABLE: Final = "EOI_SMTP_URL"


class Security(StrEnum):
    """How a connection is kept from being read and changed; the scheme that asks for it."""

    #: It begins in clear text, and goes on by TLS, or not at all. Source: RFC 3207.
    STARTTLS = "smtp"
    #: TLS from the first byte. Source: RFC 8314, 3.
    TLS = "smtps"
    #: Not at all; only to this machine.
    NONE = "smtp+plain"


#: Where each is listened for, unless the URL says otherwise.
PORTS: Final = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """A server that takes mail for anybody."""

    host: str
    port: int
    security: Security = Security.STARTTLS
    #: Who signs in; empty: nobody.
    user: str = ""
    password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse what would send letters, or a password, where anybody on the way can read them.

        Raises:
            BadInput: clear text to another machine, TLS on the port of the other kind, half of a sign-in.
        """
        if not _is_host(self.host) or not 1 <= self.port <= 65535:  # noqa: PLR2004 -- the ports there are
            _refuse("Its host or its port cannot be read.")
        if self.security is Security.NONE and not _is_this_machine(self.host):
            _refuse("smtp+plain:// is only for a relay on this machine: write smtp://, to ask for STARTTLS.")
        if self.security is Security.STARTTLS and self.port == PORTS[Security.TLS]:
            _refuse("Port 465 speaks TLS from the first byte: write smtps://.")
        if self.security is Security.TLS and self.port in {25, 587}:
            _refuse(f"Port {self.port} begins in clear text: write smtp://, which asks for STARTTLS.")
        if bool(self.user) != bool(self.password):
            _refuse("Give both a user's name and a password, or neither.")
        if not (self.user + self.password).isascii() or not (self.user + self.password).isprintable():
            _refuse("The user's name and the password must be plain ASCII.")

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read `smtp://user:password@mail.council.example:587`.

        Args:
            url: `smtp://` asks for STARTTLS, `smtps://` for TLS from the first byte; `smtp+plain://` is for a
                relay on this machine. What is special in a URL is written with % signs in name and password.

        Raises:
            BadInput: it cannot be used; the message does not repeat it.
        """
        parts, port = _split(url)
        if parts.scheme not in set(Security):
            _refuse("It must begin with smtp://, smtps:// or smtp+plain://.")
        if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
            _refuse(
                "It must be such as smtp://user:password@mail.council.example:587; write / ? # @ : and % "
                "in the name and the password as %2F %3F %23 %40 %3A and %25."
            )
        security = Security(parts.scheme)
        return cls(
            host=parts.hostname,
            port=port or PORTS[security],
            security=security,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )


def _split(url: str) -> tuple[SplitResult, int | None]:
    # urlsplit would leave out a line's end unsaid.
    if not url.isprintable() or " " in url:
        _refuse("It must not hold a space or a line's end.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        _refuse("Its host or its port cannot be read.")
    return parts, port


def _is_host(host: str) -> bool:
    """Return whether a name can be looked up; what cannot be is more than the resolver takes, not a name."""
    try:
        return bool(host.encode("idna")) and host.isascii()
    except UnicodeError:
        return False


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse(why: str) -> NoReturn:
    msg = f"{VARIABLE} cannot be used. {why}"
    raise BadInput(msg, field="smtp_url") from None
