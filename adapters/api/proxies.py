"""Which proxies are believed about where a request comes from, in each form that their addresses are seen in.

A listener for both kinds of addresses (`--host ::`) sees who comes by IPv4 as `::ffff:192.0.2.1`.
Source: RFC 4291, 2.5.5.2 (IPv4-mapped IPv6 addresses).
"""

import ipaddress
from collections.abc import Iterable, Iterator
from typing import Final

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")


def in_each_form(trusted: Iterable[str]) -> list[str]:
    """Return addresses and networks, those of IPv4 as they are and as they are mapped into IPv6.

    Args:
        trusted: as the settings have checked them.
    """
    return [form for each in trusted for form in (each, *_other_forms(ipaddress.ip_network(each)))]


def _other_forms(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> Iterator[str]:
    if isinstance(network, ipaddress.IPv4Network):
        start = int(_MAPPED.network_address) + int(network.network_address)
        yield str(ipaddress.IPv6Network((start, _MAPPED.prefixlen + network.prefixlen)))
    elif network.subnet_of(_MAPPED):
        start = int(network.network_address) - int(_MAPPED.network_address)
        yield str(ipaddress.IPv4Network((start, network.prefixlen - _MAPPED.prefixlen)))
