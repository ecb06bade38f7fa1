"""`eoi export`: to a file or to the standard output, what it says of it, and how it ends."""

import csv
import json
import stat
import subprocess
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.cli.conftest import Answer
from workflow import CallView, Engine
from workflow.testing import FrozenClock, decider, reviewer, school, submitted

Run = Callable[..., Answer]
FUNDER = ("--prefix", "360G-norfolk", "--funder-id", "GB-LAE-NFK", "--funder-name", "Norfolk")


@pytest.fixture
def eois(engine: Engine, past: CallView) -> list[str]:
    """Return two EOIs of the call 46/23."""
    return [submitted(engine, past.id, school(number), answers={"cost": number * 1000}) for number in (1, 2)]


def test_the_standard_output_is_the_table_alone(eoi: Run, eois: list[str]) -> None:
    """What a shell redirects is CSV from its first byte to its last; what is said of it stands on stderr."""
    answer = eoi("export", "--call", "46/23")
    assert answer.status == 0
    rows = list(csv.DictReader(StringIO(answer.out.removeprefix("\ufeff"), newline="")))
    assert [(row["id"], row["call"], row["answers.cost"]) for row in rows] == [
        (eois[0], "46/23", "1000"),
        (eois[1], "46/23", "2000"),
    ]
    assert answer.err == "2 EOIs are in the standard output, as csv.\n"


def test_a_files_name_says_the_format(eoi: Run, eois: list[str], tmp_path: Path) -> None:
    """Nobody says a format twice; the file is its owner's alone."""
    for name, says in (("a.csv", "csv"), ("a.jsonl", "jsonl"), ("a.NDJSON", "jsonl"), ("a.xlsx", "xlsx")):
        answer = eoi("export", "--out", str(tmp_path / name))
        assert (answer.status, answer.out) == (0, f"2 EOIs are in {tmp_path / name}, as {says}.\n")
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == eoi("list", "--json").json["items"]
    assert load_workbook(tmp_path / "a.xlsx").active.max_row == 3


def test_awards_are_made_on_the_line(
    eoi: Run, engine: Engine, eois: list[str], clock: FrozenClock, tmp_path: Path
) -> None:
    """What no EOI knows is given by options; a file that ends in .json is one of awards."""
    clock.move_by(days=30)
    engine.close_due()
    engine.review(eois[1], actor=reviewer())
    engine.approve(eois[1], actor=decider(), reason="It meets the need.")
    out = tmp_path / "awards.json"
    answer = eoi("export", "--out", str(out), *FUNDER, "--amount-field", "answers.cost", "--json")
    assert answer.json == {"format": "360giving", "eois": 1, "columns": None, "cut": 0}
    [grant] = json.loads(out.read_text())["grants"]
    assert (grant["id"], grant["amountAwarded"]) == (f"360G-norfolk-{eois[1]}", 2000)


def test_the_summary_is_json_where_there_is_room(eoi: Run, eois: list[str], tmp_path: Path) -> None:
    """With --json the summary stands on stdout beside a file, and on stderr beside the rows."""
    summary = {"format": "csv", "eois": 2, "columns": 13, "cut": 0}
    assert eoi("export", "--out", str(tmp_path / "a.csv"), "--json").json == summary
    piped = eoi("export", "--json")
    assert json.loads(piped.err) == summary
    assert piped.out.startswith("\ufeff")


def test_what_was_cut_is_said(eoi: Run, engine: Engine, past: CallView, tmp_path: Path) -> None:
    """Whoever makes a workbook hears that some of it is not whole, and what has all of it."""
    submitted(engine, past.id, school(), answers={"need": "x" * 40_000})
    answer = eoi("export", "--out", str(tmp_path / "a.xlsx"))
    assert "! 1 text was too long for a cell, and ends in …; jsonl has all of it." in answer.out
    assert eoi("export", "--out", str(tmp_path / "b.xlsx"), "--json").json["cut"] == 1


def test_an_applicant_exports_their_own(eoi: Run, eois: list[str]) -> None:
    """A school that asks gets what is its own, and no more."""
    who = ("--as", "head", "--role", "applicant", "--organisation", "URN:2")
    answer = eoi("export", "--format", "jsonl", *who)
    assert [json.loads(line)["id"] for line in answer.out.splitlines()] == eois[1:]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--call", "46/99"], "not-found"),
        (["--state", "finished"], "bad-input"),
        (["--format", "ods"], "bad-input"),
        (["--as", "somebody"], "role-missing"),
        (["--format", "360giving", *FUNDER, "--amount", "1"], "nothing-awarded"),
        (["--format", "360giving", *FUNDER], "bad-input"),
        (["--format", "360giving", *FUNDER, "--amount", "1", "--currency", "pound"], "bad-input"),
    ],
)
def test_what_goes_wrong_is_beside_the_rows(eoi: Run, eois: list[str], words: list[str], code: str) -> None:
    """An error is never taken for a row: on stdout there is nothing, on stderr the reason."""
    answer = eoi("export", *words, "--json")
    assert (answer.status, answer.out) == (1, "")
    assert json.loads(answer.err)["code"] == code


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "none/a.csv"], "file-unwritable"),
        (["--out", "eoi.db", "--format", "csv"], "file-unwritable"),
        (["--out", "a.txt"], "bad-input"),
        (["--out", "a"], "bad-input"),
        (["--out", "a.csv", "--format", "xlsx"], "bad-input"),
        (["--out", "a.csv", "--call", "46/99"], "not-found"),
    ],
)
@pytest.mark.usefixtures("eois")
def test_what_goes_wrong_leaves_no_file(eoi: Run, tmp_path: Path, words: list[str], says: str) -> None:
    """Where it fails nothing new is in the folder, and least of all is the database gone."""
    before = {path.name for path in tmp_path.iterdir()}
    place = str(tmp_path / words[1])
    answer = eoi("export", "--out", place, *words[2:], "--json")
    assert (answer.status, answer.json["code"]) == (1, says)
    assert {path.name for path in tmp_path.iterdir()} <= before | {"eoi.db-shm", "eoi.db-wal"}
    assert len(eoi("list", "--json").json["items"]) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--format", "xlsx"], "--out FILE.xlsx"),
        (["--format", "360giving", "--amount", "1"], "--prefix, --funder-id, --funder-name"),
        (["--currency", "GBP"], "--currency: for --format 360giving alone, and this is csv"),
    ],
)
def test_a_wrong_line_is_wrong_usage(eoi: Run, eois: list[str], words: list[str], says: str) -> None:
    """Options that cannot go together end with 2, before anything is read."""
    answer = eoi("export", *words)
    assert (answer.status, answer.out) == (2, "")
    assert says in " ".join(answer.err.split())


def test_a_workbook_can_be_piped(program: Callable[..., Any], eois: list[str]) -> None:
    """Where somebody asks for it by `--out -`, the bytes of a workbook go down the pipe unharmed."""
    ran: subprocess.CompletedProcess[bytes] = program("export", "--format", "xlsx", "--out", "-")
    assert load_workbook(BytesIO(ran.stdout)).active.max_row == 3
    assert ran.returncode == 0


def test_the_installed_program_writes_bytes_that_a_shell_keeps(
    program: Callable[..., Any], engine: Engine, past: CallView
) -> None:
    """Whatever the shell's own encoding, the table is UTF-8; line ends are the RFC's; a full disk is said."""
    engine.draft(past.id, answers={"näme": "漢"}, actor=school(), applicant_name="Älder")
    ran = program("export", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"})
    assert (ran.returncode, ran.stdout.count(b"\r\n")) == (0, 2)
    [row] = csv.DictReader(StringIO(ran.stdout.decode("utf-8-sig"), newline=""))
    assert (row["applicant_name"], row["answers.näme"]) == ("Älder", "漢")
    full = program("export", by='"$@" > /dev/full')
    assert (full.returncode, full.stderr.count(b"\n")) == (1, 1)
    assert b"The standard output cannot be written: No space left on device. [file-unwritable]" in full.stderr


def test_who_has_read_enough_may_go(program: Callable[..., Any], engine: Engine, past: CallView) -> None:
    """`eoi export | head -1` ends well, with nothing on stderr to frighten anybody."""
    for number in range(20):
        engine.draft(past.id, answers={"need": "x" * 50_000}, actor=school(number))
    for form in ("csv", "jsonl"):
        ran = program("export", "--format", form, by='"$@" | head -c 10')
        assert (ran.returncode, ran.stderr) == (0, b"")
