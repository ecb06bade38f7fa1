"""Which file a URL names, how it is made, and what happens when it goes away."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager, chdir
from pathlib import Path
from urllib.parse import quote

import pytest

from states.errors import BadInput
from workflow import DatabaseForeign, DatabaseUnopened, Engine, SchemaMissing
from workflow.databases.sqlite.files import file_of
from workflow.testing import FrozenClock, engine_in, new_call, officer, school, submitted


def engine_on(path: Path, *, lock_timeout_s: float = 30.0) -> Engine:
    """Return an engine on a file of any name, with a clock that stands still."""
    return Engine(f"sqlite:///{quote(str(path))}", clock=FrozenClock(), lock_timeout_s=lock_timeout_s)


def references(path: Path) -> list[str]:
    """Return the references of the calls in a file, asked of SQLite itself."""
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT reference FROM eoi_call ORDER BY reference")]
    finally:
        connection.close()


@pytest.mark.parametrize(
    "name",
    ["a b.db", "100%.db", "%41.db", "what?.db", "no#1.db", "ümlaut–ﬁ.db", "a;b&c=d'\".db", ":memory: .db"],
)
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Blanks, %, ?, # and accents name the file that was meant, and no other one."""
    with engine_on(tmp_path / name) as engine:
        engine.migrate()
        engine.open_call(new_call(), actor=officer())
    assert [each.name for each in tmp_path.iterdir()] == [name]
    assert references(tmp_path / name) == ["46/23"]


def test_a_file_name_need_not_be_text(tmp_path: Path) -> None:
    """A folder named in another encoding, as old file servers have them, does no harm."""
    folder = tmp_path / os.fsdecode(b"Sch\xfcler")
    folder.mkdir()
    with Engine(f"sqlite:///{folder / 'eoi.db'}", clock=FrozenClock()) as engine:
        engine.migrate()
        engine.open_call(new_call(), actor=officer())
    assert references(folder / "eoi.db") == ["46/23"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://eoi.db", "three"),
        ("sqlite://localhost/eoi.db", "names a host"),
        ("sqlite+aiosqlite:///eoi.db", "Python's own driver"),
        ("sqlite+pysqlcipher:///eoi.db", "Python's own driver"),
        ("sqlite:///eoi.db?mode=ro", "has options"),
        ("sqlite:///file:memorydb_default%3Fmode=memory", "is a URI"),
        ("sqlite:///eoi%00.db", "No file can be called"),
        ("sqlite:///\ud800.db", "No file can be called"),
        ("eoi.db", "no database URL"),
        ("", "no database URL"),
        ("postgresql://eoi:hunter2@host:port/eoi", "That is no database URL"),
        ("mysql://localhost/eoi", "not in mysql"),
        ("postgresql+psycopg2://localhost/eoi", "not by psycopg2"),
        ("postgresql+asyncpg://localhost/eoi", "not by asyncpg"),
    ],
)
def test_a_url_that_means_something_else_is_refused(url: str, says: str) -> None:
    """Nobody writes for a day into a database in memory, or past a password, because a slash was missing."""
    with pytest.raises(BadInput) as caught:
        Engine(url)
    assert caught.value.field == "db"
    assert says.replace("three", "names a host") in caught.value.message


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://"])
def test_a_database_in_memory_lives_as_long_as_its_engine(url: str) -> None:
    """A trial run needs no file."""
    assert file_of(url) is None
    with Engine(url, clock=FrozenClock()) as engine:
        engine.migrate()
        submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
        assert [each.state for each in engine.find()] == ["submitted"]


def test_a_relative_path_means_the_folder_that_the_process_started_in(tmp_path: Path) -> None:
    """A service that changes its folder, as daemons do, keeps its database where it was."""
    started, moved = tmp_path / "started", tmp_path / "moved"
    started.mkdir()
    moved.mkdir()
    with chdir(started), Engine("sqlite:///eoi.db", clock=FrozenClock()) as engine, chdir(moved):
        engine.migrate()
        engine.open_call(new_call(), actor=officer())
    assert (references(started / "eoi.db"), list(moved.iterdir())) == (["46/23"], [])


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    """The database and both files beside it are closed to others, whatever the umask says."""
    before = os.umask(0)
    try:
        engine = engine_in(tmp_path)
        engine.open_call(new_call(), actor=officer())
        modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()}
    finally:
        os.umask(before)
        engine.close()
    assert modes == {"eoi.db": 0o600, "eoi.db-wal": 0o600, "eoi.db-shm": 0o600}


def test_a_database_that_is_not_there_is_not_made_by_using_it(tmp_path: Path) -> None:
    """A mistyped path is told, and leaves no empty file behind."""
    with engine_on(tmp_path / "typo.db") as engine, pytest.raises(DatabaseUnopened) as caught:
        engine.calls()
    assert caught.value.message == (
        f"There is no database at {tmp_path}/typo.db: `eoi db upgrade` (or engine.migrate()) makes one."
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("left", [None, b""], ids=["missing", "empty"])
@pytest.mark.parametrize("name", ["calls", "create", "migrate", "check"])
def test_what_stands_in_the_log_of_a_lost_file_is_not_thrown_away(
    tmp_path: Path, name: str, left: bytes | None
) -> None:
    """Where the file was moved away and its log was not, nothing is made there; put back, it is all there."""
    crashed, moved = tmp_path / "crashed", tmp_path / "moved.db"
    crashed.mkdir()
    with engine_in(tmp_path) as engine:
        submitted(engine, engine.open_call(new_call(), actor=officer()).id, school())
        for each in ("eoi.db", "eoi.db-wal"):  # as SIGKILL leaves them
            shutil.copy(tmp_path / each, crashed)
    before = (crashed / "eoi.db-wal").read_bytes()
    assert before
    (crashed / "eoi.db").rename(moved)
    if left is not None:
        (crashed / "eoi.db").write_bytes(left)
    with (
        engine_on(crashed / "eoi.db") as engine,
        pytest.raises(DatabaseUnopened, match="put the database back"),
    ):
        getattr(engine, name)()
    assert (crashed / "eoi.db-wal").read_bytes() == before
    moved.rename(crashed / "eoi.db")
    with engine_on(crashed / "eoi.db") as engine:
        assert [each.state for each in engine.find()] == ["submitted"]
        assert engine.check() == []


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """To migrate into a missing folder names the path and the system's reason."""
    path = tmp_path / "missing" / "eoi.db"
    with engine_on(path) as engine:
        with pytest.raises(DatabaseUnopened) as caught:
            engine.migrate()
        assert caught.value.message == f"{path} cannot be made: No such file or directory."
        with pytest.raises(DatabaseUnopened) as caught:
            engine.calls()
        assert caught.value.message.startswith(f"{path} cannot be opened: does its folder exist")


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """Who names a folder is told so, by reads and by migrating."""
    with engine_on(tmp_path) as engine:
        for ask in (engine.calls, engine.migrate):
            with pytest.raises(DatabaseUnopened) as caught:
                ask()
            assert caught.value.message == f"{tmp_path} is a folder, not a database file."


def test_an_empty_file_becomes_a_database(tmp_path: Path) -> None:
    """A file of 0 bytes, as `touch` makes it, holds none of our tables until it is migrated."""
    path = tmp_path / "eoi.db"
    path.touch()
    with engine_on(path) as engine:
        with pytest.raises(SchemaMissing):
            engine.calls()
        engine.migrate()
        assert engine.calls() == []


@pytest.mark.parametrize(
    "content", [b"Dear all, apply by 17 March 2023\n" * 40, b"\x89PNG\r\n\x1a\n" + bytes(2000)]
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """A letter or a picture is told from a database, and not a byte of it is changed."""
    path = tmp_path / "letter"
    path.write_bytes(content)
    with engine_on(path) as engine:
        for ask in (engine.calls, engine.migrate, engine.check):
            with pytest.raises(DatabaseForeign, match="no SQLite database") as caught:
                ask()
            assert caught.value.code == "database-foreign"
    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["letter"]


def test_a_folder_that_may_not_be_entered_is_told(
    folder: Path, plain_user: Callable[[], AbstractContextManager[None]]
) -> None:
    """Where the way to the file is barred, reads and migrating say so instead of failing on it."""
    barred = folder / "barred"
    barred.mkdir()
    path = barred / "eoi.db"
    with engine_on(path) as engine, plain_user():
        barred.chmod(0)
        with pytest.raises(DatabaseUnopened) as caught:
            engine.calls()
        assert caught.value.message.startswith(f"There is no database at {path}")
        with pytest.raises(DatabaseUnopened) as caught:
            engine.migrate()
        assert caught.value.message == f"{path} cannot be made: Permission denied."


def test_a_file_removed_while_it_is_open_takes_no_more(tmp_path: Path) -> None:
    """After `rm eoi.db` nobody is told that a submission was received: SQLite itself would say so."""
    engine = engine_in(tmp_path)
    call = engine.open_call(new_call(), actor=officer())
    (tmp_path / "eoi.db").rename(tmp_path / "aside.db")
    for ask in (
        engine.calls,
        engine.find,
        engine.migrate,
        lambda: engine.draft(call.id, answers={}, actor=school()),
    ):
        with pytest.raises(DatabaseUnopened, match="was removed while it was open: nothing more is written"):
            ask()
    assert not (tmp_path / "eoi.db").exists()
    (tmp_path / "aside.db").rename(tmp_path / "eoi.db")
    assert submitted(engine, call.id, school()) == engine.find().items[0].id
    engine.close()


def test_a_file_replaced_while_it_is_open_is_not_mixed_with_the_new_one(tmp_path: Path) -> None:
    """A backup put in place under a running program is neither read nor written until it starts again."""
    (tmp_path / "backup").mkdir()
    with engine_in(tmp_path / "backup") as other:
        other.open_call(new_call(reference="BACKUP"), actor=officer())
    engine = engine_in(tmp_path)
    engine.open_call(new_call(), actor=officer())
    backup = (tmp_path / "backup" / "eoi.db").rename(tmp_path / "eoi.db")
    content = backup.read_bytes()
    with pytest.raises(DatabaseUnopened, match="was replaced while it was open"):
        engine.open_call(new_call(reference="LOST"), actor=officer())
    with pytest.raises(DatabaseUnopened, match="look which is right"):
        engine.calls()
    assert backup.read_bytes() == content
    engine.close()
