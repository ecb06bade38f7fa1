"""Jobs as whoever does them sees them: leases, attempts, what is written when, and how they end."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.jobs.test_job_keeping import NEIGHBOUR, claimed, files, start
from workflow import Actor, BadInput, Engine, HeldJob, JobStopped, NotFound
from workflow.held_job import WRITTEN_EVERY, ResultTooLarge
from workflow.job_queue import LEASE_S
from workflow.testing import FrozenClock, admin, officer

#: Who comes by HTTP, with the key of that name.
BY_KEY: Final = Actor("places-team", roles={"officer"}, via="http")


def key(engine: Engine, **given: object) -> str:
    """Make the key; return its prefix."""
    told = {"roles": {"officer"}} | given
    return engine.create_key("places-team", actor=admin(), **told).prefix  # type: ignore[arg-type]


def state(engine: Engine, job: HeldJob) -> tuple[str, int, str | None]:
    """Return how a job stands: its state, what is done, the code."""
    view = engine.job(job.id)
    return view.state, view.done, view.code


def counted(job: HeldJob, times: int) -> None:
    """Take so many steps."""
    for _ in range(times):
        job.count("made")


def test_a_claimed_job_is_nobody_elses_until_its_lease_ends(engine: Engine, clock: FrozenClock) -> None:
    """Lent once, with all that is needed to do it as who asked for it; the second who asks gets nothing."""
    view = start(engine)
    job = claimed(engine)
    assert (job.id, job.kind, job.parameters, job.actor) == (
        view.id,
        "import",
        {"call": "46/23", "submit": True},
        officer(),
    )
    running = engine.job(view.id)
    assert (running.state, running.attempt, running.started_at) == ("running", 1, clock.now())
    clock.move_by(seconds=LEASE_S - 1)
    assert engine.job_queue.claim({"import"}) is None
    clock.move_by(seconds=1)
    assert claimed(engine).id == view.id


def test_jobs_are_lent_in_the_order_of_their_coming_by_kind(engine: Engine) -> None:
    """The oldest of the kinds that somebody can do; of a kind that they cannot, none."""
    start(engine)
    first = engine.start_job("export", parameters={}, actor=officer())
    engine.start_job("export", parameters={}, actor=officer())
    job = engine.job_queue.claim({"export"})
    assert job is not None
    assert job.id == first.id
    assert engine.job_queue.claim({"report"}) is None
    assert engine.job_queue.claim(set()) is None


@pytest.mark.parametrize("forgets", [False, True])
def test_actors_take_turns(engine: Engine, *, forgets: bool) -> None:
    """Whoever has many waiting keeps nobody else waiting for all of them, nor gets on by forgetting some."""
    mine = [start(engine).id for _ in range(4)]
    theirs = [start(engine, NEIGHBOUR).id for _ in range(2)]
    order = list[str]()
    for _ in range(6):
        job = claimed(engine)
        order.append(job.id)
        job.finish()
        if forgets:
            engine.forget_job(job.id, actor=job.actor)
    assert order == [mine[0], theirs[0], mine[1], theirs[1], mine[2], mine[3]]


def test_who_comes_later_is_next_and_not_first_for_ever(engine: Engine) -> None:
    """A newcomer comes after whoever is next, however long the others' lines; and then takes turns."""
    mine = [start(engine).id for _ in range(5)]
    running = [claimed(engine), claimed(engine)]
    theirs = [start(engine, NEIGHBOUR).id for _ in range(3)]
    order = [claimed(engine).id for _ in range(6)]
    assert [job.id for job in running] == mine[:2]
    assert order == [mine[2], theirs[0], mine[3], theirs[1], mine[4], theirs[2]]


def test_a_long_job_that_is_given_back_lets_others_go_first(engine: Engine) -> None:
    """Done in passes, it has a turn like the rest; its actor's own jobs stay behind it."""
    long, own = start(engine).id, start(engine).id
    other = start(engine, NEIGHBOUR).id
    job = engine.job_queue.claim({"import"}, is_stopping=lambda _: True)
    assert job is not None
    with pytest.raises(JobStopped):
        job.count("made")
    assert [claimed(engine).id for _ in range(3)] == [other, long, own]


def test_of_many_who_ask_at_once_each_gets_another_job(engine: Engine) -> None:
    """Eight ask at once for six jobs: each is lent once."""
    ids = {start(engine).id for _ in range(6)}
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: engine.job_queue.claim({"import"}), range(8)))
    assert sorted(job.id for job in jobs if job) == sorted(ids)


def test_progress_is_written_after_a_hundred_steps(engine: Engine) -> None:
    """Not at each step, but after a hundred, with how each ended; and the lease begins anew."""
    start(engine)
    job = claimed(engine)
    job.expect(250)
    counted(job, WRITTEN_EVERY - 1)
    assert state(engine, job) == ("running", 0, None)
    job.count("refused", refused=True)
    view = engine.job(job.id)
    assert (view.done, view.total, view.refused, view.counts) == (100, 250, 1, {"made": 99, "refused": 1})


def test_each_step_that_is_written_renews_the_lease(engine: Engine, clock: FrozenClock) -> None:
    """Who writes in time keeps it for as long as it takes."""
    start(engine)
    job = claimed(engine)
    for _ in range(3):
        clock.move_by(seconds=LEASE_S - 1)
        job.write()
        assert engine.job_queue.claim({"import"}) is None


def test_whoever_takes_it_up_goes_on_where_the_last_one_was(engine: Engine, clock: FrozenClock) -> None:
    """One is lost; the next has its numbers, its place and its files, and adds to them."""
    view = start(engine)
    lost = claimed(engine)
    lost.name_result(media_type="text/plain", file_name="made.txt")
    for number in range(1, WRITTEN_EVERY + 1):
        lost.count("made", place=number, result=b"a")
    lost.count("made", place=999, result=b"never written")
    clock.move_by(seconds=LEASE_S)
    job = claimed(engine)
    assert (job.done, job.place) == (100, 100)
    job.count("already", place=101, result=b"b")
    job.finish()
    done = engine.job(view.id)
    assert (done.done, done.counts, done.attempt) == (101, {"made": 100, "already": 1}, 2)
    assert b"".join(engine.job_result(view.id, actor=officer())) == b"a" * 100 + b"b"


def test_whoever_was_lost_and_comes_back_changes_nothing(engine: Engine, clock: FrozenClock) -> None:
    """What has been lent anew is no longer theirs: no step, no end and no way back counts."""
    start(engine)
    lost = claimed(engine)
    clock.move_by(seconds=LEASE_S)
    job = claimed(engine)
    for act in (lost.write, lost.finish, lost.give_back):
        with pytest.raises(JobStopped):
            act()
    lost.fail(BadInput("Too late."))
    assert state(engine, job) == ("running", 0, None)
    job.finish()
    assert state(engine, job) == ("done", 0, None)


def test_who_is_told_to_stop_gives_it_back_at_its_next_step(engine: Engine) -> None:
    """What was done until then is written, and the next one may have it at once; nobody counts as lost."""
    start(engine)
    told: Iterator[bool] = iter([False, False, True])
    job = engine.job_queue.claim({"import"}, is_stopping=lambda _: next(told))
    assert job is not None
    counted(job, 2)
    with pytest.raises(JobStopped):
        job.count("made")
    assert state(engine, job) == ("queued", 3, None)
    assert claimed(engine).done == 3


def test_a_cancelled_job_stops_whoever_has_it_and_tells_what_was_done(
    engine: Engine, database: RawDatabase
) -> None:
    """At the next write they hear of it; what they did before that is told, and stands in the files."""
    view = start(engine)
    job = claimed(engine)
    job.name_result(media_type="text/plain", file_name="made.txt")
    job.write()
    counted(job, 2)
    job.count("refused", refused=True, errors=b"row\n")
    assert engine.cancel_job(view.id, actor=officer()).state == "cancelled"
    with pytest.raises(JobStopped):
        job.write()
    assert state(engine, job) == ("cancelled", 3, None)
    assert b"".join(engine.job_errors(view.id, actor=officer())) == b"row\n"
    assert files(database) == {"errors"}


@pytest.mark.parametrize("ends", [False, True])
def test_a_result_without_a_name_is_gone_with_its_job(
    engine: Engine, database: RawDatabase, *, ends: bool
) -> None:
    """Cancelled halfway, or in its last step: nothing is left, neither half a file nor what nobody sees."""
    view = start(engine)
    job = claimed(engine)
    job.add(result=b"first half, ")
    job.write()
    engine.cancel_job(view.id, actor=officer())
    job.add(result=b"second half")
    if ends:
        job.name_result(media_type="text/plain", file_name="all.txt")
    with pytest.raises(JobStopped):
        job.finish()
    assert (engine.job(view.id).result_bytes, files(database)) == (None, set())
    with pytest.raises(NotFound):
        engine.job_result(view.id, actor=officer())


def test_what_was_done_before_it_was_cancelled_has_its_file(engine: Engine) -> None:
    """A result of which nothing had been written yet is whole, and tells what was done."""
    view = start(engine)
    job = claimed(engine)
    engine.cancel_job(view.id, actor=officer())
    job.name_result(media_type="text/plain", file_name="rows.txt")
    job.count("made", result=b"made\n")
    with pytest.raises(JobStopped):
        job.write()
    assert b"".join(engine.job_result(view.id, actor=officer())) == b"made\n"


def test_a_job_fails_with_what_was_said(engine: Engine, database: RawDatabase) -> None:
    """Its code and its words are kept; a result that nobody had named, and what it was given, are not."""
    start(engine)
    job = claimed(engine)
    job.add(result=b"half")
    job.fail(BadInput("Row 7 is no CSV."))
    view = engine.job(job.id)
    assert (view.state, view.code, view.why) == ("failed", "bad-input", "Row 7 is no CSV.")
    assert (view.result_bytes, files(database)) == (None, set())


def test_what_begins_anew_leaves_nothing_of_before(engine: Engine, clock: FrozenClock) -> None:
    """Of what cannot be carried on, numbers and files begin anew."""
    view = start(engine)
    lost = claimed(engine)
    lost.reach(50)
    lost.add(result=b"old", errors=b"old")
    lost.write()
    clock.move_by(seconds=LEASE_S)
    job = claimed(engine)
    job.start_anew()
    job.add(result=b"new")
    job.name_result(media_type="text/plain", file_name="all.txt")
    job.finish()
    assert (engine.job(view.id).done, engine.job(view.id).errors_bytes) == (0, None)
    assert b"".join(engine.job_result(view.id, actor=officer())) == b"new"


def test_what_has_cost_too_many_their_life_is_given_to_nobody(engine: Engine, clock: FrozenClock) -> None:
    """After five who were lost with it, it has failed, and says why; the next one in line is lent."""
    view, other = start(engine), start(engine)
    for attempt in range(1, 6):
        assert claimed(engine).id == view.id, attempt
        clock.move_by(seconds=LEASE_S)
    assert claimed(engine).id == other.id
    assert (engine.job(view.id).state, engine.job(view.id).code) == ("failed", "job-abandoned")


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_with_its_key_a_job_ends(engine: Engine, clock: FrozenClock, how: str) -> None:
    """Asked for with a key, it goes on while the key is valid; at the next write after that it has failed."""
    expires_at = clock.now() + timedelta(seconds=30)
    prefix = key(engine, expires_at=expires_at)
    start(engine, BY_KEY)
    job = claimed(engine)
    job.count("made")
    job.write()
    if how == "revoked":
        engine.revoke_key(prefix, actor=admin())
    else:
        clock.move_to(expires_at)
    job.count("made")
    with pytest.raises(JobStopped):
        job.write()
    assert state(engine, job) == ("failed", 2, "key-ended")


def test_a_job_whose_key_has_ended_is_not_begun(engine: Engine) -> None:
    """What still waits when its key is revoked fails as soon as somebody would have it."""
    prefix = key(engine)
    view = start(engine, BY_KEY)
    engine.revoke_key(prefix, actor=admin())
    assert engine.job_queue.claim({"import"}) is None
    assert engine.job(view.id).code == "key-ended"


def test_a_rotated_key_carries_its_job_on(engine: Engine, clock: FrozenClock) -> None:
    """One that has taken its place may the same; so the job goes on after the old one has ended."""
    prefix = key(engine)
    start(engine, BY_KEY)
    engine.rotate_key(prefix, keep_old_s=0, actor=admin())
    clock.move_by(seconds=1)
    claimed(engine).finish()


def test_a_new_key_of_less_power_does_not_carry_it_on(engine: Engine) -> None:
    """A later key of that name, which may not what the first one might, is no reason to go on."""
    engine.revoke_key(_started_with_a_key(engine), actor=admin())
    engine.create_key("places-team", roles={"reviewer"}, actor=admin())
    assert engine.job_queue.claim({"import"}) is None


def test_who_came_without_a_key_of_ours_needs_none(engine: Engine) -> None:
    """By Python, or by a host's own authentication, a job needs no key to go on."""
    start(engine, Actor("somebody", roles={"officer"}, via="http"))
    claimed(engine).finish()


def test_a_result_has_a_bound(engine: Engine) -> None:
    """What is larger than what is kept fails, instead of filling the database."""
    start(engine)
    job = engine.job_queue.claim({"import"}, largest_result=10)
    assert job is not None
    job.add(result=b"0123456789")
    with pytest.raises(ResultTooLarge):
        job.add(result=b"x")


def test_how_many_wait_is_told(new_engine: NewEngine, clock: FrozenClock) -> None:
    """By state; and since when the oldest waits that nobody has."""
    engine = new_engine()
    assert (engine.job_queue.waiting(), engine.job_queue.oldest_queued()) == ({}, None)
    start(engine)
    begun = clock.now()
    clock.move_by(seconds=5)
    start(engine)
    assert engine.job_queue.oldest_queued() == begun
    claimed(engine)
    assert engine.job_queue.waiting() == {"queued": 1, "running": 1}
    assert engine.job_queue.oldest_queued() == begun + timedelta(seconds=5)


def _started_with_a_key(engine: Engine) -> str:
    prefix = key(engine)
    start(engine, BY_KEY)
    return prefix
