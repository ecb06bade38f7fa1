"""A program that leads whole lives of calls until it is killed, and says what it tries and is answered."""

import itertools
import signal
from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any, Final, Literal, NamedTuple

import psycopg
from sqlalchemy import event

from scheduler.pump import Pump
from tests.races.turns import Turn, turn
from workflow import CallView, CloseReport, Engine, EoiError, Receipt
from workflow.ports import Delivered, Delivery, Outcome
from workflow.testing import FrozenClock, decider, new_call, officer, reviewer, school

#: When the first program begins; each has a hundred days of its own, and a day for each call.
FIRST: Final = datetime(2023, 3, 16, 12, tzinfo=UTC)
DAYS: Final = 100
DAY: Final = timedelta(days=1)
SETTLED: Final = timedelta(seconds=2)
#: What begins a statement that writes.
WRITES: Final = ("INSERT", "UPDATE", "WITH")

#: ready: it begins now. try: what it asks, and when. write, commit: a statement as it begins. stop: it waits
#: for its death before that. answer: what was acknowledged. deliver: an event has arrived. hang: it waits for
#: its death with a delivery on its way. fail: an error.
Word = Literal["ready", "try", "write", "commit", "stop", "answer", "deliver", "hang", "fail"]


class Said(NamedTuple):
    """Something that a victim says."""

    word: Word
    what: Any = None
    at: datetime | None = None


class Change(NamedTuple):
    """A change that was acknowledged."""

    subject_id: str
    version: int
    state: str


class SweepFailed(Exception):
    """A call that was due could not be closed; the code says why."""


class Terms(NamedTuple):
    """Who a victim is."""

    url: str
    number: int
    #: Stop before this statement that writes is run; 0: never.
    stop_at: int = 0
    #: Hang with this delivery: where it is an odd one, before it has arrived, and else after; 0: never.
    hang_at: int = 0
    #: Whether it sweeps and delivers too. Its clock is behind those of whoever comes later.
    alone: bool = True


def live(terms: Terms, pipe: Connection) -> None:
    """Lead one life after the other, for ever."""
    say = _Voice(pipe, terms.stop_at)
    clock = FrozenClock(FIRST)
    with Engine(terms.url, clock=clock) as engine:
        event.listen(engine._database.engine, "connect", say.listen_to)
        engine.calls()
        say("ready")
        pump = Pump(engine.outbox, {"log": _Courier(say, terms.hang_at)}, clock=clock, workers=2)
        try:
            for day in itertools.count(terms.number * DAYS):
                _lead_a_life(engine, clock, day, terms, say)
                if terms.alone:
                    pump.once()
        except (EoiError, SweepFailed) as exc:
            say("fail", str(getattr(exc, "code", exc)))
            signal.pause()


def carried_out(engine: Engine, wanted: Turn) -> list[Change]:
    """Carry out a command; return what it is acknowledged to have changed."""
    answer = getattr(engine, wanted.method)(*wanted.arguments, **wanted.terms)
    match answer:
        case Receipt():
            return [Change(answer.eoi_id, answer.version, str(answer.state))]
        case CallView():
            return [Change(answer.id, answer.version, str(answer.state))]
        case CloseReport():
            for code in answer.failed.values():
                raise SweepFailed(code)
            return [Change(call.id, call.version, str(call.state)) for call in answer.closed]
    raise TypeError(answer)


def _lead_a_life(engine: Engine, clock: FrozenClock, day: int, terms: Terms, say: "_Voice") -> None:
    """Open a call, hand in, close it, decide."""
    clock.move_to(FIRST + day * DAY)
    steps = _steps(day, clock.now() + DAY, clock, terms)
    wanted: Turn | None = next(steps)
    while wanted:
        say("try", wanted, clock.now())
        found = carried_out(engine, wanted)
        say("answer", found)
        wanted = _next(steps, found[-1].subject_id)


def _next(steps: Generator[Turn, str], told: str) -> Turn | None:
    try:
        return steps.send(told)
    except StopIteration:
        return None


def _steps(day: int, closes_at: datetime, clock: FrozenClock, terms: Terms) -> Generator[Turn, str]:
    """Yield each command of a life; be sent the id of what it has changed; move the clock on to the close."""
    key = (f"{day}-{number}" for number in itertools.count())

    def step(method: str, *arguments: Any, **given: Any) -> Turn:
        return turn(method, *arguments, **given, idempotency_key=next(key))

    call = yield step("open_call", new_call(reference=f"{day}", closes_at=closes_at), actor=officer())
    heads, eois = [school(f"{day}-{number}") for number in range(4)], list[str]()
    for head in heads:
        eoi = yield step("draft", call, answers={"places": 1}, actor=head)
        eois += [eoi]
    yield step("save", eois[0], answers={"places": 2}, actor=heads[0])
    yield step("submit", eois[0], actor=heads[0])
    yield step("submit", eois[1], actor=heads[1])
    yield step("withdraw", eois[2], actor=heads[2])
    clock.move_to(closes_at + SETTLED)
    yield turn("close_due") if terms.alone else step("close_call", call, actor=officer())
    yield step("review", eois[0], actor=reviewer())
    yield step("review", eois[1], actor=reviewer())
    yield step("approve", eois[0], actor=decider(), reason="Near.")
    yield step("decline", eois[1], actor=decider(), reason="Far.")


class _Voice:
    """Says a thing at once, so that a death takes nothing of it away."""

    def __init__(self, pipe: Connection, stop_at: int) -> None:
        self._pipe, self._left = pipe, stop_at

    def __call__(self, word: Word, what: object = None, at: datetime | None = None) -> None:
        self._pipe.send(Said(word, what, at))

    def listen_to(self, raw: Any, _: object) -> None:
        """Hear every statement of a driver's connection before it is run."""
        if isinstance(raw, psycopg.Connection):
            raw.cursor_factory = _heard_by(self._hear)
        else:
            raw.set_trace_callback(self._hear)

    def _hear(self, statement: str) -> None:
        if statement == "COMMIT":
            self("commit")
        elif statement.startswith(WRITES):
            self._left -= 1
            if self._left == 0:
                self("stop")
                signal.pause()
            self("write")


class _Courier:
    """Says what has arrived; the receiver has it then, whatever becomes of the sender."""

    def __init__(self, say: _Voice, hang_at: int) -> None:
        self._say, self._hang_at = say, hang_at
        self._count = itertools.count(1)

    def deliver(self, delivery: Delivery) -> Outcome:
        """Deliver it."""
        hangs = next(self._count) == self._hang_at
        if hangs and self._hang_at % 2:
            self._hang()
        self._say("deliver", (delivery.event.subject, delivery.event.version))
        if hangs:
            self._hang()
        return Delivered()

    def _hang(self) -> None:
        self._say("hang")
        signal.pause()


def _heard_by(hear: Callable[[str], None]) -> type[psycopg.Cursor[Any]]:
    class Heard(psycopg.Cursor[Any]):
        """Tells of each statement before it runs it."""

        def execute(self, query: Any, *rest: Any, **how: Any) -> "Heard":
            hear(query if isinstance(query, str) else str(query))
            return super().execute(query, *rest, **how)

    return Heard
