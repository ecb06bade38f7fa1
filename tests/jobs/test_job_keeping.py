"""Jobs by the engine's face: who starts, sees and ends them, and what is kept of them for how long."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.databases.raw import RawDatabase
from tests.refusals import codes
from workflow import (
    Actor,
    BadInput,
    Engine,
    HeldJob,
    JobUnfinished,
    JobView,
    KeyReused,
    NotFound,
    Refused,
    TooManyJobs,
    jobs,
)
from workflow.jobs import LARGEST_INPUT, MOST_OPEN
from workflow.testing import FrozenClock, admin, auditor, officer, race, reviewer, school

PARAMETERS: Final = {"call": "46/23", "submit": True}
CONTENT: Final = b"applicant\nURN:121234\n"
#: Somebody else who may the same.
NEIGHBOUR: Final = Actor("other-officer", roles={"officer"})


def start(engine: Engine, actor: Actor | None = None, **given: Any) -> JobView:
    """Start a job."""
    told = {"parameters": PARAMETERS, "content": CONTENT} | given
    return engine.start_job("import", actor=actor or officer(), **told)


def claimed(engine: Engine) -> HeldJob:
    """Return the job that is next."""
    job = engine.job_queue.claim({"import"})
    assert job is not None
    return job


def files(database: RawDatabase) -> set[str]:
    """Return which files of jobs there are."""
    return {row["file"] for row in database.tables()["eoi_job_part"]}


def test_a_job_waits_as_it_was_asked_for(engine: Engine, clock: FrozenClock) -> None:
    """It is queued, with its parameters, by whom and when; nothing of it is done."""
    view = start(engine)
    assert view == JobView(
        id=view.id,
        kind="import",
        state="queued",
        actor=officer().id,
        on_behalf_of=None,
        parameters=PARAMETERS,
        created_at=clock.now(),
    )
    assert engine.job(view.id, actor=officer()) == view


def test_under_one_key_one_job_is_started(engine: Engine) -> None:
    """Sent again under its key it is the same job; with other content, that is told."""
    first = start(engine, idempotency_key="monday")
    assert start(engine, idempotency_key="monday").id == first.id
    with pytest.raises(KeyReused):
        start(engine, idempotency_key="monday", content=b"applicant\nURN:7\n")
    assert len(engine.jobs().items) == 1


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("", {}),
        ("i" * 33, {}),
        ("import", {"parameters": "call"}),
        ("import", {"parameters": {"call": object()}}),
        ("import", {"parameters": {"amount": float("nan")}}),
        ("import", {"parameters": {"call": "x" * 10_001}}),
        ("import", {"content": "applicant"}),
        ("import", {"content": b"x" * (LARGEST_INPUT + 1)}),
    ],
)
def test_what_no_job_can_be_is_refused(engine: Engine, kind: str, given: dict[str, Any]) -> None:
    """A kind, parameters or content that no job can have are refused, and no job is there."""
    told: dict[str, Any] = {"parameters": PARAMETERS, "content": CONTENT} | given
    with pytest.raises(BadInput):
        engine.start_job(kind, actor=officer(), **told)
    assert engine.jobs().items == ()


def test_the_largest_content_comes_back_as_it_was(engine: Engine) -> None:
    """What is given to a job, in pieces beneath, is one again for whoever does it."""
    content = bytes(range(256)) * (LARGEST_INPUT // 256)
    start(engine, content=content)
    assert claimed(engine).content() == content


def test_an_actor_has_no_more_than_ten_that_have_not_ended(engine: Engine) -> None:
    """The eleventh is refused, with when to ask again; another actor's is not, nor one after an end."""
    views = [start(engine) for _ in range(MOST_OPEN)]
    with pytest.raises(TooManyJobs) as caught:
        start(engine)
    assert caught.value.facts["retry_after_s"] == 1
    start(engine, NEIGHBOUR)
    engine.cancel_job(views[0].id, actor=officer())
    start(engine)


def test_those_who_start_at_once_start_no_more_than_ten(engine: Engine) -> None:
    """Of eight who start a job of one actor at one instant, with seven there, three get in."""
    for _ in range(MOST_OPEN - 3):
        start(engine)
    ended = race(lambda _: start(engine), 8)
    assert sorted(type(each).__name__ for each in ended) == ["JobView"] * 3 + ["TooManyJobs"] * 5
    assert len(engine.jobs(state="queued").items) == MOST_OPEN


def test_an_actor_fills_no_disk(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whose jobs have too much in their files starts no other one, until some are forgotten; others do."""
    monkeypatch.setattr(jobs, "MOST_HELD", 10)

    def with_errors(size: int) -> str:
        start(engine)
        job = claimed(engine)
        job.add(result=b"a result that nobody has named is kept by nobody", errors=b"x" * size)
        job.fail(BadInput())
        return job.id

    first = with_errors(4)
    with_errors(6)
    with pytest.raises(TooManyJobs, match="forget jobs that have ended"):
        start(engine)
    assert start(engine, school(1)).state == "queued"
    engine.forget_job(first, actor=officer())
    assert start(engine).state == "queued"


def test_who_may_see_a_job(engine: Engine) -> None:
    """Its owner, officers, auditors and admins; to everybody else it is not there."""
    view = start(engine, reviewer())
    for actor in (reviewer(), officer(), auditor(), admin(), None):
        assert engine.job(view.id, actor=actor) == view
        assert engine.jobs(actor=actor).items == (view,)
    for actor in (school(), Actor("other-reviewer", roles={"reviewer"})):
        assert engine.jobs(actor=actor).items == ()
        with pytest.raises(NotFound):
            engine.job(view.id, actor=actor)


def test_who_is_no_longer_what_they_were_sees_it_no_more(engine: Engine) -> None:
    """Under the same name, without one of the organisations or roles that it was started with, it is gone."""
    trust = Actor("trust", roles={"applicant"}, organisations={"URN:1", "URN:2"})
    view = start(engine, trust)
    larger = Actor("trust", roles={"applicant", "reviewer"}, organisations={"URN:1", "URN:2", "URN:3"})
    assert engine.job(view.id, actor=larger) == view
    for lesser in (
        Actor("trust", roles={"applicant"}, organisations={"URN:1"}),
        Actor("trust", roles={"reviewer"}, organisations={"URN:1", "URN:2"}),
    ):
        assert engine.jobs(actor=lesser).items == ()
        with pytest.raises(NotFound):
            engine.job(view.id, actor=lesser)


def test_jobs_are_listed_page_by_page_and_filtered(engine: Engine) -> None:
    """The newest first; by state and kind; what is no state, or no place, is told."""
    old, new = start(engine), engine.start_job("export", parameters={}, actor=officer())
    first = engine.jobs(limit=1, actor=officer())
    assert (first.items, first.next) == ((new,), new.id)
    assert engine.jobs(limit=1, after=first.next, actor=officer()).items == (old,)
    assert engine.jobs(kind="import").items == (old,)
    assert engine.jobs(state="done").items == ()
    for wrong in ({"state": "ended"}, {"after": "1"}, {"limit": 0}, {"kind": ""}):
        with pytest.raises(BadInput):
            engine.jobs(**wrong)


def test_a_job_is_cancelled_by_its_owner_or_an_admin(engine: Engine, database: RawDatabase) -> None:
    """Nobody else ends it; after that what it was given is gone, and another cancel changes nothing."""
    view = start(engine)
    with pytest.raises(NotFound, match="who started it"):
        engine.cancel_job(view.id, actor=NEIGHBOUR)
    assert files(database) == {"input"}
    ended = engine.cancel_job(view.id, actor=officer())
    assert (ended.state, files(database)) == ("cancelled", set())
    assert engine.cancel_job(view.id, actor=admin()) == ended
    assert engine.job_queue.claim({"import"}) is None


def test_files_are_their_owners_and_come_with_the_end(engine: Engine) -> None:
    """Before the end they are not given, then to who started it alone, piece by piece."""
    view, big = start(engine), b"x" * 700_000
    job = claimed(engine)
    job.name_result(media_type="text/plain", file_name="made.txt")
    job.count("refused", refused=True, result=big, errors=b"row\n")
    with pytest.raises(JobUnfinished) as caught:
        engine.job_result(view.id, actor=officer())
    assert caught.value.facts["retry_after_s"] == 1
    job.finish()
    result, errors = (
        engine.job_result(view.id, actor=officer()),
        engine.job_errors(view.id, actor=officer()),
    )
    assert (result.name, result.media_type, result.size) == ("made.txt", "text/plain", len(big))
    assert [len(piece) for piece in result] == [262_144, 262_144, 175_712]
    assert b"".join(result) == big
    assert (b"".join(errors), errors.size) == (b"row\n", 4)
    for actor in (NEIGHBOUR, admin(), auditor()):
        with pytest.raises(NotFound):
            engine.job_result(view.id, actor=actor)


def test_a_file_that_is_not_there_is_not_found(engine: Engine) -> None:
    """A job without a result, or of which nothing was refused, says so."""
    view = start(engine)
    claimed(engine).finish()
    for read in (engine.job_result, engine.job_errors):
        with pytest.raises(NotFound, match="is done, and has no"):
            read(view.id, actor=officer())


def test_a_job_is_forgotten_once_it_has_ended(engine: Engine, database: RawDatabase) -> None:
    """Not before, not by others; then it is gone with its files, and the answer tells what it was."""
    view = start(engine)
    with pytest.raises(JobUnfinished):
        engine.forget_job(view.id, actor=officer())
    job = claimed(engine)
    job.name_result(media_type="text/plain", file_name="made.txt")
    job.count("made", result=b"x")
    job.finish()
    with pytest.raises(NotFound):
        engine.forget_job(view.id, actor=NEIGHBOUR)
    assert engine.forget_job(view.id, actor=officer()).state == "done"
    assert (database.tables()["eoi_job"], files(database)) == ([], set())


def test_what_ended_is_forgotten_after_a_week(
    engine: Engine, clock: FrozenClock, database: RawDatabase
) -> None:
    """A week after its end it goes with its files; what waits stays, however long."""
    done, waiting = start(engine), start(engine)
    job = claimed(engine)
    job.count("refused", refused=True, errors=b"row\n")
    job.finish()
    clock.move_by(days=7)
    assert engine.forget_jobs() == 0
    clock.move_by(seconds=1)
    assert engine.forget_jobs() == 1
    assert [row["id"] for row in database.tables()["eoi_job"]] == [waiting.id]
    assert files(database) == {"input"}
    with pytest.raises(NotFound):
        engine.job(done.id)


def test_how_long_jobs_are_kept_is_set(new_engine: Callable[..., Engine], clock: FrozenClock) -> None:
    """An engine that keeps them for a day forgets them after a day."""
    engine = new_engine(keep_jobs_days=1)
    engine.cancel_job(start(engine).id, actor=officer())
    clock.move_by(days=1, seconds=1)
    assert engine.forget_jobs() == 1


def test_without_a_role_nobody_has_jobs(engine: Engine) -> None:
    """Who comes without a role is turned away, whatever they ask of jobs."""
    nobody = Actor("nobody")
    for ask in (
        lambda: start(engine, nobody),
        lambda: engine.jobs(actor=nobody),
        lambda: engine.job("0186e27e-7a80-7000-8000-00000000dead", actor=nobody),
    ):
        with pytest.raises(Refused) as caught:
            ask()
        assert codes(caught) == ["role-missing"]
