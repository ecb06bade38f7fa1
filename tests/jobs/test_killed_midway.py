"""Real programs at an import, killed or told to stop midway: others go on, and nothing is done twice."""

import csv
import io
import os
import signal
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.databases.lent import NewEngine
from tests.databases.raw import RawDatabase
from tests.servers.scripts import ROOT
from tests.servers.talking import Program
from workflow import Engine, JobView
from workflow.clock import SystemClock
from workflow.testing import engine_in, new_call, officer

pytestmark = pytest.mark.slow

ROWS: Final = 260
#: When it ends; more were carried out by then than were written down as done.
ENDS_AT: Final = 150
SURROUNDINGS: Final = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
#: Does jobs until it is killed, and says what it does.
NODE: Final = """
import sys, threading
from adapters.jobs.importing import ImportWork
from scheduler import Runner
from workflow import Engine
from workflow.log import log_to_stderr

log_to_stderr("INFO")
engine = Engine(sys.argv[1])
works = {"import": ImportWork(engine)}
with Runner(engine, {}, sweeps=False, delivers=False, works=works, job_lease_s=2.0):
    threading.Event().wait()
"""
CLI: Final = "from adapters.cli import main; main()"


def program(folder: Path, script: str, *words: str) -> Program:
    """Start a program."""
    return Program([sys.executable, "-c", script, *words], folder=folder, env=SURROUNDINGS)


def begun(engine: Engine) -> JobView:
    """Open a call, and start a job that imports many EOIs of it."""
    closes_at = SystemClock().now() + timedelta(days=1)
    call = engine.open_call(new_call(closes_on=None, closes_at=closes_at), actor=officer())
    table = "".join(
        ["applicant,answers.places\r\n", *(f"URN:{number},{number}\r\n" for number in range(1, ROWS + 1))]
    )
    return engine.start_job(
        "import", parameters={"call": call.id, "submit": True}, content=table.encode(), actor=officer()
    )


def wait_for_rows(node: Program, count: int) -> None:
    """Wait until a program says that so many EOIs were submitted."""
    node.wait_until(lambda node: sum("event=eoi.submitted" in line for line in node.lines) >= count)


def require_each_once(engine: Engine, job_id: str) -> None:
    """Fail where an EOI is not there, or twice, or was moved twice; or a row is not told once."""
    job = engine.job(job_id)
    assert (job.state, job.done, job.total, job.refused) == ("done", ROWS, ROWS, 0)
    assert job.counts["made"] + job.counts.get("already", 0) == ROWS
    found = list(engine.find(limit=1000))
    assert Counter(eoi.applicant for eoi in found) == Counter(f"URN:{n}" for n in range(1, ROWS + 1))
    assert {eoi.version for eoi in found} == {2}
    told = b"".join(engine.job_result(job_id)).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(told, newline="")))
    assert [int(row["row"]) for row in rows] == list(range(2, ROWS + 2))
    assert {row["eoi"] for row in rows} == {eoi.id for eoi in found}


def test_another_node_goes_on_where_one_was_killed(
    database: RawDatabase, new_engine: NewEngine, tmp_path: Path
) -> None:
    """SIGKILL amid an import: the next one takes it up from what was written, and each row is done once."""
    engine = new_engine(clock=None)
    job = begun(engine)
    with program(tmp_path, NODE, database.url) as first:
        wait_for_rows(first, ENDS_AT)
        first.signal(signal.SIGKILL)
        assert first.end() == -signal.SIGKILL
    left = engine.job(job.id)
    assert (left.state, left.attempt) == ("running", 1)
    assert 100 <= left.done < ROWS
    with program(tmp_path, NODE, database.url) as second:
        second.wait_for("event=job.finished")
    assert engine.job(job.id).attempt == 2
    require_each_once(engine, job.id)


def test_told_to_stop_it_is_given_back_and_a_tick_does_the_rest(tmp_path: Path) -> None:
    """SIGTERM: `eoi serve` gives it back as far as it is, at once; `eoi tick` goes on from there."""
    with engine_in(tmp_path, clock=SystemClock()) as engine:
        job = begun(engine)
        with program(tmp_path, CLI, "--db", "eoi.db", "serve", "--no-api") as served:
            wait_for_rows(served, ENDS_AT)
            served.signal(signal.SIGTERM)
            assert served.end() == 0
            assert any("event=job.given-back" in line for line in served.lines)
        left = engine.job(job.id)
        assert (left.state, left.done) == ("queued", left.counts["made"])
        assert ENDS_AT <= left.done < ROWS
        with program(tmp_path, CLI, "--db", "eoi.db", "tick") as tick:
            assert tick.end() == 0
            assert "Jobs: 1 worked at." in tick.said()
        assert engine.job(job.id).counts == {"checked": ROWS, "made": ROWS}
        require_each_once(engine, job.id)
