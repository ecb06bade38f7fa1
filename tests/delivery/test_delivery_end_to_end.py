"""From the engine to a real receiver: one that is down while events happen gets them all when it is back."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from itertools import groupby
from typing import Any

import pytest

from adapters.outbound.addresses import Allow
from adapters.outbound.log import LogCourier
from adapters.outbound.webhook import WebhookCourier
from scheduler import Runner
from workflow import CallView, Engine
from workflow.testing import FrozenClock, decider, officer, reviewer, school, submitted


@pytest.fixture
def runner(engine: Engine) -> Iterator[Runner]:
    """Lend a runner with real couriers, which may reach this machine."""
    webhook = WebhookCourier(clock=engine.clock, allow=Allow.parse("127.0.0.1"), timeout_s=10)
    yield Runner(engine, {"log": LogCourier(), "webhook": webhook}, dice=lambda: 0.5)
    webhook.close()


def _life(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    """Two schools submit and are decided on, a third one's draft lapses."""
    ids = [submitted(engine, call.id, school(urn), answers={"head": "Ada Lovelace"}) for urn in (1, 2)]
    engine.draft(call.id, answers={"secret": "Ada Lovelace"}, actor=school(3), applicant_name="Ada's School")
    clock.move_to(call.closes_at + timedelta(seconds=2))
    engine.close_due()
    for eoi_id, decide in zip(ids, (engine.approve, engine.decline), strict=True):
        engine.review(eoi_id, actor=reviewer("Grace Hopper"))
        decide(eoi_id, actor=decider(), reason="Ada Lovelace said so.")


def _versions(events: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Return the versions of each subject in the order of their coming."""
    told = [(event["subject"], event["data"]["version"]) for event in events]
    lines = groupby(sorted(told, key=lambda each: each[0]), key=lambda each: each[0])
    return {subject: [version for _, version in line] for subject, line in lines}


def _pass_the_time(runner: Runner, engine: Engine, clock: FrozenClock, *, passes: int) -> None:
    for _ in range(passes):
        runner.once()
        waits = [each.due_at for each in engine.deliveries(state="pending")]
        waits += [each.rest_until for each in engine.endpoints()]
        later = [until for until in waits if until and until > clock.now()]
        clock.move_to(min(later, default=clock.now()))


def test_a_receiver_that_was_down_gets_everything_in_order(
    engine: Engine, call: CallView, clock: FrozenClock, *, runner: Runner, receiver_at: Callable[[int], Any]
) -> None:
    """Nobody listens while a whole call is decided; later all of it arrives, once, in order for each EOI."""
    down = receiver_at(0)
    down.server.server_close()
    engine.add_endpoint(down.url, actor=officer())
    _life(engine, call, clock)
    _pass_the_time(runner, engine, clock, passes=30)
    waiting = engine.deliveries(state="pending")
    assert len(waiting) == 11
    assert {each.attempts for each in waiting} > {0}
    assert {each.last_error[:34] for each in waiting if each.last_error} == {
        "The receiver could not be reached "
    }
    with receiver_at(down.port) as back:
        _pass_the_time(runner, engine, clock, passes=30)
    assert engine.deliveries(state="pending") == []
    versions = _versions(back.events)
    assert versions.pop(call.id) == [2]
    assert sorted(versions.values()) == [[1, 2], [1, 2, 3, 4], [1, 2, 3, 4]]
    assert len(back.requests) == 11
    told = {event["id"]: event["type"] for event in back.events}
    assert sorted(told.values()) == [
        "call.closed", "eoi.approved", "eoi.declined", "eoi.drafted", "eoi.drafted", "eoi.drafted",
        "eoi.lapsed", "eoi.reviewed", "eoi.reviewed", "eoi.submitted", "eoi.submitted",
    ]  # fmt: skip


def test_a_receiver_that_fails_now_and_then_gets_everything_in_order(
    engine: Engine, call: CallView, clock: FrozenClock, *, runner: Runner, receiver: Any
) -> None:
    """Where each third request fails, some events come twice, none is missing, none overtakes another."""
    well, badly = receiver.says(204), receiver.says(503)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (well if len(receiver.requests) % 3 else badly)(handler)

    receiver.answer = answer
    engine.add_endpoint(receiver.url, actor=officer())
    _life(engine, call, clock)
    _pass_the_time(runner, engine, clock, passes=60)
    assert engine.deliveries(state="pending") == []
    versions = _versions(receiver.events)
    assert all(seen == sorted(seen) for seen in versions.values())
    assert {tuple(sorted(set(seen))) for seen in versions.values()} == {(2,), (1, 2), (1, 2, 3, 4)}
    assert len(receiver.requests) > 11


def test_nothing_about_persons_leaves(
    engine: Engine,
    call: CallView,
    clock: FrozenClock,
    *,
    runner: Runner,
    receiver: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither answers, nor reasons, nor names of people or schools are in what is sent, or in the log."""
    caplog.set_level("DEBUG", "eoi")
    engine.add_endpoint(receiver.url, actor=officer())
    _life(engine, call, clock)
    runner.once()
    assert len(receiver.requests) == 11
    sent = b"".join(request["body"] for request in receiver.requests) + repr(receiver.requests).encode()
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert "URN:1" in sent.decode()
    for name in ("Ada", "Lovelace", "Grace", "Hopper", "secret", "said so"):
        assert name not in sent.decode()
        assert name not in logged


def test_events_that_nobody_receives_are_in_the_log(
    engine: Engine, call: CallView, runner: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    """Without an endpoint each event is one line of log: ids, state and version."""
    caplog.set_level("INFO", "eoi.events")
    eoi_id = engine.draft(call.id, answers={"name": "Ada"}, actor=school()).eoi_id
    runner.once()
    lines = [vars(record) for record in caplog.records]
    assert [(line["msg"], line["type"], line["event_id"], line["version"]) for line in lines] == [
        ("event.told", "call.opened", f"{call.id}:1", 1),
        ("event.told", "eoi.drafted", f"{eoi_id}:1", 1),
    ]
