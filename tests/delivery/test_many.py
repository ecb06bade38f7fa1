"""Thousands of drafts that lapse in one close: fanned out by sets, in bounded memory, and all delivered."""

import tracemalloc

import pytest

from scheduler.pump import Pump
from tests.databases.copies import copy_eoi
from tests.databases.raw import RawDatabase
from workflow import CallView, Engine
from workflow.testing import FrozenClock, RecordingCourier, officer, school

#: More than two batches of the fan-out.
MANY = 12_000


def _with_drafts(engine: Engine, call: CallView, database: RawDatabase, count: int) -> None:
    """Put `count` drafts into the call, of which the outbox has told already."""
    copy_eoi(database, engine.draft(call.id, answers={}, actor=school()).eoi_id, count - 1)
    database.run("UPDATE eoi_outbox SET fanned_out = type = 'eoi.drafted'")


def _close(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    clock.move_to(call.closes_at)
    clock.move_by(seconds=2)
    assert engine.close_due().lapsed == MANY


@pytest.mark.slow
def test_a_close_with_thousands_of_drafts_is_fanned_out_in_bounded_memory(
    engine: Engine, call: CallView, clock: FrozenClock, database: RawDatabase
) -> None:
    """12,000 lapsed drafts become 24,000 deliveries to two endpoints, and Python never holds them."""
    engine.add_endpoint("https://a.example/eoi", events=["eoi.lapsed"], actor=officer())
    engine.add_endpoint("https://b.example/eoi", events=["eoi.lapsed"], actor=officer())
    _with_drafts(engine, call, database, MANY)
    _close(engine, call, clock)
    tracemalloc.start()
    try:
        claimed = engine.outbox.claim(clock.now(), limit=1000, lease_s=60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000
    taken = set[tuple[str, str | None]]()
    while claimed:
        taken |= {(delivery.address, delivery.event.eoi_id) for delivery in claimed}
        claimed = engine.outbox.claim(clock.now(), limit=1000, lease_s=60)
    assert len(taken) == 2 * MANY + 1  # the log has the call's opening, which nobody was there for


@pytest.mark.slow
def test_a_batch_that_concerns_nobody_does_not_hide_the_next_one(
    engine: Engine, call: CallView, clock: FrozenClock, database: RawDatabase
) -> None:
    """An endpoint that wants only the close gets it in one pass, though 12,000 events come before it."""
    engine.add_endpoint("https://a.example/eoi", events=["call.closed"], actor=officer())
    _with_drafts(engine, call, database, MANY)
    _close(engine, call, clock)
    courier = RecordingCourier()
    report = Pump(engine.outbox, {"webhook": courier, "log": courier}, clock=clock).once()
    assert (report.delivered, [event.type for event in courier.delivered]) == (
        2,
        ["call.opened", "call.closed"],
    )
