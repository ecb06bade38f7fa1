"""What couriers answer, sense and nonsense, and what is kept and told of it."""

import logging
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import pytest

from scheduler.pump import Pump, PumpReport
from workflow import CallView, Engine
from workflow.ports import Delayed, Delivered, Delivery, Outcome, Undeliverable
from workflow.testing import FrozenClock, RecordingCourier, new_call, officer, school


class _Mute(Exception):
    def __str__(self) -> str:
        raise ZeroDivisionError


def _raise(error: BaseException) -> Callable[[Delivery], Outcome]:
    def answer(_: Delivery) -> Outcome:
        raise error

    return answer


def _give(answer: object) -> Callable[[Delivery], Any]:
    return lambda _: answer


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (_raise(ValueError("boom")), None, "ValueError: boom"),
        (_raise(ValueError("\ud800\0x")), None, "ValueError: ?x"),
        (_raise(ValueError("x" * 9000)), None, "ValueError: " + "x" * 488),
        (_raise(_Mute()), None, "_Mute: (ZeroDivisionError)"),
        (_raise(SystemExit(3)), None, "SystemExit: 3"),
        (_raise(KeyboardInterrupt()), None, "KeyboardInterrupt: "),
        (_give(None), None, "The courier 'log' answered with NoneType."),
        (_give("ok"), None, "The courier 'log' answered with str."),
        (_give(Delivered), None, "The courier 'log' answered with type."),
        (_give(Delayed(why="a\0\ud800b", status=HTTPStatus.BAD_GATEWAY)), 502, "a?b"),
        (_give(Delayed(why=None, status="500")), None, "None"),  # type: ignore[arg-type]  # rubbish on purpose
        (_give(Delayed(why="w", status=2**70)), None, "w"),
        (_give(Delayed(why="w", retry_after_s="soon")), None, "w"),  # type: ignore[arg-type]  # rubbish on purpose
        (_give(Delayed(why="w", retry_after_s=float("nan"))), None, "w"),
    ],
)
def test_whatever_a_courier_makes_of_it_the_delivery_is_tried_again(
    engine: Engine, call: CallView, clock: FrozenClock, *, answer: Any, status: int | None, why: str
) -> None:
    """A courier that raises or answers with rubbish has not delivered, and bars no other delivery."""
    engine.add_endpoint("https://a.example/eoi", actor=officer())
    engine.draft(call.id, answers={}, actor=school())
    good = RecordingCourier()
    couriers = {"log": RecordingCourier(answer), "webhook": good}
    pump = Pump(engine.outbox, couriers, clock=clock, dice=lambda: 0.0)
    assert pump.once() == PumpReport(delivered=1, postponed=1)
    (waiting,) = engine.deliveries(state="pending")
    assert (waiting.last_status, waiting.last_error) == (status, why)
    assert waiting.due_at == clock.now() + timedelta(seconds=2.5)
    assert [event.type for event in good.delivered] == ["eoi.drafted"]


@pytest.mark.parametrize("status", ["200", 2**70, -1, True])
def test_a_status_that_makes_no_sense_does_not_undo_an_arrival(
    engine: Engine, call: CallView, status: Any
) -> None:
    """What has arrived has arrived, whatever the courier says besides."""
    courier = RecordingCourier(_give(Delivered(status=status)))
    pump = Pump(engine.outbox, {"log": courier}, clock=engine.clock)
    assert pump.once() == PumpReport(delivered=1)
    assert [each.state for each in engine.deliveries()] == ["delivered"]


def test_each_attempt_leaves_one_line_in_the_log(
    engine: Engine, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Ids, type, attempt and status; not where it went, and nothing of what it said."""
    engine.add_endpoint("https://secret.example/token-123", actor=officer())
    engine.open_call(new_call(), actor=officer())
    answers: list[Outcome] = [Undeliverable(why="secret"), Delivered(status=204), Delayed(why="secret")]
    courier = RecordingCourier(lambda _: answers.pop())
    pump = Pump(engine.outbox, {"webhook": courier}, clock=clock)
    with caplog.at_level(logging.INFO, "eoi.pump"):
        pump.once()
        clock.move_by(seconds=5)
        pump.once()
        engine.open_call(new_call(reference="47/23"), actor=officer())
        pump.once()
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert lines == [
        ("INFO", "delivery.postponed"),
        ("INFO", "delivery.delivered"),
        ("WARNING", "delivery.parked"),
    ]
    assert [vars(record)["attempt"] for record in caplog.records] == [1, 2, 1]
    assert not any("secret" in str(vars(record)) for record in caplog.records)
