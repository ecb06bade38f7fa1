"""Jobs by the client, asked of a real server: tables handed over, waited for, and their files fetched."""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from adapters.client import Client
from adapters.jobs.asked import Import
from adapters.jobs.exporting import ExportWork
from adapters.jobs.given import with_register
from adapters.jobs.importing import ImportWork
from scheduler.jobs import Jobs
from tests.serving.served import Served
from workflow import Actor, CallView, Engine, JobFile, JobUnfinished, JobView, NotFound, TooManyJobs
from workflow.jobs import MOST_OPEN
from workflow.testing import admin, new_call, officer

pytestmark = pytest.mark.slow

TABLE: Final = b"applicant,applicant_name,answers.places\r\nURN:1,Sprowston,10\r\nURN:2,Cottesmore,12\r\n"
BROKEN: Final = TABLE + b"URN:3,Heather Avenue,9,too many\r\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Path:
    """Return the folder of the database, which is the server's and these tests' own."""
    found = tmp_path_factory.mktemp("served")
    shutil.copy(sqlite_template, found / "eoi.db")
    return found


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[Engine]:
    """Lend an engine on it, with which these tests do what waits."""
    with Engine(f"sqlite:///{folder}/eoi.db") as engine:
        yield engine


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    """Lend a server that leaves jobs to others."""
    with Served(folder, "--no-jobs", "--no-delivery") as found:
        yield found


@pytest.fixture
def call(engine: Engine, request: pytest.FixtureRequest) -> CallView:
    """Return a call of this test's, open for long."""
    closes_at = datetime(2090, 3, 17, tzinfo=UTC)
    new = new_call(reference=request.node.name[:60], closes_on=None, closes_at=closes_at)
    return engine.open_call(new, actor=officer())


@pytest.fixture
def ask(engine: Engine, served: Served, request: pytest.FixtureRequest) -> Iterator[Client]:
    """Lend an officer's client; while it waits, what waits for a runner is done."""
    made = engine.create_key(request.node.name[:60], roles=["officer"], actor=admin())
    host, port = served.address
    with Client(f"http://{host}:{port}", made.key or "", pause=lambda _: work(engine)) as client:
        yield client


def work(engine: Engine) -> None:
    """Do the next job, as a runner would."""
    Jobs(engine.job_queue, {"import": ImportWork(engine), "export": ExportWork(engine)}).once()


def rows(file: JobFile) -> list[list[str]]:
    """Return a CSV file's rows."""
    content = b"".join(file)
    assert len(content) == file.size
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_table_becomes_eois(ask: Client, engine: Engine, call: CallView, tmp_path: Path) -> None:
    """An open file is handed over from where it stands; its job is told as it goes, and gives its file."""
    (tmp_path / "table.csv").write_bytes(b"# not of it\n" + TABLE)
    told = list[JobView]()
    with (tmp_path / "table.csv").open("rb") as file:
        file.readline()
        begun = ask.start_job("import", parameters={"call": call.reference, "submit": True}, content=file)
    done = ask.wait_for_job(begun.id, progress=told.append)
    assert (begun.state, done.state, done.done, done.refused) == ("queued", "done", 2, 0)
    assert [each.state for each in told] == ["queued", "done"]
    assert done == ask.job(begun.id) == engine.job(begun.id)
    result = ask.job_result(begun.id)
    assert (result.name, result.media_type) == (f"{begun.id}-rows.csv", "text/csv; charset=utf-8")
    found = {eoi.applicant: eoi for eoi in engine.find(call=call.id)}
    assert [(row[1], row[2]) for row in rows(result)[1:]] == [
        ("made", found["URN:1"].id), ("made", found["URN:2"].id),
    ]  # fmt: skip
    assert {eoi.state for eoi in found.values()} == {"submitted"}
    with pytest.raises(NotFound):
        ask.job_errors(begun.id)


def test_every_parameter_arrives(ask: Client, call: CallView) -> None:
    """What is asked of a table is the same in the job as it would be with a database."""
    said = {
        "rows": "eois", "call": call.id, "submit": True, "dry_run": True, "skip_bad": True,
        "as_json": ["answers.a", "answers.b"], "ignore": ["Telefon"], "encoding": "cp1252", "delimiter": ";",
    }  # fmt: skip
    table = "applicant;answers.a;answers.b;Telefon\r\nURN:1;1;2;Müller\r\n".encode("cp1252")
    begun = ask.start_job("import", parameters=said, content=table)
    assert begun.parameters == {name: value for name, value in said.items() if name != "rows"}
    assert ask.wait_for_job(begun.id).counts == {"checked": 1, "would": 1}


def test_a_register_goes_along(ask: Client, engine: Engine, call: CallView) -> None:
    """Schools are looked up in it, as with a database: what stands behind the table goes out as its file."""
    register = (
        '"URN","LA (name)","EstablishmentName","EstablishmentStatus (name)"\r\n'
        '"121234","Norfolk","“Café” School","Open"\r\n'
    ).encode("cp1252")
    table = b"URN,answers.places\r\n121234,10\r\n121299,3\r\n"
    asked, content = with_register(Import(call=call.id, skip_bad=True), table, io.BytesIO(register))
    begun = ask.start_job("import", parameters=asked.parameters(), content=io.BytesIO(content))
    assert begun.parameters == asked.parameters()
    assert ask.wait_for_job(begun.id).counts == {"checked": 2, "made": 1, "refused": 1}
    (eoi,) = engine.find(call=call.id)
    assert eoi.applicant_name == "“Café” School"
    assert "unknown-school" in b"".join(ask.job_errors(begun.id)).decode()


def test_under_one_key_one_job_is_begun(ask: Client, call: CallView) -> None:
    """Sent again, the same table under the same key is the same job."""
    begun = [
        ask.start_job("import", parameters={"call": call.id}, content=TABLE, idempotency_key="t-1")
        for _ in range(2)
    ]
    assert begun[0] == begun[1]
    assert [
        each.id for each in ask.jobs(state="queued", kind="import").items if each.actor == begun[0].actor
    ] == [begun[0].id]
    ask.cancel_job(begun[0].id)


def test_refused_rows_come_as_a_file(ask: Client, engine: Engine, call: CallView) -> None:
    """Where one row cannot be taken nothing is changed; that row is read as often as one likes."""
    begun = ask.start_job("import", parameters={"call": call.id}, content=BROKEN)
    done = ask.wait_for_job(begun.id)
    assert (done.state, done.code, done.refused) == ("failed", "rows-refused", 1)
    assert engine.find(call=call.id).items == ()
    errors = ask.job_errors(begun.id)
    assert errors.name == f"{begun.id}-errors.csv"
    head, row = rows(errors)
    assert (head[:2], row[:2]) == (["error.row", "error.code"], ["4", "bad-row"])
    assert rows(errors) == [head, row]
    assert errors.read(2) is None


def test_eois_become_a_file(ask: Client, engine: Engine, call: CallView) -> None:
    """An export is begun, waited for and fetched; what it holds is what is there."""
    for urn in ("URN:1", "URN:2"):
        school = Actor(urn, {"applicant"}, [urn])
        engine.draft(call.id, answers={"places": 8}, actor=school)
    begun = ask.start_job("export", parameters={"format": "jsonl", "call": call.reference})
    assert ask.wait_for_job(begun.id).state == "done"
    told = [json.loads(line) for line in b"".join(ask.job_result(begun.id)).splitlines()]
    assert {each["id"] for each in told} == {eoi.id for eoi in engine.find(call=call.id)}


def test_a_job_is_ended_in_one_way_only(ask: Client, engine: Engine, call: CallView) -> None:
    """To cancel what has ended forgets nothing; to forget what has not cancels nothing."""
    begun = ask.start_job("import", parameters={"call": call.id}, content=TABLE)
    with pytest.raises(JobUnfinished):
        ask.forget_job(begun.id)
    with pytest.raises(JobUnfinished):
        ask.job_result(begun.id)
    assert ask.job(begun.id).state == "queued"
    done = ask.wait_for_job(begun.id)
    assert ask.cancel_job(begun.id) == done == engine.job(begun.id)
    assert ask.forget_job(begun.id) == done
    for gone in (ask.job, ask.job_result, ask.cancel_job, ask.forget_job):
        with pytest.raises(NotFound):
            gone(begun.id)


def test_what_is_cancelled_is_not_done(ask: Client, engine: Engine, call: CallView) -> None:
    """A job that waits is cancelled, however often, and none of its rows becomes an EOI."""
    begun = ask.start_job("import", parameters={"call": call.id}, content=TABLE)
    assert [ask.cancel_job(begun.id).state for _ in range(2)] == ["cancelled"] * 2
    work(engine)
    assert engine.find(call=call.id).items == ()


def test_nobody_waits_for_longer_than_they_like(ask: Client, call: CallView) -> None:
    """In time or not at all; and what is told how far it is may end the wait. The job stays as it is."""
    begun = ask.start_job("import", parameters={"call": call.id}, content=TABLE)

    def enough(_: JobView) -> None:
        raise KeyboardInterrupt

    with pytest.raises(JobUnfinished, match="queued still"):
        ask.wait_for_job(begun.id, within_s=0)
    with pytest.raises(KeyboardInterrupt):
        ask.wait_for_job(begun.id, progress=enough)
    assert ask.cancel_job(begun.id).done == 0


def test_too_many_jobs_are_refused_at_once(ask: Client, call: CallView) -> None:
    """Ten that have not ended are enough: nobody sends the eleventh table again and again meanwhile."""
    begun = [ask.start_job("import", parameters={"call": call.id}, content=TABLE) for _ in range(MOST_OPEN)]
    with pytest.raises(TooManyJobs):
        ask.start_job("import", parameters={"call": call.id}, content=TABLE)
    assert {ask.cancel_job(each.id).done for each in begun} == {0}  # while it waits, one would be done
