"""How far an import or an export has come: a bar on a terminal, else a line for each thousand."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from adapters.cli.progress import counted
from adapters.cli.telling import Teller
from tests.servers.scripts import ROOT
from workflow.clock import SystemClock
from workflow.testing import engine_in, new_call, officer, school, submitted

CLI: Final = "from adapters.cli import main; main()"


def on_a_terminal(folder: Path, *words: str, stdout: int | None = None) -> str:
    """Run `eoi` on a terminal, stdout perhaps elsewhere; return all that it shows there."""
    terminal, end = os.openpty()
    surroundings = {"PATH": os.defpath, "LANG": "C.UTF-8", "TERM": "xterm", "PYTHONPATH": str(ROOT)}
    program = subprocess.Popen(
        [sys.executable, "-c", CLI, *words],
        cwd=folder,
        env=surroundings,
        stdin=end,
        stdout=end if stdout is None else stdout,
        stderr=end,
    )
    os.close(end)
    shown = b""
    with suppress(OSError):  # Linux says so at its end
        while piece := os.read(terminal, 4096):
            shown += piece
    os.close(terminal)
    assert program.wait(30) == 0, shown
    return shown.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a database, a call with an EOI and a table in it."""
    closes_at = SystemClock().now() + timedelta(days=1)
    with engine_in(tmp_path, clock=SystemClock()) as engine:
        call = engine.open_call(new_call(closes_on=None, closes_at=closes_at), actor=officer())
        submitted(engine, call.id, school(1))
    (tmp_path / "eois.csv").write_text("applicant,answers.a\nURN:8,1\nURN:9,2\n")
    return tmp_path


def test_an_import_shows_a_bar(folder: Path) -> None:
    """One while all rows are checked, one while they are carried out."""
    shown = on_a_terminal(folder, "import", "eois.csv", "--call", "46/23", "--as", "a", "--role", "officer")
    assert ("Checked " in shown, "Carried out " in shown, "2/2" in shown) == (True, True, True)
    assert "2 rows: 2 made." in shown


def test_an_export_shows_a_bar(folder: Path) -> None:
    """While EOIs are read into a file, or into what stdout was sent to."""
    assert "1/?" in on_a_terminal(folder, "export", "--out", "a.csv")
    with (folder / "b.csv").open("wb") as file:
        assert "Read " in on_a_terminal(folder, "export", stdout=file.fileno())
    assert (folder / "a.csv").read_bytes() == (folder / "b.csv").read_bytes()


def test_where_the_rows_themselves_are_shown_no_bar_is(folder: Path) -> None:
    """On a terminal they stand alone; so does JSON on stderr, whatever stdout is."""
    assert "Read " not in on_a_terminal(folder, "export", "--format", "jsonl")
    with (folder / "b.csv").open("wb") as file:
        assert json.loads(on_a_terminal(folder, "export", "--json", stdout=file.fileno()))["eois"] == 1


def test_without_a_terminal_it_is_a_line_for_each_thousand(capsys: pytest.CaptureFixture[str]) -> None:
    """As logs want it; and none where nothing is to be said."""
    for quiet in (False, True):
        with counted("Read", tell=Teller(json=False), quiet=quiet) as read:
            for count in (100, 999, 1000, 1100, 2500, 2500, 3000):
                read(count)
    assert capsys.readouterr().err == "Read 1,000 EOIs.\nRead 2,500 EOIs.\nRead 3,000 EOIs.\n"
