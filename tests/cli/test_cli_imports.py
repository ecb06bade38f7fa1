import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.test_cli_program import on_a_terminal, plain
from tests.servers.talking import Program
from workflow.testing import engine_in

ROOT: Final = Path(__file__).resolve().parents[2]
OFFICER: Final = ("--as", "programme.team", "--role", "officer")
HEAD: Final = "applicant,applicant_name,answers.places\n"
ROWS: Final = f"{HEAD}URN:1,Ash,18\nURN:2,Beech,20\n"
BAD: Final = f"{HEAD}URN:1,Ash,18\n,Beech,=20\nURN:3,Cedar,22\n"
Eoi = Callable[..., Any]
#: `eoi`, telling how far it has come after every tenth row.
TALKING: Final = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from adapters.cli import main, progress\nprogress.EACH = 10\nmain()"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the table of a test stands."""
    return tmp_path / "eois.csv"


def counts(answer: Any) -> tuple[int, int, int, int]:
    """Return how many rows were made, made already, would be, and were refused."""
    told = answer.json
    return told["made"], told["already"], told["would"], told["refused"]


def test_a_table_is_tried_then_imported_then_needs_nothing(eoi: Eoi, call: str, file: Path) -> None:
    """A dry run changes nothing; the import makes what it said; a second one finds all of it done."""
    file.write_text(ROWS, encoding="utf-8")
    words = ("import", str(file), "--call", call, "--submit", *OFFICER)
    dry = eoi(*words, "--dry-run")
    assert (dry.status, dry.out, dry.err) == (0, "2 rows: 2 would be made.\n", "")
    assert eoi("list", "--json").json["items"] == []
    assert eoi(*words).out == "2 rows: 2 made.\n"
    assert {each["state"] for each in eoi("list", "--json").json["items"]} == {"submitted"}
    assert eoi(*words).out == "2 rows: 2 need nothing.\n"
    assert list(file.parent.glob("*.errors*")) == []


def test_one_row_that_cannot_be_taken_keeps_all_from_being_written(eoi: Eoi, call: str, file: Path) -> None:
    """Each is told and stands in a file beside; the others are made where that is asked for."""
    file.write_text(BAD, encoding="utf-8")
    words = ("import", str(file), "--call", call, *OFFICER)
    errors = file.with_name("eois.errors.csv")
    kept = eoi(*words)
    assert (kept.status, kept.out.splitlines()) == (
        1,
        [
            "3 rows: 2 not carried out, 1 refused.",
            "! Row 3: applicant is empty. [bad-input]",
            f"The refused rows are in {errors}, with why.",
        ],
    )
    assert kept.err == (
        "Not done: 1 of 3 rows cannot be taken, so nothing was written: mend them, or say --skip-bad. "
        "[rows-refused]\n"
    )
    assert eoi("list", "--json").json["items"] == []
    done = eoi(*words, "--skip-bad", "--json")
    second = file.with_name("eois.errors-2.csv")
    assert (done.status, counts(done)) == (1, (2, 0, 0, 1))
    told = {name: done.json[name] for name in ("code", "rows", "carried_out", "errors_file", "refusals")}
    assert told == {
        "code": "rows-refused",
        "rows": 3,
        "carried_out": True,
        "errors_file": str(second),
        "refusals": [{"row": 3, "code": "bad-input", "message": "applicant is empty."}],
    }
    mended = errors.read_text(encoding="utf-8-sig").replace(",,Beech", ",URN:2,Beech")
    assert eoi("import", str(errors), "--call", call, *OFFICER, "--json").json["errors_file"] == str(
        file.with_name("eois.errors-3.csv")
    )
    errors.write_text(mended, encoding="utf-8")
    again = eoi("import", str(errors), "--call", call, *OFFICER, "--json")
    assert (again.status, counts(again)) == (0, (1, 0, 0, 0))
    assert [each["answers"] for each in eoi("list", "--applicant", "URN:2", "--json").json["items"]] == [
        {"places": "=20"}
    ]


def test_where_the_refused_rows_go_can_be_said(eoi: Eoi, call: str, file: Path) -> None:
    """A file that is named is replaced; the table itself never is, and neither is a database."""
    file.write_text(BAD, encoding="utf-8")
    errors = file.with_name("bad.csv")
    errors.write_text("old", encoding="utf-8")
    words = ("import", str(file), "--call", call, *OFFICER, "--errors")
    assert eoi(*words, str(errors), "--json").json["errors_file"] == str(errors)
    assert errors.read_text(encoding="utf-8-sig").startswith("error.row,error.code,error.message,applicant,")
    assert eoi(*words, str(file)).status == 2
    assert file.read_text(encoding="utf-8") == BAD
    nowhere = eoi(*words, str(file.parent / "none" / "x.csv"), "--json")
    assert (nowhere.status, nowhere.json["code"]) == (1, "file-unwritable")
    database = eoi(*words, str(file.parent / "eoi.db"), "--skip-bad", "--json")
    assert (database.status, database.json["code"], counts(database)) == (1, "file-unwritable", (2, 0, 0, 1))


def test_decisions_are_imported(eoi: Eoi, call: str, file: Path) -> None:
    """As the panel wrote them beside the ids; columns that say nothing to it are named."""
    file.write_text(ROWS, encoding="utf-8")
    eoi("import", str(file), "--call", call, *OFFICER)
    items = eoi("list", "--json").json["items"]
    rows = "\n".join(f"{each['id']},withdraw,Asked us by phone,3" for each in items)
    trust = ("--as", "trust", "--role", "applicant", "--organisation", "URN:1", "--organisation", "URN:2")
    answer = eoi("import", "-", "--decisions", *trust, stdin=f"eoi,decision,reason,Score\n{rows}\n")
    assert (answer.status, answer.out, answer.err) == (
        0,
        "2 rows: 2 made.\n",
        "Nothing is read from the columns 'Score'.\n",
    )
    assert {each["state"] for each in eoi("list", "--json").json["items"]} == {"withdrawn"}


def test_schools_are_looked_up_in_the_register(eoi: Eoi, call: str, file: Path) -> None:
    """Names come from it; a school that has closed is told of, and imported all the same."""
    register = file.with_name("edubasealldata.csv")
    register.write_bytes(
        b"URN,EstablishmentName,EstablishmentStatus (name)\n121234,Caf\xe9 School,Open\n121235,Alder,Closed\n"
    )
    file.write_text("URN,answers.a\n121234,x\n121235,y\n", encoding="utf-8")
    answer = eoi("import", str(file), "--call", call, "--register", str(register), *OFFICER)
    assert (answer.status, answer.out) == (
        0,
        "2 rows: 2 made.\n! Row 3: By the register URN:121235 has closed. [school-closed]\n",
    )
    names = [each["applicant_name"] for each in eoi("list", "--json").json["items"]]
    assert names == ["Café School", "Alder"]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--decisions", "--submit"),
        ("--decisions", "--ignore", "x"),
        ("--decisions", "--register", "x"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    eoi: Eoi, file: Path, words: tuple[str, ...]
) -> None:
    """Before any file is opened; no database is made for it."""
    assert eoi("import", str(file), *words).status == 2
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "words", "code"),
    [
        (None, (), "file-unreadable"),
        (b"", (), "bad-table"),
        (b"PK\x03\x04", (), "bad-table"),
        (HEAD.encode(), (), "bad-table"),
        (b"name\nAsh\n", (), "bad-table"),
        (ROWS.encode(), ("--encoding", "latin-9"), "bad-input"),
        (ROWS.encode(), ("--delimiter", "x"), "bad-input"),
        (ROWS.encode(), ("--ignore", "y"), "bad-table"),
        (ROWS.encode(), ("--register", "/nowhere"), "file-unreadable"),
        (ROWS.encode(), ("--call", "1/1"), "not-found"),
    ],
)
def test_what_cannot_be_imported_is_told_in_one_document(
    eoi: Eoi, call: str, file: Path, *, data: bytes | None, words: tuple[str, ...], code: str
) -> None:
    """Exit status 1, a code, and nothing has changed."""
    if data is not None:
        file.write_bytes(data)
    answer = eoi("import", str(file), "--call", call, *OFFICER, *words, "--json")
    assert (answer.status, answer.json["code"]) == (1, code)
    assert eoi("list", "--json").json["items"] == []


def test_a_tab_can_be_said(eoi: Eoi, call: str) -> None:
    """A tab is hard to type: its name will do."""
    words = ("import", "-", "--call", call, "--delimiter", "tab", "--dry-run", *OFFICER)
    assert eoi(*words, stdin=ROWS.replace(",", "\t")).out == "2 rows: 2 would be made.\n"


def test_a_report_names_the_first_rows_and_counts_the_rest(eoi: Eoi, call: str) -> None:
    """A thousand bad rows do not fill the screen; all of them stand in the file."""
    answer = eoi("import", "-", "--call", call, *OFFICER, stdin=HEAD + ",x,y\n" * 30)
    lines = answer.out.splitlines()
    assert (len(lines), lines[-2]) == (1 + 1 + 2, "… and 10 more.")
    assert lines[1] == f"! Rows {', '.join(map(str, range(2, 22)))}: applicant is empty. [bad-input]"
    Path(lines[-1].split()[5].rstrip(",")).unlink()


# ---- stopped and killed


def many(file: Path, count: int) -> None:
    """Write a table of so many EOIs."""
    file.write_text(
        HEAD + "".join(f"URN:{row},School {row},{row}\n" for row in range(count)), encoding="utf-8"
    )


def begun(file: Path, call: str) -> Program:
    """Start an import that tells how far it has come."""
    words = ("--db", "eoi.db", "import", file.name, "--call", call, "--submit", *OFFICER)
    return Program(
        [sys.executable, "-c", TALKING, *words],
        folder=file.parent,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)},
    )


def finished(eoi: Eoi, file: Path, call: str) -> tuple[int, int]:
    """Import what is left; return how much was made, and how much there was already."""
    answer = eoi("import", str(file), "--call", call, "--submit", *OFFICER, "--json")
    assert answer.status == 0
    return answer.json["made"], answer.json["already"]


def submissions(folder: Path) -> list[tuple[str, str, int]]:
    """Return of each EOI in the database whose it is, its state, and how often it was moved."""
    with engine_in(folder) as engine:
        return [(each.applicant, str(each.state), each.version) for each in engine.find(limit=1000)]


@pytest.mark.slow
def test_what_was_killed_midway_goes_on_where_it_was(eoi: Eoi, call: str, file: Path) -> None:
    """SIGKILL between two rows, or within one: the same command makes the rest, and nothing twice."""
    many(file, 300)
    with begun(file, call) as program:
        program.wait_for("Carried out 20 of 300 rows.")
        program.signal(signal.SIGKILL)
        assert program.end() == -signal.SIGKILL
    there = len(submissions(file.parent))
    assert 20 <= there < 300
    made, already = finished(eoi, file, call)
    assert (made + already, already <= there, made <= 301 - there) == (300, True, True)
    assert submissions(file.parent) == [(f"URN:{row}", "submitted", 2) for row in range(300)]
    assert sorted(path.name for path in file.parent.glob("*.csv*")) == ["eois.csv"]
    assert list(file.parent.glob(".*")) == []


@pytest.mark.slow
def test_ctrl_c_tells_how_far_it_came(eoi: Eoi, call: str, file: Path) -> None:
    """What is done stays done and is counted; the same command goes on."""
    many(file, 300)
    with begun(file, call) as program:
        program.wait_for("Carried out 20 of 300 rows.")
        program.signal(signal.SIGINT)
        assert program.end() == 1
        assert program.process.stdout is not None
        told = program.process.stdout.read()
        program.wait_for("the same command goes on from there. [stopped]")
    there = len(submissions(file.parent))
    assert told.startswith("300 rows: ")
    assert "not carried out" in told
    made, already = finished(eoi, file, call)
    assert (made + already, already <= there) == (300, True)


@pytest.mark.slow
def test_a_terminal_shows_a_bar(eoi: Eoi, call: str, file: Path) -> None:
    """How far it has come, in place; gone once the answer stands there."""
    file.write_text(ROWS, encoding="utf-8")
    told = on_a_terminal(file.parent, "import", file.name, "--call", call, *OFFICER)
    assert "Carried out" in plain(told)
    assert "2/2" in plain(told)
    assert plain(told).splitlines()[-1].endswith("2 rows: 2 made.")


def test_json_is_one_document(eoi: Eoi, call: str) -> None:
    """Whatever is told besides stands on stderr."""
    answer = eoi("import", "-", "--call", call, *OFFICER, "--json", stdin=ROWS)
    assert json.loads(answer.out) == {
        "rows": 2,
        "made": 2,
        "already": 0,
        "would": 0,
        "refused": 0,
        "dry_run": False,
        "carried_out": True,
        "errors_file": None,
        "refusals": [],
        "notes": [],
        "noted": 0,
    }


def test_what_fails_midway_ends_it_with_what_is_done(eoi: Eoi, call: str, tmp_path: Path) -> None:
    """The code says why, the counts say how far it came; once that is mended the same command goes on."""
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as raw:
        raw.execute(
            "CREATE TRIGGER planted BEFORE INSERT ON eoi_eoi WHEN NEW.applicant = 'URN:2' "
            "BEGIN SELECT RAISE(ABORT, 'planted'); END"
        )
        words = ("import", "-", "--call", call, *OFFICER)
        answer = eoi(*words, "--json", stdin=f"{ROWS}URN:3,Cedar,1\n")
        assert (answer.status, answer.json["code"], counts(answer)) == (1, "database-refused", (1, 0, 2, 0))
        assert answer.json["detail"]
        raw.execute("DROP TRIGGER planted")
    assert eoi(*words, stdin=f"{ROWS}URN:3,Cedar,1\n").out == "3 rows: 2 made, 1 need nothing.\n"


def test_what_is_said_of_many_rows_is_said_once(eoi: Eoi, call: str, tmp_path: Path) -> None:
    """One slip in every row is one line, and not a screen of them; another one has its own."""
    text = "applicant,answers.a\n,1\nURN:2,2,x\n,3\n"
    bad = str(tmp_path / "bad.csv")
    told = eoi("import", "-", "--call", call, *OFFICER, "--errors", bad, "--dry-run", stdin=text)
    assert told.out.splitlines()[1:3] == [
        "! Rows 2, 4: applicant is empty. [bad-input]",
        "! Row 3: It has 3 cells, and the first row names 2 columns. [bad-row]",
    ]


def test_whoever_has_no_role_is_told_how_to_say_who_they_are(eoi: Eoi, call: str) -> None:
    """Once, with a hint, and not for every row."""
    answer = eoi("import", "-", "--call", call, "--as", "x", stdin=ROWS)
    assert (answer.status, answer.out) == (1, "")
    assert "--as NAME --role ROLE" in answer.err
    told = eoi("import", "-", "--call", call, "--as", "x", "--role", "auditor", stdin=ROWS)
    assert (told.status, told.out) == (1, "")
    assert "It takes the role applicant" in told.err
    assert "--as NAME --role ROLE" in told.err
