"""What one process does in the races for a call's end: it sweeps, or it extends at given instants."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

from workflow import CallState, CloseReport, Engine, EoiError
from workflow.clock import SystemClock
from workflow.testing import FrozenClock, officer

NOW = SystemClock().now
HOUR = timedelta(hours=1)


class Extension(NamedTuple):
    """One extension, by the client's own clock around it."""

    call_id: str
    before: datetime
    after: datetime
    #: `done`, or the code of the refusal.
    code: str


def sweep_once(together: Barrier, url: str, at: datetime) -> CloseReport:
    """Close all that is due at an instant, at the same moment as the others."""
    with Engine(url, clock=FrozenClock(at)) as engine:
        engine.calls()
        together.wait()
        return engine.close_due()


def sweep_until(together: Barrier, url: str, end: datetime) -> list[tuple[str, str]]:
    """Sweep all the time by the real clock; return each call that was closed, or why it was not."""
    found = []
    with Engine(url, settle_s=0) as engine:
        engine.calls()
        together.wait()
        while NOW() < end:
            report = engine.close_due()
            found += [(call.id, str(CallState.CLOSED)) for call in report.closed]
            found += report.failed.items()
    return found


def extend_at(together: Barrier, url: str, instants: Sequence[tuple[datetime, str]]) -> list[Extension]:
    """Extend each call by hours, at its instant."""
    done = []
    with Engine(url, settle_s=0) as engine:
        engine.calls()
        together.wait()
        for instant, call_id in instants:
            while NOW() < instant:
                pass
            done.append(_extend(engine, call_id))
    return done


def _extend(engine: Engine, call_id: str) -> Extension:
    before = NOW()
    try:
        engine.extend_call(call_id, closes_at=before + 10 * HOUR, actor=officer(), reason="Floods.")
    except EoiError as exc:
        return Extension(call_id, before, NOW(), exc.code)
    return Extension(call_id, before, NOW(), "done")
