"""What a school is answered around the deadline, accepted or refused, in one word each."""

from dataclasses import replace

import pytest

from tests.answers import answer
from tests.databases.raw import RawDatabase
from tests.deadline.moves import CLOSING, HEAD, MOVES, SECOND, TICK, Move
from tests.deadline.wire import SlowEngine
from workflow import CallView, Engine, Receipt
from workflow.testing import FrozenClock, officer

#: Move -> the state that it comes to where it counts.
COUNTS = {"draft": "draft", "save": "draft", "submit": "submitted"}


@pytest.mark.parametrize("name", MOVES)
def test_the_queue_is_not_charged_to_the_school(
    slow: SlowEngine, clock: FrozenClock, draft: str, name: str
) -> None:
    """What arrived in time is accepted though it gets the lock a second after the deadline."""
    clock.move_to(CLOSING - TICK)
    slow.wire.before_lock = lambda: clock.move_to(CLOSING + SECOND)
    assert answer(lambda: MOVES[name](slow, draft)) == COUNTS[name]


@pytest.mark.parametrize("move", MOVES.values(), ids=MOVES)
def test_whoever_is_late_waits_for_nobody(
    database: RawDatabase, clock: FrozenClock, draft: str, move: Move
) -> None:
    """While somebody holds the lock, the late are told that they are late, and not that there is a queue."""
    clock.move_to(CLOSING)
    with Engine(database.url, clock=clock, lock_timeout_s=0.1) as hurried, database.locked():
        assert answer(lambda: move(hurried, draft)) == "call-closed"


@pytest.mark.parametrize("seen", [None, 1])
def test_what_the_close_overtook_can_be_let_in_whatever_version_it_named(
    engine: Engine, slow: SlowEngine, clock: FrozenClock, draft: str, seen: int | None
) -> None:
    """The close makes a new version of each draft: that is no reason to be told to read again."""

    def meanwhile() -> None:
        clock.move_to(CLOSING + 2 * SECOND)
        engine.close_due()

    clock.move_to(CLOSING - TICK)
    slow.wire.before_lock = meanwhile
    told = answer(lambda: slow.submit(draft, actor=HEAD, expected_version=seen))
    let_in = answer(lambda: engine.fire(draft, "reinstate", actor=officer(), reason="queue"))
    assert (told, let_in) == ("closed-in-flight", "submitted")


def test_what_came_too_late_is_let_in_by_nobody(engine: Engine, clock: FrozenClock, draft: str) -> None:
    """An officer who wants to be kind is told that nothing arrived in time."""
    clock.move_to(CLOSING)
    late = answer(lambda: engine.submit(draft, actor=HEAD))
    clock.move_by(seconds=2)
    engine.close_due()
    kind = answer(lambda: engine.fire(draft, "reinstate", actor=officer(), reason="please"))
    assert (late, kind, engine.get(draft).state) == ("call-closed", "not-in-flight", "lapsed")


def test_the_answer_of_a_twin_that_was_quicker_is_its_own(
    engine: Engine, slow: SlowEngine, call: CallView
) -> None:
    """A request sent twice, the second overtaking the first, is carried out once and answered twice."""
    answers = {"places": 1}
    twins: list[Receipt] = []

    def meanwhile() -> None:
        twins.append(engine.draft(call.id, answers=answers, actor=HEAD, idempotency_key="k"))

    slow.wire.before_lock = meanwhile
    told = answer(lambda: slow.draft(call.id, answers=answers, actor=HEAD, idempotency_key="k"))
    assert (told, len(twins)) == ("draft", 1)
    again = slow.draft(call.id, answers=answers, actor=HEAD, idempotency_key="k")
    assert again == replace(twins[0], replayed=True)


def test_a_request_that_was_refused_is_not_answered_for_good(
    engine: Engine, clock: FrozenClock, call: CallView, draft: str
) -> None:
    """What was too early is carried out later under the same key."""
    del draft  # It is there: that is why the call cannot be closed early.
    early = answer(lambda: engine.close_call(call.id, actor=officer(), idempotency_key="k"))
    clock.move_to(CLOSING + 2 * SECOND)
    due = answer(lambda: engine.close_call(call.id, actor=officer(), idempotency_key="k"))
    assert (early, due) == ("eois-exist", "closed")
