"""An engine, its clock, and what stands in its tables."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import create_engine, event, text

from workflow import Engine
from workflow.testing import FrozenClock, engine_in, new_call, officer

#: How a host may have set up its engine: as it comes, with transactions of its own, without any.
SETUPS = ("as it comes", "begins itself", "autocommit")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated file in which nothing has happened yet, made once."""
    folder = tmp_path_factory.mktemp("migrated")
    engine_in(folder).close()
    return folder / "eoi.db"


@pytest.fixture
def engine(tmp_path: Path, clock: FrozenClock, migrated: Path) -> Iterator[Engine]:
    """Return an engine on a new file `eoi.db` in the test's own folder, on that clock."""
    path = shutil.copy(migrated, tmp_path / "eoi.db")
    with Engine(f"sqlite:///{path}", clock=clock) as engine:
        yield engine


@pytest.fixture
def tables(tmp_path: Path) -> Callable[[], dict[str, list[dict[str, Any]]]]:
    """Return what reads every row of ours in `eoi.db`, as committed, by table."""

    def read() -> dict[str, list[dict[str, Any]]]:
        with closing(sqlite3.connect(tmp_path / "eoi.db")) as connection:
            connection.row_factory = sqlite3.Row
            names = connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'eoi_%' ORDER BY name"
            ).fetchall()
            return {
                name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608 -- names of our own
                for (name,) in names
            }

    return read


def _host_engine(path: Path, setup: str) -> sqlalchemy.Engine:
    """Return a host's engine on the same file, with one table of the host's own."""
    isolation: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if setup == "autocommit" else {}
    made = create_engine(f"sqlite:///{path}", connect_args={"timeout": 0.05}, **isolation)
    if setup == "begins itself":  # as SQLAlchemy's own manual has it
        event.listen(made, "connect", lambda dbapi, _: setattr(dbapi, "isolation_level", None))
        event.listen(made, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS host (note TEXT)"))
    return made


@pytest.fixture
def host_on() -> Iterator[Callable[[Path], sqlalchemy.Engine]]:
    """Return what makes a host's engine on a file, which begins its transactions itself."""
    with ExitStack() as stack:

        def make(path: Path) -> sqlalchemy.Engine:
            made = _host_engine(path, "begins itself")
            stack.callback(made.dispose)
            return made

        yield make


@pytest.fixture(params=SETUPS)
def host(request: pytest.FixtureRequest, tmp_path: Path, engine: Engine) -> Iterator[sqlalchemy.Engine]:
    """Return a host's engine on the file in which the call 46/23 is open."""
    engine.open_call(new_call(), actor=officer())
    made = _host_engine(tmp_path / "eoi.db", request.param)
    yield made
    made.dispose()


@pytest.fixture
def hosted(host: sqlalchemy.Engine, clock: FrozenClock) -> Engine:
    """Return our engine on the host's engine."""
    return Engine(host, clock=clock)


@pytest.fixture
def notes(tmp_path: Path) -> Callable[[], list[str]]:
    """Return what reads the host's own rows, as committed."""

    def read() -> list[str]:
        with closing(sqlite3.connect(tmp_path / "eoi.db")) as connection:
            return [note for (note,) in connection.execute("SELECT note FROM host")]

    return read
