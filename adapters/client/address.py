"""Which addresses a key may be sent to, and what a key is made of. What is wrong is never shown."""

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from states.errors import BadInput

#: Where the routes are, below a server's address.
PREFIX: Final = "/v1"
#: The longest key, in characters: tokens may hold a person's many groups.
LONGEST_KEY: Final = 16 * 1024
#: What a key is made of. Source: RFC 6750, 2.1, b64token.
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_PLAIN_HOST: Final = re.compile(r"[a-z0-9.-]+|[0-9a-f:.]+", re.IGNORECASE)
_EXAMPLE: Final = "give it as https://eoi.council.example"


@dataclass(frozen=True, slots=True)
class Address:
    """A server, and the key that is sent to it."""

    #: What stands before every path: https://eoi.council.example/v1.
    base: str
    #: Its name, for people: the host, with its port where one is given.
    place: str
    #: Whether it is this machine.
    is_local: bool
    key: str = field(repr=False)


def address_of(server: str, key: str, *, insecure_http: bool = False) -> Address:
    """Return where to send a key to.

    Args:
        server: its URL; a path before `/v1` is kept, and `/v1` itself may be left out.
        key: as `eoi key create` showed it, or a token.
        insecure_http: whether it may be sent in clear text to another machine.

    Raises:
        BadInput: no URL of a server; a key in clear text; no key.
    """
    found = _split(server)
    host = _host(found)
    is_local = _is_local(host)
    if found.scheme == "http" and not (is_local or insecure_http):
        msg = (
            "The key would go to the server in clear text, by http: give its https address, or say "
            "--insecure-http."
        )
        raise BadInput(msg, field="server")
    path = found.path.rstrip("/").removesuffix(PREFIX)
    place = found.netloc.lower()
    return Address(f"{found.scheme}://{place}{path}{PREFIX}", place, is_local, key_in(key))


def key_in(said: str) -> str:
    """Return a key without what stands around it.

    Raises:
        BadInput: it is empty, or no key can look like that.
    """
    key = said.strip() if isinstance(said, str) else ""
    if not key:
        msg = "There is no key: give EOI_KEY, --key-file FILE, or --key - to type it."
        raise BadInput(msg, field="key")
    if len(key) > LONGEST_KEY or not _TOKEN.fullmatch(key):
        msg = "That is no key: it is one word of letters, digits and -._~+/ (it is not shown here)."
        raise BadInput(msg, field="key")
    return key


def _split(server: object) -> SplitResult:
    try:
        found = urlsplit(server.strip()) if isinstance(server, str) else None
        if found and found.scheme in ("http", "https") and found.hostname and (found.port or 1) > 0:
            return found
    except ValueError:
        pass
    msg = f"That is no address of a server: {_EXAMPLE}."
    raise BadInput(msg, field="server")


def _host(found: SplitResult) -> str:
    """Return the host of an address that says nothing besides."""
    if found.username is not None or found.password is not None:
        msg = f"A server's address holds no name and no password: {_EXAMPLE}, and the key apart."
        raise BadInput(msg, field="server")
    if found.query or found.fragment:
        msg = f"A server's address ends before any ? or #: {_EXAMPLE}."
        raise BadInput(msg, field="server")
    host = found.hostname or ""
    if not _PLAIN_HOST.fullmatch(host) or not found.path.isascii() or re.search(r"[\s%]", found.path):
        msg = f"That is no address of a server: {_EXAMPLE}; a name with other letters in its Punycode."
        raise BadInput(msg, field="server")
    return host


def _is_local(host: str) -> bool:
    """Return whether a host is this machine, whatever any resolver says."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
