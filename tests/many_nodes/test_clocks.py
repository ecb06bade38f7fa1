"""Nodes on one PostgreSQL whose clock is wrong, or that lose time: the database's clock decides."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from tests.databases.raw import RawDatabase
from tests.deadline.detector import ahead_of_us
from tests.many_nodes.node import NOW, Node
from tests.many_nodes.watch import Watch
from tests.servers.postgres import PostgresServer
from workflow import Engine
from workflow.testing import new_call, officer, school

SETTLE_S = 0.5
#: How late a close may be here, in seconds.
PUNCTUAL_S = 1.5
#: When something is handed in, in seconds after the deadline.
ATTEMPTS_S = (-0.9, -0.5, -0.1, 0.02, 0.1, 0.4)

pytestmark = pytest.mark.slow
_on_postgresql = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)


class Attempt(NamedTuple):
    """What somebody was told who handed in through a node, and when that was, by a clock that is right."""

    before: datetime
    after: datetime
    said: str


@_on_postgresql
@pytest.mark.parametrize(
    ("ahead_s", "then_s"), [(60, 60), (-60, -60), (60, -60), (-60, 60)], ids=lambda s: f"{s:+}"
)
def test_a_node_whose_clock_is_wrong_neither_closes_early_nor_accepts_late(
    database: RawDatabase, ahead_s: float, then_s: float
) -> None:
    """A minute ahead, a minute behind, or put right too far: it serves alone, and all is as it should be."""
    with (
        Node("talk", database.url, odd={"ahead_s": ahead_s}, EOI_SETTLE_S=f"{SETTLE_S}") as node,
        Engine(database.url, settle_s=SETTLE_S) as engine,
        Watch(database) as watch,
    ):
        node.wait_for("event=runner.started")
        assert _ahead_s(node) == pytest.approx(ahead_s, abs=1)
        closes_at = NOW() + timedelta(seconds=2)
        call = engine.open_call(new_call(closes_at=closes_at), actor=officer())
        eois = [engine.draft(call.id, answers={}, actor=school(n)).eoi_id for n in range(len(ATTEMPTS_S))]
        node.ask("set clock", ahead_s=then_s)
        attempts = [_handed_in(node, number, eoi_id, closes_at) for number, eoi_id in enumerate(eois)]
        _wait_until(closes_at + timedelta(seconds=SETTLE_S + PUNCTUAL_S))
        skew_s = node.ask("health")["skew_s"]
        closed = engine.call(call.id)
    least, most = ahead_of_us(database)
    in_time = [each.said for each in attempts if each.after + most < closes_at]
    late = [each.said for each in attempts if each.before + least >= closes_at]
    assert (set(in_time), set(late)) == ({"submitted"}, {"call-closed"})
    taken = sum(each.said == "submitted" for each in attempts)
    assert closed.counts_at_close == {"submitted": taken, "lapsed": len(eois) - taken}
    assert closed.closed_at is not None
    assert min(closed.closed_at, watch.closed_at[call.id] + least) >= closes_at + timedelta(seconds=SETTLE_S)
    assert skew_s == pytest.approx(then_s, abs=1)
    assert [float(each["skew_s"]) for each in node.logged("clock.skewed")] == [pytest.approx(ahead_s, abs=1)]


def _ahead_s(node: Node) -> float:
    return (datetime.fromisoformat(node.ask("time")) - NOW()).total_seconds()


def _handed_in(node: Node, number: int, eoi_id: str, closes_at: datetime) -> Attempt:
    """Hand in through a node at the school's own instant."""
    _wait_until(closes_at + timedelta(seconds=ATTEMPTS_S[number]))
    before = NOW()
    said = node.ask("submit", eoi_id=eoi_id, actor=school(number).id, applicant=f"URN:{number}")
    return Attempt(before, NOW(), said)


def _wait_until(instant: datetime) -> None:
    threading.Event().wait(max(0.0, (instant - NOW()).total_seconds()))


def test_a_node_whose_question_is_held_up_does_not_close_early(own_postgres: PostgresServer) -> None:
    """The server stands still between a sweep's question for the time and its answer: nothing is due yet."""
    url = own_postgres.new_database()
    with Engine(url, settle_s=0) as engine, ThreadPoolExecutor() as pool:
        engine.migrate()
        call = engine.open_call(new_call(closes_at=NOW() + timedelta(seconds=4)), actor=officer())
        engine.close_due()
        own_postgres.pause()
        sweep = pool.submit(engine.close_due)
        _wait_until(NOW() + timedelta(seconds=2.5))
        own_postgres.resume()
        assert sweep.result().closed == ()
        assert engine.call(call.id).state == "open"
