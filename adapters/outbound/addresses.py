"""Where webhooks may go: https on the public internet, and besides only what the operator has named.

`vet` looks at the URL, when an endpoint is added and again at each attempt; `vet_resolved` at the addresses
that its name leads to, at each attempt. That the connection goes to one of those very addresses is the care
of `transport`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, NoReturn, Self

import httpx

from adapters.outbound.public import Address, is_public
from states.errors import BadInput

Network = IPv4Network | IPv6Network

#: The ports of a public receiver.
PORTS: Final = frozenset({443, 8443})
#: What the operator sets to allow more.
VARIABLE: Final = "EOI_WEBHOOK_ALLOW"

#: Stricter than RFC 3986 on purpose: what no two readers can read differently.
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?].*)?",
    re.IGNORECASE | re.ASCII,
)
_PRINTABLE: Final = re.compile(r"[!-~]*")
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
#: A last label that some resolvers read as part of a number: 127.1, 0x7f000001, 2130706433.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
#: As much of a URL as says where it leads, if it is not too long to be shown.
_BEGIN: Final = re.compile(r"(?:[a-z]{1,10}://)?[^/?#\\]{0,100}", re.IGNORECASE)
_PORT: Final = re.compile(r"[0-9]{1,5}")
_LOOPBACK: Final[tuple[Network, ...]] = (ip_network("127.0.0.0/8"), ip_network("::1"))
#: Where `localhost` leads.
_LOCALHOST: Final = (ip_address("127.0.0.1"), ip_address("::1"))


class NotAllowedHere(BadInput):
    """What was given cannot be used.

    Not from this node, as `EOI_WEBHOOK_ALLOW` stands on it: another one may be let.
    """


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where one URL leads."""

    scheme: str
    #: A name in small letters, or an address without brackets.
    host: str
    port: int
    #: Whether the operator has named it: then its addresses are not looked at.
    named: bool
    #: The addresses it leads to, where no name need be looked up for them.
    known: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Allow:
    """What the operator lets webhooks reach although it is private, by http and on any port."""

    #: Names, each with the one port that is meant, or None for all.
    names: frozenset[tuple[str, int | None]] = frozenset()
    #: Networks, each with the one port that is meant, or None for all.
    networks: tuple[tuple[Network, int | None], ...] = ()
    #: The ports of receivers that are not named.
    ports: frozenset[int] = PORTS

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `EOI_WEBHOOK_ALLOW`: hosts, `host:port`, addresses and networks, with commas between them.

        Raises:
            BadInput: one of them is none of these.
        """
        names, networks = set[tuple[str, int | None]](), list[tuple[Network, int | None]]()
        for entry in filter(None, (part.strip().lower() for part in text.split(","))):
            host, port = _entry(entry)
            if isinstance(host, str):
                names.add((host, port))
                networks += [(each, port) for each in _LOOPBACK if host == "localhost"]
            else:
                networks.append((host, port))
        return cls(frozenset(names), tuple(networks))

    def host(self, host: str, port: int) -> bool:
        """Return whether a URL's host, as it is written, is let through."""
        address = _address(host)
        if address is not None:
            return self.address(address, port)
        if _is_localhost(host):
            return bool(self.localhost(port)) or self._name(host, port)
        return self._name(host, port)

    def localhost(self, port: int) -> tuple[str, ...]:
        """Return those of this machine's own addresses that are let through."""
        return tuple(str(each) for each in _LOCALHOST if self.address(each, port))

    def address(self, address: Address, port: int) -> bool:
        """Return whether an address is let through."""
        return any(address in network and only in (None, port) for network, only in self.networks)

    def _name(self, host: str, port: int) -> bool:
        return bool(self.names & {(host, None), (host, port)})


def vet(url: str, allow: Allow) -> Receiver:
    """Return where a URL leads, if webhooks may go there as far as the URL itself says.

    Raises:
        NotAllowedHere: the setting does not let them; the message says what to do.
        BadInput: it is no URL of a receiver, whatever the setting says.
    """
    match = _URL.fullmatch(url) if _PRINTABLE.fullmatch(url) else None
    if match is None:
        _refuse_form(url)
    if "#" in (match["rest"] or ""):
        _refuse(f"{_shown(url)} has a fragment (#…), which no receiver gets: leave it out.")
    scheme, host = match["scheme"].lower(), match["host"].lower().strip("[]").removesuffix(".")
    if match["host"].startswith("[") and not isinstance(_address(host), IPv6Address):
        _refuse_form(url)
    port = int(match["port"] or (443 if scheme == "https" else 80))
    _require_host(host, port)
    named = allow.host(host, port)
    if not named:
        _require_public(scheme, host, port, allow.ports)
    return Receiver(scheme, host, port, named=named, known=_known(host, port, allow))


def vet_resolved(receiver: Receiver, addresses: Iterable[str], allow: Allow) -> None:
    """Pass only where every address that a receiver's name leads to may be reached.

    Raises:
        NotAllowedHere: one of them may not; the message says what to do.
        BadInput: one of them is no address.
    """
    for text in addresses:
        address = _resolved(receiver, text)
        if not (receiver.named or is_public(address) or allow.address(address, receiver.port)):
            _forbid(
                f"{receiver.host} leads to {address}, which is no public address: name {receiver.host} or a "
                f"network around {address} in {VARIABLE}, if webhooks are to go there."
            )


def _require_host(host: str, port: int) -> None:
    if not 1 <= port <= 65535:  # noqa: PLR2004 -- the ports there are
        _refuse(f"There is no port {port}.")
    if _address(host) is not None:
        return
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(host) > 253:  # noqa: PLR2004 -- RFC 1035, 2.3.4
        _refuse(f"{host!r} is no host name and no address.")
    if not all(map(_is_sent_as_it_is, labels)):
        _refuse(f"{host!r} has a label that begins with xn-- and stands for no letters.")
    if _NUMBER.fullmatch(labels[-1]):
        _refuse(f"{host!r} reads like an address in an odd spelling: write it as four numbers, or as a name.")


def _is_sent_as_it_is(label: str) -> bool:
    """Return whether a label can be a request's: httpx reads what is in Punycode. Source: RFC 5891, 5."""
    if not label.startswith("xn--"):
        return True
    try:
        return bool(httpx.URL(f"https://{label}/").host)
    except (UnicodeError, httpx.InvalidURL):
        return False


def _known(host: str, port: int, allow: Allow) -> tuple[str, ...]:
    """Return where a host leads that no resolver need be asked for, nor should be."""
    address = _address(host)
    if address is not None:
        return (str(address),)
    return allow.localhost(port) if _is_localhost(host) else ()


def _resolved(receiver: Receiver, text: str) -> Address:
    # A link-local answer carries its interface: fe80::1%eth0.
    address = _address(text.partition("%")[0])
    if address is None:
        _refuse(
            f"{receiver.host} leads to {text!r}, which is no address: ask whoever runs the resolver here."
        )
    return address


def _require_public(scheme: str, host: str, port: int, ports: frozenset[int]) -> None:
    address = _address(host)
    if _is_localhost(host) or (address is not None and not is_public(address)):
        _forbid(f"{host} is not on the public internet: name it in {VARIABLE}, if webhooks are to go there.")
    if scheme != "https":
        _forbid(f"http sends events in clear text: use https://{host}, or name {host} in {VARIABLE}.")
    if port not in ports:
        public = ", ".join(map(str, sorted(ports)))
        _forbid(f"Port {port} is not one of a public receiver ({public}): name {host} in {VARIABLE} for it.")


def _entry(entry: str) -> tuple[str | Network, int | None]:
    """Read one entry: a network or a name, and the only port that is meant."""
    try:
        return ip_network(_bare(entry), strict=False), None
    except ValueError:
        host, colon, port = entry.rpartition(":")
    if not colon:
        return _name_or_network(entry, port), None
    if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:  # noqa: PLR2004 -- the ports there are
        _refuse_entry(entry)
    return _name_or_network(entry, host), int(port)


def _name_or_network(entry: str, host: str) -> str | Network:
    try:
        return ip_network(_bare(host), strict=False)
    except ValueError:
        labels = host.removesuffix(".").split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or _NUMBER.fullmatch(labels[-1]):
        _refuse_entry(entry)
    return ".".join(labels)


def _bare(host: str) -> str:
    """Return an address without the brackets that it stands in."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _address(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_localhost(host: str) -> bool:
    """Return whether a name means this machine. Source: RFC 6761, 6.3."""
    return host == "localhost" or host.endswith(".localhost")


def _refuse_form(url: str) -> NoReturn:
    if "@" in url.partition("://")[2].partition("/")[0]:
        _refuse(
            "A receiver's URL must not hold a user name or a password: leave out what stands before the @."
        )
    if not url.isascii():
        _refuse(f"{_shown(url)} has letters beyond ASCII: write the name as xn--…, the rest with % signs.")
    _refuse(f"{_shown(url)} is no address of a receiver: give one such as https://council.example/eoi.")


def _shown(url: str) -> str:
    """Return the beginning of a URL in quotes, without what may be secret: its path, a query, a password."""
    begin = "" if "@" in url else url[: _BEGIN.match(url).end()]  # type: ignore[union-attr]  # it fits any text
    return repr(begin if begin == url else f"{begin}…")


def _refuse_entry(entry: str) -> NoReturn:
    what = "hosts, host:port, addresses or networks with commas between them"
    msg = f"{VARIABLE} must hold {what}, not {entry!r}."
    raise BadInput(msg, field="webhook_allow")


def _forbid(message: str) -> NoReturn:
    raise NotAllowedHere(message, field="url")


def _refuse(message: str) -> NoReturn:
    raise BadInput(message, field="url")
