"""Connections that are cut at each trip to the server: before it, after it, and by the server itself.

A trip that was not COMMIT is made again on another connection, and nobody hears of it. Where COMMIT was cut
nobody can know; the key tells.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from scheduler.pump import Pump
from tests.databases.raw import RawDatabase
from tests.servers.wire import WHERES, Where, Wire
from workflow import CallView, CommitUnknown, Engine, EoiError, Receipt
from workflow.testing import (
    FrozenClock,
    RecordingCourier,
    admin,
    new_call,
    officer,
    school,
)

pytestmark = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)

#: How many trips it takes to set a new connection.
MADE: Final = 1
FAR: Final = datetime(2099, 3, 17, tzinfo=UTC)
#: A command on what was made for it, under a key of its own.
Command = Callable[[Engine, str], Receipt | CallView]
#: Makes what a command needs, the first time as the second; returns the command.
Prepare = Callable[[Engine, str], Command]


@pytest.fixture
def wire(database: RawDatabase) -> Iterator[Wire]:
    """Return a wire to the test's database."""
    with Wire(database.url) as wire:
        yield wire


@pytest.fixture
def engine(wire: Wire) -> Iterator[Engine]:
    """Return an engine by way of that wire, on the database's own clock, to be used at once."""
    with Engine(wire.url) as engine:
        engine.calls()
        yield engine


def _call(engine: Engine, name: str) -> CallView:
    return engine.open_call(new_call(reference=name, closes_at=FAR), actor=officer())


def _drafted(engine: Engine, name: str) -> str:
    return engine.draft(_call(engine, name).id, answers={}, actor=school()).eoi_id


def _opening(_: Engine, name: str) -> Command:
    wanted = new_call(reference=name, closes_at=FAR)
    return lambda engine, key: engine.open_call(wanted, actor=officer(), idempotency_key=key)


def _drafting(engine: Engine, name: str) -> Command:
    call_id = _call(engine, name).id
    return lambda engine, key: engine.draft(call_id, answers={"a": 1}, actor=school(), idempotency_key=key)


def _saving(engine: Engine, name: str) -> Command:
    eoi_id = _drafted(engine, name)
    return lambda engine, key: engine.save(eoi_id, answers={"a": 2}, actor=school(), idempotency_key=key)


def _submitting(engine: Engine, name: str) -> Command:
    eoi_id = _drafted(engine, name)
    return lambda engine, key: engine.submit(eoi_id, actor=school(), idempotency_key=key)


def _extending(engine: Engine, name: str) -> Command:
    call_id, later = _call(engine, name).id, FAR + timedelta(days=1)
    return lambda engine, key: engine.extend_call(
        call_id, closes_at=later, actor=officer(), reason="Snow.", idempotency_key=key
    )


def _cancelling(engine: Engine, name: str) -> Command:
    call_id = engine.get(_drafted(engine, name)).call_id
    return lambda engine, key: engine.cancel_call(
        call_id, actor=admin(), reason="No money.", idempotency_key=key
    )


COMMANDS: Final[list[Prepare]] = [_opening, _drafting, _saving, _submitting, _extending, _cancelling]


def _subject(answer: Receipt | CallView) -> str:
    return answer.eoi_id if isinstance(answer, Receipt) else answer.id


@pytest.mark.slow
@pytest.mark.parametrize("where", WHERES)
@pytest.mark.parametrize("prepare", COMMANDS, ids=lambda each: each.__name__)
def test_a_command_is_carried_out_once_wherever_it_is_cut(
    engine: Engine, wire: Wire, prepare: Prepare, where: Where
) -> None:
    """Cut before COMMIT, it is done all the same; cut there, its key tells whether it is, and does it."""
    command = prepare(engine, "whole")
    wire.cut(0, where)
    whole, last = command(engine, "whole"), wire.trips
    assert last > 3
    for trip in range(1, last + 1):
        command = prepare(engine, f"{trip}")
        wire.cut(trip, where)
        if trip < last:
            first = command(engine, f"{trip}")
            assert wire.trips == trip + MADE + last, "once more, and no more than that"
        else:
            with pytest.raises(CommitUnknown, match="send it again under its key") as unknown:
                command(engine, f"{trip}")
            assert (unknown.value.code, wire.trips) == ("commit-unknown", last)
            first = command(engine, f"{trip}")
            assert getattr(first, "replayed", False) is (where == "unanswered" and isinstance(first, Receipt))
        again = command(engine, f"{trip}")
        assert (again.version, _subject(again)) == (first.version, _subject(first))
        history = engine.history(_subject(first))
        assert [row.seq for row in history] == list(range(1, whole.version + 1))
        assert (history[-1].target, first.version) == (whole.state, whole.version)
    assert engine.check() == []


@pytest.mark.parametrize("where", WHERES)
def test_a_close_is_made_up_for_wherever_it_is_cut(
    database: RawDatabase, wire: Wire, clock: FrozenClock, where: Where
) -> None:
    """A sweep that is cut closes its call whole or not at all, and the next one finds what is left to do."""
    with Engine(wire.url, clock=clock) as engine:
        _fall_due(engine, "whole", clock)
        wire.cut(0, where)
        assert _failures(engine) == set()
        last = wire.trips
        assert last > 5
        for trip in range(1, last + 1):
            call_id = _fall_due(engine, f"{trip}", clock)
            wire.cut(trip, where)
            assert _failures(engine) == {"commit-unknown" if trip == last else "connection-lost"}
            wire.cut(0, where)
            assert _failures(engine) == set()
            found = engine.call(call_id)
            assert (found.state, found.counts_at_close, found.counts) == (
                "closed",
                {"lapsed": 1},
                {"lapsed": 1},
            )
        assert engine.check() == []
    told = database.ask("SELECT count(*) FROM eoi_outbox WHERE type = 'call.closed' GROUP BY call_id")
    assert told == [(1,)] * (last + 1)


def _fall_due(engine: Engine, name: str, clock: FrozenClock) -> str:
    """Open a call with a draft, and move the clock on to its close; return its id."""
    closes_at = clock.now() + timedelta(days=1)
    call = engine.open_call(new_call(reference=name, closes_at=closes_at), actor=officer())
    engine.draft(call.id, answers={}, actor=school())
    clock.move_to(closes_at + timedelta(seconds=2))
    return call.id


def _failures(engine: Engine) -> set[str]:
    """Sweep; return the codes of what failed."""
    try:
        return set(engine.close_due().failed.values())
    except EoiError as exc:
        return {exc.code}


@pytest.mark.parametrize("where", WHERES)
def test_an_event_arrives_wherever_the_pump_is_cut(wire: Wire, clock: FrozenClock, where: Where) -> None:
    """Each event is delivered, in order; twice only where it could not be written down that it had been."""
    courier = RecordingCourier()
    with Engine(wire.url, clock=clock) as engine:
        pump = Pump(engine.outbox, {"log": courier}, clock=clock)
        codes, trip = list[str | None](), 0
        while None not in codes:
            trip += 1
            engine.open_call(new_call(reference=f"{trip}"), actor=officer())
            wire.cut(trip, where)
            codes.append(_code(pump))
            wire.cut(0, where)
            clock.move_by(seconds=61)
            pump.once()
        assert {each.state for each in engine.deliveries()} == {"delivered"}
    assert len(codes) > 5
    assert set(codes) == {"connection-lost", "commit-unknown", None}
    arrived = [event.call_reference for event in courier.delivered]
    assert list(dict.fromkeys(arrived)) == [f"{number}" for number in range(1, trip + 1)]
    assert len(arrived) <= trip + codes.count("commit-unknown") + 2, "no more often than could not be known"


def _code(pump: Pump) -> str | None:
    """Let a pump make a pass; return how it failed, if it did."""
    try:
        pump.once()
    except EoiError as exc:
        return exc.code
    return None
