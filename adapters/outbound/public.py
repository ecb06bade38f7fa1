"""Which addresses are those of the public internet. Pure; no name is looked up here."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address

#: On what Pythons do not agree, or what they call global: protocols' own (RFC 6890; a cloud's metadata stand
#: at 192.0.0.192), the way to 6to4 that is given up (RFC 7526), and the address of another cloud's metadata.
_NEVER_V4: Final = (
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("168.63.129.16/32"),
)
#: The IPv6 addresses of the public internet. `is_global` knows what was taken out of them, but calls global
#: whatever it has not heard of, and what was long given up. Source: RFC 4291, 2.4; IANA, IPv6 Address Space.
_UNICAST: Final = IPv6Network("2000::/3")
#: And those that carry an IPv4 address in their last 32 bits. Source: RFC 6052, 2.1 (NAT64).
_NAT64: Final = IPv6Network("64:ff9b::/96")
#: On what Pythons do not agree: protocols' own (RFC 2928; Teredo among them, RFC 4380), examples (RFC 9637),
#: and 6to4, which is given up (RFC 7526), and behind which any private address may stand.
_NEVER_V6: Final = (IPv6Network("2001::/23"), IPv6Network("3fff::/20"), IPv6Network("2002::/16"))
#: What stands before the IPv4 address in the last 32 bits of an ISATAP address. Source: RFC 5214, 6.1.
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})


def is_public(address: Address) -> bool:
    """Return whether an address, and the IPv4 address inside it, is one of the public internet."""
    if isinstance(address, IPv4Address):
        return _is_global(address) and not any(address in network for network in _NEVER_V4)
    inner = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _NAT64:
        return is_public(inner)
    if address not in _UNICAST or any(address in network for network in _NEVER_V6):
        return False
    return _is_global(address) and (is_public(inner) or not _is_isatap(address))


def _is_global(address: Address) -> bool:
    return address.is_global and not address.is_multicast


def _is_isatap(address: IPv6Address) -> bool:
    return int(address) >> 32 & 0xFFFF_FFFF in _ISATAP
