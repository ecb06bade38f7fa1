"""`eoi tick` from cron, on several machines at the same minute."""

import json
from contextlib import ExitStack
from datetime import date
from typing import Any

import pytest

from tests.databases.raw import RawDatabase
from tests.many_nodes.node import Node
from tests.many_nodes.receiver import Receiver
from workflow import Engine
from workflow.testing import FrozenClock, new_call, officer, school, submitted

CALLS, MACHINES = 12, 4


@pytest.mark.slow
def test_ticks_at_the_same_moment_share_the_work(database: RawDatabase, receiver: Receiver) -> None:
    """Each call is closed by one of them, each event told once; all end well, the next one finds nothing."""
    with Engine(database.url, clock=FrozenClock()) as past:
        past.add_endpoint(receiver.url("/all"), actor=officer())
        for number in range(CALLS):
            new = new_call(reference=f"{number}", closes_on=date(2023, 3, 17))
            call_id = past.open_call(new, actor=officer()).id
            past.draft(call_id, answers={}, actor=school(1))
            submitted(past, call_id, school(2))
    with ExitStack() as stack:
        line = ("tick", "--json", "--db", database.url)
        ticks = [stack.enter_context(Node(*line)) for _ in range(MACHINES)]
        ends = [tick.end() for tick in ticks]
        closed = [call["reference"] for tick in ticks for call in _closed(tick)]
        last = stack.enter_context(Node(*line))
        assert (last.end(), _closed(last)) == (0, [])
    told = [came.id for came in receiver.came]
    with Engine(database.url) as engine:
        assert sorted(closed, key=int) == [f"{number}" for number in range(CALLS)]
        for call in engine.calls():
            assert call.counts_at_close == {"lapsed": 1, "submitted": 1}
        assert engine.check() == []
    assert ends == [0] * MACHINES
    assert (len(told), len(set(told))) == (CALLS * 6, CALLS * 6)


def _closed(tick: Node) -> list[dict[str, Any]]:
    closed: list[dict[str, Any]] = json.loads(tick.said())["swept"]["closed"]
    return closed
