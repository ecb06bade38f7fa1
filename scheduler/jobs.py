"""Working off jobs, one at a time: claimed, done by whoever knows how, ended or given back."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from scheduler.loop import Bell
from workflow import DatabaseUnavailable, EoiError, HeldJob, JobStopped, JobWork
from workflow.job_queue import LEASE_S, JobQueue

#: How long one pass works at jobs, in seconds: less than cron's minute.
WITHIN_S: Final = 50.0


class Jobs:
    """Does the jobs that are waiting. Any number of nodes may, each one at a time."""

    def __init__(
        self,
        queue: JobQueue,
        works: Mapping[str, JobWork],
        *,
        lease_s: float = LEASE_S,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare.

        Args:
            queue: lends jobs.
            works: kind -> what does such.
            lease_s: how long a job is ours without a sign of life, in seconds.
            timer: tells seconds that never go back.
        """
        self._queue = queue
        self._works = works
        self._lease_s = lease_s
        self._timer = timer
        self._stopping = threading.Event()
        self._asked_s: float | None = None
        #: Wakes whoever waits for jobs.
        self.bell = Bell()

    @property
    def silent_s(self) -> float | None:
        """How long ago the job in hand took its last step, in seconds; None where none is in hand."""
        asked_s = self._asked_s
        return None if asked_s is None else self._timer() - asked_s

    @property
    def hangs(self) -> bool:
        """Whether a job is in hand that has taken no step for as long as it was lent."""
        silent_s = self.silent_s
        return silent_s is not None and silent_s > self._lease_s

    def start(self) -> None:
        """Be ready to work."""
        self._stopping.clear()

    def step(self) -> None:
        """Do jobs until none waits, or it is told to stop."""
        while not self._stopping.is_set() and self._do_one(lambda _: self._stopping.is_set()):
            pass

    def once(self, *, within_s: float = WITHIN_S) -> int:
        """Do jobs until none waits or time is over; return how many were begun or carried on.

        What could not be carried on later from where it is, but would begin anew, is not given back for want
        of time: an export is done to its end, an import until its first row is carried out.
        """
        count, over_s = 0, self._timer() + within_s

        def is_over(job: HeldJob) -> bool:
            return self._stopping.is_set() or (job.place > 0 and self._timer() >= over_s)

        while self._timer() < over_s and not self._stopping.is_set() and self._do_one(is_over):
            count += 1
        return count

    def stop(self) -> None:
        """Give the job in hand back at its next step, and begin no other."""
        self._stopping.set()
        self.bell.ring()

    def _do_one(self, is_over: Callable[[HeldJob], bool]) -> bool:
        """Do the next job; return whether there was one."""

        def is_stopping(job: HeldJob) -> bool:
            self._asked_s = self._timer()
            return is_over(job)

        job = self._queue.claim(self._works.keys(), lease_s=self._lease_s, is_stopping=is_stopping)
        if job is None:
            return False
        self._asked_s = self._timer()
        try:
            self._carry_on(job)
        finally:
            self._asked_s = None
        return True

    def _carry_on(self, job: HeldJob) -> None:
        try:
            self._works[job.kind].do(job)
        except JobStopped:
            return
        except DatabaseUnavailable:
            with suppress(EoiError):
                job.give_back()
            raise
        except EoiError as exc:
            job.fail(exc)
