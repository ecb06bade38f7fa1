"""docs/embedding.md: what stands there as Python runs as it stands."""

import asyncio
import os
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from workflow import Actor, Engine, NotFound
from workflow.testing import new_call, officer, school

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


def test_its_extras_are_the_wheels() -> None:
    """What it says to install, with FastAPI and with PostgreSQL, can be installed: there are such extras."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = re.findall(r"'eoi-workflow\[(.+?)\]'", PAGE)
    assert {"api", "api,postgres"} == set(told)
    assert {name for each in told for name in each.split(",")} <= extras["optional-dependencies"].keys()


def test_its_flask_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program as it stands says what there is not."""
    monkeypatch.chdir(tmp_path)
    made: dict[str, object] = {"__name__": "app"}
    exec(SNIPPETS[2], made)  # noqa: S102 -- our own page
    app = made["create"]()  # type: ignore[operator]
    with app.extensions["eoi"], app.test_client() as client:
        assert client.get("/eois/none").get_json() == {"error": "not-found"}


def test_its_coroutine_commits_both_or_neither(tmp_path: Path) -> None:
    """What it shows for a host of coroutines runs beside the loop, with a row of the host's."""

    class Base(DeclarativeBase):
        pass

    class Booking(Base):
        __tablename__ = "booking"
        eoi_id: Mapped[str] = mapped_column(primary_key=True)
        rooms: Mapped[int]

    (shown,) = [each for each in SNIPPETS if "async def submit_with_rooms" in each]
    database = create_engine(f"sqlite:///{tmp_path / 'eoi.db'}")
    Base.metadata.create_all(database)
    with Engine(database) as engine:
        engine.migrate()
        call = engine.open_call(new_call(closes_on=date(2099, 3, 17)), actor=officer())
        eoi_id = engine.draft(call.id, answers={}, actor=school()).eoi_id
        made: dict[str, Any] = {"asyncio": asyncio, "Session": Session}
        made |= {"Booking": Booking, "database": database, "engine": engine}
        exec(shown, made)  # noqa: S102 -- our own page
        ask = made["submit_with_rooms"]
        with pytest.raises(NotFound):
            asyncio.run(ask(eoi_id, Actor("else", roles={"applicant"}, organisations={"URN:1"}), 2))
        assert asyncio.run(ask(eoi_id, school(), 2)).state == "submitted"
        with Session(database) as session:
            assert [each.rooms for each in session.query(Booking)] == [2]
    database.dispose()


def test_its_line_for_cron_does_without_folder_and_variables(tmp_path: Path) -> None:
    """Cron starts it in another folder, with hardly a variable: it finds the database all the same."""
    (line,) = re.findall(r"`\* \* \* \* \* (.+?)`", PAGE)
    eoi, *arguments = line.split()
    assert Path(eoi).is_absolute()
    arguments = [each.replace("/srv/council", str(tmp_path)) for each in arguments]
    (tmp_path / "home").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "eoi_workflow", *arguments],
        cwd=tmp_path / "home",
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [each.name for each in tmp_path.rglob("eoi.db")] == ["eoi.db"]
    assert not list((tmp_path / "home").iterdir())
