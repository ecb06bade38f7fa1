"""Jobs in the kit: done as of where the clock stands, where a test says by what; else they wait."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.bootstrap import works_of
from tests.databases.raw import RawDatabase
from workflow import CallView, JobView
from workflow.job_queue import LEASE_S
from workflow.testing import FrozenClock, Kit, officer

TABLE = b"applicant,answers.a\nURN:1,1\nURN:2,2\n"


@pytest.fixture
def kit(database: RawDatabase, clock: FrozenClock) -> Iterator[Kit]:
    """Return a kit that does jobs."""
    with Kit(database.url, clock=clock, works=works_of) as kit:
        yield kit


def start(kit: Kit, call: CallView, table: bytes = TABLE) -> JobView:
    """Start an import."""
    return kit.engine.start_job("import", parameters={"call": call.id}, content=table, actor=officer())


def test_without_a_word_of_who_does_them_they_wait(database: RawDatabase, clock: FrozenClock) -> None:
    """A test that says nothing of jobs has none done, however long it is."""
    with Kit(database.url, clock=clock) as kit:
        job = kit.engine.start_job("export", parameters={}, actor=officer())
        kit.move(days=1)
        assert kit.engine.job(job.id).state == "queued"


def test_a_pass_does_them_and_tells_of_it(kit: Kit, call: CallView) -> None:
    """All that wait are done in one pass, as of this instant, and what they made is told of by the same."""
    jobs = start(kit, call), start(kit, call)
    kit.tick()
    first, again = (kit.engine.job(job.id) for job in jobs)
    assert (first.state, first.finished_at, first.counts["made"]) == ("done", kit.now, 2)
    assert (again.state, again.counts["already"]) == ("done", 2)
    assert [each.event.eoi_id for each in kit.delivered("eoi.drafted")] == [
        each.id for each in kit.engine.find()
    ]


def test_one_that_fails_holds_up_no_other(kit: Kit, call: CallView) -> None:
    """It says why, and the next one is done."""
    jobs = start(kit, call, b"applicant,answers.a\nURN:1,1,1\n"), start(kit, call)
    kit.tick()
    bad, good = (kit.engine.job(job.id) for job in jobs)
    assert (bad.state, bad.code, good.state) == ("failed", "rows-refused", "done")


def test_one_that_a_process_died_with_goes_on_when_it_is_free(kit: Kit, call: CallView) -> None:
    """It is another process's as soon as its lease is over, at that instant, and no row is made twice."""
    job, began = start(kit, call), kit.now
    with kit.crash_after("commit"):
        kit.tick()
    kit.move(minutes=5)
    ended = kit.engine.job(job.id)
    assert (ended.state, ended.finished_at) == ("done", began + timedelta(seconds=LEASE_S))
    assert len(kit.engine.find()) == 2
