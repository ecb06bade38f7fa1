"""What stands in for the runner's jobs in the kit: in one thread, as of where the clock stands."""

from collections.abc import Callable, Mapping
from datetime import datetime

from states.errors import EoiError
from workflow.engine import Engine
from workflow.errors import JobStopped
from workflow.held_job import HeldJob, JobWork

#: Of an engine -> kind of job -> what does such.
Works = Callable[[Engine], Mapping[str, JobWork]]


def no_works(_: Engine) -> Mapping[str, JobWork]:
    """Do no jobs: they wait."""
    return {}


class Worker:
    """Does the jobs that are waiting."""

    def __init__(self, works: Works) -> None:
        """Do what `works` knows how to do."""
        self._works = works

    def do(self, engine: Engine) -> None:
        """Do jobs until none is left that anybody may have at this instant.

        Raises:
            Crashed: that was the process's end.
        """
        works = self._works(engine)
        while works and (job := engine.job_queue.claim(works.keys())) is not None:
            _carry_on(works[job.kind], job)

    def next_due(self, engine: Engine) -> datetime | None:
        """Return when the first job is free again whose process died with it; None: there is none."""
        return engine.job_queue.lent_until() if self._works(engine) else None


def _carry_on(work: JobWork, job: HeldJob) -> None:
    try:
        work.do(job)
    except JobStopped:
        return
    except EoiError as exc:
        job.fail(exc)
