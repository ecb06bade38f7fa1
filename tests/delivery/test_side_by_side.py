"""Pumps, endpoints and writers at the same moment, where the database lets them: no chance in it."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from tests.databases.raw import RawDatabase
from tests.deadline.wire import SlowEngine
from tests.nodes import Nodes
from workflow import CallView, Engine
from workflow.outbox import Attempted
from workflow.ports import Delivered
from workflow.testing import FrozenClock, officer, school

LONG_AGO = datetime(2023, 1, 1, tzinfo=UTC)


def no_rest(_: int) -> float:
    """Let no endpoint rest."""
    return 0.0


def test_two_pumps_that_claim_at_once_share_what_is_due(
    engine: Engine, database: RawDatabase, nodes: Nodes, clock: FrozenClock, *, call: CallView
) -> None:
    """What one pump is about to take is not taken by another one, which has not seen that yet."""
    engine.draft(call.id, answers={}, actor=school())
    now = clock.now()
    assert (
        engine.outbox.claim(now.replace(year=2000), limit=9, lease_s=60) == []
    )  # It has made the deliveries.
    with SlowEngine(database, clock) as slow:
        others = []
        slow.wire.before_commit = lambda: others.append(
            nodes.start(lambda node: node.outbox.claim(now, limit=9, lease_s=60))
        )
        ours = slow.outbox.claim(now, limit=1, lease_s=60)
    (theirs,) = others
    taken = [each.event.type for each in (*ours, *theirs.result())]
    assert sorted(taken) == ["call.opened", "eoi.drafted"]


def test_an_event_that_is_committed_during_a_fan_out_is_told_by_the_next_one(
    engine: Engine, database: RawDatabase, session: Session, clock: FrozenClock, *, call: CallView
) -> None:
    """It has its place before what is already there, and is not taken for one that has its deliveries."""
    first = engine.draft(call.id, answers={}, actor=school(1), session=session).event_id
    told = {f"{call.id}:1", first}
    if database.name == "postgresql":  # On SQLite nothing can stand behind what is not committed.
        told.add(engine.draft(call.id, answers={}, actor=school(2)).event_id)

    def hear(statement: str) -> None:
        if "BEGIN IMMEDIATE" in statement or statement.startswith("UPDATE eoi_outbox"):
            session.commit()

    host = database.host(hear=hear)
    pumping = Engine(host, clock=clock)
    claims = [pumping.outbox.claim(clock.now(), limit=9, lease_s=60) for _ in range(2)]
    host.dispose()
    assert sorted(each.event.id for claim in claims for each in claim) == sorted(told)


def test_an_endpoint_is_added_before_or_after_what_is_on_its_way(
    engine: Engine, session: Session, nodes: Nodes, *, call: CallView
) -> None:
    """Between them there is a moment; an event that was on its way is not lost between the two."""
    engine.draft(call.id, answers={}, actor=school(1), session=session)
    adding = nodes.start(lambda node: node.add_endpoint("https://council.example/eoi", actor=officer()))
    waited = not adding.done()
    session.commit()
    adding.result()
    assert waited


def test_pumps_that_write_down_the_same_deliveries_lock_them_in_one_order(
    engine: Engine, database: RawDatabase, nodes: Nodes, clock: FrozenClock, *, call: CallView
) -> None:
    """By whichever index they are found: the last one is free while the first is waited for."""
    if database.name != "postgresql":  # SQLite has one lock for all.
        return
    engine.draft(call.id, answers={}, actor=school())
    last, first = (engine.outbox.claim(clock.now(), limit=9, lease_s=60))[::-1]
    with database.shell() as holder, database.shell() as other:
        holder("BEGIN")
        # The row moves behind the others, and is where a look from front to back finds it last.
        holder("UPDATE eoi_delivery SET last_status = 0 WHERE id = ?", first.id)
        holder("COMMIT")
        holder("ANALYZE eoi_delivery")  # So small a table is read from front to back.
        holder("BEGIN")
        holder("SELECT id FROM eoi_delivery WHERE id = ? FOR UPDATE", first.id)
        attempts = [
            Attempted(begun_at=LONG_AGO, delivery=each, outcome=Delivered()) for each in (last, first)
        ]
        writing = nodes.start(lambda node: node.outbox.record(attempts, clock.now(), rest_s=no_rest))
        assert not writing.done()
        other("BEGIN")
        other("SELECT id FROM eoi_delivery WHERE id = ? FOR UPDATE NOWAIT", last.id)
        other("ROLLBACK")
        holder("ROLLBACK")
        assert writing.result() == [True, True]
