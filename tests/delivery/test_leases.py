"""Leases: how long a delivery is one pump's own."""

from datetime import timedelta

from scheduler.pump import Pump, PumpReport
from tests.databases.lent import NewEngine
from workflow.ports import Delivered, Delivery, Outcome
from workflow.testing import FrozenClock, RecordingCourier, new_call, officer


def test_in_a_long_pass_each_lease_counts_from_its_own_beginning(
    new_engine: NewEngine, clock: FrozenClock
) -> None:
    """What a pass takes on a minute after it began is its own for a whole lease, and sent by nobody else."""
    engine, elsewhere = new_engine(), new_engine()
    call = engine.open_call(new_call(), actor=officer())
    later = call.closes_at + timedelta(days=1)  # what comes after it in its line is claimed after it
    engine.extend_call(call.id, closes_at=later, actor=officer(), reason="snow")
    other, others = Pump(elsewhere.outbox, {"log": RecordingCourier()}, clock=clock), list[PumpReport]()

    def slowly(delivery: Delivery) -> Outcome:
        if delivery.event.type == "call.opened":
            clock.move_by(seconds=70)
        else:
            others.append(other.once())
        return Delivered()

    courier = RecordingCourier(slowly)
    report = Pump(engine.outbox, {"log": courier}, clock=clock, workers=1, lease_s=60.0).once()
    assert (others, report) == ([PumpReport()], PumpReport(delivered=2))
