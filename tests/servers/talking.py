"""A program that runs beside the tests, and what it says while it does."""

import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

import pytest

from tests.canary import hear

#: How long anything may take before a test gives up, in seconds.
PATIENCE_S: Final = 60.0


class Program:
    """A process whose lines on stderr are heard as they come; a `with` ends it, whatever it does."""

    def __init__(self, command: Sequence[str | Path], *, folder: Path, env: Mapping[str, str]) -> None:
        """Start it there, with this environment and nothing else."""
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**env, "PYTHONFAULTHANDLER": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        #: What it has written to stderr.
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, words: str) -> None:
        """Wait until a line holds these words."""
        self.wait_until(lambda program: any(words in line for line in program.lines))

    def wait_until(self, true: Callable[[Self], Any]) -> None:
        """Wait until something is true of what it has said."""
        with self._heard:
            assert self._heard.wait_for(lambda: true(self), PATIENCE_S), self.lines

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, *, within_s: float = PATIENCE_S) -> int:
        """Wait until it has ended by itself; return its exit status."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGABRT)  # of which faulthandler says where each thread was
            self._reader.join(PATIENCE_S)
            pytest.fail("\n".join(["it did not end:", *self.lines]))
        finally:
            self._reader.join(PATIENCE_S)

    def said(self) -> str:
        """Return what it has written to stdout, once it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            hear(line)
            with self._heard:
                self.lines.append(line.rstrip("\n"))
                self._heard.notify_all()
