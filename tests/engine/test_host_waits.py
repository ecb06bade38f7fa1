"""How long a command in a host's own transaction waits for a lock; what the host has set for itself stays."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Final

import pytest
import sqlalchemy
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from tests.answers import answer
from tests.databases.raw import RawDatabase
from workflow import CallView, Engine
from workflow.testing import FrozenClock, new_call, officer, school

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

#: How a host's transaction has said how long it waits for a lock -> what it finds said afterwards.
SAID: Final = {
    "SELECT 1": "0",
    "SET LOCAL lock_timeout = '77ms'": "77ms",
    "SET lock_timeout = '78ms'": "78ms",
}
#: How long anything may take here, in seconds; and how long our own engine waits where it is patient.
PATIENCE_S: Final = 10.0


@pytest.fixture
def plain(database: RawDatabase, engine: Engine) -> Iterator[sqlalchemy.Engine]:
    """Return the engine of a host that has set no time-out; school 1 has a draft."""
    call = engine.open_call(new_call(), actor=officer())
    engine.draft(call.id, answers={}, actor=school(1))
    made = create_engine(make_url(database.url).set(drivername="postgresql+psycopg"))
    yield made
    made.dispose()


@pytest.fixture
def call(plain: sqlalchemy.Engine, engine: Engine) -> CallView:
    """Return the call."""
    return engine.call("46/23")


@contextmanager
def held(engine: Engine, plain: sqlalchemy.Engine, call: CallView) -> Iterator[None]:
    """Have somebody else's transaction hold the call: it extends it, and is undone at the end."""
    later = call.closes_at.replace(year=2024)
    with Session(plain) as session:
        engine.extend_call(call.id, closes_at=later, actor=officer(), reason="Snow.", session=session)
        yield
        session.rollback()


def submit(engine: Engine, session: Session) -> str:
    """Submit the draft in a host's transaction; return in a word what comes of it."""
    eoi_id = engine.find().items[0].id
    return answer(lambda: engine.submit(eoi_id, actor=school(1), session=session))


def submit_while_held(held: AbstractContextManager[None], hosted: Engine, session: Session) -> str:
    """Submit while somebody else holds the call; whoever waits too long is let go, and that shows."""
    with ThreadPoolExecutor(1) as threads:
        with held:
            waiting = threads.submit(submit, hosted, session)
            wait([waiting], PATIENCE_S)
        return waiting.result()


@pytest.mark.parametrize(
    ("lock_timeout_s", "said"),
    [(0.1, "SELECT 1"), (PATIENCE_S * 5, "SET LOCAL lock_timeout = '77ms'")],
    ids=["ours", "the host's"],
)
def test_a_session_waits_no_longer_than_was_said(
    database: RawDatabase,
    engine: Engine,
    plain: sqlalchemy.Engine,
    call: CallView,
    clock: FrozenClock,
    *,
    lock_timeout_s: float,
    said: str,
) -> None:
    """By the engine's time-out where the host has none, else by the host's; it is told, and goes on."""
    hosted = Engine(plain, clock=clock, lock_timeout_s=lock_timeout_s)
    with Session(plain) as session:
        session.execute(text(said))
        assert submit_while_held(held(engine, plain, call), hosted, session) == "database-locked"
        assert submit(hosted, session) == "submitted"
        session.commit()
    assert [row["state"] for row in database.rows("eoi_eoi")] == ["submitted"]


@pytest.mark.parametrize("nested", [False, True], ids=["outermost", "in a savepoint"])
@pytest.mark.parametrize(("said", "then"), SAID.items())
def test_what_a_host_has_said_of_locks_is_as_before(
    engine: Engine,
    plain: sqlalchemy.Engine,
    call: CallView,
    clock: FrozenClock,
    *,
    said: str,
    then: str,
    nested: bool,
) -> None:
    """After what was done, refused, and failed, the host waits for its own locks as it would without us."""
    hosted = Engine(plain, clock=clock, lock_timeout_s=0.05)
    with Session(plain) as session:
        session.execute(text(said))
        if nested:
            session.begin_nested()

        def after(do: Callable[[], str]) -> tuple[str, str]:
            return do(), session.scalars(text("SHOW lock_timeout")).one()

        locked = partial(submit_while_held, held(engine, plain, call), hosted, session)
        assert after(locked) == ("database-locked", then)
        assert after(lambda: submit(hosted, session)) == ("submitted", then)
        assert after(lambda: submit(hosted, session)) == ("wrong-state", then)
        unknown = "01a210d6-0000-7000-8000-000000000000"
        missing = partial(hosted.submit, unknown, actor=school(1), session=session)
        assert after(lambda: answer(missing)) == ("not-found", then)
        if nested:
            nest = session.get_nested_transaction()
            assert nest is not None
            nest.rollback()
            assert after(lambda: submit(hosted, session)) == ("submitted", then)
        session.commit()
    assert [each.state for each in engine.find()] == ["submitted"]


def test_who_is_too_late_in_a_session_does_not_wait_for_the_call(
    engine: Engine, plain: sqlalchemy.Engine, call: CallView, clock: FrozenClock
) -> None:
    """Whoever has the call, for however long: it is told at once, and on record with the commit."""
    hosted = Engine(plain, clock=clock, lock_timeout_s=0.05)
    with held(engine, plain, call), Session(plain) as session:
        clock.move_to(call.closes_at)
        assert submit(hosted, session) == "call-closed"
        session.commit()
    assert [(each.code, each.count) for each in engine.attempts(call.id)] == [("call-closed", 1)]
