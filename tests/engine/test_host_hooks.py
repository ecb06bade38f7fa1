"""Hooks hear of what was done in a host's transaction once that is committed, and never otherwise."""

import pytest
import sqlalchemy
from sqlalchemy import text
from sqlalchemy.orm import Session

from workflow import (
    Engine,
)
from workflow.testing import admin, school


def add_note(session: Session, note: str) -> None:
    """Write a row of the host's own."""
    session.execute(text("INSERT INTO host VALUES (:note)"), {"note": note})


def test_hooks_follow_savepoints(host: sqlalchemy.Engine, hosted: Engine) -> None:
    """What a savepoint undid is not told; what a released one holds waits for the outermost commit."""
    told: list[str | None] = []
    hosted.on("eoi.*", lambda each: told.append(each.applicant))
    with Session(host) as session:
        add_note(session, "first, so that the transaction is the host's")

        def draft(urn: int) -> None:
            hosted.draft("46/23", answers={}, actor=school(urn), session=session)

        draft(1)
        with session.begin_nested():
            draft(2)
        savepoint = session.begin_nested()
        draft(3)
        with session.begin_nested():
            draft(4)
        savepoint.rollback()
        with session.begin_nested(), session.begin_nested():
            draft(5)
        left = session.begin_nested()
        draft(6)
        left.close()
        assert told == []
        session.commit()
    assert told == ["URN:1", "URN:2", "URN:5"]
    assert [each.applicant for each in hosted.find()] == told
    with Session(host) as session:
        session.commit()
    assert told == ["URN:1", "URN:2", "URN:5"]


def test_hooks_wait_for_a_commit_that_commits(host: sqlalchemy.Engine, hosted: Engine) -> None:
    """A session inside a connection's transaction commits nothing yet, as in many test suites: no hook."""
    told: list[str] = []
    hosted.on("*", lambda each: told.append(each.type))
    with host.connect() as connection:
        outer = connection.begin()
        with Session(connection) as session:
            add_note(session, "x")
            hosted.draft("46/23", answers={}, actor=school(1), session=session)
            session.commit()
        assert told == []
        outer.rollback()
    assert (told, hosted.find().items) == ([], ())


@pytest.mark.parametrize("host", ["as it comes", "autocommit"], indirect=True)
def test_hooks_hear_of_many_after_the_hosts_commit(host: sqlalchemy.Engine, hosted: Engine) -> None:
    """What a cancelled call takes along is told too, one by one, after the commit."""
    ids = [hosted.draft("46/23", answers={}, actor=school(urn)).eoi_id for urn in range(3)]
    told: list[str | None] = []
    hosted.on("eoi.cancelled", lambda each: told.append(each.eoi_id))
    with Session(host) as session:
        hosted.cancel_call("46/23", actor=admin(), reason="No money.", session=session)
        assert told == []
        session.commit()
    assert told == ids
