"""An engine on the test's own database."""

from collections.abc import Callable

import pytest

from workflow import Engine


@pytest.fixture
def engine(new_engine: Callable[..., Engine]) -> Engine:
    """Return an engine on the test's own database."""
    return new_engine()
