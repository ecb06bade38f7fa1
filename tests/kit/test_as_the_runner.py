"""What the kit does with deliveries is what the pump does, told as the same attempts at the same instants."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta

from scheduler.pump import Pump
from tests.databases.raw import Databases
from workflow import Engine
from workflow.ports import Delayed, Delivered, Delivery, Outcome, Undeliverable
from workflow.testing import FrozenClock, Kit, RecordingCourier, new_call, officer, school, submitted

#: Which attempt at which event, where to, and when.
Attempt = tuple[datetime, str, str, int]

UP, DOWN = "https://up.example/eoi", "https://down.example/eoi"
HOURS = 17


def answers() -> Callable[[Delivery], Outcome]:
    """Return what answers: one receiver is down, the other fails now and then, in each way."""
    first = deque[Outcome](
        [
            Delayed(why="busy", retry_after_s=40),
            Undeliverable(why="no"),
            Delayed(why="one", of_receiver=False),
        ]
    )

    def answer(delivery: Delivery) -> Outcome:
        if delivery.address == DOWN:
            return Delayed(why="down")
        return first.popleft() if first and delivery.event.type == "call.extended" else Delivered()

    return answer


def begin(engine: Engine) -> None:
    """Let things happen on one call, of which both receivers are told."""
    for url in (UP, DOWN):
        engine.add_endpoint(url, actor=officer())
    closes_at = engine.clock.now() + timedelta(hours=12)
    call = engine.open_call(new_call(closes_at=closes_at), actor=officer())
    for hours in range(1, 4):
        later = call.closes_at + timedelta(hours=hours)
        engine.extend_call(call.id, closes_at=later, actor=officer(), reason="Snow.")
    submitted(engine, call.id, school())


def by_the_kit(url: str) -> list[Attempt]:
    """Return what the kit attempts."""
    with Kit(url) as kit:
        begin(kit.engine)
        kit.answer(answers(), for_good=True)
        kit.move(hours=HOURS)
        return sorted(attempt(each.at, each.delivery) for each in kit.sent)


def by_the_pump(url: str) -> list[Attempt]:
    """Return what a pump attempts whose chance is in the middle, looking whenever there may be something."""
    clock, found, answer = FrozenClock(), list[Attempt](), answers()
    end = clock.now() + timedelta(hours=HOURS)

    def carry(delivery: Delivery) -> Outcome:
        found.append(attempt(clock.now(), delivery))
        return answer(delivery)

    courier = RecordingCourier(carry)
    with Engine(url, clock=clock) as engine:
        begin(engine)
        pump = Pump(engine.outbox, {"webhook": courier, "log": courier}, clock=clock, dice=lambda: 0.5)
        due: datetime | None = clock.now()
        while due is not None and due <= end:
            clock.move_to(due)
            engine.close_due()
            pump.once()
            dues = engine.next_due(), engine.outbox.next_due(clock.now())
            due = min((each for each in dues if each is not None), default=None)
    return sorted(found)


def attempt(at: datetime, delivery: Delivery) -> Attempt:
    """Return what is compared of an attempt."""
    return at, f"{delivery.event.type} {delivery.event.version}", delivery.address, delivery.attempt


def test_the_kit_delivers_as_the_pump_does(databases: Databases) -> None:
    """Through failures, waits that were asked for, a circuit that opens and a close: attempt for attempt."""
    expected = by_the_pump(databases.new().url)
    assert by_the_kit(databases.new().url) == expected
    assert len(expected) > 100
    assert {what.split()[0] for _, what, _, _ in expected} > {"call.closed", "call.extended"}
