"""Who has no key keeps nobody with one from handing tables over."""

import threading
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path

import pytest

from adapters.api.tables_in import HELD
from adapters.jobs.words import LARGEST_TABLE
from tests.servers.talking import PATIENCE_S
from tests.serving.served import Served
from workflow.testing import admin, engine_in

pytestmark = pytest.mark.slow


def test_tables_of_nobody_take_no_room(tmp_path: Path) -> None:
    """With as many of the largest tables on their way as there is room for, one with a key gets in."""
    with engine_in(tmp_path) as engine:
        key = engine.create_key("officer", roles={"officer"}, actor=admin()).key
    head = b"POST /v1/imports?rows=decisions HTTP/1.1\r\nHost: a\r\nContent-Type: text/csv\r\n"
    with Served(tmp_path) as served, ExitStack() as stack:
        lines = [stack.enter_context(served.line()) for _ in range(HELD // LARGEST_TABLE)]
        for line in lines:
            line.send(head, b"Content-Length: %d\r\n\r\n" % LARGEST_TABLE, b"," * (LARGEST_TABLE - 1))
        _wait_until_all_is_read(served.address[1])
        connection = HTTPConnection(*served.address, timeout=PATIENCE_S)
        stack.callback(connection.close)
        table = b"eoi,decision\n" + b"x,approve\n" * 10
        connection.request(
            "POST",
            "/v1/imports?rows=decisions",
            body=table,
            headers={"Content-Type": "text/csv", "Authorization": f"Bearer {key}"},
        )
        assert connection.getresponse().status == 202
        assert [line.send(b",").answer()[0] for line in lines] == [401] * len(lines)


def _wait_until_all_is_read(port: int) -> None:
    """Wait until nothing lies in a queue of the kernel's, to or from that port. Source: proc(5)."""
    never = threading.Event()
    for _ in range(6_000):
        lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        at_it = [each for each in lines if f":{port:04X}" in each[1] + each[2]]
        if all(each[4] == "00000000:00000000" for each in at_it):
            return
        never.wait(0.01)
    pytest.fail("What was sent is not read.")
