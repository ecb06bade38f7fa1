"""Views as a server tells of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Final

import pytest

from adapters.client import Client
from tests.client.receiver import Receiver, receiver
from tests.servers.answering import Fault

KEY: Final = "eoi_abc_SECRETSECRETSECRET"
#: Where no proxy of the machine's is to be heard.
PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what the shell around this test says of proxies and certificates."""
    for name in (*PROXIES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def waits() -> list[float]:
    """Return how long clients have waited, in seconds; none of them does."""
    return []


@pytest.fixture
def asking(waits: list[float]) -> Iterator[Callable[..., tuple[Client, Receiver]]]:
    """Return what lends a client, and the server that it asks, which answers so."""
    with ExitStack() as stack:

        def lend(*answers: Fault, **settings: Any) -> tuple[Client, Receiver]:
            server = stack.enter_context(receiver(*answers))
            client = Client(server.url, KEY, pause=waits.append, dice=lambda: 1.0, **settings)
            return stack.enter_context(client), server

        yield lend
