"""The PostgreSQL that tests start: stopped, killed, hanging, and nothing of it left."""

import errno
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from tests.servers.databases import ask
from tests.servers.postgres import PostgresServer
from tests.servers.scripts import python

#: Starts a server and says where all of it is; a fork of it lives on.
STARTER = """
import os, signal
from tests.servers.postgres import PostgresServer
with PostgresServer(durable=False) as server:
    fork = os.fork()
    if fork:
        print(fork, server.pid, server.folder, server.data, server.new_database(), flush=True)
    signal.pause()
"""
#: "May we speak encrypted?", which a server answers at once: SSLRequest, protocol 3.0, section 54.7.
ENCRYPTED = struct.pack("!ii", 8, 80877103)


def eventually(what: Callable[[], bool]) -> bool:
    """Return whether something comes true within the time that a slow machine needs."""
    end = time.monotonic() + 30
    while not what() and time.monotonic() < end:
        time.sleep(0.01)
    return what()


@pytest.fixture(scope="module")
def faulty() -> Iterator[PostgresServer]:
    """Return a server that each test leaves running."""
    with PostgresServer(durable=False) as server:
        yield server


@pytest.fixture
def kept(faulty: PostgresServer) -> str:
    """Return the URL of a database with one row on the server that is stopped and killed."""
    url = faulty.new_database()
    ask(url, "CREATE TABLE kept AS SELECT 1 AS id")
    return url


def test_restart_cuts_connections_and_keeps_rows(faulty: PostgresServer, kept: str) -> None:
    """After a restart the same URL finds what was committed; who was connected is told."""
    before = faulty.pid
    with closing(psycopg.connect(kept)) as connection:
        connection.execute("INSERT INTO kept VALUES (2)")
        faulty.restart()
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("SELECT 1")
    assert faulty.pid != before
    assert ask(kept, "SELECT id FROM kept") == [(1,)]


def test_stopped_server_is_not_there(faulty: PostgresServer, kept: str) -> None:
    """While it is stopped nobody gets in, and what needs it says so."""
    faulty.stop()
    assert not faulty.running
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(kept)
    with pytest.raises(RuntimeError, match="does not run"):
        faulty.stop()
    faulty.start()
    with pytest.raises(RuntimeError, match="runs already"):
        faulty.start()
    assert ask(kept, "SELECT id FROM kept") == [(1,)]


def test_kill_keeps_what_was_acknowledged(faulty: PostgresServer, kept: str) -> None:
    """Killed without a last word, the server has kept each commit that it acknowledged, and nothing else."""
    with (
        closing(psycopg.connect(kept, autocommit=True)) as connection,
        closing(psycopg.connect(kept)) as other,
    ):
        for number in range(2, 200):
            connection.execute("INSERT INTO kept VALUES (%s)", [number])
        other.execute("INSERT INTO kept VALUES (1000)")
        backend = connection.info.backend_pid
        faulty.kill()
        assert not alive(backend)
        with pytest.raises(psycopg.OperationalError) as caught:
            connection.execute("SELECT 1")
        assert caught.value.sqlstate is None
    faulty.start()
    assert ask(kept, "SELECT count(*), max(id) FROM kept") == [(199, 199)]
    assert "was not properly shut down" in faulty.log


def test_server_that_died_by_itself_is_started_again(faulty: PostgresServer, kept: str) -> None:
    """A server that somebody else ended is known to be gone, and can be started."""
    ended = faulty._process
    os.kill(faulty.pid, signal.SIGQUIT)
    assert ended is not None
    ended.wait()
    assert not faulty.running
    faulty.start()
    assert ask(kept, "SELECT id FROM kept") == [(1,)]


def test_paused_server_answers_later(faulty: PostgresServer, kept: str) -> None:
    """A server that hangs takes connections and answers nobody; it goes on where it was."""
    with closing(psycopg.connect(kept)) as connection, socket.socket(socket.AF_UNIX) as newcomer:
        faulty.pause()
        connection.pgconn.send_query(b"SELECT id FROM kept")
        connection.pgconn.flush()
        newcomer.connect(str(faulty.folder / f".s.PGSQL.{faulty.port}"))
        newcomer.sendall(ENCRYPTED)
        waiting = [connection.fileno(), newcomer.fileno()]
        assert select.select(waiting, [], [], 0.2)[0] == []
        faulty.resume()
        for each in waiting:
            assert select.select([each], [], [], 30)[0] == [each]
        assert newcomer.recv(1) == b"N"
    assert ask(kept, "SELECT id FROM kept") == [(1,)]


@pytest.mark.slow
def test_tcp_has_a_password_and_keeps_its_port() -> None:
    """By TCP the server asks for the URL's password, and while it is down its port is nobody else's."""
    with PostgresServer(durable=False, tcp=True) as server:
        url = make_url(server.new_database())
        assert (url.host, url.port) == ("127.0.0.1", server.port)
        wrong = url.set(password="wrong").render_as_string(hide_password=False)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
        server.stop()
        with socket.socket() as thief, pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            thief.bind(("127.0.0.1", server.port))
        server.start()
        text_of_url = url.render_as_string(hide_password=False)
        assert ask(text_of_url, "SELECT inet_server_port()") == [(server.port,)]


@pytest.mark.slow
def test_durable_by_default() -> None:
    """A server survives the loss of power unless it is told not to; commits are written in any case."""
    durability = "SELECT string_agg(setting, ' ' ORDER BY name) FROM pg_settings WHERE name IN "
    durability += "('fsync', 'full_page_writes', 'synchronous_commit')"
    with PostgresServer() as durable, PostgresServer(durable=False) as quick:
        assert ask(durable.new_database(), durability) == [("on on on",)]
        assert durable.data.parent == durable.folder
        assert ask(quick.new_database(), durability) == [("off off on",)]


@pytest.mark.slow
def test_data_lie_where_they_are_wanted(folder: Path) -> None:
    """The server's data are put on the disk that a test wants, and taken away from there."""
    folder.chmod(0o755)
    with PostgresServer(data_in=folder) as server:
        assert [each.name for each in folder.iterdir()] == [server.data.name]
        assert (server.data / "PG_VERSION").is_file()
    assert list(folder.iterdir()) == []


@pytest.mark.slow
def test_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zone or an encoding in the environment of whoever starts the server does not come to it."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with PostgresServer(durable=False) as server:
        monkeypatch.undo()  # our own client obeys it too
        url = server.new_database()
        assert ask(url, "SHOW log_timezone") + ask(url, "SHOW client_encoding") == [("UTC",), ("UTF8",)]


def test_failed_start_shows_the_log(tmp_path: Path) -> None:
    """A server that cannot start says why in its own words, and leaves nothing."""
    server = PostgresServer(durable=False, nonsense="1")
    with pytest.raises(RuntimeError, match=r'ended as it started:\n.*unrecognized .* "nonsense"'):
        server.__enter__()
    assert not server.folder.exists()
    assert not server.data.exists()
    assert not server.running


@pytest.mark.slow
def test_nothing_is_left() -> None:
    """Ended while it hangs, or after a kill, a server leaves no process, no file, no shared memory."""
    for fault in (PostgresServer.pause, PostgresServer.kill, PostgresServer.stop):
        with PostgresServer(durable=False) as server:
            process = server.pid
            segment = (server.data / "postmaster.pid").read_text().splitlines()[6].split()[1]
            assert segment in segments()
            fault(server)
        assert not alive(process)
        assert not server.folder.exists()
        assert not server.data.exists()
        assert segment not in segments()


def alive(process: int) -> bool:
    """Return whether a process runs. One that has ended, and waits for init to notice, has no words left."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False


def segments() -> list[str]:
    """Return the ids of the system's shared memory."""
    return [line.split()[1] for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]


@pytest.mark.slow
def test_nothing_outlives_a_killed_process() -> None:
    """Where whoever started a server is killed, it ends and its folders go, whatever forks live on."""
    with python(STARTER) as starter:
        assert starter.stdout is not None
        fork, pid, *folders, url = starter.stdout.readline().split()
        try:
            with closing(psycopg.connect(url)) as connection:
                starter.kill()
                assert select.select([connection.fileno()], [], [], 10)[0] == [connection.fileno()]
            assert eventually(lambda: not alive(int(pid)))
            assert eventually(lambda: not any(Path(each).exists() for each in folders))
        finally:
            os.kill(int(fork), signal.SIGKILL)
