"""A file is there whole or not at all, and nobody else may read it."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import pytest

from adapters.outbound.whole_file import whole_file
from states.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]


def test_what_ends_well_is_there_and_is_its_owners(tmp_path: Path) -> None:
    """The file takes the place of what was there, for its owner alone, whatever that was before."""
    path = tmp_path / "eois.csv"
    path.write_text("old")
    path.chmod(0o644)
    with whole_file(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    """An error halfway, or Ctrl-C, leaves neither half a file nor anything beside it."""
    path = tmp_path / "eois.csv"
    path.write_text("old")
    for error in (ValueError, KeyboardInterrupt):
        with suppress(error), whole_file(path) as file:
            file.write(b"half")
            raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_killed_leaves_no_half_file(tmp_path: Path) -> None:
    """After SIGKILL there is no file by that name; what is left beside it is its owner's alone."""
    program = """
        import os, signal, sys
        from pathlib import Path
        from adapters.outbound.whole_file import whole_file
        with whole_file(Path(sys.argv[1])) as file:
            file.write(b"half")
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    path = tmp_path / "eois.csv"
    ran = subprocess.run([sys.executable, "-c", textwrap.dedent(program), path], cwd=ROOT, check=False)
    assert ran.returncode == -signal.SIGKILL
    assert not path.exists()
    [left] = tmp_path.iterdir()
    assert (left.name.startswith(".eois.csv."), left.suffix) == (True, ".part")
    assert stat.S_IMODE(left.stat().st_mode) == 0o600


def test_a_link_stays_one(tmp_path: Path) -> None:
    """Where the name is a link, the file that it leads to is written."""
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    link.symlink_to(real)
    with whole_file(link) as file:
        file.write(b"new")
    assert (link.is_symlink(), real.read_text()) == (True, "new")


def test_a_device_stays_one(tmp_path: Path) -> None:
    """A pipe is written to and is still there; so would be /dev/null."""
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with whole_file(pipe) as file:
        file.write(b"rows")
    assert os.read(reader, 10) == b"rows"
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    "name", ["none/eois.csv", "folder", "eoi.db", "x" * 300 + ".csv", "file/eois.csv", "nul\0.csv"]
)
def test_what_cannot_be_written_is_said(tmp_path: Path, name: str) -> None:
    """No folder, a folder, a database, a name too long, a file for a folder: an error that names it."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    (tmp_path / "eoi.db").write_bytes(b"SQLite format 3\x00rows")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(BadInput) as caught, whole_file(tmp_path / name):
        pass
    assert caught.value.code == "file-unwritable"
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "eoi.db").read_bytes() == b"SQLite format 3\x00rows"
