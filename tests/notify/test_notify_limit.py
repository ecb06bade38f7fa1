"""Notify's limit of the day, as the pump lives with it: one attempt, then nothing before midnight UTC."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from adapters.outbound.govuk_notify import NotifyCourier
from scheduler.pump import Pump, PumpReport
from tests.databases.lent import NewEngine
from tests.notify.service import CALLS, KEY, Notify, errors
from tests.servers.answering import says
from workflow.ports import Courier
from workflow.testing import FrozenClock, RecordingCourier, new_call, officer, school

LIMIT = errors("TooManyRequestsError", "Exceeded send limits (email: 50) for today", status=429)
#: When the limits of the day are sure to begin anew.
MIDNIGHT = datetime(2023, 3, 18, 0, 0, 5, tzinfo=UTC)


@pytest.fixture
def courier(notify: Notify, clock: FrozenClock) -> Iterator[NotifyCourier]:
    """Lend a courier with a template for everything."""
    with closing(NotifyCourier(KEY, {"*": CALLS}, clock=clock, base_url=notify.url)) as courier:
        yield courier


def test_nothing_is_sent_before_the_limit_of_the_day_ends(
    new_engine: NewEngine, notify: Notify, courier: NotifyCourier, clock: FrozenClock
) -> None:
    """Fifteen hours cost each e-mail one attempt at the most; then one tries it, and all arrive."""
    engine = new_engine()
    couriers: dict[str, Courier] = {"log": RecordingCourier(), "notify": courier}
    pump = Pump(engine.outbox, couriers, clock=clock, dice=lambda: 0.0)
    call = engine.open_call(new_call(closes_at=MIDNIGHT + timedelta(days=9)), actor=officer())
    endpoint = engine.add_endpoint("a@council.example", via="notify", actor=officer())
    for urn in range(3):
        engine.draft(call.id, answers={}, actor=school(urn))
    notify.instead = says(429, LIMIT)
    assert pump.once() == PumpReport(delivered=1, postponed=3)  # what went to the log
    tried = len(notify.requests)
    assert engine.endpoint(endpoint.id).rest_until == MIDNIGHT
    assert {each.due_at for each in engine.deliveries(state="pending")} == {MIDNIGHT}
    engine.draft(call.id, answers={}, actor=school(9))  # what is new waits with the others
    while clock.now() < MIDNIGHT - timedelta(hours=1):
        clock.move_by(hours=1)
        assert pump.once() == PumpReport()
    clock.move_to(MIDNIGHT - timedelta(microseconds=1))
    assert pump.once() == PumpReport()
    assert len(notify.requests) == tried
    notify.instead = None
    clock.move_to(MIDNIGHT)
    assert pump.once() == PumpReport(delivered=4)
    assert sorted(each.attempts for each in engine.deliveries(endpoint=endpoint.id)) == [1, 2, 2, 2]
