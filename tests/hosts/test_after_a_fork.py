"""The runner in real servers that fork: in each worker, after the fork; stopped with it."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.servers.scripts import python
from workflow import Engine
from workflow.clock import SystemClock
from workflow.testing import new_call, officer

pytestmark = pytest.mark.slow

#: Starts a runner, and forks while its pump is at work; the child stops what is not its own, and tries again.
FORKS: Final = """
import json, os, signal, threading
from sqlalchemy import NullPool, create_engine
from adapters.bootstrap import build
from adapters.settings import Settings

app = build(Settings(), create_engine({url!r}, poolclass=NullPool))
app.engine.migrate()
app.start()
out, into = os.pipe()
held, done = threading.Event(), threading.Event()

def at_work():
    with app.runner._pump._lock:
        held.set()
        done.wait()

threading.Thread(target=at_work).start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)
    found = []
    for do in (app.close, app.__enter__, app.runner.stop):
        try:
            do()
        except RuntimeError as exc:
            found.append(str(exc))
    os.write(into, json.dumps(found).encode())
    os._exit(0)
done.set()
os.close(into)
with os.fdopen(out) as answer:
    found = json.loads(answer.read() or '["It waits without end."]')
os.waitpid(child, 0)
alive = all(app.runner.health().threads.values())
app.close()
print(json.dumps([found, alive, app.runner.health().threads["pump"]]))
"""
HOSTS: Final = Path(__file__).resolve().parents[2] / "examples" / "hosts"
ROOT: Final = HOSTS.parents[1]


@contextmanager
def _serving(*command: str, folder: Path, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """Run a server until the test is done with it."""
    surroundings = {
        "PATH": f"{Path(sys.executable).parent}",
        "PYTHONPATH": f"{HOSTS}:{ROOT}",
        "EOI_DATABASE_URL": f"sqlite:///{folder / 'host.db'}",
        "EOI_SETTLE_S": "0",
        "PYTHONUNBUFFERED": "1",
        **variables,
    }
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=surroundings,
        stdout=pipe,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            yield server
        finally:
            if server.poll() is None:
                server.kill()


def _until(server: "subprocess.Popen[str]", seen: list[str], event: str, times: int) -> list[int]:
    """Read the log until an event was there so often; return the processes that said it."""
    assert server.stdout is not None
    while True:
        said = [found for line in seen if (found := re.search(rf"\[(\d+)\] \[INFO\] {event}", line))]
        if len(said) >= times:
            return [int(found[1]) for found in said]
        line = server.stdout.readline()
        assert line, "".join(seen)
        seen.append(line)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize("program", ["with_flask:create()", "with_django:application()"])
@pytest.mark.parametrize("preload", [(), ("--preload",)])
def test_each_worker_of_gunicorn_has_a_runner(tmp_path: Path, program: str, preload: tuple[str, ...]) -> None:
    """A call that falls due is closed once, by one of two workers; told to stop, both stop in good order."""
    with Engine(f"sqlite:///{tmp_path / 'host.db'}") as engine:
        engine.create()
        closes_at = SystemClock().now() + timedelta(seconds=8)
        call = engine.open_call(new_call(closes_at=closes_at), actor=officer())
    gunicorn = ("gunicorn", "--config", str(HOSTS / "gunicorn.conf.py"), "--workers", "2")
    at = ("--bind", f"127.0.0.1:{_free_port()}", "--no-control-socket")
    with _serving(*gunicorn, *at, *preload, program, folder=tmp_path) as server:
        seen = list[str]()
        workers = _until(server, seen, "runner.started", 2)
        assert len({*workers, server.pid}) == 3
        (closer,) = _until(server, seen, "call.closed", 1)
        assert closer in workers
        server.send_signal(signal.SIGTERM)
        assert sorted(_until(server, seen, "runner.stopped", 2)) == sorted(workers)
        assert server.wait(30) == 0
        assert server.stdout is not None
        seen += server.stdout
        assert len([line for line in seen if "Shutting down: Master" in line]) == 1  # and so is every line
    with Engine(f"sqlite:///{tmp_path / 'host.db'}") as engine:
        assert engine.call(call.id).state == "closed"


def test_each_worker_of_uvicorn_has_a_runner(tmp_path: Path) -> None:
    """The lifespan starts one in each process that uvicorn begins."""
    config = tmp_path / "log.ini"
    config.write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=out\n[formatters]\nkeys=line\n"
        "[logger_root]\nlevel=INFO\nhandlers=out\n"
        "[handler_out]\nclass=StreamHandler\nformatter=line\nargs=(sys.stdout,)\n"
        "[formatter_line]\nformat=[%(process)d] [%(levelname)s] %(message)s\n"
    )
    uvicorn = ("uvicorn", "--factory", "with_fastapi:create", "--workers", "2", "--log-config", str(config))
    with _serving(*uvicorn, "--port", str(_free_port()), folder=tmp_path) as server:
        seen = list[str]()
        workers = _until(server, seen, "runner.started", 2)
        assert len({*workers, server.pid}) == 3
        server.send_signal(signal.SIGTERM)
        assert sorted(_until(server, seen, "runner.stopped", 2)) == sorted(workers)
        server.wait(30)


def test_a_runner_that_was_started_before_the_fork_says_so_in_the_child(tmp_path: Path) -> None:
    """Closed there, it waits for no lock of the parent's, and stops nothing; started, it says why not."""
    with python(FORKS.format(url=f"sqlite:///{tmp_path / 'host.db'}")) as process:
        said, wrong = process.communicate(timeout=60)
    assert "Traceback" not in wrong, wrong  # later Pythons warn of a fork beside threads
    found, alive, after = json.loads(said)
    assert [each.partition(",")[0] for each in found] == ["This runner was started before the process forked"]
    assert (alive, after) == (True, False)
