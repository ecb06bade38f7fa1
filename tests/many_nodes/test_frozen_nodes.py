"""A node that stands still in the middle of something, and the others beside it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import make_url
from sqlalchemy.orm import Session

from tests.clock import now
from tests.databases.raw import Ask, RawDatabase
from tests.deadline.detector import ahead_of_us
from tests.many_nodes.node import Node
from tests.many_nodes.receiver import Receiver
from tests.many_nodes.schools import opened
from tests.servers.databases import text_of
from workflow import CallView, Engine
from workflow.closing import WAIT_S
from workflow.testing import FrozenClock, new_call, officer, school

SETTLE_S = 0.5
#: How long after its deadline and settle a call may be closed while another one is held, on whatever machine
#: that is, in seconds.
GENEROUS_S = 15.0
LEASE_S = 1.0

WaitUntil = Callable[[Callable[[], object]], None]

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


def serving(url: str, **odd: float) -> Node:
    """Start a node with settle times and leases that are short."""
    return Node("serve", "--no-api", "--db", url, odd=odd or None, EOI_SETTLE_S=f"{SETTLE_S}")


@contextmanager
def frozen_amid_a_close(
    database: RawDatabase, node: Node, call: CallView, wait_until: WaitUntil
) -> Iterator[Ask]:
    """Let a node close a call up to its last statement, and stand still there, the call's lock in hand."""
    database.plant(
        "AFTER INSERT ON eoi_history",
        "PERFORM set_config('lock_timeout', '0', true); PERFORM pg_advisory_xact_lock(7)",
        where=f"NEW.subject_id = '{call.id}' AND NEW.\"trigger\" = 'close'",
    )
    with database.shell() as ask, database.shell() as watch:
        ask("SELECT pg_advisory_lock(7)")
        wait_until(lambda: watch(_WHO + "WHERE wait_event = 'advisory' AND datname = current_database()"))
        node.freeze()
        ((pid,),) = watch(_WHO + "WHERE wait_event = 'advisory' AND datname = current_database()")
        ask("SELECT pg_advisory_unlock(7)")
        wait_until(lambda: watch(_WHO + f"WHERE pid = {pid} AND state = 'idle in transaction'"))
        yield watch


_WHO = "SELECT pid FROM pg_stat_activity "


@pytest.mark.parametrize("ends", ["it goes on", "its session times out"])
def test_a_frozen_node_holds_up_no_call_but_its_own(
    database: RawDatabase, wait_until: WaitUntil, ends: str
) -> None:
    """The others are closed on time beside it; its own, once it goes on, or once its session has ended."""
    options = {} if ends == "it goes on" else {"options": "-c idle_in_transaction_session_timeout=4000"}
    url = text_of(make_url(database.url).update_query_dict(options))
    with (
        Engine(database.url, settle_s=SETTLE_S) as engine,
        serving(url) as frozen,
        serving(database.url) as other,
    ):
        for node in (frozen, other):
            node.wait_for("Serving")
        other.freeze()  # so that it is not the one that closes this call
        held, _ = opened(database, "held", in_s=1, drafts=1, submits=1)
        with frozen_amid_a_close(database, frozen, held, wait_until):
            other.thaw()
            other.wait_for("code=database-locked")
            calls = [opened(database, f"free {n}", in_s=0.5, drafts=1, submits=1)[0] for n in range(3)]
            wait_until(lambda: all(engine.call(call.id).state == "closed" for call in calls))
            if ends == "it goes on":
                assert engine.call(held.id).state == "open"
                frozen.thaw()
            wait_until(lambda: engine.call(held.id).state == "closed")
            frozen.thaw()
            other.signal(signal.SIGTERM)
            assert other.end() == 0
        last, _ = opened(database, "last", in_s=0.5, drafts=1, submits=1)
        wait_until(lambda: engine.call(last.id).state == "closed")
        frozen.signal(signal.SIGTERM)
        assert frozen.end() == 0
        database.uproot()
        closers = [each["call_id"] for each in frozen.logged("call.closed")]
        assert (held.id in closers, last.id in closers) == (ends == "it goes on", True)
        assert max(_late_s(engine.call(call.id)) for call in calls) < GENEROUS_S
        for call in (held, *calls, last):
            assert engine.call(call.id).counts_at_close == {"lapsed": 1, "submitted": 1}
            assert [each.trigger for each in engine.history(call.id)] == ["open", "close"]
        assert engine.check() == []


def test_who_holds_a_call_is_waited_for_when_the_others_are_closed(database: RawDatabase) -> None:
    """A host's transaction holds the call that is due first; the other is closed before it is waited for."""
    host = database.host()
    with Engine(database.url, clock=FrozenClock()) as past, Session(host) as session:
        held = past.open_call(new_call(reference="held"), actor=officer())
        free = past.open_call(new_call(reference="free", closes_on=date(2023, 3, 18)), actor=officer())
        past.draft(held.id, answers={}, actor=school(), session=session)
        with Engine(database.url) as sweeping:
            report = sweeping.close_due()
            ended = now() + ahead_of_us(database)[1]
        (closed,) = report.closed
        assert (closed.id, report.failed) == (free.id, {held.id: "database-locked"})
        assert closed.closed_at is not None
        assert ended - closed.closed_at >= timedelta(seconds=WAIT_S)
    host.dispose()


def test_what_a_frozen_node_was_delivering_is_delivered_by_another(
    database: RawDatabase, receiver: Receiver, wait_until: WaitUntil
) -> None:
    """Its lease ends, and another sends it again, with the same id; what it says later does not count."""
    with Engine(database.url) as engine, serving(database.url, lease_s=LEASE_S) as frozen:
        engine.add_endpoint(receiver.url("/all"), actor=officer())
        frozen.wait_for("Serving")
        stopped = list[datetime]()

        def stop(_: object) -> None:
            if not stopped:
                stopped.append(now())
                frozen.freeze()

        receiver.before_answer = stop
        engine.open_call(new_call(closes_at=now() + timedelta(days=1)), actor=officer())
        wait_until(lambda: stopped)
        with serving(database.url, lease_s=LEASE_S) as other:
            wait_until(lambda: engine.deliveries(state="delivered"))
            frozen.thaw()
            frozen.wait_for("event=delivery.overtaken")
            other.signal(signal.SIGTERM)
            assert other.end() == 0
        (delivery,) = engine.deliveries()
        first, second = receiver.came
        assert (first.id, first.body) == (second.id, second.body)
        assert (second.at - first.at).total_seconds() >= LEASE_S - 0.5
        assert (delivery.state, delivery.attempts) == ("delivered", 2)


def _late_s(call: CallView) -> float:
    assert call.closed_at is not None
    return (call.closed_at - call.closes_at).total_seconds() - SETTLE_S
