"""What all tests share: the `--long` option, a clock that is moved, and databases of both kinds.

A test that asks for `database` or `databases`, itself or by another fixture, is run on SQLite and then on
PostgreSQL.
"""

import gc
import logging
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests import canary as birds
from tests.canary import Canary
from tests.databases.postgres import PostgresDatabases
from tests.databases.raw import Databases, RawDatabase
from tests.databases.sqlite import SqliteFiles
from tests.measured import is_measured, unmeasured
from tests.nodes import Nodes
from tests.servers.databases import Postgres
from tests.servers.postgres import PostgresServer, postgres_for_tests
from workflow import Engine
from workflow.ports import Clock
from workflow.testing import FrozenClock, engine_in

# What tests ask of helpers says what it found, too, and not only that it was wrong.
pytest.register_assert_rewrite("tests.storage.readiness", "tests.storage.deaths", "tests.chaos.pumps")

#: Under which name a test's report carries what the test has counted.
COUNTED = "counted"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--long`: the full counts of everything that is drawn at random or raced."""
    parser.addoption("--long", action="store_true", help="run the full counts and print them")


def pytest_collection_finish() -> None:
    """Let the collector of garbage look no more at what was imported: it is the most, and it stays."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let nobody look at which lines a test runs, where it is not one of those that must run them all."""
    with nullcontext() if is_measured(item.path) else unmeasured():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Spoil no report with half a character that was logged: between processes it could not be sent."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the tests have counted."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    told = [(each.nodeid, line) for each in reports for name, line in each.user_properties if name == COUNTED]
    if told:
        terminalreporter.section("what was counted")
    for test, lines in groupby(sorted(told, key=itemgetter(0)), key=itemgetter(0)):
        terminalreporter.write_line(test)
        for _, line in lines:
            terminalreporter.write_line(f"  {line}")


@pytest.fixture(scope="session")
def canary() -> Iterator[Canary]:
    """Return what hears the log of the whole suite."""
    ours, bird = logging.getLogger("eoi"), Canary()
    ours.addHandler(bird)
    yield bird
    ours.removeHandler(bird)


@pytest.fixture(autouse=True)
def _nothing_personal_is_logged(canary: Canary) -> Iterator[None]:
    """Look after each test whether any line said what must be kept out."""
    yield
    said, canary.said = [*canary.said, *birds.said_by_programs], []
    birds.said_by_programs.clear()
    assert said == []


@pytest.fixture(autouse=True)
def _log_as_it_was(canary: Canary) -> Iterator[None]:
    """Take back what a command that was run in this process has set up: it logs to a stderr that ends."""
    ours = logging.getLogger("eoi")
    handlers, level = ours.handlers[:], ours.level
    yield
    if (ours.handlers, ours.level) != (handlers, level):
        ours.handlers[:] = handlers
        ours.setLevel(level)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what tells a line of what a test has counted; all are shown at the end of the run."""
    return lambda line: request.node.user_properties.append((COUNTED, line))


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Return whether the full counts were asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def clock() -> FrozenClock:
    """Return a clock that stands at noon UTC on the day before the real sheet's deadline."""
    return FrozenClock()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Return a server to make databases on: the one in `EOI_TEST_POSTGRES_URL`, else our own, started now."""
    with postgres_for_tests() as server:
        yield server


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    """Return a server that only this test has, to be stopped, killed and started again."""
    with PostgresServer(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated file in which nothing has happened yet, made once."""
    folder = tmp_path_factory.mktemp("template")
    engine_in(folder).close()
    return folder / "eoi.db"


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """Return the URL of a migrated database in which nothing has happened yet, made once."""
    url = postgres.new_database()
    with Engine(url) as engine:
        engine.migrate()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    """Return what makes databases for this test, of one kind and then of the other."""
    found: Databases
    if request.param == "sqlite":
        found = SqliteFiles(tmp_path, request.getfixturevalue("sqlite_template"))
    else:
        server, template = map(request.getfixturevalue, ("postgres", "postgres_template"))
        found = PostgresDatabases(server, template)
    with found:
        yield found


@pytest.fixture
def database(databases: Databases) -> RawDatabase:
    """Return a migrated database in which nothing has happened yet; its SQLite file is `eoi.db`."""
    return databases.new()


@pytest.fixture
def new_engine(database: RawDatabase, clock: FrozenClock) -> Iterator[Callable[..., Engine]]:
    """Return what makes engines on `database`, on that clock or another (None: its own)."""
    with ExitStack() as stack:

        def make(*, clock: Clock | None = clock, **settings: Any) -> Engine:
            return stack.enter_context(Engine(database.url, clock=clock, **settings))

        yield make


@pytest.fixture
def nodes(database: RawDatabase, clock: FrozenClock) -> Iterator[Nodes]:
    """Return other nodes on the same database, whose clocks agree."""
    with ThreadPoolExecutor() as pool:
        yield Nodes(database, clock, pool)


@pytest.fixture
def session(database: RawDatabase) -> Iterator[Session]:
    """Return a host's session, which commits when the test says so."""
    host = database.host()
    with Session(host) as session:
        yield session
    host.dispose()
