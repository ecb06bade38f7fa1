"""What all tests share: the `--long` option, and a clock that is moved."""

import pytest

from workflow.testing import FrozenClock


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--long`: the full counts of everything that is drawn at random or raced."""
    parser.addoption("--long", action="store_true", help="run the full counts and print them")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Return whether the full counts were asked for."""
    return bool(request.config.getoption("--long"))


@pytest.fixture
def clock() -> FrozenClock:
    """Return a clock that stands at noon UTC on the day before the real sheet's deadline."""
    return FrozenClock()
