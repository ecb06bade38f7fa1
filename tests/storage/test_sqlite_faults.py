"""A file with which something is wrong: commands, readiness and the start say so, and live through it."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.storage.conftest import bound
from tests.storage.pools import fill_pool
from tests.storage.readiness import Told, see_through
from tests.storage.small_disk import fill, mounted
from workflow import (
    DatabaseCorrupt,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseUnopened,
    Engine,
)
from workflow.testing import FrozenClock, engine_in, new_call, officer

pytestmark = pytest.mark.slow

PAGE: Final = 4096
READERS: Final = 4


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let another program write."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Let the file and those beside it be read only."""
    _make(path, 0o400)
    yield
    _make(path, 0o600)


def _make(path: Path, mode: int) -> None:
    for each in (path, *path.parent.glob(f"{path.name}-*")):
        each.chmod(mode)


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    """Unlink the file under us; the same one comes back."""
    path.rename(path.with_name("away.db"))
    yield
    path.with_name("away.db").rename(path)


@contextmanager
def replaced(path: Path) -> Iterator[None]:
    """Put another database in its place; the right one comes back."""
    with moved_away(path):
        (path.parent / "other").mkdir()
        engine_in(path.parent / "other").close()
        (path.parent / "other" / path.name).rename(path)
        yield
        path.unlink()


@contextmanager
def with_a_spoiled_page(path: Path) -> Iterator[None]:
    """Let a disk have spoiled the page in which the calls begin."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        found = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'eoi_call'").fetchone()
    place = (found[0] - 1) * PAGE
    with path.open("r+b", buffering=0) as file:
        file.seek(place)
        content = file.read(PAGE)
        file.seek(place)
        file.write(bytes([255]) * PAGE)
    # What has the page in its memory does not look at the disk again before the file's counter has moved on.
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE other (x)")
        connection.commit()
    yield
    with path.open("r+b", buffering=0) as file:
        file.seek(place)
        file.write(content)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE other")
        connection.commit()


@contextmanager
def full(path: Path) -> Iterator[None]:
    """Take all the room on its disk."""
    filler = fill(path.parent)
    yield
    filler.unlink()


Fault = Callable[[Path], AbstractContextManager[None]]
AWAY: Final = "nothing more is written. Stop every program that uses it, "
FAULTS: Final[list[tuple[Fault, Told]]] = [
    (locked, Told(error=DatabaseLocked, says="try again", reads=True)),
    (read_only, Told(error=DatabaseReadOnly, says="make its folder writable", reads=True, old_go_on=True)),
    (moved_away, Told(error=DatabaseUnopened, says=AWAY, starts="otherwise")),
    (replaced, Told(error=DatabaseUnopened, says=AWAY, starts="otherwise")),
    (with_a_spoiled_page, Told(error=DatabaseCorrupt, says="restore the last backup", starts="unwell")),
]


@pytest.mark.parametrize(("fault", "told"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_a_program_lives_through_it(folder: Path, clock: FrozenClock, fault: Fault, told: Told) -> None:
    """It is told by name with what to do, readiness is false, and nobody has to start the program again."""
    engine_in(folder).close()
    with bound():
        see_through(f"sqlite:///{folder / 'eoi.db'}", clock, fault(folder / "eoi.db"), told)


def test_a_program_lives_through_a_full_disk(folder: Path, clock: FrozenClock) -> None:
    """With its disk full to the last byte, commands and readiness say so; with room they go on."""
    with ExitStack() as stack:
        disk = stack.enter_context(mounted(folder / "disk", "2m"))
        engine_in(disk).close()
        path = disk / "eoi.db"
        see_through(f"sqlite:///{path}", clock, full(path), Told(error=DatabaseFull, says="room", reads=True))


def test_no_command_fails_for_a_connection_that_was_opened_too_early(
    folder: Path, clock: FrozenClock
) -> None:
    """Of all the connections that could only read, the first that is met says so, and all are made anew."""
    engine_in(folder).close()
    with bound(), Engine(f"sqlite:///{folder / 'eoi.db'}", clock=clock) as engine:
        with read_only(folder / "eoi.db"):
            fill_pool(engine, READERS)
            assert engine._database.engine.pool.checkedin() == READERS  # type: ignore[attr-defined]  # a QueuePool's
        with pytest.raises(DatabaseReadOnly):
            engine.require_writable()
        for number in range(READERS):
            engine.open_call(new_call(reference=f"{number}"), actor=officer())
        assert len(engine.calls()) == READERS


def test_no_connection_is_kept_that_was_opened_to_another_file(folder: Path, clock: FrozenClock) -> None:
    """What is asked for while another file stands there does not write to that one when ours is back."""
    engine_in(folder).close()
    with bound(), Engine(f"sqlite:///{folder / 'eoi.db'}", clock=clock) as engine:
        engine.open_call(new_call(), actor=officer())
        # The one connection is busy, so that another is asked for.
        with (
            engine._database.connect(),
            replaced(folder / "eoi.db"),
            pytest.raises(DatabaseUnopened, match=AWAY),
        ):
            engine.require_writable()
        for number in range(READERS):
            engine.open_call(new_call(reference=f"{number}"), actor=officer())
            with engine._database.connect() as connection:
                connection.ask("PRAGMA wal_checkpoint(TRUNCATE)")
    with engine_in(folder) as engine:
        assert len(engine.calls()) == 1 + READERS
        assert engine.check() == []
