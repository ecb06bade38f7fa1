"""The command line as a caller meets it: in this process, which is quick, and as the installed program."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from adapters.cli.app import app
from tests.canary import hear
from workflow import CallView, Engine
from workflow.testing import FrozenClock, engine_in, new_call, officer

ROOT = Path(__file__).resolve().parents[2]
# What a caller's own shell might say, and no test may depend on.
UNSAID = dict.fromkeys(
    [
        "EOI_AS",
        "EOI_ROLES",
        "EOI_ORGANISATIONS",
        "EOI_DATABASE_URL",
        "EOI_SERVER",
        "EOI_KEY",
        "EOI_LOCK_TIMEOUT_S",
        "EOI_SETTLE_S",
        "EOI_LOG_LEVEL",
        "EOI_WEBHOOK_ALLOW",
        "EOI_WEBHOOK_TIMEOUT_S",
        "NO_COLOR",
        "FORCE_COLOR",
        "COLUMNS",
    ]
)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the one JSON document that stands on stdout."""
        return json.loads(self.out)

    @property
    def told(self) -> str:
        """Return what stands on stdout, spaces and line ends made single spaces."""
        return " ".join(self.out.split())


@cache
def _command() -> Any:
    """Return all commands, put together once, as a program does: it takes longer than most of them."""
    return typer.main.get_command(app)


def run_here(
    line: Sequence[str],
    *,
    stdin: str | bytes | None = None,
    env: Mapping[str, str | None] = UNSAID,
) -> Answer:
    """Run `eoi …` in this process as a shell would; return how it ended, or raise what it raises."""
    with CliRunner().isolation(input=stdin, env=env) as (out, err, _):
        try:
            _command().main(args=line, prog_name="eoi")
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        sys.stdout.flush()
        sys.stderr.flush()
        return Answer(status, _text(out.getvalue()), _text(err.getvalue()))


def _text(said: bytes) -> str:
    return said.decode(errors="replace").replace("\r\n", "\n")


@pytest.fixture
def eoi(tmp_path: Path) -> Callable[..., Answer]:
    """Return what runs `eoi …` in this process, on `eoi.db` in the test's own folder."""

    def run(
        *words: str, stdin: str | bytes | None = None, db: str | Path | None = None, **env: str
    ) -> Answer:
        line = ["--db", str(db or tmp_path / "eoi.db"), *words]
        return run_here(line, stdin=stdin, env={**UNSAID, **env})

    return run


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Return what runs the installed `eoi` in the test's own folder, as a shell would."""

    def run(
        *words: str | bytes,
        stdin: bytes | None = None,
        env: Mapping[str, str | bytes] | None = None,
        by: str = '"$@"',
        timeout_s: float = 60,
    ) -> subprocess.CompletedProcess[bytes]:
        eoi = Path(sys.executable).parent / "eoi"
        surroundings = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), **(env or {})}
        ran = subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", by, "bash", eoi, *words],
            cwd=tmp_path,
            env=surroundings,
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        hear(ran.stderr)
        return ran

    return run


@pytest.fixture
def engine(tmp_path: Path, clock: FrozenClock) -> Iterator[Engine]:
    """Return an engine on the same `eoi.db`, whose clock stands in March 2023; that of commands goes on."""
    with engine_in(tmp_path, clock=clock) as engine:
        yield engine


@pytest.fixture
def past(engine: Engine) -> CallView:
    """Return a call that was open in March 2023, and that nothing has closed since."""
    return engine.open_call(new_call(), actor=officer())


@pytest.fixture
def call(eoi: Callable[..., Answer]) -> str:
    """Return the reference of a call that is open for long."""
    new = ("call", "open", "--reference", "46/99", "--title", "Bases", "--closes-on", "2099-03-17")
    assert eoi(*new, "--as", "programme.team", "--role", "officer").status == 0
    return "46/99"
