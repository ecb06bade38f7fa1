"""A command in a host's own transaction: its rows and ours commit together, or not at all."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import StaticPool, create_engine, event, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from tests.databases.raw import Databases, RawDatabase
from workflow import (
    AlreadyApplied,
    BadInput,
    Engine,
    EoiError,
    NotFound,
    Refused,
    SchemaMissing,
    StaleVersion,
    TransactionConflict,
)
from workflow.testing import FrozenClock, admin, new_call, officer, school

Tables = Callable[[], dict[str, list[dict[str, Any]]]]
#: What a host is told where a lock is not to be had. SQLite's is had at once or not at all, and never in the
#: same transaction again.
LOCKED = {"sqlite": "transaction-conflict", "postgresql": "database-locked"}


def add_note(session: Session, note: str) -> None:
    """Write a row of the host's own."""
    session.execute(text("INSERT INTO host VALUES (:note)"), {"note": note})


def test_both_are_committed_together(
    host: sqlalchemy.Engine, hosted: Engine, tables: Tables, notes: Callable[[], list[str]]
) -> None:
    """Before the host commits nobody sees anything of either; afterwards everybody sees both."""
    told: list[str] = []
    hosted.on("*", lambda each: told.append(each.type))
    before = tables()
    with Session(host) as session:
        receipt = hosted.draft("46/23", answers={}, actor=school(1), session=session)
        add_note(session, "drafted")
        hosted.submit(receipt.eoi_id, actor=school(1), session=session, idempotency_key="k")
        assert hosted.submit(receipt.eoi_id, actor=school(1), session=session, idempotency_key="k").replayed
        assert (tables(), notes(), told) == (before, [], [])
        session.commit()
        assert told == ["eoi.drafted", "eoi.submitted"]
    assert (hosted.get(receipt.eoi_id).state, notes()) == ("submitted", ["drafted"])
    assert [row["type"] for row in tables()["eoi_outbox"]] == ["call.opened", "eoi.drafted", "eoi.submitted"]


@pytest.mark.parametrize("end", ["rollback", "close", "exception"])
def test_neither_survives_without_the_commit(
    host: sqlalchemy.Engine, hosted: Engine, tables: Tables, notes: Callable[[], list[str]], end: str
) -> None:
    """A rollback, a session closed without a word, an error of the host's: nothing of either, and no hook."""
    told: list[str] = []
    hosted.on("*", lambda each: told.append(each.type))
    before = tables()
    session = Session(host)
    hosted.draft("46/23", answers={}, actor=school(1), session=session)
    add_note(session, "lost")
    if end == "exception":
        with suppress(ZeroDivisionError), session:
            hosted.draft("46/23", answers={}, actor=school(2), session=session, idempotency_key="k")
            raise ZeroDivisionError
    else:
        getattr(session, end)()
    assert (tables(), notes(), told) == (before, [], [])
    with session:
        add_note(session, "kept")
        session.commit()
    assert (tables(), notes(), told) == (before, ["kept"], [])


def test_a_refusal_leaves_the_hosts_work_alone(
    host: sqlalchemy.Engine, hosted: Engine, tables: Tables, notes: Callable[[], list[str]]
) -> None:
    """Our part is undone, the attempt is kept in the host's transaction, and that goes on."""
    with Session(host) as session:
        add_note(session, "before")
        receipt = hosted.draft("46/23", answers={}, actor=school(1), session=session)
        refusals: list[tuple[Callable[[], object], type[EoiError]]] = [
            (lambda: hosted.submit(receipt.eoi_id, actor=officer(), session=session), Refused),
            (lambda: hosted.submit(receipt.eoi_id, actor=school(2), session=session), NotFound),
            (
                lambda: hosted.submit(receipt.eoi_id, actor=school(1), expected_version=9, session=session),
                StaleVersion,
            ),
            (
                lambda: hosted.draft(
                    "46/23", answers={}, actor=school(1), session=session, idempotency_key="k"
                ),
                AlreadyApplied,
            ),
        ]
        for command, error in refusals:
            with pytest.raises(error):
                command()
        add_note(session, "after")
        session.commit()
    assert notes() == ["before", "after"]
    assert [row["seq"] for row in tables()["eoi_history"] if row["subject_id"] == receipt.eoi_id] == [1]
    assert tables()["eoi_key"] == []
    assert [(each.trigger, each.code) for each in hosted.attempts(receipt.eoi_id)] == [
        ("submit", "role-missing")
    ]


def test_an_attempt_shares_the_hosts_fate(host: sqlalchemy.Engine, hosted: Engine, tables: Tables) -> None:
    """Where the host rolls back, the refused attempt is gone with everything else."""
    with Session(host) as session:
        with pytest.raises(Refused):
            hosted.draft("46/23", answers={}, actor=officer(), applicant="URN:1", session=session)
        session.rollback()
    assert tables()["eoi_attempt"] == []


def test_a_registry_of_sessions_is_as_good(host: sqlalchemy.Engine, hosted: Engine) -> None:
    """A scoped session, as web frameworks hand it out, is the session of its scope."""
    scope = scoped_session(sessionmaker(host))
    receipt = hosted.draft("46/23", answers={}, actor=school(1), session=scope)  # type: ignore[arg-type]  # a registry, as hosts hand it in
    scope.rollback()
    with pytest.raises(NotFound):
        hosted.get(receipt.eoi_id)
    kept = hosted.draft("46/23", answers={}, actor=school(1), session=scope)  # type: ignore[arg-type]  # a registry, as hosts hand it in
    scope.commit()
    assert hosted.get(kept.eoi_id).state == "draft"
    scope.remove()


def test_a_lock_is_waited_for_no_longer_than_the_host_waits(
    host: sqlalchemy.Engine, hosted: Engine, database: RawDatabase, notes: Callable[[], list[str]]
) -> None:
    """While somebody else writes, the host is told to try again in a new transaction, and does."""
    with database.locked() as lock, Session(host) as session:
        with pytest.raises(EoiError) as locked:
            hosted.draft("46/23", answers={}, actor=school(1), session=session)
        assert locked.value.code == LOCKED[database.name]
        lock.release()
        session.rollback()
        hosted.draft("46/23", answers={}, actor=school(1), session=session)
        add_note(session, "second try")
        session.commit()
    assert (len(hosted.find()), notes()) == (1, ["second try"])


def test_a_transaction_that_has_read_too_early_conflicts(
    database: RawDatabase, engine: Engine, clock: FrozenClock
) -> None:
    """A host whose transaction sees an older state is told so before what somebody wrote since is lost."""
    engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft("46/23", answers={}, actor=school(1)).eoi_id
    host = database.host("its own way")
    hosted = Engine(host, clock=clock)
    with Session(host) as session:
        assert session.execute(text("SELECT count(*) FROM eoi_call")).scalar() == 1
        engine.save(eoi_id, answers={"by": "another"}, actor=school(1))
        with pytest.raises(TransactionConflict):
            hosted.save(eoi_id, answers={"by": "host"}, actor=school(1), session=session)
        session.rollback()
        assert hosted.save(eoi_id, answers={"by": "host"}, actor=school(1), session=session).version == 3
        session.commit()
    host.dispose()
    assert engine.get(eoi_id).answers == {"by": "host"}


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("host", ["its own way"], indirect=True)
def test_a_call_is_not_ended_by_who_sees_an_older_state(host: sqlalchemy.Engine, hosted: Engine) -> None:
    """To close or cancel a call, a host's transaction must see what others have committed meanwhile."""
    with Session(host) as session:
        with pytest.raises(TransactionConflict, match="must be read committed"):
            hosted.cancel_call("46/23", actor=admin(), reason="No money.", session=session)
        session.commit()
    assert hosted.call("46/23").state == "open"


def test_our_own_engine_takes_a_session_on_the_same_database(
    host: sqlalchemy.Engine, database: RawDatabase, clock: FrozenClock, notes: Callable[[], list[str]]
) -> None:
    """An engine that was given the database's URL works in a host's session on it too, by any name."""
    with Engine(database.another_way(), clock=clock) as ours:
        with Session(host) as session:
            add_note(session, "x")
            ours.draft("46/23", answers={}, actor=school(1), session=session)
            session.commit()
        assert (len(ours.find()), notes()) == (1, ["x"])


def test_a_session_on_another_database_is_refused(
    database: RawDatabase, databases: Databases, engine: Engine, clock: FrozenClock
) -> None:
    """Even where the other one has our tables too, nothing is written there."""
    engine.open_call(new_call(), actor=officer())
    other = databases.new()
    with Engine(other.url, clock=clock) as elsewhere:
        elsewhere.open_call(new_call(), actor=officer())
    before = database.tables(), other.tables()
    memory, host = create_engine("sqlite://", poolclass=StaticPool), other.host()
    for bind in (host, memory):
        with Session(bind) as session, pytest.raises(BadInput) as refused:
            engine.draft("46/23", answers={}, actor=school(1), session=session)
        assert refused.value.field == "session"
    assert (database.tables(), other.tables()) == before
    with pytest.raises(SchemaMissing):
        Engine(memory).draft("46/23", answers={}, actor=school(1), session=Session(memory))
    memory.dispose()
    host.dispose()


def test_a_session_that_cannot_be_used_is_refused(host: sqlalchemy.Engine, hosted: Engine) -> None:
    """Unbound, closed for good, or no session at all: told so, by name of the argument."""
    done = Session(host, close_resets_only=False)
    done.close()
    sessions: list[Any] = [Session(), done, "session", host, 5, sessionmaker(host)]
    for session in sessions:
        with pytest.raises(BadInput) as refused:
            hosted.draft("46/23", answers={}, actor=school(1), session=session)
        assert refused.value.field == "session"
    assert hosted.find().items == ()


def test_a_failed_transaction_is_rolled_back_first(host: sqlalchemy.Engine, hosted: Engine) -> None:
    """After an error in the host's own flush the host is told to roll back, and then goes on."""
    with Session(host) as session:

        class Broken:
            """Raises in the middle of a flush."""

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        event.listen(session, "after_flush", fail)
        mapped = sqlalchemy.orm.registry()
        table = sqlalchemy.Table(
            "host", sqlalchemy.MetaData(), sqlalchemy.Column("note", sqlalchemy.Text, primary_key=True)
        )
        mapped.map_imperatively(Broken, table)
        row = Broken()
        row.note = "x"  # type: ignore[attr-defined]  # a host's own row
        session.add(row)
        with pytest.raises(ZeroDivisionError):
            session.flush()
        with pytest.raises(TransactionConflict, match="roll it back"):
            hosted.draft("46/23", answers={}, actor=school(1), session=session)
        session.rollback()
        event.remove(session, "after_flush", fail)
        hosted.draft("46/23", answers={}, actor=school(1), session=session)
        session.commit()
    assert len(hosted.find()) == 1
    mapped.dispose()
