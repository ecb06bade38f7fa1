"""docs/embedding.md: what stands there as Python runs as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from fastapi.testclient import TestClient

from workflow import Engine

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = (ROOT / "docs/embedding.md").read_text(encoding="utf-8")
SNIPPETS: Final = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def test_it_starts_with_five_lines_that_work(tmp_path: Path) -> None:
    """Whoever pastes them into an empty folder has a call."""
    five = SNIPPETS[0]
    assert len([line for line in five.splitlines() if line]) == 5
    assert PAGE.index(five) < PAGE.index("\n## ")
    surroundings = {"PATH": os.defpath, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", five],
        cwd=tmp_path,
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with Engine(f"sqlite:///{tmp_path / 'eoi.db'}") as engine:
        assert [each.reference for each in engine.calls()] == ["46/23"]


def test_its_fastapi_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program as it stands knows its user, and nobody else."""
    monkeypatch.chdir(tmp_path)
    made: dict[str, object] = {}
    exec(SNIPPETS[1], made)  # noqa: S102 -- our own page
    with TestClient(made["app"]) as client:  # type: ignore[arg-type]
        assert client.get("/council/v1/calls").json()["code"] == "unauthenticated"
        client.cookies.set("session", "token-1")
        assert client.get("/council/v1/calls").json() == {"items": [], "next": None}


def test_its_flask_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program as it stands says what there is not."""
    monkeypatch.chdir(tmp_path)
    made: dict[str, object] = {"__name__": "app"}
    exec(SNIPPETS[2], made)  # noqa: S102 -- our own page
    app = made["create"]()  # type: ignore[operator]
    with app.extensions["eoi"], app.test_client() as client:
        assert client.get("/eois/none").get_json() == {"error": "not-found"}
