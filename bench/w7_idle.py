"""W7, its other half: what a server that nobody asks has in memory, beside a bare FastAPI program.

Each is a process of its own, on tables that are there; it is looked at as soon as it has answered once.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from urllib.request import urlopen

from bench.contest import Place, Prepare

_BARE: Final = """
import json, socket, uvicorn
from fastapi import FastAPI

app = FastAPI()

@app.get("/healthz")
def healthz() -> dict[str, str]:
    return {}

with socket.create_server(("127.0.0.1", 0)) as listening:
    print(json.dumps({"url": "http://127.0.0.1:%d" % listening.getsockname()[1]}), flush=True)
    uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listening])
"""
_EOI: Final = "from adapters.cli import main; main()"


@contextmanager
def bare(_: Place) -> Iterator[Prepare]:
    """Serve one route that does nothing."""
    yield _serving([_BARE])


@contextmanager
def serve(_: Place) -> Iterator[Prepare]:
    """Serve an empty database, as `eoi serve` does: scheduler, delivery, jobs and HTTP."""
    with TemporaryDirectory() as folder:
        eoi = [_EOI, "--db", str(Path(folder) / "eoi.db")]
        _run([*eoi, "db", "upgrade"])
        yield _serving([*eoi, "serve", "--port", "0", "--json"])


def _run(program: Sequence[str]) -> None:
    subprocess.run(  # noqa: S603 -- ourselves
        [sys.executable, "-c", *program], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def _serving(program: Sequence[str]) -> Prepare:
    def prepare(count: int) -> Callable[[], int]:
        return lambda: max(_started(program) for _ in range(count))

    return prepare


def _started(program: Sequence[str]) -> int:
    """Start it, ask it once, and end it; return what it had in memory by then, in KiB."""
    with subprocess.Popen(  # noqa: S603 -- ourselves
        [sys.executable, "-c", *program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout
        try:
            said = process.stdout.readline()
            while not said.rstrip().endswith(b"}"):  # a document of several lines
                said += process.stdout.readline() or b"}"
            with urlopen(f"{json.loads(said)['url']}/healthz") as answer:  # noqa: S310 -- our own
                answer.read()
            return _resident_kib(process.pid)
        finally:
            process.terminate()


def _resident_kib(pid: int) -> int:
    """Return what a process has in memory, in KiB; 0 where the system does not tell. Source: proc(5)."""
    if sys.platform != "linux":
        return 0
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0
