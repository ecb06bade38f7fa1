"""Proxies that are believed: by whichever form of their address they come."""

import ipaddress
import json
import socket
from collections.abc import Sequence
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import _TrustedHosts

from adapters.api.proxies import in_each_form
from adapters.api.server import ApiServer


async def where(scope: Scope, receive: Receive, send: Send) -> None:
    """Say where a request came from, and how."""
    request = Request(scope)
    assert request.client is not None
    await JSONResponse([request.client.host, request.url.scheme])(scope, receive, send)


def both_kinds() -> bool:
    """Whether this machine takes both kinds of addresses at one port."""
    try:
        with socket.socket(socket.AF_INET6) as listener:
            listener.bind(("::", 0))
            listener.listen()
            socket.create_connection(("127.0.0.1", listener.getsockname()[1]), 5).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not both_kinds(), reason="This machine has no IPv6, or keeps it apart from IPv4.")
@pytest.mark.parametrize(
    ("host", "trusted", "peer", "is_believed"),
    [
        ("::", ["127.0.0.1"], "127.0.0.1", True),
        ("::", ["10.0.0.0/8", "127.0.0.0/8"], "127.0.0.1", True),
        ("::", ["::ffff:127.0.0.1"], "127.0.0.1", True),
        ("::", ["::1"], "127.0.0.1", False),
        ("::", ["127.0.0.2", "126.0.0.0/8"], "127.0.0.1", False),
        ("::", ["::1"], "::1", True),
        ("::", ["127.0.0.1"], "::1", False),
        ("127.0.0.1", ["127.0.0.1"], "127.0.0.1", True),
        ("127.0.0.1", ["::ffff:127.0.0.1"], "127.0.0.1", True),
        ("127.0.0.1", ["::ffff:127.0.0.0/104"], "127.0.0.1", True),
        ("127.0.0.1", ["::ffff:128.0.0.0/104", "::ffff:0:0:0/96", "::1"], "127.0.0.1", False),
        ("::1", ["::1"], "::1", True),
    ],
)
def test_a_proxy_is_known_by_its_address(
    host: str, trusted: Sequence[str], peer: str, is_believed: bool
) -> None:
    """Whether it was written as IPv4 or as it is seen at a port for both; and nobody else is."""
    serving = ApiServer(where, host=host, port=0, trusted_proxies=trusted)
    serving.start()
    connection = HTTPConnection(peer, urlsplit(serving.url).port, timeout=60)
    connection.request("GET", "/", headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
    told = json.loads(connection.getresponse().read())
    connection.close()
    serving.close()
    assert (told == ["203.0.113.9", "https"]) is is_believed


@pytest.mark.parametrize(
    ("given", "forms"),
    [
        (["192.0.2.1"], ["192.0.2.1", "::ffff:192.0.2.1/128"]),
        (["0.0.0.0/0"], ["0.0.0.0/0", "::ffff:0.0.0.0/96"]),
        (["10.0.0.0/9"], ["10.0.0.0/9", "::ffff:10.0.0.0/105"]),
        (["::ffff:10.0.0.0/105"], ["::ffff:10.0.0.0/105", "10.0.0.0/9"]),
        (["::ffff:0:0/96"], ["::ffff:0:0/96", "0.0.0.0/0"]),
        (["::/0", "2001:db8::/32", "::1"], ["::/0", "2001:db8::/32", "::1"]),
        ([], []),
    ],
)
def test_each_form_is_one_that_uvicorn_reads(given: list[str], forms: list[str]) -> None:
    """What is of IPv4 is there twice, in forms that are addresses and networks; what is not, once."""
    found = in_each_form(given)
    assert _told(found) == _told(forms)
    read = _TrustedHosts(found)
    assert (read.trusted_literals, len(read.trusted_hosts) + len(read.trusted_networks)) == (
        set(),
        len(forms),
    )


def _told(forms: list[str]) -> list[str]:
    """Return networks in one spelling."""
    return [str(ipaddress.ip_network(each)) for each in forms]
