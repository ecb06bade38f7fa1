"""Killed at any moment, also in the middle of a commit: what was acknowledged is there, once and whole."""

import hashlib
import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from workflow.testing import engine_in, new_call, officer, school

# Imported once, then forked for every victim. A victim says what it is about to try (t), each statement that
# writes in a transaction (w), each COMMIT as it begins (c), and what it was answered (a), unbuffered.
# One that is told to stops before the COMMIT, after so many such statements, and waits for its death (s).
NURSERY = """
import itertools, os, signal, sys
from pathlib import Path
import sqlalchemy
from workflow import Engine
from workflow.testing import FrozenClock, school

def work(folder, call_id, pipe, first, stop_after):
    said = os.open(pipe, os.O_WRONLY)
    say = lambda *words: os.write(said, (" ".join(map(str, words)) + "\\n").encode())
    engine = Engine(f"sqlite:///{folder}/eoi.db", clock=FrozenClock())
    words, left = {"INSERT": "w", "UPDATE": "w", "COMMIT": "c"}, [int(stop_after)]
    def trace(sql):
        word = words.get(sql[:6])
        if word == "w":
            left[0] -= 1
            if left[0] == 0:
                say("s")
                signal.pause()
        if word:
            say(word)
    sqlalchemy.event.listen(engine._database.engine, "connect", lambda raw, _: raw.set_trace_callback(trace))
    engine.calls()
    say("ready")
    for urn in itertools.count(int(first)):
        head, answers = school(urn), {"urn": urn}
        say("t", urn)
        done = engine.draft(call_id, answers=answers, actor=head, idempotency_key=f"key-{urn}")
        say("a", done.eoi_id, done.version, done.state)
        for trigger in ("submit", "withdraw")[: urn % 3]:
            done = engine.fire(done.eoi_id, trigger, actor=head)
            say("a", done.eoi_id, done.version, done.state)

for line in sys.stdin:
    word, *arguments = line.split()
    if word == "start":
        pid = os.fork()
        if pid == 0:
            work(*arguments)
        print(pid, flush=True)
    else:
        print(os.waitpid(int(arguments[0]), 0)[1], flush=True)
"""


class Nursery:
    """A process that has imported everything, and forks victims."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, *words: object) -> int:
        """Say a line, and return the number that is answered."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def close(self) -> None:
        """Let it end."""
        self._process.communicate(timeout=30)


class Victim:
    """A process that writes into a database until it is killed."""

    def __init__(
        self, nursery: Nursery, folder: Path, call_id: str, number: int, stop_after: int = 0
    ) -> None:
        pipe = folder / f"said-{number}"
        os.mkfifo(pipe)
        self._nursery = nursery
        self._pid = nursery.ask("start", folder, call_id, pipe, number * 100_000, stop_after)
        self._said = os.open(pipe, os.O_RDONLY)
        self.words = b""
        while b"ready\n" not in self.words:
            self.hear()
        self.words = self.words.partition(b"ready\n")[2]
        while stop_after and not self.words.endswith(b"s\n"):
            self.hear()

    def hear(self) -> None:
        """Wait until it says something more."""
        assert select.select([self._said], [], [], 60)[0], "it says nothing any more"
        heard = os.read(self._said, 65536)
        assert heard, "it died of itself"
        self.words += heard

    def hear_on(self) -> None:
        """Wait until it says something that it had not said yet."""
        while select.select([self._said], [], [], 0)[0]:
            self.hear()
        self.hear()

    def die(self) -> list[str]:
        """Kill it, and return all that it said; what was cut off in the middle counts for nothing."""
        os.kill(self._pid, signal.SIGKILL)
        assert self._nursery.ask("wait", self._pid) == signal.SIGKILL
        while heard := os.read(self._said, 65536):
            self.words += heard
        os.close(self._said)
        return self.words.decode().split("\n")[:-1]


@dataclass
class Told:
    """What the victims on one file said before they died."""

    acknowledged: list[tuple[str, int, str]] = field(default_factory=list)
    #: The schools whose draft was on its way.
    unanswered: list[int] = field(default_factory=list)
    #: How far each had come: `before` it wrote, `writing`, `committing`, `answered`.
    moments: Counter[str] = field(default_factory=Counter)

    def add(self, lines: list[str]) -> None:
        """Take the last words of a victim."""
        moment, tried = "before", None
        for word, *rest in (line.split() for line in lines):
            moment = {"t": "before", "w": "writing", "s": "writing", "c": "committing", "a": "answered"}[word]
            if word == "t":
                tried = int(rest[0])
            elif word == "a":
                tried = None
                self.acknowledged.append((rest[0], int(rest[1]), rest[2]))
        self.moments[moment] += 1
        if tried is not None:
            self.unanswered.append(tried)


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask SQLite itself."""
    with closing(sqlite3.connect(folder / "eoi.db")) as connection:
        return connection.execute(sql).fetchall()


def verify(folder: Path, told: Told) -> None:
    """Hold a file against what was acknowledged on it, and every row of it against the others."""
    assert rows(folder, "PRAGMA integrity_check") == [("ok",)]
    assert rows(folder, "PRAGMA foreign_key_check") == []
    eois = {eoi_id: rest for eoi_id, *rest in rows(folder, "SELECT id, version, state, digest FROM eoi_eoi")}
    history = rows(
        folder, "SELECT subject_id, seq, target FROM eoi_history WHERE subject_id IN (SELECT id FROM eoi_eoi)"
    )
    assert len(set(told.acknowledged)) == len(told.acknowledged)
    assert set(told.acknowledged) <= set(history), "acknowledged, and lost"
    assert len(history) - len(told.acknowledged) <= sum(told.moments.values()), (
        "more than one each on its way"
    )
    assert sorted(history) == sorted(
        rows(folder, "SELECT eoi_id, version, state FROM eoi_outbox WHERE eoi_id IS NOT NULL")
    )
    by_eoi: dict[str, list[tuple[int, str]]] = {}
    for eoi_id, seq, target in sorted(history):
        by_eoi.setdefault(eoi_id, []).append((seq, target))
    expected = ["draft", "submitted", "withdrawn"]
    assert by_eoi == {
        eoi_id: list(enumerate(expected[:version], start=1)) for eoi_id, (version, _, _) in eois.items()
    }
    assert [state for _, state, _ in eois.values()] == [
        expected[version - 1] for version, _, _ in eois.values()
    ]
    kept = {
        eoi_id: hashlib.sha256(text.encode()).hexdigest()
        for eoi_id, text in rows(folder, "SELECT eoi_id, manifest FROM eoi_revision")
    }
    assert kept == {eoi_id: digest for eoi_id, (_, _, digest) in eois.items()}
    assert rows(folder, "SELECT count(*), count(*) FILTER (WHERE answer = '') FROM eoi_key") == [
        (len(eois), 0)
    ]


def send_again(folder: Path, call_id: str, told: Told) -> None:
    """Send what was on its way once more under its key: it is done once, whether it had been done or not."""
    there = {name for (name,) in rows(folder, "SELECT applicant FROM eoi_eoi")}
    with engine_in(folder) as engine:
        for urn in told.unanswered:
            receipt = engine.draft(
                call_id, answers={"urn": urn}, actor=school(urn), idempotency_key=f"key-{urn}"
            )
            assert receipt.replayed == (f"URN:{urn}" in there)
            told.acknowledged.append((receipt.eoi_id, receipt.version, receipt.state))
    told.unanswered.clear()


def kill_on_one_file(nursery: Nursery, folder: Path, call_id: str, seed: int, pairs: int) -> Counter[str]:
    """Kill pairs of writers on one file, each at its own moment; verify the file after each pair."""
    chance, told = random.Random(seed), Told()  # noqa: S311 -- to be drawn again
    for pair in range(1, pairs + 1):
        stop_after = chance.randint(1, 12) if pair % 2 else 0
        first = Victim(nursery, folder, call_id, 2 * pair, stop_after)
        second = Victim(nursery, folder, call_id, 2 * pair + 1)
        time.sleep(chance.uniform(0, 0.03))  # the moment of the kill is what is drawn
        told.add(first.die())
        second.hear_on()  # the lock of the dead is free: the other one goes on
        time.sleep(chance.uniform(0, 0.03))
        told.add(second.die())
        verify(folder, told)
        send_again(folder, call_id, told)
        verify(folder, told)
    return told.moments


@pytest.mark.slow
def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path, *, long: bool) -> None:
    """Two programs write and are killed, again and again: every receipt holds, nothing is half or twice."""
    files, pairs = (5, 10) if long else (4, 2)
    with engine_in(tmp_path) as engine:
        call_id = engine.open_call(new_call(), actor=officer()).id
    folders = [tmp_path / f"file-{number}" for number in range(files)]
    for folder in folders:
        folder.mkdir()
        shutil.copy(tmp_path / "eoi.db", folder)
    seed = random.SystemRandom().randrange(2**32) if long else 4623
    with closing(Nursery()) as nursery, ThreadPoolExecutor(2) as pool:
        moments: Counter[str] = Counter()
        work = [
            pool.submit(kill_on_one_file, nursery, each, call_id, seed + n, pairs)
            for n, each in enumerate(folders)
        ]
        for each in work:
            moments += each.result(timeout=300)
    print(f"seed {seed}: {moments.total()} kills, by how far each had come: {dict(moments)}")
    assert moments.total() == 2 * files * pairs
    assert moments["writing"] >= files * pairs / 2, "half of the first of each pair die before their COMMIT"
