import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from workflow import CallView, Engine
from workflow.testing import new_call, officer, school

ROOT = Path(__file__).resolve().parents[2]
EOI = Path(sys.executable).parent / "eoi"
SHEET = str(ROOT / "examples" / "mi-sheet-46-23.txt")
NEW = ("call", "open", "--reference", "é/1", "--title", "Bäses – “学校”", "--closes-on", "2099-03-17")
Program = Callable[..., Any]

_MAIN = "from adapters.cli import main; main()"
#: The same as from a terminal: what a shell runs in the background is deaf to Ctrl-C, with its children.
_FROM_A_TERMINAL = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {_MAIN}"
# Root may write everywhere, until it gives up CAP_DAC_OVERRIDE (1) by PR_CAPBSET_DROP (24).
_BOUND_BY_PERMISSIONS = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@pytest.fixture
def past(engine: Engine) -> CallView:
    """Return a call that was open in March 2023, with a draft whose names are long."""
    call = engine.open_call(new_call(), actor=officer())
    engine.draft(
        call.id, answers={}, actor=school(), applicant_name="The very long name of a small school " * 3
    )
    return call


def on_a_terminal(folder: Path, *words: str, columns: int = 80, **env: str) -> str:
    """Return what `eoi …` writes to a terminal of so many columns."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        surroundings = {
            "PATH": os.defpath,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
        }
        os.execve(EOI, ["eoi", *words], surroundings | env)  # noqa: S606 -- a program of our own
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    told = b""
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        try:
            while piece := screen.read(65536):
                told += piece
        except OSError:  # the program has ended, and its end of the terminal is gone
            pass
    os.waitpid(child, 0)
    return told.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    """Return a text without the sequences that colour it."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.slow
def test_the_installed_program_ends_with_0_1_or_2(program: Program, tmp_path: Path) -> None:
    """0 done, 1 refused, 2 wrong usage; the database is `eoi.db` in the current folder, if none is named."""
    done = program("call", "list", "--json")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        b"[]\n",
        b"There was no database yet, so it was made: eoi.db\n",
    )
    assert (tmp_path / "eoi.db").exists()
    refused = program("call", "show", "1/2")
    assert (refused.returncode, refused.stdout) == (1, b"")
    said, hint = refused.stderr.decode().splitlines()
    assert said == "Not done: There is no call '1/2'. [not-found]"
    assert hint == "`eoi call list` shows which there are."
    wrong = program("call", "show")
    assert (wrong.returncode, wrong.stdout, b"Usage: eoi call show" in wrong.stderr) == (2, b"", True)
    named = program("call", "list", env={"EOI_DATABASE_URL": "other.db"})
    assert (named.returncode, (tmp_path / "other.db").exists()) == (0, True)


@pytest.mark.slow
@pytest.mark.parametrize("words", [("--help",), ("call", "open", "-h")])
def test_help_is_quick(words: tuple[str, ...]) -> None:
    """Help imports nothing that is slow to import."""
    slow = {"sqlmodel", "sqlalchemy", "httpx", "apscheduler", "structlog", "alembic", "rich", "holidays"}
    slow |= {"fastapi", "starlette", "uvicorn", "limits", "asyncio"}
    if words == ("--help",):  # for a command's own help, typer itself asks pydantic
        slow |= {"pydantic", "importlib.metadata"}
    code = (
        f"import sys\ntry:\n    {_MAIN}\n"
        f"finally:\n    sys.stderr.write(' '.join(sys.modules.keys() & {slow}))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, cwd=ROOT, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("Usage: eoi ")


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80])
def test_a_terminal_shows_whole_ids_and_every_word(
    tmp_path: Path, past: CallView, engine: Engine, columns: int
) -> None:
    """On a narrow terminal ids and times are not cut, only prose is folded, and no word of it is lost."""
    (eoi,) = engine.find()
    rows = plain(on_a_terminal(tmp_path, "list", columns=columns)).splitlines()[1:]
    row = re.fullmatch(r"(\S+)  46/23  URN:121234  (.*?)  draft  1        (2023-03-16 12:00:00 GMT)", rows[0])
    assert row is not None
    assert row[1] == eoi.id
    name = [row[2], *rows[1:]]
    assert " ".join(" ".join(name).split()) == eoi.applicant_name
    told = plain(on_a_terminal(tmp_path, "call", "show", "46/23", columns=columns))
    assert f"Title {past.title} State" in " ".join(told.split())


@pytest.mark.slow
def test_colours_are_for_terminals_that_want_them(tmp_path: Path, program: Program) -> None:
    """A terminal gets colours; a pipe gets none, and NO_COLOR takes them from the terminal, too."""
    words = ("call", "open", SHEET, "--dry-run")
    coloured, asked_not = on_a_terminal(tmp_path, *words), on_a_terminal(tmp_path, *words, NO_COLOR="1")
    assert ("\x1b[33m! " in coloured, "\x1b[33m" in asked_not) == (True, False)
    piped = program(*words).stdout.decode()
    assert "\x1b" not in piped
    assert " ".join(plain(coloured).split()) == " ".join(piped.split())
    refused = on_a_terminal(tmp_path, "call", "show", "1/2")
    assert "\x1b[31mNot done: There is no call '1/2'. [not-found]\x1b[0m" in refused


@pytest.mark.slow
def test_every_letter_can_be_told_in_every_surrounding(program: Program) -> None:
    """Under LANG=C, and where a terminal has ASCII alone, answers come out: as they are, or as codes."""
    simple = program(*NEW, "--dry-run", env={"LANG": "C", "LC_ALL": "C"})
    assert "Bäses – “学校”" in simple.stdout.decode()
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    told = program(*NEW, "--dry-run", "--json", env=ascii_only).stdout.decode("ascii")
    assert json.loads(told)["title"] == "Bäses – “学校”"
    assert b"B\\xe4ses" in program(*NEW, "--dry-run", env=ascii_only).stdout


@pytest.mark.slow
def test_bytes_that_are_no_text_are_refused(program: Program) -> None:
    """An argument and a variable with odd bytes in them: refused in words that can be printed."""
    ran = program(b"call", b"show", b"\xff\xfe", "--json", env={"EOI_AS": b"\xff", "EOI_ROLES": "auditor"})
    assert (ran.returncode, json.loads(ran.stdout)["code"], b"Traceback" in ran.stderr) == (
        1,
        "bad-input",
        False,
    )


@pytest.mark.slow
def test_a_stream_that_is_closed_or_full_is_no_traceback(program: Program, tmp_path: Path) -> None:
    """Streams closed: the work is done; a full disk: so it is, and that is said; `head`: quiet."""
    assert program("db", "upgrade", by='"$@" >&- 2>&- <&-').returncode == 0
    assert (tmp_path / "eoi.db").stat().st_size > 0
    closed = program("draft", "é/1", "--answers", "-", by='"$@" <&-')
    assert (closed.returncode, b"empty" in closed.stderr) == (1, True)
    full = program("db", "check", "--json", by='"$@" >/dev/full')
    assert (full.returncode, full.stderr.decode()) == (
        1,
        "What was asked for is done, but the answer could not be written: No space left on device.\n",
    )
    unsaid = program("call", "show", "1/2", "--json", by='"$@" >/dev/full')
    assert (unsaid.returncode, unsaid.stderr) == (1, b"Not done: There is no call '1/2'. [not-found]\n")
    assert program("call", "show", "1/2", by='"$@" 2>/dev/full').returncode == 1
    headed = program("diagram", "--markdown", by='"$@" | head -c 1; exit 0')
    assert (headed.stdout, headed.stderr) == (b"#", b"")


@pytest.mark.slow
def test_ctrl_c_ends_a_command_without_a_word(tmp_path: Path) -> None:
    """Interrupted while it reads a sheet that does not come, a command ends with 130 and no traceback."""
    os.mkfifo(tmp_path / "sheet.txt")
    with (
        subprocess.Popen(
            [sys.executable, "-c", _FROM_A_TERMINAL, "call", "lint", tmp_path / "sheet.txt"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as child,
        (tmp_path / "sheet.txt").open("wb"),
    ):  # this waits until the program reads
        out, err = _interrupted(child)
    assert (child.returncode, out, err) == (130, b"", b"")


def _interrupted(child: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Interrupt a process, once more where it began to wait just as the signal came; return what it said."""
    for _ in range(15):
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return child.communicate(timeout=5)
    pytest.fail("it does not end")


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [(*NEW, "--as", "x", "--role", "officer"), ("tick",), ("serve", "--no-api")]
)
def test_a_database_that_can_only_be_read_is_one_line(
    tmp_path: Path, engine: Engine, past: CallView, words: tuple[str, ...]
) -> None:
    """Where the file may not be written, a command, a tick and `serve` say so in one line, and end with 1."""
    engine.close()
    (tmp_path / "eoi.db").chmod(0o444)
    ran = subprocess.run(
        [sys.executable, "-c", _BOUND_BY_PERMISSIONS, EOI, *words],
        cwd=tmp_path,
        env={"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "EOI_LOG_LEVEL": "critical"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1), ran.stderr
    assert ran.stderr.startswith("Not done: The database can only be read")


def test_it_says_its_version(eoi: Callable[..., Any]) -> None:
    """Whoever reports a fault can say which version they have."""
    assert eoi("--version").out == f"eoi-workflow {version('eoi-workflow')}\n"
