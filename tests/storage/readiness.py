"""What is to be seen of every fault of storage, on either database, while a program goes on running."""

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Literal

import pytest

from adapters.bootstrap import build
from adapters.settings import Settings
from scheduler import Health, Runner
from workflow import DatabaseUnavailable, Engine
from workflow.testing import FrozenClock, RecordingCourier, new_call, officer, school

#: Answers that need more room than a page has.
LARGE: Final = {"why": "".join(f"{number:x}" for number in range(20_000))}
LONG_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """How a fault is told."""

    #: By a command, by readiness, and by the start of a program.
    error: type[DatabaseUnavailable]
    #: What it says to do.
    says: str
    #: Whether reads go on meanwhile.
    reads: bool = False
    #: A program that is started meanwhile: is told as well; is not well, for nothing reads all of a database
    #: before it begins; or is another matter.
    starts: Literal["told", "unwell", "otherwise"] = "told"
    #: Whether connections that were made before go on.
    old_go_on: bool = False


def see_through(url: str, clock: FrozenClock, fault: AbstractContextManager[object], told: Told) -> None:
    """See a program through a fault.

    - a command is told, and has done nothing; reads go on, or are told the same
    - the runner is not well, and says why; a program that is started says so at once
    - once the fault is over, the same program does what was asked under the same key, and all is well
    """
    courier = RecordingCourier()
    with Engine(url, clock=clock, lock_timeout_s=0.2) as engine:
        runner = Runner(engine, {"log": courier}, sweep_period_s=LONG_S, pump_period_s=LONG_S, grace_s=0)
        call_id = engine.open_call(new_call(), actor=officer()).id
        with runner:
            assert _settled(runner).ok
            with fault:
                if told.old_go_on:
                    engine.close()
                for _ in range(2):
                    with pytest.raises(told.error, match=told.says) as caught:
                        engine.draft(call_id, answers=LARGE, actor=school(), idempotency_key="once")
                    assert type(caught.value) is told.error
                _see_unwell(engine, runner, told)
                if told.starts != "otherwise":
                    _see_start(url, told)
            if told.old_go_on:
                assert _settled(runner).ok, "which has looked whether anything can be written"
            receipt = engine.draft(call_id, answers=LARGE, actor=school(), idempotency_key="once")
            assert (receipt.version, receipt.replayed) == (1, False)
            health = _settled(runner)
            assert (health.ok, health.last_error) == (True, None)
        runner.once()
        assert [each.answers for each in engine.find()] == [LARGE]
        assert list(dict.fromkeys(event.type for event in courier.delivered)) == [
            "call.opened",
            "eoi.drafted",
        ]
        assert engine.check() == []


def _see_unwell(engine: Engine, runner: Runner, told: Told) -> None:
    runner.wake()
    health = runner.health()
    assert health.ok is False
    assert str(health.last_error).startswith(f"{told.error.__name__}: ")
    if told.reads:
        assert len(engine.calls()) == 1
    else:
        with pytest.raises(told.error):
            engine.calls()


def _see_start(url: str, told: Told) -> None:
    app = build(Settings(database_url=url, lock_timeout_s=0.2))
    try:
        if told.starts == "unwell":
            app.start()
            assert app.runner.health().ok is False
        else:
            with pytest.raises(told.error):
                app.start()
    finally:
        app.close()


def _settled(runner: Runner) -> Health:
    """Let the runner's threads take steps until it is well, or has had every chance to be; return how it is.

    They rest at the end: a connection that somebody still has keeps others from beginning anew on SQLite.
    """
    health = runner.health()
    for _ in range(20):
        runner.wake()
        _rest(runner)
        health = runner.health()
        if health.ok:
            break
    return health


def _rest(runner: Runner) -> None:
    bells = (runner._bell, runner._pump.bell)
    never = threading.Event()
    for _ in range(20_000):
        if all(bell.waiting for bell in bells):
            return
        never.wait(0.001)
    pytest.fail("A thread does not come to rest.")
