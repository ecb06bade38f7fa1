"""Where the races are run: a folder on a real disk, or a PostgreSQL of our own; and how durable each is."""

import platform
import re
import secrets
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final, Protocol

from bench.contest import MEMORY, POSTGRESQL, SQLITE, Database, Place
from bench.raw import PRAGMAS, file_of, raw

#: File systems that keep what they hold in memory: a commit there costs nothing, and shows nothing.
IN_MEMORY: Final = {"tmpfs", "ramfs", "devtmpfs"}
#: What of the server is told.
_TOLD: Final = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_sync_method")


class Ground(Protocol):
    """A database system, and how it is set."""

    database: Database
    #: Its name and version.
    name: str
    #: What makes it durable, and on which file system it is.
    settings: str

    def place(self, name: str, size: int) -> Place:
        """Make an empty place."""
        ...

    def drop(self, place: Place) -> None:
        """Remove a place and all that is in it."""
        ...


class SqliteGround:
    """A folder for each contender."""

    database: Database = SQLITE

    def __init__(self, folder: Path) -> None:
        """Use a folder."""
        self._folder = folder
        self.name = f"SQLite {sqlite3.sqlite_version}"
        self.settings = f"{', '.join(PRAGMAS[2:])}; {on_disk(folder)}"

    def place(self, name: str, size: int) -> Place:
        """Make an empty folder."""
        folder = self._folder / f"{name}-{size}"
        folder.mkdir()
        return Place(database=SQLITE, url=f"sqlite:///{folder / 'eoi.db'}", size=size)

    def drop(self, place: Place) -> None:
        """Remove it."""
        shutil.rmtree(file_of(place.url).parent, ignore_errors=True)


class PostgresGround:
    """A database for each contender, all on one server."""

    database: Database = POSTGRESQL

    def __init__(self, server: "Server", folder: Path) -> None:
        """Use a server."""
        self._server = server
        place = self.place("settings", 0)
        with raw(place) as opened:
            told = {name: opened.run(f"SHOW {name}")[0][0] for name in _TOLD}
        self.drop(place)
        self.name = f"PostgreSQL {told.pop('server_version').split()[0]}"
        where = on_disk(folder) if server.managed else "a server that was given"
        self.settings = f"{', '.join(f'{name} = {value}' for name, value in told.items())}; {where}"

    def place(self, name: str, size: int) -> Place:
        """Make an empty database."""
        word = re.sub(r"[^a-z0-9]+", "_", name.lower())
        database = f"eoi_bench_{word}_{size}_{secrets.token_hex(4)}"
        return Place(database=POSTGRESQL, url=self._server.new_database(database), size=size)

    def drop(self, place: Place) -> None:
        """Drop it."""
        self._server.drop_database(place.url)


class MemoryGround:
    """No database."""

    database: Database = MEMORY
    name = "in memory"
    settings = f"Python {platform.python_version()}"

    def place(self, name: str, size: int) -> Place:  # noqa: ARG002 -- the protocol's
        """Return nowhere."""
        return Place(database=MEMORY, url="", size=size)

    def drop(self, place: Place) -> None:
        """Leave nothing behind."""


class Server(Protocol):
    """As much of the tests' PostgreSQL as is used here."""

    @property
    def managed(self) -> bool:
        """Whether it is our own."""
        ...

    def new_database(self, name: str | None = None) -> str:
        """Make a database; return its URL."""
        ...

    def drop_database(self, database: str) -> None:
        """Drop it."""
        ...


@contextmanager
def ground_of(database: Database, folder: Path | None) -> Iterator[Ground]:
    """Lend the ground for a database; everything on it is gone afterwards."""
    with ExitStack() as ends:
        if database == MEMORY:
            yield MemoryGround()
            return
        disk = folder or a_disk()
        if database == SQLITE:
            yield SqliteGround(
                Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="eoi-bench-", dir=disk)))
            )
            return
        from tests.servers.postgres import PostgresServer  # noqa: PLC0415 -- only where it is PostgreSQL

        yield PostgresGround(ends.enter_context(PostgresServer(durable=True, data_in=disk)), disk)


def a_disk() -> Path:
    """Return a folder on a real disk: the system's for temporary files, or else the present one."""
    choices = [Path(tempfile.gettempdir()), Path("/var/tmp"), Path.cwd()]  # noqa: S108 -- asked, not assumed
    return next((each for each in choices if file_system(each) not in IN_MEMORY), choices[0])


def on_disk(folder: Path) -> str:
    """Say in words where a folder is."""
    kind = file_system(folder)
    return f"IN MEMORY ({kind}): commits cost nothing here" if kind in IN_MEMORY else f"on {kind}"


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder is on: `ext4`, `tmpfs`. Source: proc(5), mountinfo."""
    if sys.platform != "linux":
        return f"the file system of {platform.system()}"
    found, longest = "an unknown file system", -1
    where = str(folder.resolve())
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        told, _, rest = line.partition(" - ")
        mount = told.split()[4].rstrip("/")
        if (where + "/").startswith(mount + "/") and len(mount) > longest:
            found, longest = rest.split()[0], len(mount)
    return found
