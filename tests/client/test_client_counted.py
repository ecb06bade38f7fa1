"""A server that counts requests is asked on, minute after minute, until all is done."""

import io
from collections.abc import Iterator
from contextlib import suppress
from math import ceil
from pathlib import Path

import pytest

from adapters.api.app import Surroundings, build_api
from adapters.api.auth import Bearer
from adapters.api.door import Door
from adapters.api.errors import TooManyRequests
from adapters.api.rates import Rates
from adapters.api.server import ApiServer
from adapters.bulk.importing import Importer
from adapters.bulk.new_eois import EoiOptions, NewEois
from adapters.bulk.of_call import QUESTIONS
from adapters.cli.telling import Teller
from adapters.cli.waiting import LONG_S, waits_aloud
from adapters.client import Client
from adapters.inbound.table_file import TableFile
from workflow import Engine
from workflow.testing import FrozenClock, admin, engine_in, new_call, officer

#: How many requests the server hears in a minute, and how many rows are imported.
REQUESTS, ROWS = 10, 25


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Lend an engine."""
    with engine_in(tmp_path, clock=FrozenClock()) as engine:
        yield engine


def test_more_rows_than_a_minute_has_requests_get_through(engine: Engine) -> None:
    """The client waits until the server's minute is over, each time, and no row is lost or made twice."""
    call = engine.open_call(new_call(), actor=officer())
    made = engine.create_key("o", roles=["officer"], actor=admin())
    now_s, waits = [0.0], list[float]()

    def pause(wait_s: float) -> None:
        waits.append(wait_s)
        now_s[0] += ceil(wait_s)

    rates = Rates(requests=REQUESTS, timer=lambda: now_s[0])
    door = Door(engine=engine, authenticate=Bearer(engine.authenticate, rates))
    serving = ApiServer(build_api(door, Surroundings()), host="127.0.0.1", port=0)
    serving.start()
    checked, done = list[str](), list[str]()
    try:
        with Client(serving.url, made.key or "", pause=pause) as client, suppress(TooManyRequests):
            rows = "".join(f"URN:{number},1\n" for number in range(ROWS))
            table = TableFile(io.BytesIO(f"applicant,answers.a\n{rows}".encode()))
            importer = Importer(NewEois(client, client.who_asks(), table.columns, EoiOptions(call=call.id)))
            checked = [result.status for result in importer.check(table.rows())]
            done = [result.status for result in importer.carry_out(table.rows(), but=set())]
    finally:
        serving.close()
    assert (checked, done) == (["would"] * ROWS, ["made"] * ROWS)
    assert len(engine.find(call=call.id)) == ROWS
    in_all = (1 + QUESTIONS + 1) + (1 + ROWS)  # the call, rows, a page of EOIs; the call, and each row
    assert len(waits) == in_all // REQUESTS
    assert min(waits) >= 60


def test_a_long_wait_is_told_before_it_begins(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever watches learns how long it is; a short one is nobody's business."""
    waits = list[float]()
    wait = waits_aloud(Teller(json=False), waits.append)
    for wait_s in (LONG_S - 0.1, 59.6):
        wait(wait_s)
    assert waits == [LONG_S - 0.1, 59.6]
    assert capsys.readouterr().err == "The server hears no more for now: on it goes in 60 seconds.\n"
