"""A disk that is soon full, for one test."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def mounted(at: Path, size: str, *options: str) -> Iterator[Path]:
    """Mount a small disk in memory, in a folder that is made for it.

    Args:
        at: the folder.
        size: `1m`.
        options: of the mount: `uid=65534`.
    """
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    at.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={size}", *options]), "tmpfs", str(at)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "-l", str(at)], check=True)  # noqa: S607 -- wherever the system has it


def fill(disk: Path) -> Path:
    """Take all the room that is left on a disk, to the last byte; return the file that has it."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (4096, 1):
            with suppress(OSError):
                while file.write(bytes(size)):
                    pass
    return filler
