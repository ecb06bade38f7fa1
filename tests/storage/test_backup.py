"""A backup: taken while the database is in use, whole or not there, of use when it is needed."""

import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from states.errors import BadInput
from tests.servers.postgres import PostgresServer
from workflow import Engine
from workflow.errors import DatabaseCorrupt, DatabaseUnavailable, DatabaseUnopened
from workflow.testing import FrozenClock, engine_in, new_call, officer, school, submitted

WRITER = """
import itertools, sys
from workflow import Engine
from workflow.testing import FrozenClock, school, submitted
with Engine(sys.argv[1], clock=FrozenClock()) as engine:
    call = engine.call("46/23")
    for urn in itertools.count():
        print(submitted(engine, call.id, school(urn)), flush=True)
"""


@contextmanager
def another_writes(url: str) -> Iterator[subprocess.Popen[str]]:
    """Let another process submit EOIs, one after the other; it prints the id of each."""
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes."""
    before, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, hard))


@pytest.mark.slow
def test_the_drill_of_a_restore(tmp_path: Path) -> None:
    """Taken amid submissions, the copy holds all that was acknowledged; put in place, the work goes on."""
    with engine_in(tmp_path) as engine:
        engine.open_call(new_call(), actor=officer())
        with another_writes(f"sqlite:///{tmp_path / 'eoi.db'}") as writer:
            assert writer.stdout is not None
            before = [writer.stdout.readline().strip() for _ in range(20)]
            engine.backup(tmp_path / "copy.db")
            after = writer.stdout.readline().strip()
        assert engine.get(after).state == "submitted"
    for lost in tmp_path.glob("eoi.db*"):
        lost.unlink()
    (tmp_path / "copy.db").rename(tmp_path / "eoi.db")
    assert [path.name for path in tmp_path.iterdir()] == ["eoi.db"]
    with engine_in(tmp_path) as restored:
        assert restored.check() == []
        assert [restored.get(eoi_id).state for eoi_id in before] == ["submitted"] * 20
        again = submitted(restored, restored.call("46/23").id, school("after the fire"))
        assert restored.get(again).version == 2


@pytest.mark.slow
def test_the_drill_of_a_restore_on_postgresql(own_postgres: PostgresServer, clock: FrozenClock) -> None:
    """Dumped amid submissions and restored, it is well, and again after another round; the work goes on."""
    url, copy = own_postgres.new_database(), str(own_postgres.folder / "eoi.dump")
    with Engine(url, clock=clock) as engine:
        engine.migrate()
        engine.open_call(new_call(), actor=officer())
        with another_writes(url) as writer:
            assert writer.stdout is not None
            before = [writer.stdout.readline().strip() for _ in range(20)]
            own_postgres.programs.run("pg_dump", "--format=custom", f"--dbname={url}", f"--file={copy}")
    for number in range(2):
        url = own_postgres.new_database()
        own_postgres.programs.run("pg_restore", f"--dbname={url}", copy)
        with Engine(url, clock=clock) as restored:
            assert restored.check() == []
            assert [restored.get(eoi_id).state for eoi_id in before] == ["submitted"] * 20
            again = submitted(restored, restored.call("46/23").id, school(f"after fire {number}"))
            assert restored.get(again).version == 2
        own_postgres.programs.run("pg_dump", "--format=custom", f"--dbname={url}", f"--file={copy}")


def test_the_copy_is_one_file_for_its_owner_alone(tmp_path: Path) -> None:
    """What was written a moment ago is in it, not in a log beside it; nobody else may read it."""
    with engine_in(tmp_path) as engine:
        call = engine.open_call(new_call(), actor=officer())
        engine.backup(str(tmp_path / "copy.db"))
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(tmp_path / "copy.db", tmp_path / "elsewhere" / "eoi.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]
    with engine_in(tmp_path / "elsewhere") as copy:
        assert copy.calls() == [call]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    """Yesterday's backup stays what it is, where today's is to have the same name."""
    with engine_in(tmp_path) as engine:
        (tmp_path / "copy.db").write_text("yesterday's")
        with pytest.raises(BadInput, match="already: give the backup another name") as caught:
            engine.backup(tmp_path / "copy.db")
    assert caught.value.field == "to"
    assert (tmp_path / "copy.db").read_text() == "yesterday's"


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """An operator's slip in the path is told as what it is."""
    with engine_in(tmp_path) as engine, pytest.raises(DatabaseUnopened, match="cannot be made: No such file"):
        engine.backup(tmp_path / "nowhere" / "copy.db")


def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    """A copy of what is damaged would be believed in until the day it is needed."""
    with engine_in(tmp_path) as engine:
        engine.open_call(new_call(title="t" * 500), actor=officer())
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'eoi_call'")
        ((size,),) = connection.execute("PRAGMA page_size")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / "eoi.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    with Engine(f"sqlite:///{tmp_path / 'eoi.db'}") as engine, pytest.raises(DatabaseCorrupt):
        engine.backup(tmp_path / "copy.db")
    assert list(tmp_path.glob("copy*")) == []


def test_a_full_disk_leaves_no_half_copy(tmp_path: Path) -> None:
    """Where there is no room for the copy, that is said, and nothing of it stays in the way."""
    with engine_in(tmp_path) as engine:
        engine.open_call(new_call(), actor=officer())
        with files_of_at_most(64 * 1024), pytest.raises(DatabaseUnavailable):
            engine.backup(tmp_path / "copy.db")
        assert list(tmp_path.glob("copy*")) == []
        engine.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").exists()
