"""How long a request was there unseen: what the kernel knows, in time and before anybody accepted it."""

import socket
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest

from adapters.api.unseen import since_data, waited_unseen
from tests.clock import COARSE, now, sleep_until

#: For how long something waits, at the least.
WAIT: Final = timedelta(milliseconds=120)


def sent(line: socket.socket) -> float:
    """Send something; return when it was on its way for certain."""
    line.sendall(b"x")
    return time.monotonic()


def bounds(look: Callable[[], timedelta], since_s: float) -> tuple[timedelta, timedelta, timedelta]:
    """Return how long it was at least since then, what is said, and how long it was at the most."""
    least = time.monotonic() - since_s
    said = look()
    return timedelta(seconds=least), said, timedelta(seconds=time.monotonic() - since_s) + COARSE


@pytest.mark.parametrize("wait", [0 * WAIT, WAIT])
@pytest.mark.parametrize("accepted", [False, True])
def test_what_is_said_is_never_less_than_the_wait_and_hardly_more(*, wait: timedelta, accepted: bool) -> None:
    """Whether or not the connection was accepted by then, and however often something came before."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as line:
        line.connect(server.getsockname())
        early = server.accept()[0] if accepted else None
        sent(line)
        sleep_until(now() + WAIT)
        since_s = sent(line)
        sleep_until(now() + wait)
        with early or server.accept()[0] as connection:
            least, said, most = bounds(lambda: since_data(connection), since_s)
    assert least <= said <= most


def test_where_nobody_knows_no_wait_is_claimed() -> None:
    """A connection that is closed, one that is no TCP, and a server that is not ours."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x")
        assert since_data(ours) == timedelta()
    gone = socket.socket()
    gone.close()
    assert since_data(gone) == timedelta()
    assert waited_unseen({"type": "http"}) == timedelta()
    assert waited_unseen({"type": "http", "state": {"theirs": 1}}) == timedelta()


def test_another_system_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere the same place in what the kernel says may mean anything."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as line:
        line.connect(server.getsockname())
        connection = server.accept()[0]
        sent(line)
        assert since_data(connection) > timedelta()
        monkeypatch.setattr("sys.platform", "freebsd14")
        assert since_data(connection) == timedelta()
        connection.close()
