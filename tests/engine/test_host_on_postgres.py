"""A host's own transaction on PostgreSQL: other isolation levels, failed transactions, twins, timeouts."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
import sqlalchemy
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.databases.raw import RawDatabase
from workflow import (
    CallView,
    DatabaseLocked,
    Engine,
    Receipt,
    Refused,
    TransactionConflict,
)
from workflow.testing import FrozenClock, admin, new_call, officer, school

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

LEVELS: Final = ("REPEATABLE READ", "SERIALIZABLE")
WAITING: Final = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


@pytest.fixture
def plain(database: RawDatabase, engine: Engine) -> Iterator[sqlalchemy.Engine]:
    """Return a host's engine with a table of its own; the call 46/23 is open, and school 1 has a draft."""
    call = engine.open_call(new_call(), actor=officer())
    engine.draft(call.id, answers={}, actor=school(1))
    made = database.host()
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE host (note TEXT UNIQUE DEFERRABLE INITIALLY DEFERRED)"))
    yield made
    made.dispose()


@pytest.fixture
def hosted(plain: sqlalchemy.Engine, clock: FrozenClock) -> Engine:
    """Return our engine on the host's engine."""
    return Engine(plain, clock=clock)


@pytest.fixture(params=LEVELS)
def strict(request: pytest.FixtureRequest, plain: sqlalchemy.Engine) -> sqlalchemy.Engine:
    """Return the same engine, whose transactions each see one state."""
    return plain.execution_options(isolation_level=request.param)


def note(session: Session, word: str) -> None:
    """Write a row of the host's own."""
    session.execute(text("INSERT INTO host VALUES (:word)"), {"word": word})


def test_moves_of_one_eoi_work_at_every_level(
    strict: sqlalchemy.Engine, hosted: Engine, notes: Callable[[], list[str]]
) -> None:
    """Two strict hosts draft for two schools in one call at once; nobody is in the other's way."""
    with Session(strict) as one, Session(strict) as other:
        for urn, session in ((2, one), (3, other)):
            note(session, f"{urn}")
            eoi_id = hosted.draft("46/23", answers={}, actor=school(urn), session=session).eoi_id
            hosted.save(eoi_id, answers={"a": 1}, actor=school(urn), session=session)
            hosted.submit(eoi_id, actor=school(urn), session=session)
            with pytest.raises(Refused):
                hosted.submit(eoi_id, actor=school(urn), session=session)
        one.commit()
        other.commit()
    assert [(each.applicant, each.state) for each in hosted.find()] == [
        ("URN:1", "draft"),
        ("URN:2", "submitted"),
        ("URN:3", "submitted"),
    ]
    assert (notes(), hosted.check()) == (["2", "3"], [])


@pytest.mark.parametrize("change", ["save", "extend_call", "cancel_call"])
def test_what_changed_meanwhile_conflicts(
    strict: sqlalchemy.Engine, hosted: Engine, engine: Engine, notes: Callable[[], list[str]], change: str
) -> None:
    """A host that sees an older state than the one to be moved is told, and does all of it again."""
    eoi_id, call = engine.find().items[0].id, engine.call("46/23")
    with Session(strict) as session:
        note(session, "lost")
        if change == "save":
            engine.save(eoi_id, answers={"by": "another"}, actor=school(1))
        elif change == "extend_call":
            later = call.closes_at.replace(year=2024)
            engine.extend_call(call.id, closes_at=later, actor=officer(), reason="Snow.")
        else:
            engine.cancel_call(call.id, actor=admin(), reason="No money.")
        with pytest.raises(TransactionConflict, match="roll it back and try again") as conflict:
            hosted.submit(eoi_id, actor=school(1), session=session)
        assert conflict.value.code == "transaction-conflict"
        session.rollback()
        note(session, "kept")
        if change == "cancel_call":
            with pytest.raises(Refused):
                hosted.submit(eoi_id, actor=school(1), session=session)
        else:
            hosted.submit(eoi_id, actor=school(1), session=session)
        session.commit()
    assert engine.get(eoi_id).state == ("cancelled" if change == "cancel_call" else "submitted")
    assert notes() == ["kept"]


def test_what_counts_all_must_see_the_latest(
    strict: sqlalchemy.Engine, plain: sqlalchemy.Engine, hosted: Engine, notes: Callable[[], list[str]]
) -> None:
    """To close or cancel a call at such a level is refused in words; the host's work goes on, and is kept."""
    empty = hosted.open_call(new_call(reference="47/23"), actor=officer())
    before = hosted.calls()

    def end(on: Session) -> list[CallView]:
        return [
            hosted.close_call(empty.id, actor=officer(), reason="In error.", session=on),
            hosted.cancel_call("46/23", actor=admin(), reason="No money.", session=on),
        ]

    with Session(strict) as session:
        note(session, "kept")
        with pytest.raises(TransactionConflict, match="must be read committed"):
            end(session)
        with pytest.raises(TransactionConflict, match="must be read committed"):
            hosted.cancel_call("46/23", actor=admin(), reason="No money.", session=session)
        session.commit()
    assert (hosted.calls(), notes()) == (before, ["kept"])
    with Session(plain) as session:
        assert [each.state for each in end(session)] == ["closed", "cancelled"]
        session.commit()
    assert hosted.check() == []


@pytest.mark.parametrize("real", [False, True], ids=["a clock of ours", "the database's clock"])
def test_a_transaction_that_a_statement_of_the_hosts_has_failed_is_rolled_back_first(
    plain: sqlalchemy.Engine, hosted: Engine, notes: Callable[[], list[str]], real: bool
) -> None:
    """PostgreSQL takes nothing more in it; the host is told what to do, and then goes on."""
    engine = Engine(plain) if real else hosted
    with Session(plain) as session:
        with pytest.raises(DBAPIError, match="division by zero"):
            session.execute(text("SELECT 1 / 0"))
        with pytest.raises(TransactionConflict, match="has failed: roll it back and try again"):
            engine.draft("46/23", answers={}, actor=school(2), session=session)
        session.rollback()
        note(session, "kept")
        with session.begin_nested() as savepoint:
            with pytest.raises(DBAPIError, match="division by zero"):
                session.execute(text("SELECT 1 / 0"))
            savepoint.rollback()
        hosted.draft("46/23", answers={}, actor=school(2), session=session)
        session.commit()
    assert (len(hosted.find().items), notes()) == (2, ["kept"])


def test_a_lock_that_is_not_had_leaves_the_hosts_transaction_as_it_was(
    plain: sqlalchemy.Engine, hosted: Engine, database: RawDatabase, notes: Callable[[], list[str]]
) -> None:
    """Our part is undone, and the host may go on and even try again in the same transaction."""
    with Session(plain) as session:
        note(session, "before")
        with database.locked(), pytest.raises(DatabaseLocked, match="try again"):
            hosted.draft("46/23", answers={}, actor=school(2), session=session)
        note(session, "after")
        hosted.draft("46/23", answers={}, actor=school(2), session=session)
        session.commit()
    assert (len(hosted.find().items), notes()) == (2, ["before", "after"])


def test_a_commit_that_fails_tells_no_hook(
    plain: sqlalchemy.Engine, hosted: Engine, notes: Callable[[], list[str]]
) -> None:
    """A rule of the host's that is looked at last of all takes our part along; nobody hears of it."""
    told: list[str] = []
    hosted.on("*", lambda each: told.append(each.type))
    with Session(plain) as session:
        note(session, "twice")
        note(session, "twice")
        hosted.draft("46/23", answers={}, actor=school(2), session=session)
        with pytest.raises(DBAPIError, match="duplicate key"):
            session.commit()
        session.rollback()
        assert (told, len(hosted.find().items), notes()) == ([], 1, [])
        hosted.draft("46/23", answers={}, actor=school(2), session=session)
        session.commit()
    assert (told, len(hosted.find().items)) == (["eoi.drafted"], 2)


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_twins_under_one_key_through_two_hosts(
    plain: sqlalchemy.Engine, hosted: Engine, database: RawDatabase, end: str
) -> None:
    """The second waits for the first: it has its answer where that is committed, and else does it itself."""

    def draft(session: Session) -> Receipt:
        return hosted.draft("46/23", answers={}, actor=school(2), session=session, idempotency_key="once")

    with Session(plain) as one, Session(plain) as other, ThreadPoolExecutor(1) as threads:
        other.execute(text("SET LOCAL lock_timeout = '30s'"))
        first = draft(one)
        second = threads.submit(draft, other)
        while not database.ask(WAITING):
            assert not second.done()
        getattr(one, end)()
        found = second.result(timeout=30)
        assert found.replayed is (end == "commit")
        assert (found.eoi_id == first.eoi_id) is (end == "commit")
        other.commit()
    assert [each.id for each in hosted.find()][1:] == [found.eoi_id]
    assert hosted.check() == []


def test_a_twin_that_a_strict_host_cannot_see_conflicts(
    strict: sqlalchemy.Engine, hosted: Engine, engine: Engine
) -> None:
    """A host that began before its twin was carried out is told to begin again, and then finds it."""
    with Session(strict) as session:
        session.execute(text("SELECT count(*) FROM eoi_key"))
        first = engine.draft("46/23", answers={}, actor=school(2), idempotency_key="once")
        with pytest.raises(TransactionConflict, match="roll it back and try again"):
            hosted.draft("46/23", answers={}, actor=school(2), session=session, idempotency_key="once")
        session.rollback()
        again = hosted.draft("46/23", answers={}, actor=school(2), session=session, idempotency_key="once")
        session.commit()
    assert (again.eoi_id, again.replayed) == (first.eoi_id, True)
