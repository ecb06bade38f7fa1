"""The worker's side of jobs: claimed under a lease, and looked at by who must know that they are done.

A job is lent for a while, and for longer each time that whoever has it writes how far it is. Where that ends,
whoever had it is lost, and the next one who asks goes on from there.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from workflow import jobs
from workflow.connection import Connection
from workflow.database import Database
from workflow.held_job import HeldJob
from workflow.job_endings import ended, why_not
from workflow.job_views import JobView
from workflow.log import get_log
from workflow.races import until_won
from workflow.store import jobs as store
from workflow.store.jobs import StoredJob
from workflow.unit_of_work import own_transaction

#: How long a job is lent at a time, in seconds; each time that its progress is written, it begins anew.
LEASE_S: Final = 60.0
#: The largest result, in bytes.
LARGEST_RESULT: Final = 256 * 1024 * 1024

_log = get_log("jobs")


class JobQueue:
    """Lends jobs out, one at a time. Threads share one."""

    def __init__(self, database: Database, now: Callable[[Connection], datetime]) -> None:
        """Lend those of a database.

        Args:
            database: where they are.
            now: tells the present instant, on a connection.
        """
        self._database = database
        self._now = now

    def claim(
        self,
        kinds: Collection[str],
        *,
        lease_s: float = LEASE_S,
        largest_result: int = LARGEST_RESULT,
        is_stopping: Callable[[HeldJob], bool] = lambda _: False,
    ) -> HeldJob | None:
        """Return the next job of some kinds that nobody has; None where there is none.

        Of several actors each has its turn, its own jobs in the order of their coming.

        - its state, its attempt, its lease
        - one whose key has ended, or that has cost too many their life, is ended instead

        Args:
            kinds: what the caller can do.
            lease_s: how long it is lent at a time, in seconds.
            largest_result: how many bytes each of its files may have.
            is_stopping: whether that job is to be given back; asked at each step.
        """
        while True:
            found, last = until_won(lambda: self._claimed(kinds, timedelta(seconds=lease_s)))
            if last is None:
                break
            jobs.say_finished(last)
        if found is None:
            return None
        _log.info("job.started", job_id=found.view.id, kind=found.view.kind, attempt=found.view.attempt)
        return HeldJob(
            self._database,
            self._now,
            found,
            lease_s=lease_s,
            largest_result=largest_result,
            is_stopping=is_stopping,
        )

    def waiting(self) -> dict[str, int]:
        """Return how many jobs have not ended, by state."""
        with self._database.connect() as connection:
            return store.waiting(connection)

    def oldest_queued(self) -> datetime | None:
        """Return since when the oldest job waits that nobody has; None where none does."""
        with self._database.connect() as connection:
            return store.oldest_queued(connection)

    def lent_until(self) -> datetime | None:
        """Return when the first lease ends of those that are lent; None where none is."""
        with self._database.connect() as connection:
            return store.lent_until(connection)

    def _claimed(self, kinds: Collection[str], lease: timedelta) -> tuple[StoredJob | None, JobView | None]:
        """Return what is lent now, and what was ended instead."""
        with self._database.connect() as connection:
            if store.first_free(connection, kinds, self._now(connection)) is None:
                return None, None  # most of the time: without a transaction that writes
            with own_transaction(connection):
                now = self._now(connection)
                found = store.first_free(connection, kinds, now)
                if found is None:
                    return None, None
                lost = found.lost + (found.view.state == "running")
                if (reason := why_not(connection, found, lost, now)) is not None:
                    return None, ended(connection, found.view.id, "failed", now, reason)
                store.claim(connection, found.view.id, lost=lost, now=now, until=now + lease)
                return store.one(connection, found.view.id), None
