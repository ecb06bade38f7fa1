"""`eoi serve` is told to stop at the worst of moments."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.servers.scripts import ROOT
from tests.servers.talking import PATIENCE_S, Program

pytestmark = pytest.mark.slow

#: Serves, and is sent SIGTERM while it has just taken the lock of the event that it waits for.
AT_THE_LOCK: Final = """
import os, signal, sys, threading
from adapters.cli import main

def trace(frame, what, _):
    if frame.f_code is not threading.Condition.wait.__code__:
        return
    waits = frame.f_back.f_back.f_code.co_name == "serve"
    if waits and what == "call" and threading.current_thread() is threading.main_thread():
        sys.settrace(None)
        sys.stderr.write("Waits.\\n")
        os.kill(os.getpid(), signal.SIGTERM)

sys.settrace(trace)
main()
"""
#: Serves; a first close that never ends holds the stop up, and so does nobody's patience for long.
HANGS: Final = """
import threading
import adapters.bootstrap, adapters.cli.running as running
from adapters.cli import main

running.HANGING_S = 0.5 - adapters.bootstrap.GRACE_S
adapters.bootstrap.App.close = lambda app: threading.Event().wait()
main()
"""
#: Before that it writes what nobody reads, until nothing more goes into the pipe.
FULL: Final = """
import os

def fill():
    os.set_blocking(2, False)
    try:
        while True:
            os.write(2, b"." * 65536)
    except BlockingIOError:
        os.set_blocking(2, True)
"""
SURROUNDINGS: Final = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}


def program(folder: Path, script: str) -> Program:
    """Start a script that serves."""
    return Program([sys.executable, "-c", script, "serve", "--no-api"], folder=folder, env=SURROUNDINGS)


def test_a_signal_that_comes_while_it_takes_a_lock_ends_it_well(tmp_path: Path) -> None:
    """A handler that wanted that lock too would wait for itself for ever."""
    with program(tmp_path, AT_THE_LOCK) as served:
        assert served.end() == 0
        assert "Waits." in served.lines
        assert "Stopping: what is on its way ends first." in served.lines


def test_what_does_not_stop_is_ended(tmp_path: Path) -> None:
    """A stop that hangs is ended, with an exit status and a line that say so."""
    with program(tmp_path, HANGS) as served:
        served.wait_for("Serving eoi.db.")
        served.signal(signal.SIGTERM)
        assert served.end() == 1
        assert served.lines[-1].startswith("It has not ended within")


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_it_at_once(tmp_path: Path, first: signal.Signals) -> None:
    """Whoever presses Ctrl-C twice, or after SIGTERM, does not want to wait."""
    with program(tmp_path, HANGS.replace("0.5", "500")) as served:
        served.wait_for("Serving eoi.db.")
        served.signal(first)
        served.wait_for("Stopping")
        served.signal(signal.SIGINT)
        assert served.end() == -signal.SIGINT


def test_whoever_does_not_read_what_it_says_does_not_keep_it(tmp_path: Path) -> None:
    """With a pipe that is full there is nowhere for its last words to go, and it ends all the same."""
    script = FULL + HANGS.replace("lambda app: ", "lambda app: fill() or ")
    command = [sys.executable, "-c", script, "serve", "--no-api"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=SURROUNDINGS, stderr=subprocess.PIPE, text=True
    ) as served:
        assert served.stderr is not None
        assert any(line.startswith("Serving") for line in iter(served.stderr.readline, ""))
        served.send_signal(signal.SIGTERM)
        try:
            assert served.wait(PATIENCE_S) == 1
        finally:
            served.kill()
