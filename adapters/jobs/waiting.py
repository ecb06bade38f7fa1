"""Whoever waits for a job asks now and then how far it is: an engine, or what has its face over HTTP."""

import time
from collections.abc import Callable
from typing import Final, Protocol

from workflow import Actor, JobUnfinished, JobView
from workflow.inputs import span
from workflow.jobs import AGAIN_S

#: The longest that a job is waited for, in seconds, where it is said how long.
_WEEK_S: Final = 7 * 24 * 3600


class KnowsJobs(Protocol):
    """What is asked."""

    def job(self, job_id: str, *, actor: Actor | None = None) -> JobView:
        """Return a job."""


def wait_for(
    asked: KnowsJobs,
    job_id: str,
    *,
    progress: Callable[[JobView], object] | None = None,
    within_s: float | None = None,
    actor: Actor | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> JobView:
    """Return a job once it has ended: done, failed or cancelled; its `state` and `why` say which.

    Args:
        asked: an engine, or a client.
        job_id: which.
        progress: told how far it is, about once a second, and at its end; what it raises ends the wait.
        within_s: how long to wait, in seconds; None: for as long as it takes.
        actor: who asks.
        pause: waits so many seconds.

    Raises:
        JobUnfinished: it has not ended by then. Nothing happens to it.
    """
    wait_s = None if within_s is None else span(within_s, field="within_s", unit="seconds", greatest=_WEEK_S)
    begun_s = time.monotonic()
    while True:
        view = asked.job(job_id, actor=actor)
        if progress is not None:
            progress(view)
        if view.finished_at is not None:
            return view
        if wait_s is not None and time.monotonic() - begun_s >= wait_s:
            msg = f"The job {view.id} is {view.state} still."
            raise JobUnfinished(msg, retry_after_s=AGAIN_S)
        pause(AGAIN_S)
