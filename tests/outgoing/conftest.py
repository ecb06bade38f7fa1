"""What the tests of what goes out share: an engine with an open call, and a pump whose ends are told."""

from datetime import date

import pytest

from tests.databases.lent import NewEngine
from tests.outgoing.hand import Hand
from workflow import CallView, Engine
from workflow.testing import new_call, officer


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    """Return an engine on a clock that is moved."""
    return new_engine()


@pytest.fixture
def call(engine: Engine) -> CallView:
    """Open the call, before there is any endpoint; it takes EOIs for six weeks."""
    return engine.open_call(new_call(audience="schools", closes_on=date(2023, 4, 30)), actor=officer())


@pytest.fixture
def hand(engine: Engine, call: CallView) -> Hand:
    """Return a pump by hand; the call's opening went to the log."""
    hand = Hand(engine)
    hand.deliver_all()
    return hand
