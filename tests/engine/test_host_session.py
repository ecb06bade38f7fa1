"""A command in a host's own transaction: its rows and ours commit together, or not at all."""

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import StaticPool, create_engine, event, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from workflow import (
    AlreadyApplied,
    BadInput,
    DatabaseFull,
    Engine,
    EoiError,
    NotFound,
    Refused,
    SchemaMissing,
    StaleVersion,
    TransactionConflict,
)
from workflow.testing import FrozenClock, engine_in, new_call, officer, school, submitted

HostOn = Callable[[Path], sqlalchemy.Engine]
Tables = Callable[[], dict[str, list[dict[str, Any]]]]


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


def test_the_lock_is_had_at_once_or_not_at_all(
    host: sqlalchemy.Engine, hosted: Engine, tmp_path: Path, notes: Callable[[], list[str]]
) -> None:
    """While somebody else writes, the host is told to try again in a new transaction, and does."""
    with closing(sqlite3.connect(tmp_path / "eoi.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Session(host) as session:
            with pytest.raises(TransactionConflict) as conflict:
                hosted.draft("46/23", answers={}, actor=school(1), session=session)
            assert conflict.value.code == "transaction-conflict"
            other.execute("ROLLBACK")
            session.rollback()
            hosted.draft("46/23", answers={}, actor=school(1), session=session)
            add_note(session, "second try")
            session.commit()
    assert (len(hosted.find()), notes()) == (1, ["second try"])


def test_a_transaction_that_has_read_too_early_conflicts(
    host_on: HostOn, tmp_path: Path, engine: Engine
) -> None:
    """A host that reads, and then writes after somebody else wrote, is told so before anything is lost."""
    engine.open_call(new_call(), actor=officer())
    host = host_on(tmp_path / "eoi.db")
    hosted = Engine(host, clock=FrozenClock())
    with Session(host) as session:
        assert session.execute(text("SELECT count(*) FROM host")).scalar() == 0
        engine.draft("46/23", answers={}, actor=school(2))
        with pytest.raises(TransactionConflict):
            hosted.draft("46/23", answers={}, actor=school(1), session=session)
        session.rollback()
        hosted.draft("46/23", answers={}, actor=school(1), session=session)
        session.commit()
    assert [each.applicant for each in engine.find()] == ["URN:2", "URN:1"]


def test_our_own_engine_takes_a_session_on_the_same_file(
    host_on: HostOn, engine: Engine, tmp_path: Path, notes: Callable[[], list[str]]
) -> None:
    """An engine that was given the file's URL works in a host's session on it too, by any name."""
    engine.open_call(new_call(), actor=officer())
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "eoi.db")
    with Session(host_on(link)) as session:
        add_note(session, "x")
        engine.draft("46/23", answers={}, actor=school(1), session=session)
        session.commit()
    assert (len(engine.find()), notes()) == (1, ["x"])


def test_a_session_on_another_database_is_refused(
    host_on: HostOn, tmp_path: Path, engine: Engine, tables: Tables
) -> None:
    """Even where the other one has our tables too, nothing is written there."""
    engine.open_call(new_call(), actor=officer())
    (tmp_path / "other").mkdir()
    with engine_in(tmp_path / "other") as other:
        other.open_call(new_call(), actor=officer())
        host = host_on(tmp_path / "other" / "eoi.db")
        memory = create_engine("sqlite://", poolclass=StaticPool)
        before = tables()
        for bind in (host, memory):
            with Session(bind) as session, pytest.raises(BadInput, match="another database") as refused:
                engine.draft("46/23", answers={}, actor=school(1), session=session)
            assert refused.value.field == "session"
        assert (other.find().items, tables()) == ((), before)
        with pytest.raises(SchemaMissing):
            Engine(memory).draft("46/23", answers={}, actor=school(1), session=Session(memory))
        memory.dispose()


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


def test_a_full_disk_leaves_nothing_to_commit(
    host: sqlalchemy.Engine, hosted: Engine, tables: Tables, notes: Callable[[], list[str]]
) -> None:
    """SQLite then undoes the whole transaction; the host hears of it, and cannot commit a rest."""
    before = tables()
    with Session(host) as session:
        hosted.draft("46/23", answers={}, actor=school(1), session=session)
        add_note(session, "lost")
        pages = session.execute(text("PRAGMA page_count")).scalar()
        session.execute(text(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(DatabaseFull):
            hosted.draft("46/23", answers={"a": "x" * 200_000}, actor=school(2), session=session)
        with pytest.raises(sqlalchemy.exc.PendingRollbackError):
            add_note(session, "a rest")
        with pytest.raises(sqlalchemy.exc.PendingRollbackError):
            session.commit()
        session.rollback()
        assert (tables(), notes()) == (before, [])
        add_note(session, "after")
        session.commit()
    assert (tables(), notes()) == (before, ["after"])


def test_threads_take_turns_on_a_hosts_only_connection() -> None:
    """A host's database in memory, one connection for every thread: no command is torn apart by another."""
    memory = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    hosted = Engine(memory, clock=FrozenClock())
    hosted.migrate()
    call = hosted.open_call(new_call(), actor=officer())

    def apply(urn: int) -> None:
        submitted(hosted, call.id, school(urn))
        hosted.find(limit=1)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(apply, range(80)))
    assert (hosted.call(call.id).counts, hosted.check()) == ({"submitted": 80}, [])
    memory.dispose()
