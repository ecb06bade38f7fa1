"""Tables in, files out: jobs over HTTP, from the request that starts one to its files and its end."""

import csv
import io
import json
from typing import Any, Final

import pytest

from adapters.jobs.exporting import ExportWork
from adapters.jobs.importing import ImportWork
from adapters.jobs.words import LARGEST_TABLE
from scheduler.jobs import Jobs
from tests.api.routes.asking import Answer, Client
from tests.api.routes.conftest import Who
from workflow import Engine
from workflow.jobs import MOST_OPEN
from workflow.testing import FrozenClock, school, submitted

CSV: Final = {"Content-Type": "text/csv"}
TABLE: Final = (
    b"applicant,applicant_name,answers.places\r\n"
    b"URN:121234,Sprowston Junior School,10\r\n"
    b"URN:7,Seventh School,12\r\n"
)
NOWHERE: Final = "0186e27e-7a80-7000-8000-00000000dead"


def work(engine: Engine) -> None:
    """Do what waits, as a runner would."""
    Jobs(engine.job_queue, {"import": ImportWork(engine), "export": ExportWork(engine)}).once()


def start(who: Client, call: str, table: bytes = TABLE, *, query: str = "", key: str | None = None) -> Answer:
    """Send a table; return the answer."""
    headers = CSV if key is None else CSV | {"Idempotency-Key": f'"{key}"'}
    return who.ask("POST", f"/v1/imports?call={call}{query}", content=table, headers=headers)


def imported(engine: Engine, who: Client, call: str, table: bytes = TABLE, query: str = "") -> Answer:
    """Send a table, and return its job once that is done."""
    begun = start(who, call, table, query=query)
    assert begun.status == 202, begun.body
    work(engine)
    return who.get(begun.headers["location"])


def rows(answer: Answer) -> list[list[str]]:
    """Return a CSV file's rows."""
    return list(csv.reader(io.StringIO(answer.body.decode("utf-8-sig"), newline="")))


def test_a_table_becomes_eois_by_a_job(who: Who, call: str, engine: Engine) -> None:
    """202 and where to ask; it waits, is done, and its result names what was made of each row."""
    begun = start(who("officer"), call, query="&submit=true")
    assert begun.status == 202
    assert begun.headers["location"] == f"/v1/jobs/{begun.body['id']}"
    assert begun.headers["retry-after"] == "1"
    assert begun.body["parameters"] == {"call": call, "submit": True}
    waiting = who("officer").get(begun.headers["location"])
    assert (waiting.body["state"], waiting.headers["retry-after"]) == ("queued", "1")
    work(engine)
    done = who("officer").get(begun.headers["location"])
    assert "retry-after" not in done.headers
    told = {name: done.body[name] for name in ("state", "done", "total", "refused", "counts", "code")}
    assert told == {
        "state": "done",
        "done": 2,
        "total": 2,
        "refused": 0,
        "counts": {"checked": 2, "made": 2},
        "code": None,
    }
    result = rows(who("officer").get(f"/v1/jobs/{begun.body['id']}/result"))
    found = {eoi.id: eoi for eoi in engine.find(call=call)}
    assert result[0] == ["row", "status", "eoi", "code", "message"]
    assert [(row[0], row[1], found[row[2]].applicant) for row in result[1:]] == [
        ("2", "made", "URN:121234"),
        ("3", "made", "URN:7"),
    ]
    assert {eoi.state for eoi in found.values()} == {"submitted"}
    (entry, *_) = engine.history(result[1][2])
    assert (entry.actor, entry.on_behalf_of, entry.via) == ("programme.team", "URN:121234", "http")


def test_a_dry_run_changes_nothing(who: Who, call: str, engine: Engine) -> None:
    """Each row is told as it would be, and none is made."""
    done = imported(engine, who("officer"), call, query="&dry_run=true")
    assert (done.body["state"], done.body["counts"]) == ("done", {"checked": 2, "would": 2})
    assert engine.find(call=call).items == ()


BROKEN: Final = TABLE + b"URN:8,Eighth School,9,too many\r\n"


def test_where_one_row_cannot_be_taken_nothing_is_changed(who: Who, call: str, engine: Engine) -> None:
    """The job fails and says so; the file of errors holds that row with why, fit to be mended."""
    done = imported(engine, who("officer"), call, BROKEN)
    assert (done.body["state"], done.body["code"], done.body["refused"]) == ("failed", "rows-refused", 1)
    assert engine.find(call=call).items == ()
    errors = who("officer").get(f"/v1/jobs/{done.body['id']}/errors")
    assert errors.headers["content-type"] == "text/csv; charset=utf-8"
    assert errors.headers["content-disposition"] == f'attachment; filename="{done.body["id"]}-errors.csv"'
    assert errors.headers["x-content-type-options"] == "nosniff"
    assert int(errors.headers["content-length"]) == len(errors.body) == done.body["errors_bytes"]
    head, row = rows(errors)
    assert head[:3] == ["error.row", "error.code", "error.message"]
    assert head[3:] == ["applicant", "applicant_name", "answers.places"]
    assert (row[:2], row[3:]) == (["4", "bad-row"], ["URN:8", "Eighth School", "9", "too many"])


def test_bad_rows_are_passed_over_where_that_is_asked(who: Who, call: str, engine: Engine) -> None:
    """The others are carried out, and the job is done."""
    done = imported(engine, who("officer"), call, BROKEN, "&skip_bad=true")
    assert (done.body["state"], done.body["counts"]) == ("done", {"checked": 3, "made": 2, "refused": 1})
    assert len(engine.find(call=call).items) == 2


def test_the_same_table_again_makes_nothing_twice(who: Who, call: str, engine: Engine) -> None:
    """A second job over the same rows finds them done."""
    imported(engine, who("officer"), call)
    again = imported(engine, who("officer"), call)
    assert again.body["counts"] == {"checked": 2, "already": 2}
    assert len(engine.find(call=call).items) == 2


def test_under_one_key_one_job_is_begun(who: Who, call: str, engine: Engine) -> None:
    """Sent again it is the same job; with another table, that is told."""
    first = start(who("officer"), call, key="monday")
    assert start(who("officer"), call, key="monday").body == first.body
    assert start(who("officer"), call, TABLE + b"URN:9,,1\r\n", key="monday").code == "key-reused"
    assert len(engine.jobs().items) == 1


def test_a_table_of_decisions_decides(who: Who, call: str, engine: Engine, clock: FrozenClock) -> None:
    """Rows that are moves are made as whoever asked; a row of somebody who may not is refused."""
    ids = [submitted(engine, call, school(number), answers={}) for number in (1, 2)]
    clock.move_by(days=3)
    engine.close_due()
    table = b"eoi,decision\r\n" + b"".join(f"{each},review\r\n".encode() for each in ids)
    path = "/v1/imports?rows=decisions"
    begun = who("reviewer").ask("POST", path, content=table, headers=CSV)
    assert begun.status == 202, begun.body
    work(engine)
    assert who("reviewer").get(begun.headers["location"]).body["counts"] == {"checked": 2, "made": 2}
    assert {engine.get(each).state for each in ids} == {"reviewed"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"applicant,answers.places\r\n", "no rows"),
        (b"name,answers.places\r\nx,1\r\n", "applicant"),
        (b"applicant,applicant\r\nURN:1,URN:1\r\n", "Two columns"),
        (b"PK\x03\x04" + b"\0" * 40, "no CSV"),
        ("applicant\r\nURN:1\r\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_table_is_refused_at_once(
    who: Who, call: str, engine: Engine, table: bytes, said: str
) -> None:
    """Before any job waits it is told what is wrong."""
    found = start(who("officer"), call, table)
    assert (found.status, found.code) == (422, "bad-table")
    assert said in found.body["detail"]
    assert engine.jobs().items == ()


def test_what_shows_later_fails_the_job(who: Who, call: str, engine: Engine) -> None:
    """What only shows on the way, such as an encoding, fails it with its code, and nothing is changed."""
    done = imported(engine, who("officer"), call, TABLE + "URN:8,École,9\r\n".encode("cp1252"))
    assert (done.body["state"], done.body["code"]) == ("failed", "bad-table")
    assert "row 4" in done.body["why"].lower()
    assert engine.find(call=call).items == ()


def test_another_encoding_is_read_where_it_is_said(who: Who, call: str, engine: Engine) -> None:
    """What spreadsheets on Windows save is read by its name in Content-Type."""
    begun = who("officer").ask(
        "POST",
        f"/v1/imports?call={call}&delimiter=semicolon",
        content="applicant;applicant_name\r\nURN:8;École\r\n".encode("cp1252"),
        headers={"Content-Type": "text/csv; charset=windows-1252"},
    )
    assert begun.status == 202, begun.body
    work(engine)
    (eoi,) = engine.find(call=call)
    assert eoi.applicant_name == "École"


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "text/csv; charset=utf-16"},
        {"Content-Type": "multipart/form-data; boundary=x; charset=cp1252"},
        {"Content-Type": "multipart/form-data; boundary=x", "Content-Encoding": "gzip"},
        {"Content-Type": "text/csv", "Content-Encoding": "gzip"},
    ],
)
def test_what_is_not_said_to_be_csv_is_not_read(
    who: Who, call: str, engine: Engine, headers: dict[str, str]
) -> None:
    """Another type, encoding or compression: 415, and what to send."""
    found = who("officer").ask("POST", f"/v1/imports?call={call}", content=TABLE, headers=headers)
    assert (found.status, found.code) == (415, "unsupported-media-type")
    assert engine.jobs().items == ()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "call"),
        ("rows=letters&call=46/23", "rows"),
        ("rows=decisions&submit=true", "rows"),
        ("call=46/23&submit=1", "submit"),
        ("call=46/23&dry_run=", "dry_run"),
        ("call=46/23&delimiter=%3B", "delimiter"),
        ("call=46/23&dryrun=true", "query"),
        ("call=46/23&call=46/23", "call"),
        ("call=46/23&ignore=nothing", "table"),
    ],
)
def test_what_is_asked_wrongly_is_told_by_its_name(who: Who, call: str, query: str, field: str) -> None:
    """A misspelt or senseless word of the address is refused, not passed over: it could change a lot."""
    assert call
    found = who("officer").ask("POST", f"/v1/imports?{query}", content=TABLE, headers=CSV)
    assert (found.status, found.body["field"]) == (422, field)


def test_a_call_that_is_not_there_is_not_found(who: Who) -> None:
    """A table for, or a file of, a call that does not exist is refused before any job waits."""
    assert start(who("officer"), "1/99").code == "not-found"
    assert who("officer").post("/v1/exports", {"call": "1/99"}).code == "not-found"


def test_a_table_may_be_larger_than_other_bodies(who: Who, call: str) -> None:
    """Up to 16 MiB it is taken; beyond that, 413; and other routes keep their own bound."""
    row = b"URN:7,Seventh School,12\r\n"
    large = TABLE + row * ((LARGEST_TABLE - len(TABLE)) // len(row))
    assert start(who("officer"), call, large).status == 202
    assert start(who("officer"), call, large + row).code == "body-too-large"
    assert who("officer").ask("POST", "/v1/exports", content=b" " * 3_000_000).code == "body-too-large"


def test_too_many_jobs_wait(who: Who, call: str) -> None:
    """The eleventh of one actor is told to come back; one that is cancelled makes room."""
    begun = [start(who("officer"), call) for _ in range(MOST_OPEN)]
    refused = start(who("officer"), call)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "too-many-jobs", "1")
    assert who("officer").ask("DELETE", begun[0].headers["location"]).body["state"] == "cancelled"
    assert start(who("officer"), call).status == 202


def test_jobs_of_somebody_else_are_not_there(who: Who, call: str, engine: Engine) -> None:
    """To another school each route of a job answers as of one that never was; staff see it, not its files."""
    done = imported(engine, who("school"), call, b"applicant\r\nURN:121234\r\n")
    assert done.body["state"] == "done"
    for path in ("", "/result", "/errors"):
        answers = [who("other").get(f"/v1/jobs/{job}{path}") for job in (done.body["id"], NOWHERE)]
        assert [each.code for each in answers] == ["not-found", "not-found"]
    assert who("other").get("/v1/jobs").body["items"] == []
    assert who("other").ask("DELETE", f"/v1/jobs/{done.body['id']}").code == "not-found"
    assert who("auditor").get(f"/v1/jobs/{done.body['id']}").body == done.body
    for other in ("officer", "auditor", "admin"):
        assert who(other).get(f"/v1/jobs/{done.body['id']}/result").code == "not-found"
    assert who("school").get(f"/v1/jobs/{done.body['id']}/result").status == 200


@pytest.mark.parametrize("role", ["auditor", "admin"])
def test_who_could_carry_out_no_row_imports_none(who: Who, call: str, engine: Engine, role: str) -> None:
    """Auditors and admins make no moves, one by one or many at once."""
    assert start(who(role), call).code == "role-missing"
    assert engine.jobs().items == ()


def test_an_applicant_imports_for_its_own_schools_alone(who: Who, call: str, engine: Engine) -> None:
    """A trust's table makes EOIs of its schools; rows of others are refused as one by one."""
    table = b"applicant\r\nURN:1\r\nURN:2\r\nURN:3\r\n"
    done = imported(engine, who("trust"), call, table, "&skip_bad=true")
    assert done.body["counts"] == {"checked": 3, "made": 2, "refused": 1}
    (_, row) = rows(who("trust").get(f"/v1/jobs/{done.body['id']}/errors"))
    assert row[:2] == ["4", "not-your-organisation"]


def test_files_come_with_the_end(who: Who, call: str) -> None:
    """Of a job that waits or runs, its files are 409 and when to ask again."""
    begun = start(who("officer"), call)
    for path in ("/result", "/errors"):
        found = who("officer").get(f"{begun.headers['location']}{path}")
        assert (found.status, found.code, found.headers["retry-after"]) == (409, "job-unfinished", "1")


def test_what_was_not_refused_has_no_file(who: Who, call: str, engine: Engine) -> None:
    """A job of which nothing was refused has no file of that, and says so."""
    done = imported(engine, who("officer"), call)
    found = who("officer").get(f"/v1/jobs/{done.body['id']}/errors")
    assert (found.code, "has no file" in found.body["detail"]) == ("not-found", True)


def test_a_job_is_cancelled_and_then_forgotten(who: Who, call: str) -> None:
    """DELETE ends what has not ended; once more, it is gone; once more, it is not found."""
    begun = start(who("officer"), call)
    ended = [who("officer").ask("DELETE", begun.headers["location"]) for _ in range(3)]
    assert [each.status for each in ended] == [200, 200, 404]
    assert [each.body.get("state") for each in ended[:2]] == ["cancelled", "cancelled"]
    assert who("officer").get("/v1/jobs").body["items"] == []


def test_of_the_two_ends_one_may_be_asked_for(who: Who, call: str) -> None:
    """Sent twice, `only=cancel` forgets nothing; `only=forget` cancels nothing, and another word is none."""
    begun = start(who("officer"), call)
    there = begun.headers["location"]

    def end(only: str) -> Answer:
        return who("officer").ask("DELETE", f"{there}?only={only}")

    assert (end("forget").code, end("end").body["field"]) == ("job-unfinished", "only")
    assert who("officer").get(there).body["state"] == "queued"
    assert [end("cancel").body["state"] for _ in range(2)] == ["cancelled", "cancelled"]
    assert [end("forget").status for _ in range(2)] == [200, 404]


def test_jobs_are_listed_and_narrowed(who: Who, call: str) -> None:
    """The newest first, page by page, by kind and state; a filter that is none is refused."""
    first = start(who("officer"), call).body["id"]
    second = who("officer").post("/v1/exports", {}).body["id"]
    page = who("officer").get("/v1/jobs?limit=1")
    assert [each["id"] for each in page.body["items"]] == [second]
    rest = who("officer").get(f"/v1/jobs?limit=1&cursor={page.body['next']}")
    assert [each["id"] for each in rest.body["items"]] == [first]
    assert [each["id"] for each in who("officer").get("/v1/jobs?kind=import").body["items"]] == [first]
    assert who("officer").get("/v1/jobs?state=running").body["items"] == []
    assert who("officer").get("/v1/jobs?state=ended").code == "bad-input"
    assert who("officer").get("/v1/jobs?cursor=abc").code == "bad-cursor"


def exported(engine: Engine, who: Client, **body: Any) -> tuple[Answer, Answer]:
    """Ask for a file; return its job once that is done, and the file."""
    begun = who.post("/v1/exports", body)
    assert begun.status == 202, begun.body
    work(engine)
    done = who.get(begun.headers["location"])
    return done, who.get(f"{begun.headers['location']}/result")


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("csv", "text/csv; charset=utf-8; header=present"),
        ("jsonl", "application/jsonl; charset=utf-8"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
def test_eois_become_a_file_by_a_job(who: Who, eoi: str, engine: Engine, form: str, kind: str) -> None:
    """The file is of its own type, to be saved under a name of its kind, and as large as was told."""
    done, result = exported(engine, who("officer"), format=form)
    assert (done.body["state"], done.body["done"], done.body["total"]) == ("done", 1, 1)
    assert result.headers["content-type"] == kind
    assert result.headers["content-disposition"].endswith(f'.{form}"')
    assert len(result.body) == int(result.headers["content-length"]) == done.body["result_bytes"]
    if form == "jsonl":
        assert json.loads(result.body)["id"] == eoi


def test_who_exports_gets_what_they_may_read(who: Who, eoi: str, engine: Engine) -> None:
    """A school's file holds its own EOIs and no others."""
    _, own = exported(engine, who("school"), format="jsonl")
    done, none = exported(engine, who("other"), format="jsonl")
    assert json.loads(own.body)["id"] == eoi
    assert (done.body["done"], none.code) == (0, "not-found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"format": "pdf"}, "format"),
        ({"state": "sent"}, "state"),
        ({"of": "46/23"}, "of"),
        ({"format": "360giving"}, "awards"),
        ({"format": "csv", "awards": {"prefix": "x", "funder_id": "x", "funder_name": "x"}}, "awards"),
        ({"format": "360giving", "awards": {"prefix": "x", "funder_id": "x", "funder_name": "x"}}, "prefix"),
    ],
)
def test_a_file_that_cannot_be_is_refused_at_once(who: Who, body: dict[str, Any], field: str) -> None:
    """An unknown format, state or field, or awards that say too little, are told before any job waits."""
    found = who("officer").post("/v1/exports", body)
    assert (found.status, found.body["field"]) == (422, field)


@pytest.mark.usefixtures("eoi")
def test_awards_are_made_as_asked(who: Who, engine: Engine) -> None:
    """Where nothing was approved, the job fails and says that; what makes awards was understood."""
    awards = {
        "prefix": "360G-norfolk",
        "funder_id": "GB-LAE-NFK",
        "funder_name": "Norfolk County Council",
        "amount": "12000",
    }
    begun = who("officer").post("/v1/exports", {"format": "360giving", "awards": awards})
    work(engine)
    done = who("officer").get(begun.headers["location"])
    assert (done.body["state"], done.body["code"]) == ("failed", "nothing-awarded")


def test_no_answer_waits_for_a_job(who: Who, call: str) -> None:
    """Without anybody who does jobs, requests are answered all the same, and the job goes on waiting."""
    begun = start(who("officer"), call)
    assert who("officer").get(begun.headers["location"]).body["state"] == "queued"
