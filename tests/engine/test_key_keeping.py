"""How long an idempotency key is kept, and that it is forgotten then."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from states.errors import BadInput
from tests.databases.raw import RawDatabase
from workflow import CallView, Engine, WrongState
from workflow.idempotency import PRUNED_AT_ONCE
from workflow.testing import FrozenClock, new_call, officer, school

DAY = timedelta(days=1)


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Open a call that is open for two months."""
    closes_at = engine.clock.now() + 60 * DAY
    return engine.open_call(new_call(closes_at=closes_at), actor=officer(), idempotency_key="open")


def _submit(engine: Engine, call: CallView) -> str:
    draft = engine.draft(call.id, answers={}, actor=school(), idempotency_key="draft")
    return engine.submit(draft.eoi_id, actor=school(), idempotency_key="submit").eoi_id


def _keys(database: RawDatabase) -> int:
    ((count,),) = database.ask("SELECT count(*) FROM eoi_key")
    return int(count)


def test_a_key_is_kept_to_the_last_instant_of_its_month(
    engine: Engine, call: CallView, clock: FrozenClock, database: RawDatabase
) -> None:
    """After thirty days to the microsecond a replay still has its first answer; a microsecond later, none."""
    eoi_id = _submit(engine, call)
    clock.move_by(days=30)
    assert engine.prune() == 0
    assert engine.submit(eoi_id, actor=school(), idempotency_key="submit").replayed is True
    clock.move_by(microseconds=1)
    assert (engine.prune(), _keys(database)) == (3, 0)
    with pytest.raises(WrongState):
        engine.submit(eoi_id, actor=school(), idempotency_key="submit")


def test_what_is_not_old_is_kept(
    engine: Engine, call: CallView, clock: FrozenClock, database: RawDatabase
) -> None:
    """Only the keys that were kept for long enough are forgotten, and the rows that they made stay."""
    clock.move_by(days=20)
    eoi_id = _submit(engine, call)
    clock.move_by(days=11)
    assert (engine.prune(), _keys(database)) == (1, 2)
    assert engine.get(eoi_id).version == 2
    assert engine.submit(eoi_id, actor=school(), idempotency_key="submit").replayed is True


def test_a_replay_has_its_first_answer_after_the_close(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """A school whose receipt was lost on the way gets the same one, though the call has closed since."""
    draft = engine.draft(call.id, answers={}, actor=school())
    first = engine.submit(draft.eoi_id, actor=school(), idempotency_key="once")
    clock.move_to(call.closes_at + timedelta(seconds=2))
    assert len(engine.close_due().closed) == 1
    again = engine.submit(draft.eoi_id, actor=school(), idempotency_key="once")
    assert (again.replayed, again.at, again.event_id) == (True, first.at, first.event_id)


def test_a_host_says_how_long_they_are_kept(
    engine: Engine, call: CallView, clock: FrozenClock, new_engine: Callable[..., Engine]
) -> None:
    """Half a day is a number of days too."""
    brief = new_engine(keep_keys_days=0.5)
    clock.move_by(hours=12)
    assert brief.prune() == 0
    clock.move_by(microseconds=1)
    assert brief.prune() == 1


@pytest.mark.parametrize("days", [-1, 36501, float("nan"), "thirty", None, True])
def test_a_span_beyond_all_sense_is_refused(new_engine: Callable[..., Engine], days: object) -> None:
    """A slip of the pen does not become a retention of minus one day."""
    with pytest.raises(BadInput) as caught:
        new_engine(keep_keys_days=days)
    assert caught.value.field == "keep_keys_days"


def test_however_many_there_are_all_are_forgotten(
    engine: Engine, call: CallView, clock: FrozenClock, database: RawDatabase
) -> None:
    """They go in short transactions, one after the other, until none is left."""
    count = 2 * PRUNED_AT_ONCE + 1
    database.run(
        "INSERT INTO eoi_key (scope, fingerprint, answer, created_at) "  # noqa: S608 -- a number of ours
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
        "SELECT 'scope-' || n.i, fingerprint, answer, created_at FROM n, eoi_key"
    )
    clock.move_by(days=31)
    assert (engine.prune(), _keys(database)) == (count + 1, 0)


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_keys_that_another_node_is_forgetting_are_left_to_it(
    engine: Engine, call: CallView, clock: FrozenClock, database: RawDatabase
) -> None:
    """Neither node waits for the other one, and both together forget them all."""
    clock.move_by(days=31)
    with database.connect() as other:
        other.execute("BEGIN")
        other.execute("SELECT scope FROM eoi_key FOR UPDATE")
        assert (engine.prune(), _keys(database)) == (0, 1)
        other.execute("ROLLBACK")
    assert (engine.prune(), _keys(database)) == (1, 0)
