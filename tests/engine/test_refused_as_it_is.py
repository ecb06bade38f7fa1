"""Who has waited for a call is judged by what is true then: nobody is refused, or on record, for what was.

On PostgreSQL a wait begins with a look at the EOI, and a close or an extension queues in between: a host's
transaction that has not committed holds the call, that change waits for the host, and others wait behind it.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy.orm import Session

from states.facts import Actor
from states.names import Role
from tests.answers import answer
from tests.databases.raw import RawDatabase
from tests.nodes import Nodes
from workflow import CallView, Engine, EoiError, Receipt
from workflow.testing import FrozenClock, new_call, officer, reviewer, school

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

NOON: Final = datetime(2023, 3, 16, 12, tzinfo=UTC)
SETTLED: Final = datetime(2023, 3, 18, 0, 0, 2, tzinfo=UTC)
SWEEP: Final = Actor("system", roles={Role.SYSTEM})


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Return the real sheet's call."""
    return engine.open_call(new_call(), actor=officer())


@pytest.fixture
def draft(engine: Engine, call: CallView) -> str:
    """Return the draft of school 1 there."""
    return engine.draft(call.id, answers={}, actor=school(1)).eoi_id


def said(do: Future[Receipt]) -> tuple[str, str]:
    """Return in a word what comes of a command, and in a sentence what it is told, if it is refused."""
    word = answer(lambda: do.result(timeout=30))
    exc = do.exception()
    return word, exc.message if isinstance(exc, EoiError) else ""


class Queue:
    """Commands that wait one behind another for a call, the first of them for a host's transaction."""

    def __init__(self, nodes: Nodes, clock: FrozenClock, call: CallView) -> None:
        self.nodes, self._clock, self._call = nodes, clock, call

    def close(self) -> Future[CallView]:
        """Let the call be closed; whoever comes after arrives at noon all the same."""
        self._clock.move_to(SETTLED)
        closing = self.nodes.start(lambda node: node.close_call(self._call.id, actor=SWEEP))
        self._clock.move_to(NOON)
        return closing

    def extend(self) -> Future[CallView]:
        """Let the call be extended."""
        later = self._call.closes_at + timedelta(days=7)
        return self.nodes.start(
            lambda node: node.extend_call(self._call.id, closes_at=later, actor=officer(), reason="Snow.")
        )


@pytest.fixture
def queue(nodes: Nodes, clock: FrozenClock, call: CallView) -> Queue:
    """Return who waits for the call."""
    return Queue(nodes, clock, call)


@pytest.fixture
def host(database: RawDatabase) -> Iterator[Session]:
    """Return the session of a host that commits when the test says so."""
    made = database.host()
    with Session(made) as session:
        yield session
    made.dispose()


def attempts(engine: Engine, eoi_id: str) -> list[tuple[str, str, int]]:
    """Return every attempt that is on record of an EOI."""
    return [(each.trigger, each.code, each.count) for each in engine.attempts(eoi_id)]


@pytest.mark.parametrize("expected", [None, 1], ids=["any version", "version 1"])
def test_a_second_click_behind_the_close_is_told_that_the_first_one_counted(
    engine: Engine, host: Session, queue: Queue, draft: str, *, expected: int | None
) -> None:
    """Never that it is a draft still: it is submitted; nor is it on record as one that was overtaken."""
    engine.submit(draft, actor=school(1), session=host)
    closing = queue.close()
    second = queue.nodes.start(lambda node: node.submit(draft, actor=school(1), expected_version=expected))
    host.commit()
    assert closing.result(timeout=30).counts_at_close == {"submitted": 1}
    word, sentence = said(second)
    assert (word, sentence.partition(". ")[0]) == (
        "wrong-state",
        "It is submitted; to submit it must be draft",
    )
    assert attempts(engine, draft) == [("submit", "wrong-state", 1)]
    assert [row.trigger for row in engine.history(draft)] == ["draft", "submit"]


@pytest.mark.parametrize("expected", [None, 1], ids=["any version", "version 1"])
def test_who_was_overtaken_behind_another_is_told_so(
    engine: Engine, host: Session, queue: Queue, draft: str, *, expected: int | None
) -> None:
    """Another school's draft, submitted in time behind the close, has lapsed: that is told, and on record."""
    other = engine.draft("46/23", answers={}, actor=school(2)).eoi_id
    engine.submit(draft, actor=school(1), session=host)
    closing = queue.close()
    late = queue.nodes.start(lambda node: node.submit(other, actor=school(2), expected_version=expected))
    host.commit()
    assert closing.result(timeout=30).counts_at_close == {"lapsed": 1, "submitted": 1}
    assert said(late)[0] == "closed-in-flight"
    assert attempts(engine, other) == [("submit", "closed-in-flight", 1)]


def test_a_review_behind_the_close_is_done(engine: Engine, host: Session, queue: Queue, draft: str) -> None:
    """What was submitted before the close can be reviewed after it, by whoever waited for both."""
    engine.submit(draft, actor=school(1), session=host)
    closing = queue.close()
    review = queue.nodes.start(lambda node: node.review(draft, actor=reviewer()))
    host.commit()
    assert closing.result(timeout=30).counts_at_close == {"submitted": 1}
    assert said(review) == ("reviewed", "")
    assert attempts(engine, draft) == []


@pytest.mark.parametrize(
    ("move", "state"),
    [
        (lambda node, eoi_id, seen: node.submit(eoi_id, actor=school(1), expected_version=seen), "submitted"),
        (
            lambda node, eoi_id, seen: node.save(
                eoi_id, answers={"places": 9}, actor=school(1), expected_version=seen
            ),
            "draft",
        ),
    ],
    ids=["submit", "save"],
)
def test_who_knows_the_version_that_is_committed_meanwhile_is_not_told_to_read_again(
    engine: Engine,
    host: Session,
    queue: Queue,
    draft: str,
    *,
    move: Callable[[Engine, str, int], Receipt],
    state: str,
) -> None:
    """A school that was told of its version by the host goes on from that one, as soon as it is there."""
    seen = engine.save(draft, answers={"places": 18}, actor=school(1), session=host).version
    extension = queue.extend()
    waiting = queue.nodes.start(lambda node: move(node, draft, seen))
    host.commit()
    assert extension.result(timeout=30).state == "open"
    assert said(waiting) == (state, "")
    assert (engine.get(draft).version, attempts(engine, draft)) == (seen + 1, [])
