"""Tables that take longer than one pass of cron: each pass gets on, and every row is told once."""

import csv
import io
from itertools import count
from typing import Any, Final

import pytest

from adapters.inbound.school_register import NAME, STATUS, URN
from adapters.jobs.asked import Import
from adapters.jobs.given import with_register
from adapters.jobs.importing import ImportWork
from scheduler.jobs import Jobs
from workflow import CallView, Engine, JobView
from workflow.testing import new_call, officer, school

ROWS: Final = 60
#: Each step of a job takes two seconds by this timer, so that the check alone takes longer than a pass.
WITHIN_S: Final = 25.0


def call_of(engine: Engine) -> CallView:
    """Open a call."""
    return engine.open_call(new_call(), actor=officer())


def passes(engine: Engine, job: JobView, *, most: int) -> JobView:
    """Work at a job pass by pass, so many at the most; return how it stands then."""
    for _ in range(most):
        if engine.job(job.id).finished_at is None:
            timer = map(float, count()).__next__
            Jobs(engine.job_queue, {"import": ImportWork(engine)}, timer=timer).once(within_s=WITHIN_S)
    return engine.job(job.id)


def told(engine: Engine, job: JobView) -> list[tuple[int, str, str]]:
    """Return of each row of a job's result its number, how it stands with it, and the code."""
    text = b"".join(engine.job_result(job.id)).decode("utf-8-sig")
    return [(int(row["row"]), row["status"], row["code"]) for row in csv.DictReader(io.StringIO(text))]


def test_a_check_that_takes_longer_than_a_pass_ends_all_the_same(engine: Engine) -> None:
    """It would begin anew each time: it is done to its end, and what is carried out then is gone on with."""
    call = call_of(engine)
    table = "".join(["applicant,answers.a\n", *(f"URN:{number},1\n" for number in range(ROWS))])
    job = engine.start_job("import", parameters={"call": call.id}, content=table.encode(), actor=officer())
    ended = passes(engine, job, most=2 + ROWS // 10)
    assert (ended.state, ended.done, ended.total, ended.attempt > 1) == ("done", ROWS, ROWS, True)
    assert ended.counts == {"checked": ROWS, "made": ROWS}
    assert told(engine, job) == [(number, "made", "") for number in range(2, ROWS + 2)]


def test_what_comes_after_is_told_as_if_it_had_been_done_in_one(engine: Engine) -> None:
    """Rows that repeat or contradict one of an earlier pass, or are somebody else's: each is told, once."""
    call = call_of(engine)
    rows = [*(f"URN:1,{number}" for number in (1, 1, 2)), *["URN:2,1"] * 2, *["URN:1,1"] * ROWS, "URN:1,3"]
    job = engine.start_job(
        "import",
        parameters={"call": call.id, "skip_bad": True},
        content="\n".join(["applicant,answers.a", *rows]).encode(),
        actor=school(1),
    )
    ended = passes(engine, job, most=2 + len(rows) // 10)
    assert (ended.state, ended.done, ended.attempt > 1) == ("done", len(rows), True)
    assert told(engine, job) == [
        (2, "made", ""),
        (3, "already", "same-row"),
        (4, "refused", "row-twice"),
        (5, "refused", "not-your-organisation"),
        (6, "already", "same-row"),
        *((number, "already", "same-row") for number in range(7, 7 + ROWS)),
        (7 + ROWS, "refused", "row-twice"),
    ]
    assert [eoi.applicant for eoi in engine.find()] == ["URN:1"]


def test_whoever_goes_on_with_it_has_the_register(engine: Engine) -> None:
    """In every pass names are looked up in the register that was sent, and unknown schools refused."""
    call = call_of(engine)
    table = "".join(["applicant\n", *(f"URN:{100_000 + number}\n" for number in range(ROWS))])
    schools = "".join(f"{100_000 + number},School {number},Open\n" for number in range(ROWS - 1))
    asked, content = with_register(
        Import(call=call.id, skip_bad=True),
        table.encode(),
        io.BytesIO(f"{URN},{NAME},{STATUS}\n{schools}".encode()),
    )
    job = engine.start_job("import", parameters=asked.parameters(), content=content, actor=officer())
    ended = passes(engine, job, most=2 + ROWS // 10)
    assert (ended.state, ended.attempt > 1) == ("done", True)
    assert told(engine, job)[-1] == (ROWS + 1, "refused", "unknown-school")
    names = {eoi.applicant: eoi.applicant_name for eoi in engine.find(limit=1000)}
    assert names == {f"URN:{100_000 + number}": f"School {number}" for number in range(ROWS - 1)}


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"register_bytes": 10_000}, "bad-input"),
        ({"register_bytes": -1}, "bad-input"),
        ({"register_bytes": True}, "bad-input"),
        ({"register_bytes": "9"}, "bad-input"),
        ({"register_bytes": 9, "rows": "decisions"}, "bad-input"),
        ({"register_bytes": 9}, "bad-table"),
    ],
)
def test_a_register_that_is_none_fails_the_job(engine: Engine, parameters: dict[str, Any], code: str) -> None:
    """Whoever starts a job by Python and is wrong in what of it is the register, hears of it."""
    asked = {"call": call_of(engine).id} | parameters
    job = engine.start_job("import", parameters=asked, content=b"applicant\nURN:100000\n", actor=officer())
    ended = passes(engine, job, most=1)
    assert (ended.state, ended.code) == ("failed", code)
