"""What the tests of GOV.UK Notify share: a Notify that listens, and a courier that knows where it is."""

from collections.abc import Iterator

import pytest

from adapters.outbound.govuk_notify import NotifyCourier
from tests.notify.service import AT, KEY, TEMPLATES, Notify
from workflow.testing import FrozenClock


@pytest.fixture
def clock() -> FrozenClock:
    """Return the clock that Notify and we share."""
    return FrozenClock(AT)


@pytest.fixture
def notify(clock: FrozenClock) -> Iterator[Notify]:
    """Lend a Notify that listens."""
    with Notify(clock) as notify:
        yield notify


@pytest.fixture
def courier(notify: Notify, clock: FrozenClock) -> Iterator[NotifyCourier]:
    """Lend a courier that knows where it is."""
    courier = NotifyCourier(KEY, TEMPLATES, clock=clock, base_url=notify.url)
    yield courier
    courier.close()
