"""A server with which something is wrong: commands, readiness and the start say so, and live through it."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import psycopg
import pytest
from sqlalchemy import make_url

from tests.servers.postgres import PostgresServer
from tests.servers.programs import nobody
from tests.storage.readiness import Told, see_through
from tests.storage.small_disk import fill, mounted
from workflow import (
    DatabaseCorrupt,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseUnopened,
    Engine,
    SchemaMissing,
)
from workflow.testing import FrozenClock

pytestmark = pytest.mark.slow

#: How many bytes of a page a bad disk spoils.
SPOILED: Final = 50
UNREACHED: Final = Told(error=DatabaseUnopened, says=r"Does it run\? Is its URL right\?")
READ_ONLY: Final = Told(error=DatabaseReadOnly, says="is it a standby", reads=True)
CORRUPT: Final = Told(error=DatabaseCorrupt, says="restore the last backup", starts="unwell")
#: Leave a database's connections to others, as a server does whose settings have changed.
CUT: Final = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'eoi'"


class Place(NamedTuple):
    """A database on a server of the tests' own."""

    server: PostgresServer
    url: str

    @property
    def name(self) -> str:
        """Return what it is called."""
        return str(make_url(self.url).database)

    def command(self, *statements: str, database: str | None = None) -> list[tuple[object, ...]]:
        """Run statements as the superuser; return the last one's rows."""
        url = self.server.superuser_url(database or self.name)
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements[:-1]:
                connection.execute(statement)
            found = connection.execute(statements[-1])
            return found.fetchall() if found.description else []

    def file(self, table: str) -> Path:
        """Return the file in which a table's rows are."""
        ((path,),) = self.command("CHECKPOINT", f"SELECT pg_relation_filepath('{table}')")
        return self.server.data / str(path)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Return a server that each test leaves running."""
    with PostgresServer(durable=False, tcp=True) as server:
        yield server


@pytest.fixture
def place(server: PostgresServer) -> Iterator[Place]:
    """Return a migrated database on it."""
    url = server.new_database()
    with Engine(url) as engine:
        engine.migrate()
    yield Place(server, url)
    if not server.running:
        server.start()
    server.drop_database(url)


@contextmanager
def stopped(place: Place) -> Iterator[None]:
    """Stop the server in good order."""
    place.server.stop()
    yield
    place.server.start()


@contextmanager
def killed(place: Place) -> Iterator[None]:
    """Kill all its processes."""
    place.server.kill()
    yield
    place.server.start()


@contextmanager
def _commanded(place: Place, away: str, back: str) -> Iterator[None]:
    place.command(away, CUT, database="postgres")
    yield
    place.command(back, CUT, database="postgres")


def without_a_connection_left(place: Place) -> AbstractContextManager[None]:
    """Let its user have no connection."""
    return _commanded(place, "ALTER ROLE eoi CONNECTION LIMIT 0", "ALTER ROLE eoi CONNECTION LIMIT -1")


def with_another_password(place: Place) -> AbstractContextManager[None]:
    """Change the password under us."""
    password = make_url(place.url).password
    return _commanded(place, "ALTER ROLE eoi PASSWORD 'changed'", f"ALTER ROLE eoi PASSWORD '{password}'")


@contextmanager
def under_another_name(place: Place) -> Iterator[None]:
    """Give the database another name."""
    rename = "ALTER DATABASE {} RENAME TO {}"
    place.command(CUT, rename.format(place.name, "away"), database="postgres")
    yield
    place.command(rename.format("away", place.name), database="postgres")


@contextmanager
def without_a_table(place: Place) -> Iterator[None]:
    """Take the tables away."""
    place.command("ALTER SCHEMA public RENAME TO away", "CREATE SCHEMA public")
    yield
    place.command("DROP SCHEMA public", "ALTER SCHEMA away RENAME TO public")


@contextmanager
def locked(place: Place) -> Iterator[None]:
    """Let somebody hold every table; they can be read."""
    with psycopg.connect(place.server.superuser_url(place.name)) as other:
        for (table,) in other.execute(
            "SELECT relname FROM pg_class WHERE relname ~ '^eoi_' AND relkind = 'r'"
        ):
            other.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield
        other.rollback()


def read_only_by_default(place: Place) -> AbstractContextManager[None]:
    """Set what administrators set who want no more writes."""
    setting = f"ALTER DATABASE {place.name} {{}} default_transaction_read_only"
    return _commanded(place, setting.format("SET") + " = on", setting.format("RESET"))


@contextmanager
def a_standby(place: Place) -> Iterator[None]:
    """Let it follow another server, and be promoted at the end."""
    place.server.stop()
    (place.server.data / "standby.signal").touch()
    os.chmod(place.server.data / "standby.signal", 0o666)  # noqa: PTH101, S103 -- the server's user takes it away
    place.server.start()
    yield
    place.command("SELECT pg_promote()")


@contextmanager
def with_a_spoiled_page(place: Place) -> Iterator[None]:
    """Let a disk have written another page than it was given; page checksums tell."""
    path = place.file("eoi_call")
    with _while_stopped(place, path) as content:
        path.write_bytes(content[:-SPOILED] + bytes(255 - byte for byte in content[-SPOILED:]))
        place.server.start()
        yield


@contextmanager
def without_a_file(place: Place) -> Iterator[None]:
    """Take one of the server's files away."""
    path = place.file("eoi_call")
    with _while_stopped(place, path):
        path.unlink()
        place.server.start()
        yield


@contextmanager
def _while_stopped(place: Place, path: Path) -> Iterator[bytes]:
    """Stop the server, to be started with another file; at the end it has its own again."""
    place.server.stop()
    content, owner = path.read_bytes(), path.stat()
    yield content
    place.server.stop()
    path.write_bytes(content)
    os.chown(path, owner.st_uid, owner.st_gid)
    place.server.start()


@contextmanager
def full(place: Place, disk: Path) -> Iterator[None]:
    """Take all the room there is, on the disk and in the pages that are there already."""
    filler = fill(disk)
    with contextlib.suppress(psycopg.errors.DiskFull):
        for number in itertools.count():
            place.command(f"INSERT INTO eoi_key VALUES ('x{number}', '', '', now())")  # noqa: S608 -- a number
    yield
    filler.unlink()
    place.command("DELETE FROM eoi_key WHERE scope LIKE 'x%'")


Fault = Callable[[Place], AbstractContextManager[None]]
FAULTS: Final[list[tuple[Fault, Told]]] = [
    (stopped, UNREACHED),
    (killed, UNREACHED),
    (without_a_connection_left, UNREACHED),
    (with_another_password, UNREACHED),
    (under_another_name, UNREACHED),
    (without_a_table, Told(error=SchemaMissing, says="eoi db upgrade")),
    (locked, Told(error=DatabaseLocked, says="try again", reads=True)),
    (read_only_by_default, READ_ONLY),
    (a_standby, READ_ONLY),
    (with_a_spoiled_page, CORRUPT),
    (without_a_file, CORRUPT),
]


@pytest.mark.parametrize(("fault", "told"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_a_program_lives_through_it(place: Place, clock: FrozenClock, fault: Fault, told: Told) -> None:
    """It is told by name with what to do, readiness is false, and nobody has to start the program again."""
    see_through(place.url, clock, fault(place), told)


def test_a_program_lives_through_a_full_disk(server: PostgresServer, clock: FrozenClock) -> None:
    """With the tables' disk full to the last byte, commands and readiness say so; with room they go on."""
    who = nobody()
    owned = ("mode=0700", f"uid={who['user']}", f"gid={who['group']}")
    with mounted(server.folder / "small", "2m", *owned) as disk:
        place = Place(server, server.new_database())
        place.command(f"CREATE TABLESPACE small OWNER eoi LOCATION '{disk}'")
        place.command(f"ALTER DATABASE {place.name} SET default_tablespace = 'small'")
        with Engine(place.url) as engine:
            engine.migrate()
        told = Told(error=DatabaseFull, says="make room, then try again", reads=True)
        see_through(place.url, clock, full(place, disk), told)
        server.drop_database(place.url)
        place.command("DROP TABLESPACE small", database="postgres")
