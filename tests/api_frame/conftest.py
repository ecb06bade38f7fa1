"""A whole program behind the door, with keys that a table knows."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.api.app import Surroundings, build_api
from adapters.api.auth import Bearer
from adapters.api.door import Door
from adapters.api.operation import Operation
from adapters.api.rates import Rates
from adapters.bootstrap import App, build
from adapters.metrics import CONTENT_TYPE
from adapters.settings import Settings
from workflow import Actor, CallView, Unauthenticated
from workflow.testing import FrozenClock, admin, auditor, decider, new_call, officer, reviewer, school

#: Key -> whose it is.
KEYS = {
    "officer-key": officer(),
    "reviewer-key": reviewer(),
    "decider-key": decider(),
    "auditor-key": auditor(),
    "admin-key": admin(),
    "school-key": school(),
}
MakeApi = Callable[..., FastAPI]


def knows(key: str) -> Actor:
    """Return whose key it is, as the engine does."""
    if key not in KEYS:
        raise Unauthenticated
    return KEYS[key]


@pytest.fixture
def program(tmp_path: Path, sqlite_template: Path, clock: FrozenClock) -> Iterator[App]:
    """Return the program behind the door, started."""
    shutil.copy(sqlite_template, tmp_path / "eoi.db")
    with build(Settings(database_url=str(tmp_path / "eoi.db")), clock=clock) as app:
        yield app


@pytest.fixture
def call(program: App) -> CallView:
    """Return a call that is open."""
    return program.engine.open_call(new_call(), actor=officer())


@pytest.fixture
def make_api(program: App) -> MakeApi:
    """Return what makes the HTTP program: any field of the door or of what is around it, and the rates."""

    def make(*, rates: Rates | None = None, knows: Callable[[str], Actor] = knows, **changes: Any) -> FastAPI:
        def given(*names: str) -> dict[str, Any]:
            return {name: changes.pop(name) for name in names if name in changes}

        own = {
            "health": program.runner.health,
            "metrics": program.metrics.text,
            "counted": program.metrics.counted,
        }
        operation = Operation(
            **own | given("health", "metrics", "counted", "metrics_open"), metrics_type=CONTENT_TYPE
        )
        around = Surroundings(operation=operation, **given("wait_s", "origins", "docs", "spans"))
        door = Door(engine=program.engine, authenticate=Bearer(knows, rates or Rates()), **changes)
        return build_api(door, around)

    return make


@pytest.fixture
def api(make_api: MakeApi) -> FastAPI:
    """Return the HTTP program as it is by default."""
    return make_api()
