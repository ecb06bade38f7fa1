"""Thousands of drafts that lapse in one close: fanned out by sets, in bounded memory, and all delivered."""

import sqlite3
import tracemalloc
from contextlib import closing
from pathlib import Path

import pytest

from scheduler.pump import Pump
from workflow import CallView, Engine
from workflow.testing import FrozenClock, RecordingCourier, officer, school

#: More than two batches of the fan-out.
MANY = 12_000

_COPY = (
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
    "INSERT INTO eoi_eoi (COLUMNS) SELECT CHOSEN FROM eoi_eoi, numbers WHERE id = ?"
)
_FRESH = {"id": "substr(id, 1, 24) || printf('%012d', n)", "applicant": "'URN:' || (200000 + n)"}


def _with_drafts(engine: Engine, call: CallView, file: Path, count: int) -> None:
    """Put `count` drafts into the call, all but the first as copies of the first one's rows."""
    eoi_id = engine.draft(call.id, answers={}, actor=school()).eoi_id
    with closing(sqlite3.connect(file)) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(eoi_eoi)")]
        chosen = [_FRESH.get(name, name) for name in columns]
        copy = _COPY.replace("COLUMNS", ", ".join(columns)).replace("CHOSEN", ", ".join(chosen))
        database.execute(copy, (count - 1, eoi_id))


def _close(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    clock.move_to(call.closes_at)
    clock.move_by(seconds=2)
    assert engine.close_due().lapsed == MANY


@pytest.mark.slow
def test_a_close_with_thousands_of_drafts_is_fanned_out_in_bounded_memory(
    engine: Engine, call: CallView, clock: FrozenClock, tmp_path: Path
) -> None:
    """12,000 lapsed drafts become 24,000 deliveries to two endpoints, and Python never holds them."""
    engine.add_endpoint("https://a.example/eoi", events=["eoi.lapsed"], actor=officer())
    engine.add_endpoint("https://b.example/eoi", events=["eoi.lapsed"], actor=officer())
    _with_drafts(engine, call, tmp_path / "eoi.db", MANY)
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
    engine: Engine, call: CallView, clock: FrozenClock, tmp_path: Path
) -> None:
    """An endpoint that wants only the close gets it in one pass, though 12,000 events come before it."""
    engine.add_endpoint("https://a.example/eoi", events=["call.closed"], actor=officer())
    _with_drafts(engine, call, tmp_path / "eoi.db", MANY)
    _close(engine, call, clock)
    courier = RecordingCourier()
    report = Pump(engine.outbox, {"webhook": courier, "log": courier}, clock=clock).once()
    assert (report.delivered, [event.type for event in courier.delivered]) == (
        2,
        ["call.opened", "call.closed"],
    )
