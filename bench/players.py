"""Who plays for a contender: this process, or one of its own, without another's threads and memory."""

import gc
import multiprocessing
import os
import signal
import sys
import traceback
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Final, Protocol

from bench.contest import Contender, Place
from bench.raw import count_rows

#: How long a contender may take for one turn, in seconds.
PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What was measured."""

    #: A unit, in seconds.
    seconds: float
    #: The most that the process had in memory meanwhile, or the one that it started for the work, in KiB; 0
    #: where the system does not tell.
    peak_kib: int


class CannotPlay(Exception):
    """A contender that cannot be run here, with the reason."""


class Player(Protocol):
    """Plays for one contender in one place."""

    def turn(self, count: int) -> Turn:
        """Do so many units."""
        ...

    def rows(self) -> dict[str, int]:
        """Do one unit and return how many rows each table has got by it."""
        ...

    def stop(self) -> None:
        """Let everything go."""
        ...


class Here:
    """Plays in this process."""

    def __init__(self, contender: Contender, place: Place) -> None:
        """Enter the place."""
        self._place = place
        self._open = ExitStack()
        with self._open:
            self.prepare = self._open.enter_context(contender.play(place))
            self._open = self._open.pop_all()

    def turn(self, count: int) -> Turn:
        """Do so many units: prepared before, garbage collected before, the peak of memory counted anew."""
        go = self.prepare(count)
        gc.collect()
        forget_peak()
        began = perf_counter()
        elsewhere = go()
        seconds = (perf_counter() - began) / count
        return Turn(seconds, elsewhere if isinstance(elsewhere, int) else peak_kib())

    def rows(self) -> dict[str, int]:
        """Do one unit and return how many rows each table has got by it."""
        go = self.prepare(1)
        before = count_rows(self._place)
        go()
        after = count_rows(self._place)
        return {
            table: after[table] - before.get(table, 0) for table in after if after[table] != before.get(table)
        }

    def stop(self) -> None:
        """Leave the place."""
        self._open.close()


def in_this_process(_: str, contender: Contender, place: Place) -> Player:
    """Start a contender in this process.

    Raises:
        CannotPlay: the contender cannot be run here.
    """
    try:
        return Here(contender, place)
    except ImportError as exc:
        raise CannotPlay(f"{type(exc).__name__}: {exc}") from exc


class Child:
    """Plays in a process of its own."""

    def __init__(self, module: str, contender: Contender, place: Place) -> None:
        """Start it; it is ready when this returns.

        Raises:
            CannotPlay: the contender cannot be run here.
        """
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, module, contender.name, place), daemon=True
        )
        self._process.start()
        theirs.close()
        self._answer()

    def turn(self, count: int) -> Turn:
        """Do so many units."""
        self._line.send(("turn", count))
        turn = self._answer()
        assert isinstance(turn, Turn)
        return turn

    def rows(self) -> dict[str, int]:
        """Do one unit and return how many rows each table has got by it."""
        self._line.send(("rows",))
        rows = self._answer()
        assert isinstance(rows, dict)
        return rows

    def stop(self) -> None:
        """Let it end by itself, or end it."""
        self._line.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _answer(self) -> object:
        try:
            if not self._line.poll(PATIENCE_S):
                self.stop()
                raise CannotPlay(f"no answer within {PATIENCE_S:.0f} s")
            word, answer = self._line.recv()
        except EOFError:
            self._process.join(10)
            raise CannotPlay(f"its process ended with {self._process.exitcode}") from None
        if word == "failed":
            self.stop()
            raise CannotPlay(answer)
        return answer


def _serve(line: Connection, module: str, name: str, place: Place) -> None:
    """Play in this process, as it is told over the line. What contenders print goes to stderr."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C is the parent's to answer
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    contenders = import_module(module).WORKLOAD.contenders
    contender = next(each for each in contenders if each.name == name)
    player: Here | None = None
    try:
        player = Here(contender, place)
        line.send(("ready", None))
        while True:
            word, *arguments = line.recv()
            line.send((word, getattr(player, word)(*arguments)))
    except EOFError:
        pass
    except Exception as exc:  # noqa: BLE001 -- whatever a contender raises is told in the table
        traceback.print_exc()
        line.send(("failed", f"{type(exc).__name__}: {exc}".partition("\n")[0]))
    finally:
        if player is not None:
            player.stop()


def forget_peak() -> None:
    """Let the peak of resident memory begin anew. Source: proc(5), clear_refs."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_kib() -> int:
    """Return the most memory that this process had resident, in KiB; 0 where the system does not tell."""
    if sys.platform != "linux":
        return 0
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0
