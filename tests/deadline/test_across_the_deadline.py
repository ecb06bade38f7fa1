"""What one node holds in flight across the deadline, and what another one does meanwhile: no chance in it."""

from typing import Final

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.answers import answer
from tests.databases.lent import Broken
from tests.databases.raw import RawDatabase
from tests.deadline.moves import CLOSING, HEAD, MOVES, SECOND, TICK
from tests.nodes import Nodes
from workflow import CallView, Engine
from workflow.testing import FrozenClock, officer, reviewer, school, submitted

SETTLED: Final = CLOSING + 2 * SECOND
#: Move -> what is counted at the close where it was committed before.
COUNTED: Final = {"draft": {"lapsed": 2}, "save": {"lapsed": 1}, "submit": {"submitted": 1}}
#: Move -> what is counted at a close beside one submission, where it did not get in before the close; or did.
SHUT_OUT: Final = {"submitted": 1, "lapsed": 1}
LET_IN: Final = {
    "draft": {"submitted": 1, "lapsed": 2},
    "save": {"submitted": 1, "lapsed": 1},
    "submit": {"submitted": 2},
}


@pytest.mark.parametrize("name", MOVES)
def test_a_close_waits_for_whatever_is_in_flight(
    engine: Engine,
    session: Session,
    nodes: Nodes,
    clock: FrozenClock,
    *,
    draft: str,
    broken: Broken,
    name: str,
) -> None:
    """What a school did in time and the host commits late is there when the call is closed and counted."""
    moves = {
        "draft": lambda: engine.draft("46/23", answers={}, actor=school(2), session=session),
        "save": lambda: engine.save(draft, answers={"places": 2}, actor=HEAD, session=session),
        "submit": lambda: engine.submit(draft, actor=HEAD, session=session),
    }
    clock.move_to(CLOSING - TICK)
    moves[name]()
    clock.move_to(SETTLED + 3600 * SECOND)
    closing = nodes.start(lambda node: node.close_due())
    waited = not closing.done()
    session.commit()
    closed = [call.counts_at_close for call in closing.result().closed]
    assert (waited, closed, broken()) == (True, [COUNTED[name]], [])


@pytest.mark.parametrize("name", MOVES)
def test_whoever_waited_for_a_close_is_told_that_it_was_overtaken(
    engine: Engine,
    session: Session,
    nodes: Nodes,
    clock: FrozenClock,
    *,
    call: CallView,
    draft: str,
    broken: Broken,
    name: str,
) -> None:
    """What arrived in time, while another node was closing, does not get into a call that is closed."""
    clock.move_to(SETTLED)
    engine.close_call(call.id, actor=officer(), session=session)
    clock.move_to(CLOSING - TICK)
    moving = nodes.start(lambda node: answer(lambda: MOVES[name](node, draft)))
    waited = not moving.done()
    session.commit()
    assert (waited, moving.result()) == (True, "closed-in-flight")
    assert (engine.call(call.id).counts_at_close, broken()) == ({"lapsed": 1}, [])


@pytest.mark.parametrize("name", MOVES)
def test_what_waited_for_an_extension_is_held_against_the_new_deadline(
    engine: Engine,
    session: Session,
    nodes: Nodes,
    clock: FrozenClock,
    *,
    call: CallView,
    draft: str,
    broken: Broken,
    name: str,
) -> None:
    """Who waits until an extension is committed sees the call as it is then, and tells of it so."""
    clock.move_to(CLOSING - TICK)
    later = CLOSING + 3600 * SECOND
    engine.extend_call(call.id, closes_at=later, actor=officer(), reason="Floods.", session=session)
    moving = nodes.start(lambda node: MOVES[name](node, draft))
    waited = not moving.done()
    session.commit()
    moving.result()
    assert (waited, broken()) == (True, [])


@pytest.mark.parametrize("name", MOVES)
def test_whoever_comes_after_a_close_has_begun_to_wait_does_not_go_before_it(
    engine: Engine,
    session: Session,
    nodes: Nodes,
    clock: FrozenClock,
    *,
    database: RawDatabase,
    call: CallView,
    draft: str,
    broken: Broken,
    name: str,
) -> None:
    """However many schools still come, each behind the other, a close is not put off by them.

    On SQLite nobody knows who has waited longer; there everybody tries again within a millisecond.
    """
    before = engine.draft(call.id, answers={}, actor=school(3)).eoi_id
    clock.move_to(CLOSING - TICK)
    engine.submit(before, actor=school(3), session=session)
    clock.move_to(SETTLED)
    closing = nodes.start(lambda node: node.close_call(call.id, actor=officer()))
    clock.move_to(CLOSING - TICK)
    coming = nodes.start(lambda node: answer(lambda: MOVES[name](node, draft)))
    waited = not closing.done(), not coming.done()
    clock.move_to(SETTLED)
    session.commit()
    closed, told = closing.result(), coming.result()
    assert waited == (True, True)
    assert told == "closed-in-flight" or database.name == "sqlite"
    assert closed.counts_at_close == (SHUT_OUT if told == "closed-in-flight" else LET_IN[name])
    assert broken() == []


def test_of_two_who_review_at_once_the_second_hears_of_the_first(
    engine: Engine, session: Session, nodes: Nodes, clock: FrozenClock, *, call: CallView, broken: Broken
) -> None:
    """What was reviewed is not reviewed again by somebody who read it a moment before."""
    eoi = submitted(engine, call.id, HEAD)
    clock.move_to(SETTLED)
    engine.close_due()
    engine.review(eoi, actor=reviewer("first"), session=session)
    reviewing = nodes.start(lambda node: answer(lambda: node.review(eoi, actor=reviewer("second"))))
    waited = not reviewing.done()
    session.commit()
    assert (waited, reviewing.result(), engine.get(eoi).version) == (True, "wrong-state", 3)
    assert [row.actor for row in engine.history(eoi)][2:] == ["first"]
    assert broken() == []


def test_a_call_is_not_closed_by_whoever_cannot_see_it_as_it_is(
    engine: Engine, database: RawDatabase, clock: FrozenClock, *, call: CallView, draft: str, broken: Broken
) -> None:
    """A host whose transaction began before a draft was made would close past it: it must begin anew."""
    del draft
    host = database.host("its own way")
    with Session(host) as session:
        session.execute(text("SELECT reference FROM eoi_call"))
        engine.draft(call.id, answers={}, actor=school(2))
        clock.move_to(SETTLED)
        told = answer(lambda: engine.close_call(call.id, actor=officer(), session=session))
        session.commit()
    host.dispose()
    assert (told, engine.call(call.id).counts) == ("transaction-conflict", {"draft": 2})
    assert [each.counts_at_close for each in engine.close_due().closed] == [{"lapsed": 2}]
    assert broken() == []
