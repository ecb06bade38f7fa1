"""Copies of a tree, and the tests that are run in them, by pytest in processes of their own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

#: What a tree without git keeps to itself.
_NOT_COPIED: Final = ("__pycache__", "build", "dist", "htmlcov")

Test = str


@dataclass(frozen=True, slots=True)
class Report:
    """How tests ended, as the witness saw it."""

    #: Test -> `passed`, `skipped`, `assertion`, or in words how else it failed.
    tests: Mapping[Test, str]
    #: What kept pytest from its work; empty where nothing did.
    trouble: str = ""


class Children:
    """The processes that run tests now."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._no_more = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    def report(self, tree: Path, tests: Iterable[Test], *, limit_s: float) -> Report:
        """Run tests in a tree, and return how they ended."""
        told, said = tree.with_name(f"{tree.name}.json"), tree.with_name(f"{tree.name}.txt")
        command = [
            sys.executable,
            str(Path(__file__).with_name("witness.py")),
            str(told),
            "--rootdir",
            str(tree),
        ]
        with said.open("wb") as output:
            process = subprocess.Popen(
                [*command, "-q", "-p", "no:cacheprovider", *tests],
                cwd=tree,
                env={**os.environ, "PYTHONPATH": str(tree)},  # noqa: TID251 -- what a shell carries goes on
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._running.add(process)
            if self._no_more:
                _end(process)
            try:
                process.wait(limit_s)
            except subprocess.TimeoutExpired:
                _end(process)
                return Report({}, f"It had not ended after {limit_s:.0f} s.")
            finally:
                self._running.discard(process)
        return _read(told, said)

    def kill(self) -> None:
        """End them all, with what they started, and every one to come."""
        self._no_more = True
        for process in list(self._running):
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(told: Path, said: Path) -> Report:
    last_words = "\n".join(said.read_text(errors="replace").splitlines()[-15:])
    try:
        found = json.loads(told.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Report({}, last_words)
    if found["astray"]:
        return Report({}, f"What was tested is not what was planted: {found['astray'][0]}.")
    return Report(found["tests"], last_words)


def copy(root: Path, into: Path) -> None:
    """Copy what belongs to a tree: what git would, or all but what tools leave behind."""
    for name in _files(root):
        if (root / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, into / name)


def _files(root: Path) -> list[str]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if (root / ".git").exists():
        try:
            listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
            return [name for name in listed.stdout.split("\0") if name]
        except (OSError, subprocess.CalledProcessError):
            pass  # no git on this machine, or a tree of somebody else: by hand
    return [
        path.relative_to(root).as_posix() for path in root.rglob("*") if not _is_left(path.relative_to(root))
    ]


def _is_left(path: Path) -> bool:
    return any(part in _NOT_COPIED or part.startswith(".") for part in path.parts)
