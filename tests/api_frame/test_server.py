"""The server of our own: it has its port before anything begins, and says what it cannot have."""

import json
import logging
import socket
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI

from adapters.api.errors import CannotListen, ServerEnded
from adapters.api.server import ApiServer, _hear_uvicorn


@pytest.mark.parametrize(
    "host",
    [
        "no-such-host.invalid",
        "203.0.113.7",
        "",
        "x" * 300,
        "127.0.0.1:80",
        "http://127.0.0.1",
        "a\x01b",
        "é" * 99,
    ],
)
def test_a_host_that_is_not_here_is_told(api: FastAPI, host: str) -> None:
    """A name that nobody knows, an address of another machine, or what is neither; never every address."""
    with pytest.raises(CannotListen) as caught:
        ApiServer(api, host=host, port=0)
    assert "port 0: " in caught.value.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_it_answers_at_the_address_that_it_says(api: FastAPI, host: str) -> None:
    """Whoever follows its URL is answered, over IPv6 as well; after the end nobody is."""
    server = ApiServer(api, host=host, port=0)
    server.start()
    server.require_alive()
    where = urlsplit(server.url)
    assert (where.scheme, where.hostname) == ("http", host)
    connection = HTTPConnection(str(where.hostname), where.port, timeout=60)
    connection.request("GET", "/healthz")
    assert json.loads(connection.getresponse().read()) == {"ok": True}
    connection.close()
    server.close()
    with pytest.raises(ServerEnded):
        server.require_alive()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((str(where.hostname), where.port or 0), 60)


def test_one_that_was_never_started_gives_its_port_back(api: FastAPI) -> None:
    """Where the start fails elsewhere, nothing is held."""
    server = ApiServer(api, host="127.0.0.1", port=0)
    port = urlsplit(server.url).port
    server.close()
    server.close()
    socket.create_server(("127.0.0.1", port or 0)).close()


def test_two_do_not_share_a_port(api: FastAPI) -> None:
    """The second one is told at once, though the first has not begun to answer."""
    first = ApiServer(api, host="127.0.0.1", port=0)
    port = urlsplit(first.url).port or 0
    with pytest.raises(CannotListen, match="already in use"):
        ApiServer(api, host="127.0.0.1", port=port)
    first.close()


def test_what_uvicorn_warns_of_is_heard_in_our_log(caplog: pytest.LogCaptureFixture) -> None:
    """Once each, however many servers there were; what it merely tells is left out."""
    _hear_uvicorn()
    _hear_uvicorn()
    with caplog.at_level(logging.INFO, logger="eoi"):
        logging.getLogger("uvicorn.error").warning("Invalid %s", "request")
        logging.getLogger("uvicorn.error").info("Started")
    ours = [each for each in caplog.records if each.name == "eoi.api"]
    assert [(each.getMessage(), vars(each)["said"]) for each in ours] == [("server.said", "Invalid request")]
