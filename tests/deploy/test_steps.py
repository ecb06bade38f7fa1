"""The steps of examples/deploy, carried out in a folder that stands for a machine: no Docker, no systemd."""

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import pytest

from tests.deploy.machine import DEPLOY, NOBODY, Machine, as_nobody, environment, is_root
from tests.deploy.recipes import Step, blocks, dockerfile, only, unit
from tests.servers.scripts import ROOT
from tests.servers.talking import PATIENCE_S, Program

pytestmark = pytest.mark.slow

BUILD, FINAL = dockerfile((DEPLOY / "Dockerfile").read_text(encoding="utf-8"))
PLAIN: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
#: What only a build needs.
TOOLS: Final = ("pip", "setuptools", "hatchling", "editables", "pathspec", "pluggy", "trove_classifiers")


@pytest.fixture
def machine() -> Iterator[Machine]:
    """Return a new one. It stands where every user may look, as pytest's own folders do not."""
    root = Path(tempfile.mkdtemp(prefix="eoi-deploy-"))
    try:
        root.chmod(0o755)
        subprocess.run([sys.executable, "-m", "venv", root / "image"], check=True)
        yield Machine(root, str(root / "image" / "bin" / "python"))
    finally:
        shutil.rmtree(root)


def test_what_is_built_is_installed_and_serves(machine: Machine) -> None:
    """By the Dockerfile, then by the README: it answers as a user without rights, and ends in good order."""
    _build(machine)
    _the_container_serves(machine)
    shutil.rmtree(machine.root / "var/lib/eoi")
    _the_service_serves(machine)


def _build(machine: Machine) -> None:
    """Carry out the Dockerfile: both stages on one machine."""
    for step in BUILD:
        match step:
            case Step("COPY"):
                *names, to = step.words
                _copy(names, machine.root / "src" / to)
            case Step("RUN"):
                machine.sh(step.said, folder=machine.root / "src")
    machine.sh(only(FINAL, "RUN").said, folder=machine.root)
    (packages,) = (machine.root / "opt/eoi/lib").glob("python3.*/site-packages")
    assert [name for name in TOOLS if (packages / name).exists()] == []
    assert {name for name in ("adapters", "fastapi", "psycopg") if (packages / name).exists()} == {
        "adapters",
        "fastapi",
        "psycopg",
    }
    # What is not compiled now is compiled at every start, where the code cannot be written.
    assert list((packages / "workflow").glob("__pycache__/engine.*.pyc")) != []


def _copy(names: Sequence[str], to: Path) -> None:
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            to.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to)


def _the_container_serves(machine: Machine) -> None:
    said = dict(step.said.split("=", 1) for step in FINAL if step.name == "ENV")
    env = {name: machine.inside(value) for name, value in said.items()}
    state = machine.root / "var/lib/eoi"
    if is_root():
        assert (state.stat().st_uid, state.stat().st_mode & 0o777) == (NOBODY, 0o700)
    (entry,) = only(FINAL, "ENTRYPOINT").words
    command = [machine.inside(entry), *only(FINAL, "CMD").words[:-1], "0"]
    with Program(as_nobody(command), folder=state, env=env) as program:
        port = _port(program)
        asks = json.loads(only(FINAL, "HEALTHCHECK").said.partition(" CMD ")[2])
        healthy = as_nobody([machine.inside(word).replace("8000", str(port)) for word in asks])
        assert subprocess.run(healthy, env=env, check=False).returncode == 0
        created = as_nobody([machine.inside(entry), "--json", *KEY])
        done = subprocess.run(created, env=env, cwd=state, capture_output=True, text=True, check=True)
        assert _status(port, "/v1/calls", key=json.loads(done.stdout)["key"]) == 200
        assert _status(port, "/docs") == 200
        _ends_well(program)
        assert subprocess.run(healthy, env=env, check=False, stderr=subprocess.DEVNULL).returncode != 0
    if is_root():
        assert {path.stat().st_uid for path in state.iterdir()} == {NOBODY}


KEY: Final = (
    *("key", "create", "--name", "places-team", "--may", "officer"),
    *("--as", "head-of-places", "--role", "admin"),
)


def _the_service_serves(machine: Machine) -> None:
    install, settle, look, _ = blocks(DEPLOY / "README.md")
    # What the first lines install is there from the container; `./run` does the same for every environment.
    assert [line.partition(" -m pip install ")[2] for line in install.splitlines()] == [
        "",
        "--no-deps --require-hashes -r requirements/runtime.txt",
        "--no-deps --no-build-isolation .",
    ]
    machine.sh(settle, folder=ROOT)
    asked = machine.asked.read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in asked] == ["useradd", "systemctl", "systemctl"]
    assert asked[-1] == "systemctl enable --now eoi.service"
    kept = machine.root / "etc/eoi/eoi.env"
    assert kept.stat().st_mode & 0o777 == 0o600
    service = unit((machine.root / "etc/systemd/system/eoi.service").read_text(encoding="utf-8"))["Service"]
    env = {**PLAIN, **environment(kept.read_text(encoding="utf-8"))}
    assert len(env["EOI_SECRET_KEY"]) == 44
    env = {name: machine.inside(value) for name, value in env.items()}
    (state,) = (machine.root / "var/lib" / name for name in service["StateDirectory"])
    state.mkdir(mode=int(service["StateDirectoryMode"][0], 8))
    if is_root():
        shutil.chown(state, NOBODY, NOBODY)
    (start,) = service["ExecStart"]
    with Program(as_nobody([*machine.inside(start).split()[:-1], "0"]), folder=state, env=env) as program:
        port = _port(program)
        assert not any("EOI_SECRET_KEY" in line for line in program.lines)
        asked_as = f"sudo -u eoi {' '.join(as_nobody([]))}"
        said = machine.sh(look.replace("sudo -u eoi", asked_as).replace("8000", str(port)), folder=ROOT)
        assert said.startswith('{"ok": true}')
        (key,) = re.findall(r"eoi_[a-z0-9]{8}_[A-Za-z0-9_-]{43}", said)
        assert _status(port, "/v1/calls", key=key) == 200
        _ends_well(program)


def _port(program: Program) -> int:
    program.wait_for("Serving")
    (line,) = (line for line in program.lines if line.startswith("Serving"))
    return int(line.split(" at http://")[1].split()[0].rstrip(".").rpartition(":")[2])


def _status(port: int, path: str, key: str = "") -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        return connection.getresponse().status
    finally:
        connection.close()


def _ends_well(program: Program) -> None:
    program.signal(signal.SIGTERM)
    assert program.end() == 0
    assert program.lines[-1].endswith("event=runner.stopped")
    assert [line for line in program.lines if "Traceback" in line] == []
