"""`eoi job …`: work in the background, begun, waited for and fetched; of a database and of a server."""

import csv
import json
import shutil
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.jobs.exporting import ExportWork
from adapters.jobs.importing import ImportWork
from scheduler.jobs import Jobs
from tests.cli.conftest import UNSAID, Answer, run_here
from tests.servers.talking import Program
from tests.serving.served import EOI, SURROUNDINGS, Served
from workflow import Engine
from workflow.testing import admin, new_call, officer

Run = Callable[..., Answer]
OLGA: Final = ("--as", "olga", "--role", "officer")
TABLE: Final = "applicant,applicant_name,answers.places\nURN:1,Sprowston,10\nURN:2,Cottesmore,12\n"
BROKEN: Final = TABLE + "URN:3,Heather Avenue,9,too many\n"


@pytest.fixture
def engine(tmp_path: Path, sqlite_template: Path) -> Iterator[Engine]:
    """Lend an engine on the database of the line, in which a call is open for long."""
    shutil.copy(sqlite_template, tmp_path / "eoi.db")
    with Engine(f"sqlite:///{tmp_path}/eoi.db") as engine:
        closes_at = datetime(2090, 3, 17, tzinfo=UTC)
        engine.open_call(new_call(closes_on=None, closes_at=closes_at), actor=officer())
        yield engine


@pytest.fixture
def olga(eoi: Run) -> Callable[..., Answer]:
    """Return what runs `eoi job …` as an officer."""
    return lambda *words, **given: eoi(*OLGA, "job", *words, **given)


def work(engine: Engine) -> None:
    """Do the next job, as a runner would."""
    Jobs(engine.job_queue, {"import": ImportWork(engine), "export": ExportWork(engine)}).once()


def begun(answer: Answer) -> str:
    """Return the id of a job that has been begun."""
    assert answer.status == 0, answer.err
    return str(answer.json["id"])


def rows(text: str) -> list[list[str]]:
    """Return a CSV file's rows."""
    return list(csv.reader(StringIO(text.removeprefix("\ufeff"), newline="")))


def test_a_table_is_handed_over_and_waited_for(olga: Run, engine: Engine) -> None:
    """It is begun, and says how to wait; once done, it is told in full, and its file is there."""
    answer = olga("import", "-", "--call", "46/23", "--submit", stdin=TABLE)
    (view,) = engine.jobs().items
    says = f"The import waits for a runner. To see how it ends: eoi job wait {view.id}\n"
    assert (answer.status, answer.out) == (0, says)
    work(engine)
    waited = olga("wait", view.id)
    assert (waited.status, waited.err) == (0, "")
    assert "State done" in waited.told
    assert f"eoi job result {view.id} --out FILE" in waited.told
    result = olga("result", view.id)
    assert [row[1] for row in rows(result.out)] == ["status", "made", "made"]
    assert "bytes are in the standard output" in result.err
    assert {eoi.state for eoi in engine.find()} == {"submitted"}


def test_what_every_option_says_arrives(olga: Run, engine: Engine) -> None:
    """A job has what was asked for, as `eoi import` would have it."""
    words = (
        "import", "-", "--call", "46/23", "--submit", "--dry-run", "--skip-bad",
        "--ignore", "x", "--ignore", "y",
        "--as-json", "answers.places", "--encoding", "cp1252", "--delimiter", "tab", "--key", "k-1", "--json",
    )  # fmt: skip
    jobs = [begun(olga(*words, stdin=b"applicant\tanswers.places\nURN:1\t8\n")) for _ in range(2)]
    assert len(set(jobs)) == 1
    assert engine.job(jobs[0]).parameters == {
        "call": "46/23", "submit": True, "dry_run": True, "skip_bad": True, "ignore": ["x", "y"],
        "as_json": ["answers.places"], "encoding": "cp1252", "delimiter": "\t",
    }  # fmt: skip


def test_the_register_goes_along(olga: Run, engine: Engine, tmp_path: Path) -> None:
    """Names that are missing are taken from it by whoever does the job; a file that is none is refused."""
    register = tmp_path / "edubase.csv"
    register.write_text(
        '"URN","EstablishmentName","EstablishmentStatus (name)"\n"121234","Sprowston","Open"\n'
    )
    words = ("import", "-", "--call", "46/23", "--register")
    begun(olga(*words, str(register), "--json", stdin="URN,answers.places\n121234,10\n"))
    work(engine)
    assert [eoi.applicant_name for eoi in engine.find()] == ["Sprowston"]
    answer = olga(*words, "-", stdin=TABLE)
    assert (answer.status, answer.err != "") == (1, True)


def test_a_job_that_failed_ends_so(olga: Run, engine: Engine, tmp_path: Path) -> None:
    """Exit status 1, why in words, and where the refused rows are; they are a file of their own."""
    job = begun(olga("import", "-", "--call", "46/23", "--json", stdin=BROKEN))
    work(engine)
    waited = olga("wait", job)
    assert waited.status == 1
    assert "[rows-refused]" in waited.told
    fetched = olga("errors", job, "--out", str(tmp_path / "refused.csv"), "--json")
    assert fetched.json["name"] == f"{job}-errors.csv"
    told = (tmp_path / "refused.csv").read_bytes()
    assert fetched.json["bytes"] == len(told)
    assert [row[3] for row in rows(told.decode())] == ["applicant", "URN:3"]


def test_large_numbers_can_be_read(olga: Run, engine: Engine) -> None:
    """Thousands have their comma wherever a job is told of."""
    table = "applicant\n" + "".join(f"URN:{number},too many\n" for number in range(1001))
    job = begun(olga("import", "-", "--call", "46/23", "--json", stdin=table))
    work(engine)
    assert "Refused 1,001 Rows 1,001 checked, 1,001 refused" in olga("show", job).told
    assert "1,001 of 1,001 1,001" in olga("list").told


def test_eois_are_written_in_the_background(olga: Run, engine: Engine, tmp_path: Path) -> None:
    """The file is fetched where one wants it, byte by byte as it was made."""
    begun(olga("import", "-", "--call", "46/23", "--json", stdin=TABLE))
    work(engine)
    job = begun(olga("export", "--call", "46/23", "--format", "jsonl", "--json"))
    work(engine)
    out = tmp_path / "eois.jsonl"
    assert olga("result", job, "--out", str(out)).status == 0
    assert [json.loads(line)["applicant"] for line in out.read_text().splitlines()] == ["URN:1", "URN:2"]
    assert out.read_bytes() == b"".join(engine.job_result(job))


def test_jobs_are_listed_and_ended(olga: Run, engine: Engine) -> None:
    """The newest first, page by page; one is cancelled, and then forgotten."""
    first, second = (begun(olga("import", "-", "--call", "46/23", "--json", stdin=TABLE)) for _ in range(2))
    page = olga("list", "--limit", "1", "--json").json
    assert ([each["id"] for each in page["items"]], page["next"]) == ([second], second)
    assert first in olga("list", "--kind", "import", "--after", second).out
    assert olga("forget", first).status == 1
    assert olga("cancel", first).out == f"The job {first} is cancelled; 0 were done.\n"
    assert "State cancelled" in olga("show", first).told
    assert olga("forget", first).status == 0
    assert "[not-found]" in olga("show", first).err


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("import", "-"), 1, "which call"),
        (("import", "-", "--decisions", "--submit"), 1, "not for decisions"),
        (("import", "nowhere.csv", "--call", "46/23"), 1, "file-unreadable"),
        (("export", "--format", "pdf"), 1, "The format is one of"),
        (("export", "--format", "360giving"), 2, "eoi export"),
        (("wait", "nonsense"), 1, "not-found"),
        (("result", "0186e27e-7a80-7000-8000-00000000dead"), 1, "not-found"),
        (("list", "--state", "enlightened"), 1, "States are"),
        (("list", "--limit", "0"), 1, "limit"),
    ],
)
def test_what_cannot_be_is_told(olga: Run, engine: Engine, words: Any, status: int, says: str) -> None:
    """Each mistake in words, and no job is begun by it."""
    answer = olga(*words, stdin=TABLE)
    assert (answer.status, says in answer.err) == (status, True), answer.err
    assert engine.jobs().items == ()


def test_a_table_that_is_too_large_is_told(olga: Run, engine: Engine, tmp_path: Path) -> None:
    """More than a job is given is refused, and not cut off."""
    (tmp_path / "large.csv").write_bytes(b"x" * (16 * 1024 * 1024 + 1))
    answer = olga("import", str(tmp_path / "large.csv"), "--call", "46/23")
    assert (answer.status, "16,777,216" in answer.err) == (1, True)
    assert engine.jobs().items == ()


@pytest.mark.slow
def test_to_stop_waiting_leaves_the_job_alone(olga: Run, engine: Engine, tmp_path: Path) -> None:
    """It says how far it is while it waits; Ctrl-C ends that alone."""
    job = begun(olga("import", "-", "--call", "46/23", "--json", stdin=TABLE))
    line: list[str | Path] = [EOI, "--db", "eoi.db", *OLGA, "job", "wait", job]
    with Program(line, folder=tmp_path, env=SURROUNDINGS) as waits:
        waits.wait_for("The job is queued.")
        waits.signal(signal.SIGINT)
        assert waits.end() == 130
        waits.wait_for(f"The job goes on. To wait again: eoi job wait {job}")
    assert engine.job(job).state == "queued"


@pytest.mark.slow
def test_a_servers_runner_does_it(eoi: Run, engine: Engine, tmp_path: Path) -> None:
    """A laptop hands a table over by key, and comes back: what it is told is the same."""
    made = engine.create_key("office", roles=["officer"], actor=admin())
    with Served(tmp_path, "--no-delivery") as served:
        host, port = served.address
        env = {**UNSAID, "EOI_SERVER": f"http://{host}:{port}", "EOI_KEY": made.key or ""}

        def far(*words: str, stdin: str | None = None) -> Answer:
            return run_here(["job", *words], stdin=stdin, env=env)

        job = begun(far("import", "-", "--call", "46/23", "--skip-bad", "--json", stdin=BROKEN))
        waited = far("wait", job, "--json")
        assert (waited.status, waited.json["counts"]) == (0, {"checked": 3, "made": 2, "refused": 1})
        assert waited.json == eoi("job", "show", job, "--json").json
        for which in ("result", "errors"):
            assert far(which, job).out == eoi("job", which, job).out
        assert far("forget", job).status == 0
    assert engine.jobs().items == ()
