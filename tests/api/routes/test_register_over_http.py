"""The national register of schools, sent with a table: URNs are looked up in it by whoever does the job."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi import FastAPI
from starlette.requests import Request

from adapters.jobs.given import LARGEST_REGISTER
from adapters.jobs.words import LARGEST_TABLE
from tests.api.routes.asking import Answer, Client
from tests.api.routes.conftest import Who
from tests.api.routes.forms import form
from tests.api.routes.test_jobs import rows, work
from tests.databases.raw import RawDatabase
from workflow import Actor, Engine
from workflow.testing import officer

TABLE: Final = b"URN,applicant_name,answers.places\r\n121234,,10\r\n121235,Alder Primary,12\r\n121236,,14\r\n"
#: The files that this process has open.
OPEN: Final = Path("/proc/self/fd")
HEAD: Final = '"URN","LA (name)","EstablishmentName","EstablishmentStatus (name)"\r\n'
REGISTER: Final = (
    HEAD + '"121234","Norfolk","“Café” School","Open"\r\n"121235","Norfolk","Alder","Closed"\r\n'
).encode("cp1252")


def send(
    who: Client, call: str, *files: tuple[str, Any], query: str = "", headers: dict[str, str] | None = None
) -> Answer:
    """Send a form; return the answer."""
    content, kind = form(*files)
    return who.ask("POST", f"/v1/imports?call={call}{query}", content=content, headers=kind | (headers or {}))


def test_schools_are_looked_up_in_the_register(who: Who, call: str, engine: Engine) -> None:
    """As `eoi import --register` does: missing names, closed schools, and those that nobody knows."""
    files = ("table", ("eois.csv", TABLE, "text/csv")), ("register", ("edubase.csv", REGISTER, "text/csv"))
    begun = send(who("officer"), call, *files, query="&skip_bad=true")
    assert begun.status == 202, begun.body
    asked = begun.body["parameters"]
    assert asked == {"call": call, "skip_bad": True, "register_bytes": asked["register_bytes"]}
    work(engine)
    done = who("officer").get(begun.headers["location"]).body
    assert (done["state"], done["counts"]) == ("done", {"checked": 3, "made": 2, "refused": 1})
    told = rows(who("officer").get(f"{begun.headers['location']}/result"))
    assert [(row[0], row[1], row[3]) for row in told[1:]] == [
        ("2", "made", ""),
        ("3", "made", "school-closed"),
        ("4", "refused", "unknown-school"),
    ]
    found = {eoi.applicant: eoi.applicant_name for eoi in engine.find(call=call)}
    assert found == {"URN:121234": "“Café” School", "URN:121235": "Alder Primary"}


def test_what_is_kept_of_the_register_is_gone_with_its_job(
    who: Who, call: str, engine: Engine, database: RawDatabase
) -> None:
    """Until the job has ended its columns that are read are kept, no others; after that, nothing."""
    send(who("officer"), call, ("table", TABLE), ("register", REGISTER))

    def kept() -> bytes:
        return b"".join(row["content"] for row in database.tables()["eoi_job_part"] if row["file"] == "input")

    assert kept().startswith(TABLE)
    assert "Café".encode() in kept()
    assert b"Norfolk" not in kept()
    work(engine)
    assert kept() == b""


def test_a_table_alone_may_come_in_a_form(who: Who, call: str, engine: Engine) -> None:
    """A program that sends files in forms needs no other way; the type of its part may name the encoding."""
    table = "applicant;applicant_name\r\nURN:8;École\r\n".encode("cp1252")
    for kind in ("text/csv; charset=windows-1252", 'Text/CSV;charset="Windows-1252"'):
        assert send(who("officer"), call, ("table", ("x", table, kind))).status == 202
    for kind in ("application/octet-stream", "application/vnd.ms-excel", "text/csv"):
        assert send(who("officer"), call, ("table", ("x", TABLE, kind))).status == 202
    work(engine)
    assert next(eoi.applicant_name for eoi in engine.find() if eoi.applicant == "URN:8") == "École"


def test_under_one_key_another_register_is_another_request(who: Who, call: str, engine: Engine) -> None:
    """Sent again it is the same job, in whatever order the parts come; another register is told."""
    key = {"Idempotency-Key": '"monday"'}
    table, register, other = (
        ("table", TABLE),
        ("register", REGISTER),
        ("register", REGISTER.replace(b"Alder", b"Ash")),
    )
    first = send(who("officer"), call, table, register, headers=key)
    assert send(who("officer"), call, register, table, headers=key).body == first.body
    for files in ([table, other], [table]):
        assert send(who("officer"), call, *files, headers=key).code == "key-reused"
    assert len(engine.jobs().items) == 1


@pytest.mark.parametrize(
    ("files", "field"),
    [
        ([("register", REGISTER)], "table"),
        ([("table", TABLE), ("table", TABLE)], "body"),
        ([("table", TABLE), ("register", REGISTER), ("register", REGISTER)], "body"),
        ([("table", TABLE), ("schools", REGISTER)], "body"),
        ([("table", TABLE), ("", REGISTER)], "body"),
        ([("table", (None, TABLE))], "body"),
        ([("table", TABLE), ("register", (None, "edubase.csv"))], "body"),
        ([("table", b""), ("register", REGISTER)], "table"),
        ([("table", TABLE), ("register", b"")], "register"),
        ([("table", TABLE), ("register", TABLE)], "register"),
        ([("table", TABLE), ("register", b"PK\x03\x04" + b"\0" * 40)], "register"),
        ([("table", TABLE), ("register", HEAD.encode() + b'"1')], "register"),
    ],
)
def test_another_form_is_refused_at_once(
    who: Who, call: str, engine: Engine, files: list[tuple[str, Any]], field: str
) -> None:
    """A part that is missing, unknown, there twice, no file, or no register: no job waits."""
    found = send(who("officer"), call, *files)
    assert (found.status, found.body["field"]) == (422, field), found.body
    assert engine.jobs().items == ()


@pytest.mark.parametrize("kind", ["application/pdf", "text/csv; charset=utf-16", "text/html"])
def test_a_part_that_is_no_csv_is_not_read(who: Who, call: str, engine: Engine, kind: str) -> None:
    """As where the table is the whole body: 415, and what to send."""
    found = send(who("officer"), call, ("table", ("x", TABLE, kind)))
    assert (found.status, found.code) == (415, "unsupported-media-type")
    assert engine.jobs().items == ()


def test_decisions_have_no_register(who: Who, engine: Engine) -> None:
    """They name EOIs, not schools."""
    content, kind = form(("table", b"eoi,decision\r\nx,review\r\n"), ("register", REGISTER))
    found = who("officer").ask("POST", "/v1/imports?rows=decisions", content=content, headers=kind)
    assert (found.status, found.body["field"]) == (422, "rows")
    assert engine.jobs().items == ()


def test_who_may_not_import_has_no_register_read(who: Who, call: str) -> None:
    """The role is asked before what takes long; and who it is before anything of a form is said."""
    for token, code in (("auditor", "role-missing"), (None, "unauthenticated")):
        for register in (REGISTER, b"none"):
            assert send(who(token), call, ("table", TABLE), ("register", register)).code == code


def test_files_of_a_form_have_their_bounds(who: Who, call: str, engine: Engine) -> None:
    """A table is as large as elsewhere; of a register no more is kept than that of a country."""
    row = b"121234,x,1\r\n"
    large = TABLE + row * ((LARGEST_TABLE - len(TABLE)) // len(row))
    assert send(who("officer"), call, ("table", large), ("register", REGISTER)).status == 202
    assert send(who("officer"), call, ("table", large + row)).code == "body-too-large"
    long = "x" * (LARGEST_REGISTER // 50)
    names = "".join(f'"{100_000 + number}","","{long}","Open"\r\n' for number in range(51))
    found = send(who("officer"), call, ("table", TABLE), ("register", (HEAD + names).encode()))
    assert (found.code, found.body["field"]) == ("bad-table", "register")
    assert len(engine.jobs().items) == 1


def test_a_register_tells_nothing_of_how_long_others_would_wait(
    new_api: Callable[..., FastAPI], call: str
) -> None:
    """Seconds that it takes to be read would else make the door refuse others, in the last minute too."""
    stepped_aside = list[bool]()

    def authenticate(request: Request) -> Actor:
        stepped_aside.append(request.scope["state"]["eoi_turn"].is_over)
        return officer()

    api = new_api(authenticate=authenticate)
    for files in ([("table", TABLE), ("register", REGISTER)], [("table", TABLE)]):
        assert send(Client(api, None), call, *files).status == 202
    assert stepped_aside == [False, True, False, False]  # before the body has come, and after it


@pytest.mark.skipif(not OPEN.exists(), reason="open files are counted as Linux shows them")
def test_no_file_of_a_form_stays_open(who: Who, call: str) -> None:
    """Taken, refused or no form at all: what was put aside on disk is gone with the request."""
    large = REGISTER + b" " * 3_000_000
    content, kind = form(("table", TABLE), ("register", large))

    def opened() -> int:
        return len([*OPEN.iterdir()])

    send(who("officer"), call, ("table", TABLE))
    before = opened()
    assert send(who("officer"), call, ("table", TABLE), ("register", large)).status in (202, 422)
    assert send(who("officer"), call, ("tables", TABLE), ("register", large)).status == 422
    assert send(who(None), call, ("table", TABLE), ("register", large)).status == 401
    cut = who("officer").ask("POST", f"/v1/imports?call={call}", content=content[:-9], headers=kind)
    assert cut.status == 422
    assert opened() == before
