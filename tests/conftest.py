"""What all tests share: the `--long` option."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--long`: the full counts of everything that is drawn at random or raced."""
    parser.addoption("--long", action="store_true", help="run the full counts and print them")


@pytest.fixture(scope="session")
def long(request: pytest.FixtureRequest) -> bool:
    """Return whether the full counts were asked for."""
    return bool(request.config.getoption("--long"))
