"""The engine's face towards work on many things: jobs, done in the background."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from states.facts import Actor
from workflow import jobs
from workflow.commands import Arrival, Asked
from workflow.connection import Connection
from workflow.dispatch import Order, T
from workflow.job_views import JobFile, JobView
from workflow.store.job_files import piece
from workflow.views import Page

R = TypeVar("R")


class JobKeeping(ABC):
    """A part of the engine's face. Whoever may do a thing may let a job do it, as who they are when they ask.

    A job is seen by who started it, and still is all that they then were; what it is and how far, not its
    files, by officers, auditors and admins.
    """

    _keep_jobs: timedelta

    @abstractmethod
    def _asked(
        self,
        actor: Actor,
        *,
        idempotency_key: str | None = None,
        session: Session | None = None,
        arrival: Arrival | None = None,
    ) -> Asked:
        """Check who asks, and on which terms."""

    @abstractmethod
    def _carry_out(self, order: Order[T]) -> T:
        """Carry out a command."""

    @abstractmethod
    def _done(self, do: Callable[[Connection], R], *, at_once: bool = False) -> R:
        """Do it on a connection."""

    @abstractmethod
    def _now(self, connection: Connection) -> datetime:
        """Return the present instant."""

    def start_job(
        self,
        kind: str,
        *,
        parameters: Mapping[str, Any],
        content: bytes = b"",
        actor: Actor,
        idempotency_key: str | None = None,
        session: Session | None = None,
        arrival: Arrival | None = None,
    ) -> JobView:
        """Let a job wait for a runner that does such; it is done as this actor, with the roles of now.

        Args:
            kind: what is to be done: `import`, `export`.
            parameters: what of it, as JSON knows it.
            content: what it is given, at most 24 MiB; kept until it has ended, and no longer.
            actor: who asks. Of who came by a key, every step needs a key that is valid still.
            idempotency_key: as with every command.
            session: as with every command.
            arrival: as with every command.

        Raises:
            BadInput: parameters or content that no job may have.
            TooManyJobs: ten of this actor have not ended, or its jobs' files have over a gibibyte.
        """
        asked = self._asked(actor, idempotency_key=idempotency_key, session=session, arrival=arrival)
        return self._carry_out(jobs.order(asked, kind, parameters, content))

    def job(self, job_id: str, *, actor: Actor | None = None) -> JobView:
        """Return a job, and how far it is."""
        return self._done(lambda connection: jobs.one(connection, actor, job_id))

    def jobs(
        self,
        *,
        state: str | None = None,
        kind: str | None = None,
        after: str | None = None,
        limit: int = 50,
        actor: Actor | None = None,
    ) -> Page[JobView]:
        """Return a page of jobs, the newest first; give its `next` as `after` for the next page."""
        return self._done(
            lambda connection: jobs.listed(
                connection, actor, state=state, kind=kind, after=after, limit=limit
            )
        )

    def cancel_job(self, job_id: str, *, actor: Actor | None) -> JobView:
        """End a job that has not ended; what it has done stands. Who started it, or an admin.

        What has it hears of it within about a second. Of one that has ended nothing changes.
        """
        return self._done(
            lambda connection: jobs.cancel(connection, actor, job_id, now=self._now(connection))
        )

    def forget_job(self, job_id: str, *, actor: Actor | None) -> JobView:
        """Delete a job that has ended, and its files; return what it was. Who started it, or an admin.

        Raises:
            JobUnfinished: it has not ended: cancel it first.
        """
        return self._done(lambda connection: jobs.forget(connection, actor, job_id))

    def job_result(self, job_id: str, *, actor: Actor | None = None) -> JobFile:
        """Return what came of a job, for who started it.

        Raises:
            JobUnfinished: it has not ended.
            NotFound: it has none, or is somebody else's.
        """
        return self._job_file(job_id, "result", actor)

    def job_errors(self, job_id: str, *, actor: Actor | None = None) -> JobFile:
        """Return what of a job was refused, and why, for who started it.

        Raises:
            JobUnfinished: it has not ended.
            NotFound: nothing was, or it is somebody else's.
        """
        return self._job_file(job_id, "errors", actor)

    def forget_jobs(self) -> int:
        """Forget the jobs that ended long enough ago, and their files; return how many there were."""
        return self._done(lambda connection: jobs.prune(connection, self._now(connection) - self._keep_jobs))

    def _job_file(self, job_id: str, file: str, actor: Actor | None) -> JobFile:
        found = self._done(lambda connection: jobs.require_file(connection, actor, job_id, file))

        def read(number: int) -> bytes | None:
            return self._done(lambda connection: piece(connection, found.view.id, file, number))

        return jobs.file_in(found, file, read)
