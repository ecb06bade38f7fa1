"""What one process does in the races for a call's end: it sweeps, or it extends at given instants."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from multiprocessing.synchronize import Barrier
from typing import NamedTuple

from tests.clock import now
from tests.races.ready import ready
from workflow import CallState, CloseReport, Engine, EoiError
from workflow.testing import FrozenClock, officer

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
    """Sweep until then, and once more when nobody extends; return what was closed, or why it was not."""
    reports = []
    with ready(url) as engine:
        while now() < end:
            reports.append(engine.close_due())
        together.wait()
        reports.append(engine.close_due())
    closed = [(call.id, str(CallState.CLOSED)) for report in reports for call in report.closed]
    return closed + [failure for report in reports for failure in report.failed.items()]


def extend_at(together: Barrier, url: str, instants: Sequence[tuple[datetime, str]]) -> list[Extension]:
    """Extend each call by hours, at its instant."""
    done = []
    with ready(url) as engine:
        for instant, call_id in instants:
            while now() < instant:
                pass
            done.append(_extend(engine, call_id))
        together.wait()
    return done


def _extend(engine: Engine, call_id: str) -> Extension:
    before = now()
    try:
        engine.extend_call(call_id, closes_at=before + 10 * HOUR, actor=officer(), reason="Floods.")
    except EoiError as exc:
        return Extension(call_id, before, now(), exc.code)
    return Extension(call_id, before, now(), "done")
