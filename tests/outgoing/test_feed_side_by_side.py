"""The feed while others write, read and deliver at the same moment: nothing skipped, nothing twice."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise

from sqlalchemy.orm import Session

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.deadline.wire import SlowEngine
from tests.nodes import Nodes
from tests.outgoing.hand import A, Hand, webhook
from workflow import CallView, Engine, Fed
from workflow.testing import FrozenClock, school

LONG_S = 60.0


def _ids(items: tuple[Fed, ...]) -> list[str]:
    return [each.event.id for each in items]


def test_what_is_committed_late_appears_after_what_was_seen(
    engine: Engine, call: CallView, session: Session, *, database: RawDatabase
) -> None:
    """A host holds an event uncommitted while later ones are read; then it comes next, and is not skipped."""
    assert len(engine.events()) == 1  # On SQLite nobody can give places while a host writes.
    late = engine.draft(call.id, answers={}, actor=school(1), session=session).event_id
    seen = [f"{call.id}:1"]
    if database.name == "postgresql":  # SQLite has one writer at a time.
        seen.append(engine.draft(call.id, answers={}, actor=school(2)).event_id)
    page = engine.events()
    assert _ids(page.items) == seen
    session.commit()
    following = engine.events(after=int(str(page.next)))
    assert _ids(following.items) == [late]
    assert _ids(engine.events().items) == [*seen, late]
    assert [each.cursor for each in engine.events()] == list(range(1, len(seen) + 2))


def test_what_is_undone_leaves_no_gap(
    engine: Engine, call: CallView, session: Session, *, database: RawDatabase
) -> None:
    """A host that rolls back has told nobody anything, and nobody waits for it."""
    engine.draft(call.id, answers={}, actor=school(1), session=session)
    if database.name == "postgresql":
        engine.draft(call.id, answers={}, actor=school(2))
    session.rollback()
    engine.draft(call.id, answers={}, actor=school(3))
    places = [each.cursor for each in engine.events()]
    assert places == list(range(1, len(places) + 1))


def test_two_who_place_at_once_place_each_event_once(
    engine: Engine, call: CallView, database: RawDatabase, *, clock: FrozenClock, nodes: Nodes
) -> None:
    """A reader is about to commit its places while a pump and another reader begin with the same events."""
    webhook(engine)
    ids = [engine.draft(call.id, answers={}, actor=school(n)).event_id for n in range(5)]
    now, others = clock.now(), list[Future[object]]()
    with SlowEngine(database, clock) as slow:

        def meanwhile() -> None:
            others.append(nodes.start(lambda node: node.outbox.claim(now, limit=99, lease_s=60)))
            others.append(nodes.start(lambda node: node.events().items))

        slow.wire.before_commit = meanwhile
        ours = slow.events().items
    claimed, theirs = (each.result() for each in others)
    assert _ids(ours) == [f"{call.id}:1", *ids]
    assert theirs == ours
    assert sorted(each.event.id for each in claimed if each.address == A) == sorted(ids)  # type: ignore[attr-defined]


def test_two_who_give_the_same_place_to_different_events_both_come_to_an_end(
    engine: Engine,
    call: CallView,
    session: Session,
    *,
    database: RawDatabase,
    nodes: Nodes,
    clock: FrozenClock,
) -> None:
    """One does not see what was written first and committed last; the other one begins with it."""
    assert len(engine.events()) == 1
    first = engine.draft(call.id, answers={}, actor=school(1), session=session).event_id
    if database.name == "sqlite":  # Nobody else could write before this.
        session.commit()
    second = engine.draft(call.id, answers={}, actor=school(2)).event_id
    now, others = clock.now(), list[Future[object]]()
    with SlowEngine(database, clock) as slow:

        def meanwhile() -> None:
            session.commit()
            others.append(nodes.start(lambda node: node.outbox.claim(now, limit=99, lease_s=60)))

        slow.wire.before_commit = meanwhile
        slow.events()
    assert others[0].exception() is None
    seen = engine.events(after=1).items
    assert sorted(_ids(seen)) == sorted([first, second])
    assert [each.cursor for each in seen] == [2, 3]


def test_readers_and_pumps_at_work_see_each_event_once_and_in_order(
    engine: Engine, call: CallView, new_engine: NewEngine, *, long: bool
) -> None:
    """Two readers and two pumps, while three schools write as fast as they can."""
    moves, done = 60 if long else 12, threading.Event()

    def write(urn: int) -> None:
        eoi_id = engine.draft(call.id, answers={}, actor=school(urn)).eoi_id
        for n in range(moves):
            engine.save(eoi_id, answers={"places": n}, actor=school(urn))

    def read() -> list[Fed]:
        seen, node = list[Fed](), new_engine()
        while True:
            is_last = done.is_set()
            page = node.events(after=seen[-1].cursor if seen else 0, limit=7)
            seen += page
            if is_last and not page:
                return seen

    def pump() -> list[str]:
        hand, gone = Hand(new_engine()), list[str]()
        while True:
            is_last = done.is_set()
            taken = hand.claim(limit=5)
            gone += [each.event.id for each in taken]
            hand.arrive(*taken)
            if is_last and not taken:
                return gone

    webhook(engine)
    with ThreadPoolExecutor() as pool:
        readers, pumps = [pool.submit(read) for _ in range(2)], [pool.submit(pump) for _ in range(2)]
        for each in [pool.submit(write, urn) for urn in (1, 2, 3)]:
            each.result(LONG_S)
        done.set()
        one, two = (each.result(LONG_S) for each in readers)
        gone = [event_id for each in pumps for event_id in each.result(LONG_S)]
    assert [each.cursor for each in one] == list(range(1, 3 * (moves + 1) + 2))
    assert one == two
    ids = [each.event.id for each in one]
    assert len(set(ids)) == len(ids)
    assert sorted(gone) == sorted(ids)
    _each_in_order(one)


def _each_in_order(seen: list[Fed]) -> None:
    """Pass only where of each EOI every version comes right after the one before."""
    versions = dict[str | None, list[int]]()
    for each in seen:
        versions.setdefault(each.event.eoi_id, []).append(each.event.version)
    assert all(later == earlier + 1 for found in versions.values() for earlier, later in pairwise(found))
