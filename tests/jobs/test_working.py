"""Whoever does jobs: one after the other, within bounds; what goes wrong in one harms no other."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from scheduler import Runner
from scheduler.jobs import Jobs
from tests.databases.lent import NewEngine
from tests.jobs.test_job_keeping import start
from workflow import BadInput, DatabaseLocked, Engine, HeldJob
from workflow.job_queue import LEASE_S
from workflow.testing import FrozenClock, RecordingCourier, officer

#: Longer than any test waits.
LONG_S: Final = 30.0


@dataclass
class Work:
    """Does jobs as a test wants it done."""

    do_it: Callable[[HeldJob], None] = HeldJob.finish

    def do(self, job: HeldJob) -> None:
        """Do it."""
        self.do_it(job)


def jobs(engine: Engine, do: Callable[[HeldJob], None] = HeldJob.finish, **given: object) -> Jobs:
    """Return what does imports so."""
    return Jobs(engine.job_queue, {"import": Work(do)}, **given)  # type: ignore[arg-type]


def states(engine: Engine) -> list[tuple[str, str | None]]:
    """Return the state and the code of each job, the oldest first."""
    return [(each.state, each.code) for each in reversed(engine.jobs().items)]


def test_all_that_waits_is_done(engine: Engine) -> None:
    """One pass does all that it can do, in order, and leaves what it cannot do."""
    for _ in range(3):
        start(engine)
    engine.start_job("export", parameters={}, actor=officer())
    seen: list[str] = []

    def do(job: HeldJob) -> None:
        seen.append(job.id)
        job.finish()

    assert jobs(engine, do).once() == 3
    assert states(engine) == [*[("done", None)] * 3, ("queued", None)]
    assert seen == sorted(seen)


def test_what_fails_harms_no_other(engine: Engine) -> None:
    """The first one fails with what it said; the second is done."""
    first = start(engine)
    start(engine)

    def do(job: HeldJob) -> None:
        if job.id == first.id:
            raise BadInput("Row 7 is no CSV.")
        job.finish()

    assert jobs(engine, do).once() == 2
    assert states(engine) == [("failed", "bad-input"), ("done", None)]


def test_where_the_database_is_away_it_is_not_the_jobs_fault(engine: Engine) -> None:
    """A lock that was not to be had fails no job: it is given back with what was done, for later."""
    start(engine)

    def do(job: HeldJob) -> None:
        job.count("made")
        raise DatabaseLocked

    with pytest.raises(DatabaseLocked):
        jobs(engine, do).once()
    (view,) = engine.jobs().items
    assert (view.state, view.done) == ("queued", 1)


def test_a_fault_of_ours_is_tried_again_and_in_the_end_given_up(engine: Engine, clock: FrozenClock) -> None:
    """What raises something else keeps its lease until that ends, and after five times has failed."""
    start(engine)

    def do(_: HeldJob) -> None:
        raise ZeroDivisionError

    worker = jobs(engine, do)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            worker.once()
        assert worker.once() == 0, "nobody has it meanwhile"
        clock.move_by(seconds=LEASE_S)
    assert worker.once() == 0
    assert states(engine) == [("failed", "job-abandoned")]


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_pass_ends_when_its_time_is_over(engine: Engine, *, goes_on: bool) -> None:
    """What has a place to go on from is given back then, else done to its end; no other one is begun."""
    start(engine)
    start(engine)
    now_s = [0.0]

    def do(job: HeldJob) -> None:
        for place in range(1, 11):
            now_s[0] += 10
            job.count("made", place=place if goes_on else None)
        job.finish()

    worker = Jobs(engine.job_queue, {"import": Work(do)}, timer=lambda: now_s[0])
    assert worker.once(within_s=50) == 1
    done = ("queued", 5) if goes_on else ("done", 10)
    first = engine.jobs().items[1]
    assert (first.state, first.done) == done
    assert engine.jobs().items[0].attempt == 0


class Held:
    """A job in somebody's hands that takes its next step when it is told to."""

    def __init__(self) -> None:
        """Wait."""
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, job: HeldJob) -> None:
        """Say that it has begun; go on when it may."""
        self.has_begun.set()
        assert self.may_go_on.wait(LONG_S)
        job.count("made")
        job.finish()


@pytest.fixture
def held() -> Iterator[Held]:
    """Lend one; whoever waits for it goes on in the end."""
    held = Held()
    yield held
    held.may_go_on.set()


def runner_of(engine: Engine, do: Callable[[HeldJob], None], *, lease_s: float = 60.0) -> Runner:
    """Return a runner that does imports."""
    return Runner(engine, {"log": RecordingCourier()}, works={"import": Work(do)}, job_lease_s=lease_s)


def test_a_runner_that_stops_gives_its_job_back(engine: Engine, held: Held) -> None:
    """Told to stop, it lets the step end that is being taken, and then anybody may have the job."""
    start(engine)
    runner = runner_of(engine, held)
    runner.start()
    assert held.has_begun.wait(LONG_S)
    stopping = threading.Thread(target=runner.stop)
    stopping.start()
    assert runner._jobs._stopping.wait(LONG_S)
    held.may_go_on.set()
    stopping.join(LONG_S)
    (view,) = engine.jobs().items
    assert (view.state, view.done) == ("queued", 1)


def test_a_runner_tells_of_its_thread_for_jobs(engine: Engine) -> None:
    """Its health names the thread; a runner without any work has none, and does none."""
    with runner_of(engine, HeldJob.finish) as runner:
        assert runner.health().threads == {"sweep": True, "pump": True, "jobs": True, "alarm": True}
    start(engine)
    idle = Runner(engine, {"log": RecordingCourier()})
    assert (idle.once().worked, idle.health().oldest_job_s) == (0, None)


def test_a_job_that_nobody_begins_is_an_illness(engine: Engine, clock: FrozenClock) -> None:
    """One that waits for long while this runner does nothing is told; while it is busy, that is no wonder."""
    runner = runner_of(engine, HeldJob.finish)
    start(engine)
    clock.move_by(seconds=90)
    health = runner.health()
    assert (health.oldest_job_s, health.ok) == (90.0, False)


def test_who_is_at_a_long_job_is_well(new_engine: NewEngine, clock: FrozenClock, held: Held) -> None:
    """Others wait for as long as it takes, and that is no illness; until it takes no step for too long."""
    engine = new_engine()
    start(engine)
    start(engine)
    with runner_of(engine, held) as runner:
        assert held.has_begun.wait(LONG_S)
        clock.move_by(seconds=50)
        assert (runner.health().oldest_job_s, runner.health().ok) == (50.0, True)
        held.may_go_on.set()


def test_a_job_that_hangs_is_told(engine: Engine, held: Held) -> None:
    """One that takes no step for longer than it was lent shows in the runner's health."""
    start(engine)
    with runner_of(engine, held, lease_s=0.0) as runner:
        assert held.has_begun.wait(LONG_S)
        health = runner.health()
        assert (health.ok, "has taken no step" in (health.last_error or "")) == (False, True)
        held.may_go_on.set()


def test_a_pass_forgets_what_ended_long_ago(engine: Engine, clock: FrozenClock) -> None:
    """`once`, as cron has it, does what waits and forgets what has been kept for long enough."""
    start(engine)
    runner = runner_of(engine, HeldJob.finish)
    assert (runner.once().worked, runner.once().jobs_forgotten) == (1, 0)
    clock.move_by(days=8)
    report = runner.once()
    assert (report.worked, report.jobs_forgotten, engine.jobs().items) == (0, 1, ())
