"""What one process of the race does: it drafts, then hands in at given instants and sweeps all the time."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

from tests.clock import now
from tests.races.ready import ready
from workflow import Actor, Engine, EoiError
from workflow.testing import FrozenClock

#: After so many attempts a process that is behind sweeps all the same.
SWEEP_EVERY = 4


class Job(NamedTuple):
    """Something to hand in at an instant: the draft of a school, or where there is none, a first draft."""

    instant: datetime
    call_id: str
    urn: str
    eoi_id: str


class Answer(NamedTuple):
    """What a client saw: its own clock before and after, and what it was told."""

    job: Job
    before: datetime
    after: datetime
    #: `done`, or the code of the refusal.
    code: str
    eoi_id: str = ""
    at: datetime | None = None


@dataclass
class Seen:
    """What one process has seen."""

    answers: list[Answer] = field(default_factory=list)
    #: The calls that it closed, as often as it was told so.
    closed: list[str] = field(default_factory=list)
    #: Why a call that was due could not be closed.
    failed: list[str] = field(default_factory=list)

    def add(self, more: "Seen") -> None:
        """Add what the same process has seen later."""
        self.answers += more.answers
        self.closed += more.closed
        self.failed += more.failed


def head_of(urn: str) -> Actor:
    """Return who acts for a school."""
    return Actor(f"head-{urn}", {"applicant"}, {f"URN:{urn}"})


def draft(
    together: Barrier, url: str, at: datetime, wanted: Sequence[tuple[str, str]]
) -> tuple[list[str], float]:
    """Draft for each call and school, on a clock that stands; return the EOIs, and the seconds it took."""
    with Engine(url, clock=FrozenClock(at)) as engine:
        engine.calls()
        together.wait()
        began = time.monotonic()
        made = [engine.draft(call_id, answers={}, actor=head_of(urn)).eoi_id for call_id, urn in wanted]
        return made, time.monotonic() - began


def race(together: Barrier, url: str, jobs: Sequence[Job], until: datetime) -> Seen:
    """Go through the jobs, the earliest first; sweep while there is time, every now and then, and last.

    Args:
        together: at which all meet before they sweep for the last time.
        url: of what the process is ready for.
        jobs: what to hand in, and when.
        until: when the last call is due.
    """
    seen = Seen()
    with ready(url) as engine:
        for number, job in enumerate(jobs):
            if number % SWEEP_EVERY == 0:
                _sweep(engine, seen)
            while now() < job.instant:
                _sweep(engine, seen)
            seen.answers.append(hand_in(engine, job))
        while now() < until:
            _sweep(engine, seen)
        together.wait()
        _sweep(engine, seen)
    return seen


def hand_in(engine: Engine, job: Job) -> Answer:
    """Hand something in, and look at the clock around it."""
    head, before = head_of(job.urn), now()
    try:
        if job.eoi_id:
            receipt = engine.submit(job.eoi_id, actor=head)
        else:
            receipt = engine.draft(job.call_id, answers={}, actor=head)
    except EoiError as exc:
        return Answer(job, before, now(), exc.code)
    return Answer(job, before, now(), "done", receipt.eoi_id, receipt.at)


def _sweep(engine: Engine, seen: Seen) -> None:
    report = engine.close_due()
    seen.closed += [call.id for call in report.closed]
    seen.failed += report.failed.values()
