"""A PostgreSQL that tests, examples and the bench start themselves: no docker, no set-up, root or not."""

import contextlib
import ctypes
import os
import secrets
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from psycopg import sql
from sqlalchemy import URL

from tests.servers.databases import GivenPostgres, Postgres, text_of
from tests.servers.programs import VARIABLE, programs_for, roomy_memory, short_folder

SETTINGS: Final = {
    # Where a naive instant shows, for half of the year.
    "timezone": "Europe/London",
    "max_connections": "200",
    # In the server's own folder: a killed one leaves nothing in /dev/shm.
    "dynamic_shared_memory_type": "mmap",
}
#: A server that is killed keeps what it acknowledged (commits are written); a machine without power does not.
FORGETFUL: Final = {"fsync": "off", "full_page_writes": "off"}
#: Databases belong to an ordinary user, so that nothing of ours comes to need a superuser.
SUPERUSER, OWNER = "postgres", "eoi"
WAIT_S: Final = 60.0
TAIL: Final = 30
#: What a server says of itself that takes connections; a standby takes those that read.
READY: Final = ("ready", "standby")

# Reads until its parent is done, or gone; then takes away the server, if there is one still, and the folders.
WATCH: Final = """
read -r _
tries=0
while [ $tries -lt 100 ]; do
    if read -r pid < "$2/postmaster.pid"; then kill -QUIT "$pid"; kill -CONT "$pid"; fi
    rm -rf "$@" && exit
    sleep 0.1
    tries=$((tries + 1))
done 2> /dev/null
"""


class PostgresServer(Postgres):
    """A server of our own: `with PostgresServer() as server: Engine(server.new_database())`.

    Neither it nor its folder outlives this process, even where this is killed.
    """

    def __init__(
        self, *, durable: bool = True, tcp: bool = False, data_in: Path | None = None, **settings: str
    ) -> None:
        """Say what is wanted; nothing is started yet.

        Args:
            durable: survive the loss of power, as in production. Few tests need it.
            tcp: be reached at 127.0.0.1, with a password, instead of a socket in a folder.
            data_in: the folder, on whatever disk is wanted, in which the server's data have their own.
            settings: of the server, beside and instead of ours.
        """
        super().__init__()
        self._durable = durable
        self._settings = SETTINGS | ({} if durable else FORGETFUL) | settings
        self._data_in = data_in or (None if durable else roomy_memory())
        self._password = secrets.token_urlsafe(16) if tcp else None
        self._stack = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def managed(self) -> bool:
        """Return yes: the process is ours."""
        return True

    @property
    def running(self) -> bool:
        """Return whether it was started and has not ended since, by our doing or by itself."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Return the id of the server's first process."""
        return self._running().pid

    @property
    def log(self) -> str:
        """Return all that the server has logged."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        """Make an empty server and start it."""
        with contextlib.ExitStack() as stack:
            self.folder = short_folder()
            self.data = Path(tempfile.mkdtemp(prefix=self.folder.name, dir=self._data_in or self.folder))
            stack.enter_context(_watched(self.folder, self.data))
            self.programs = programs_for(self.folder, self.data)
            self.port = stack.enter_context(_reserved_port()) if self._password else 5432
            self._make()
            stack.callback(self._end)
            self.start()
            self._make_owner()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        """End it and take its folder away."""
        self._stack.close()

    def start(self) -> None:
        """Start it, and come back when it takes connections."""
        if self.running:
            raise RuntimeError("the server runs already")
        self._wait_until_ended()
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        host = "127.0.0.1" if self._password else ""
        with (self.folder / "log").open("ab") as log:
            self._process = self.programs.start(
                "postgres",
                *("-D", str(self.data), "-k", str(self.folder), "-h", host, "-p", str(self.port), *settings),
                log=log,
            )
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """Stop it in good order: connections are cut, what was committed is on the disk."""
        self._running().send_signal(signal.SIGINT)
        self._wait_until_ended()

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """End all its processes at once, in the middle of whatever they do: no last words, no last writes."""
        process = self._running()
        process.send_signal(signal.SIGSTOP)  # else it would start others
        self._signal_children(signal.SIGKILL)
        process.kill()
        self._wait_until_ended()

    def pause(self) -> None:
        """Let it hang: connections stay, and nothing is answered until `resume()`."""
        self._running().send_signal(signal.SIGSTOP)
        self._signal_children(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause()`."""
        self._signal_children(signal.SIGCONT)
        self._running().send_signal(signal.SIGCONT)

    def superuser_url(self, database: str = SUPERUSER) -> str:
        """Return the URL of a database for who may do anything: settings, other people's connections."""
        return text_of(self._by_socket(SUPERUSER, database))

    @property
    def _owner(self) -> sql.Composable:
        return sql.Identifier(OWNER)

    @property
    def _copying(self) -> sql.Composable:
        """Copy files where nothing has to reach a disk: that is quicker than to log each page."""
        return sql.SQL("" if self._durable else " STRATEGY FILE_COPY")

    def _address(self, database: str | None = None) -> URL:
        if database is None:
            return self._by_socket(SUPERUSER, SUPERUSER)
        if self._password is None:
            return self._by_socket(OWNER, database)
        return URL.create("postgresql", OWNER, self._password, "127.0.0.1", self.port, database)

    def _by_socket(self, user: str, database: str) -> URL:
        return URL.create(
            "postgresql", user, port=self.port, database=database, query={"host": str(self.folder)}
        )

    def _make(self) -> None:
        """Make the files of an empty server. Its order of letters is the same on every machine."""
        self.programs.run(
            "initdb",
            *("-D", str(self.data), "-U", SUPERUSER, "--no-sync", "--no-instructions"),
            *("--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8"),
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        )

    def _make_owner(self) -> None:
        role = sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}")
        with self._administration() as connection:
            connection.execute(role.format(sql.Identifier(OWNER), sql.Literal(self._password)))

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or not self.running:
            raise RuntimeError("the server does not run")
        return self._process

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """Wait for what the server writes into its lock file, as pg_ctl does."""
        end = time.monotonic() + WAIT_S
        while process.poll() is None and time.monotonic() < end:
            with contextlib.suppress(FileNotFoundError):
                lines = (self.data / "postmaster.pid").read_text().splitlines()
                if lines[:1] == [str(process.pid)] and lines[7:8] and lines[7].strip() in READY:
                    return
            time.sleep(0.005)
        ended = process.poll() is not None
        self._end()
        tail = "\n".join(self.log.splitlines()[-TAIL:])
        raise RuntimeError(f"PostgreSQL {'ended' if ended else 'was not ready'} as it started:\n{tail}")

    def _wait_until_ended(self) -> None:
        """Wait for all its processes: they hold its standard output, on which nobody writes."""
        process = self._process
        if process is None or process.stdout is None:
            return
        if not select.select([process.stdout], [], [], WAIT_S)[0]:
            raise TimeoutError(f"the server, process {process.pid}, does not end")
        process.stdout.close()
        process.wait()
        self._process = None

    def _signal_children(self, number: signal.Signals) -> None:
        pid = self._running().pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        if not children.exists():  # not Linux: those of a killed server notice, and end by themselves
            return
        for child in children.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), number)

    def _end(self) -> None:
        """End it in whatever state it is. What a killed server leaves in the system's memory goes too."""
        if self.running:
            self.kill()
        self._wait_until_ended()
        lock = self.data / "postmaster.pid"
        with contextlib.suppress(FileNotFoundError):
            for segment in lock.read_text().splitlines()[6:7]:
                ctypes.CDLL(None).shmctl(int(segment.split()[1]), 0, None)  # 0: IPC_RMID
            lock.unlink()  # else the watch would look for a process that may be somebody else's by now


@contextlib.contextmanager
def postgres_for_tests() -> Iterator[Postgres]:
    """Give the server that `EOI_TEST_POSTGRES_URL` names; else start our own, which is quick, not durable."""
    url = os.environ.get(VARIABLE)  # noqa: TID251 -- says where the tests' server is
    with GivenPostgres(url) if url else PostgresServer(durable=False) as server:
        yield server


@contextlib.contextmanager
def _watched(folder: Path, data: Path) -> Iterator[None]:
    """Have the folders taken away at the end, and the server too if this process ends without doing so."""
    watch = subprocess.Popen(
        ["/bin/sh", "-c", WATCH, "watch", folder, data],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
    )
    assert watch.stdin is not None
    os.register_at_fork(after_in_child=watch.stdin.close)  # a fork that lives on is not this process
    try:
        yield
    finally:
        watch.stdin.close()
        watch.wait()


@contextlib.contextmanager
def _reserved_port() -> Iterator[int]:
    """Keep a port of 127.0.0.1 from being given to others, also while the server is down.

    Linux lets a server listen where another socket is bound that does not listen, if both allow it.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])
