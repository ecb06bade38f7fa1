"""An engine that hears of the events in `making`, and a call that is open."""

from collections.abc import Callable

import pytest

from tests.events_in.making import RULES
from workflow import CallView, Engine
from workflow.testing import new_call, officer


@pytest.fixture
def engine(new_engine: Callable[..., Engine]) -> Engine:
    """Return an engine on the test's own database."""
    return new_engine(handles=RULES)


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Return the real sheet's call, which is open."""
    return engine.open_call(new_call(), actor=officer())
