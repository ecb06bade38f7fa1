import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest
from sqlalchemy import make_url

from tests.databases.raw import Databases
from tests.servers.databases import text_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a folder with the examples alone, so that what they write lands nowhere else."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def _run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    surroundings = {"PATH": os.defpath, "LANG": "C.UTF-8"}
    command = [sys.executable, "-W", "error", str(script), *arguments]
    return subprocess.run(
        command, cwd=script.parent, env=surroundings, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_embedding_example_runs(clone: Path) -> None:
    """A host's engineer runs the example as it stands and sees two events, an option and a refusal."""
    done = _run(clone / "examples" / "embed.py")
    assert (done.returncode, done.stderr) == (0, "")
    told = re.sub(r"[0-9a-f-]{36}", "ID", done.stdout).splitlines()
    assert told == [
        "eoi.drafted    ID is draft",
        "eoi.submitted  ID is submitted",
        "may now: ['withdraw']",
        "eoi.cancelled  ID is cancelled",
        "refused: call-cancelled -- The call was cancelled; it takes no more.",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("databases", ["sqlite", "postgresql"], indirect=True)
def test_the_example_of_a_host_runs(clone: Path, databases: Databases) -> None:
    """A host's engineer sees rows of both committed together, and undone together, on either database."""
    empty = make_url(databases.new(migrated=False).url)
    ours = () if databases.name == "sqlite" else (text_of(empty.set(drivername="postgresql+psycopg")),)
    done = _run(clone / "examples" / "host.py", *ours)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "both are committed:",
        "  eoi.drafted is committed",
        "  eoi.submitted is committed",
        "submitted with 2 rooms",
        "neither is:",
        "submitted with 2 rooms",
        "a refusal leaves the host's work alone:",
        "  refused: wrong-state",
        "submitted with 3 rooms",
        "a savepoint of the host's takes ours along:",
        "submitted with 4 rooms",
        "another isolation level: where somebody was quicker, all of it is done again:",
        "  at SERIALIZABLE",
        "  eoi.withdrawn is committed",
        "withdrawn with 0 rooms",
    ]
    assert [each.name for each in clone.iterdir()] == ["examples"]


@pytest.mark.slow
def test_the_demo_tells_the_whole_story_and_proves_it(clone: Path) -> None:
    """A newcomer who runs the demo sees the sheet, the refusal, the decisions, and every claim hold."""
    done = _run(clone / "examples" / "demo.py")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    for words in (
        "3 days 14 hours",
        "11:59pm on Friday 17 March 2023",
        "12:00:01am on Saturday 18 March 2023",
        "200, submitted, version 2, at 2023-03-17T23:59:59Z.",
        "409 call-closed. The call closed at",
        "submissions over HTTP, on record under the name of the key: 1",
        "stateDiagram-v2",
        "refused, eoi_history is append-only",
    ):
        assert words in done.stdout
    assert "\x1b" not in done.stdout
    assert "NOT SO" not in done.stdout


@pytest.mark.slow
def test_the_demo_says_what_it_does(clone: Path) -> None:
    """Whoever asks for help is told what the demo does and where it writes, and nothing is done."""
    done = _run(clone / "examples" / "demo.py", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The main job, end to end: the real sheet MI 46/23, ")
    assert done.stdout.endswith("It leaves its database in .demo/eoi.db, made anew each time.\n")
    assert not (clone / ".demo").exists()


@pytest.mark.slow
def test_the_demo_refuses_what_it_would_ignore(clone: Path) -> None:
    """Whoever means to show it on a database of their own is told that it takes none; nothing is done."""
    done = _run(clone / "examples" / "demo.py", "--db", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "demo: it takes no arguments but --help, not --db x\n"
    assert not (clone / ".demo").exists()


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["--help"]])
def test_the_demo_ends_quietly_when_nobody_reads_on(words: list[str], clone: Path) -> None:
    """`./run demo | head` shows the head and no traceback, however much was still to be written."""
    command = [sys.executable, str(clone / "examples" / "demo.py"), *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env={"PATH": os.defpath}, stdout=pipe, stderr=pipe, text=True) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        demo.stdout.close()
        told = demo.stderr.read()
    assert (demo.returncode, told) == (1, "")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [80, 120])
def test_the_demo_fits_the_terminal_that_it_is_told_in(columns: int, clone: Path) -> None:
    """A newcomer at a terminal reads the story in colour, and no line is broken by its edge."""
    ours, theirs = os.openpty()
    surroundings = {"PATH": os.defpath, "LANG": "C.UTF-8", "COLUMNS": str(columns)}
    command = [sys.executable, str(clone / "examples" / "demo.py")]
    with (
        os.fdopen(ours, encoding="utf-8", newline="") as terminal,
        subprocess.Popen(command, env=surroundings, stdout=theirs, stderr=theirs) as demo,
    ):
        os.close(theirs)
        told = "".join(_until_it_hangs_up(terminal))
    lines = re.sub(r"\x1b\[[0-9]+m", "", told).splitlines()
    assert demo.returncode == 0, told
    assert "\x1b[32m✓\x1b[0m" in told
    assert [line for line in lines if len(line) > columns] == []


def _until_it_hangs_up(terminal: TextIO) -> Iterator[str]:
    """Yield what is written to a terminal; Linux says the end by an error."""
    with suppress(OSError):
        yield from iter(terminal.readline, "")


@pytest.mark.slow
def test_the_demo_leaves_a_database_that_says_the_same(clone: Path) -> None:
    """Whoever opens the demo's database afterwards finds what the story told."""
    _run(clone / "examples" / "demo.py")
    database = sqlite3.connect(clone / ".demo" / "eoi.db")
    states = dict(database.execute("SELECT state, count(*) FROM eoi_eoi GROUP BY state").fetchall())
    kept = database.execute("SELECT trigger, code, count FROM eoi_attempt").fetchall()
    ((closed_at,),) = database.execute("SELECT closed_at FROM eoi_call").fetchall()
    database.close()
    assert states == {"approved": 2, "declined": 1, "withdrawn": 1, "lapsed": 2}
    assert kept == [("submit", "call-closed", 1)]
    assert closed_at == "2023-03-18 00:00:03.000000"
