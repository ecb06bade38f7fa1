"""Nodes on one PostgreSQL whose clock is wrong, or that lose time: the database's clock decides."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from tests.clock import now, sleep_until
from tests.databases.raw import RawDatabase
from tests.deadline.detector import ahead_of_us
from tests.many_nodes.node import Node
from tests.many_nodes.schools import opened
from tests.many_nodes.watch import Watch
from tests.servers.postgres import PostgresServer
from workflow import CallView, Engine
from workflow.testing import new_call, officer, school

SETTLE_S = 0.5
#: How late a close may be on whatever machine, in seconds: so much less than a minute.
GENEROUS_S = 20.0
#: From a call's opening to its deadline, in seconds: longer each time, until somebody is in time.
OPEN_S = (2, 4, 8, 16)
#: When something is handed in, in seconds after the deadline.
ATTEMPTS_S = (-0.9, -0.5, -0.1, 0.02, 0.1, 0.4)

#: How exactly a clock is looked at through a trip to another machine, in seconds.
ROUGHLY_S = 10.0

WaitUntil = Callable[[Callable[[], object]], None]

pytestmark = pytest.mark.slow
_on_postgresql = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)


class Attempt(NamedTuple):
    """What somebody was told who handed in through a node, and when that was, by a clock that is right."""

    before: datetime
    after: datetime
    said: str


class Term(NamedTuple):
    """A call, and what the schools were told that handed in about its deadline."""

    call: CallView
    attempts: list[Attempt]

    def told(self, ahead: tuple[timedelta, timedelta]) -> tuple[set[str], set[str]]:
        """Return what those were told who were in time for certain, and those who were late for certain."""
        (least, most), closes_at = ahead, self.call.closes_at
        return (
            {each.said for each in self.attempts if each.after + most < closes_at},
            {each.said for each in self.attempts if each.before + least >= closes_at},
        )


@_on_postgresql
@pytest.mark.parametrize(
    ("ahead_s", "then_s"), [(60, 60), (-60, -60), (60, -60), (-60, 60)], ids=lambda s: f"{s:+}"
)
def test_a_node_whose_clock_is_wrong_neither_closes_early_nor_accepts_late(
    database: RawDatabase, wait_until: WaitUntil, ahead_s: float, then_s: float
) -> None:
    """A minute ahead, a minute behind, or put right too far: it serves alone, and all is as it should be."""
    with (
        Node("talk", database.url, odd={"ahead_s": ahead_s}, EOI_SETTLE_S=f"{SETTLE_S}") as node,
        Engine(database.url, settle_s=SETTLE_S) as engine,
        Watch(database) as watch,
    ):
        node.wait_for("event=runner.started")
        before, there, after = now(), datetime.fromisoformat(node.ask("time")), now()
        assert before <= there - timedelta(seconds=ahead_s) <= after
        ahead, told, terms = ahead_of_us(database), (set[str](), set[str]()), list[Term]()
        for open_s in OPEN_S:
            if not told[0]:
                terms.append(_term(database, node, open_s=open_s, then_s=then_s))
                told = terms[-1].told(ahead)
                assert told[0] <= {"submitted"}
        wait_until(lambda: watch.closed_at.keys() == {term.call.id for term in terms})
        skew_s = node.ask("health")["skew_s"]
        closed = [engine.call(term.call.id) for term in terms]
    assert told == ({"submitted"}, {"call-closed"})
    for term, call in zip(terms, closed, strict=True):
        taken = sum(each.said == "submitted" for each in term.attempts)
        counts = {"submitted": taken, "lapsed": len(ATTEMPTS_S) - taken}
        assert call.counts_at_close == {state: many for state, many in counts.items() if many}
        due, seen = call.closes_at + timedelta(seconds=SETTLE_S), watch.closed_at[call.id] + ahead[0]
        assert call.closed_at is not None
        assert min(call.closed_at, seen) >= due
        assert call.closed_at < due + timedelta(seconds=GENEROUS_S)
    assert skew_s == pytest.approx(then_s, abs=ROUGHLY_S)
    assert [float(each["skew_s"]) for each in node.logged("clock.skewed")] == [
        pytest.approx(ahead_s, abs=ROUGHLY_S)
    ]


def _term(database: RawDatabase, node: Node, *, open_s: float, then_s: float) -> Term:
    """Open a call, put the node's clock to another time, and hand in through it about the deadline."""
    call, eois = opened(database, f"{open_s}", in_s=open_s, drafts=len(ATTEMPTS_S))
    node.ask("set clock", ahead_s=then_s)
    attempts = [_handed_in(node, number, eoi_id, call.closes_at) for number, eoi_id in enumerate(eois)]
    return Term(call, attempts)


def _handed_in(node: Node, number: int, eoi_id: str, closes_at: datetime) -> Attempt:
    """Hand in through a node at the school's own instant."""
    sleep_until(closes_at + timedelta(seconds=ATTEMPTS_S[number]))
    before = now()
    said = node.ask("submit", eoi_id=eoi_id, actor=school(number).id, applicant=f"URN:{number}")
    return Attempt(before, now(), said)


def test_a_node_whose_question_is_held_up_does_not_close_early(own_postgres: PostgresServer) -> None:
    """The server stands still between a sweep's question for the time and its answer: nothing is due yet."""
    url = own_postgres.new_database()
    with Engine(url, settle_s=0) as engine, ThreadPoolExecutor() as pool:
        engine.migrate()
        closes_at = now() + timedelta(seconds=6)
        call = engine.open_call(new_call(closes_at=closes_at), actor=officer())
        engine.close_due()
        own_postgres.pause()
        sweep = pool.submit(engine.close_due)
        sleep_until(closes_at - timedelta(seconds=2))
        own_postgres.resume()
        assert sweep.result().closed == ()
        assert engine.call(call.id).state == "open"
