"""A job in somebody's hands: carried on step by step, ended or given back.

Who has a job holds its lease and its attempt. Whatever they write is written only if both still are the last
ones; so whoever was lost, and comes back, changes nothing any more.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from states.errors import EoiError
from workflow import jobs
from workflow.connection import Connection
from workflow.database import Database
from workflow.errors import JobStopped
from workflow.job_endings import KEY_ENDED, ended, is_vouched_for
from workflow.log import get_log
from workflow.races import until_won
from workflow.store import job_files
from workflow.store import jobs as store
from workflow.store.jobs import Progress, StoredJob
from workflow.unit_of_work import own_transaction

#: How often progress is written at the least, in seconds, and after how many steps.
WRITTEN_EVERY_S: Final = 1.0
WRITTEN_EVERY: Final = 100
#: How much of a result waits to be written, in bytes.
WAITING: Final = 1024 * 1024
#: The longest that is kept of why a job failed, in characters.
LONGEST_WHY: Final = 1000

_log = get_log("jobs")


class ResultTooLarge(EoiError):
    """What came of the job is larger than what is kept."""

    code = "result-too-large"


class HeldJob:
    """A job that is ours for as long as its lease is renewed, which each step does. One thread has it."""

    def __init__(
        self,
        database: Database,
        now: Callable[[Connection], datetime],
        lent: StoredJob,
        *,
        lease_s: float,
        largest_result: int,
        is_stopping: "Callable[[HeldJob], bool]",
    ) -> None:
        """Carry on where whoever had it before has written that they were."""
        self._database = database
        self._now = now
        self._lent = lent
        self._lease = timedelta(seconds=lease_s)
        self._largest = largest_result
        self._is_stopping = is_stopping
        view = lent.view
        self.id = view.id
        #: What is to be done.
        self.kind = view.kind
        #: As whom.
        self.actor = lent.actor
        #: What of it.
        self.parameters: dict[str, Any] = dict(view.parameters)
        self._attempt = view.attempt
        self._progress = Progress(
            done=view.done,
            total=view.total,
            refused=view.refused,
            counts=dict(view.counts),
            place=lent.place,
            media_type=lent.media_type,
            file_name=lent.file_name,
            result_size=lent.result_size,
            errors_size=lent.errors_size,
        )
        self._result, self._errors, self._starts_anew = bytearray(), bytearray(), False
        #: Whether it is written down what the result is.
        self._is_named = lent.media_type is not None
        self._steps, self._written_s = 0, time.monotonic()

    @property
    def done(self) -> int:
        """How many are done; those before this attempt among them."""
        return self._progress.done

    @property
    def place(self) -> int:
        """Up to where it is done, as `count` was told; 0: nothing is."""
        return self._progress.place

    @property
    def result_size(self) -> int:
        """How many bytes its result has by now."""
        return self._progress.result_size

    @property
    def errors_size(self) -> int:
        """How many bytes its file of what was refused has by now."""
        return self._progress.errors_size

    def content(self) -> bytes:
        """Return what it was given."""
        pieces, number = list[bytes](), 1
        with self._database.connect() as connection:
            while (piece := job_files.piece(connection, self.id, "input", number)) is not None:
                pieces.append(piece)
                number += 1
        return b"".join(pieces)

    def expect(self, total: int) -> None:
        """Tell how many there are."""
        self._progress.total = total

    def start_anew(self) -> None:
        """Forget what an earlier attempt has done: of what changes nothing, and cannot be carried on."""
        fresh = self._progress
        fresh.done, fresh.refused, fresh.counts, fresh.total = 0, 0, {}, None
        fresh.place = fresh.result_size = fresh.errors_size = 0
        self._starts_anew = True

    def name_result(self, *, media_type: str, file_name: str) -> None:
        """Say what the result is; until then it is none, however much of it there is."""
        self._progress.media_type, self._progress.file_name = media_type, file_name

    def count(
        self,
        word: str,
        *,
        refused: bool = False,
        place: int | None = None,
        result: bytes = b"",
        errors: bytes = b"",
    ) -> None:
        """Count one more as done, and how it ended; carry on.

        Args:
            word: how it ended: `made`, `already`.
            refused: whether it was refused.
            place: up to where all is done now; an attempt that goes on from here is told. None: as before.
            result: what to add to the result.
            errors: what to add to the file of what was refused.

        Raises:
            JobStopped: carry it on no further.
        """
        self._progress.done += 1
        self._progress.refused += refused
        self._progress.place = self._progress.place if place is None else place
        self._progress.counts[word] = self._progress.counts.get(word, 0) + 1
        self.add(result=result, errors=errors)

    def tell(self, word: str, count: int) -> None:
        """Tell how many there are of something by now, besides what is done; carry on.

        Raises:
            JobStopped: carry it on no further.
        """
        self._progress.counts[word] = count
        self.add()

    def reach(self, done: int) -> None:
        """Tell how many are done by now; carry on.

        Raises:
            JobStopped: carry it on no further.
        """
        self._progress.done = done
        self.add()

    def add(self, *, result: bytes = b"", errors: bytes = b"") -> None:
        """Add to the job's files; carry on.

        Raises:
            JobStopped: carry it on no further.
            ResultTooLarge: its files are larger than what is kept.
        """
        self._result += result
        self._errors += errors
        self._progress.result_size += len(result)
        self._progress.errors_size += len(errors)
        if max(self._progress.result_size, self._progress.errors_size) > self._largest:
            raise ResultTooLarge
        self._steps += 1
        if self._is_stopping(self):
            self.give_back()
            raise JobStopped
        if self._is_due():
            self.write()

    def write(self) -> None:
        """Write down how far it has come, and renew the lease.

        Raises:
            JobStopped: it is no longer ours, cancelled, or its key has ended.
        """
        until_won(self._write_once)
        self._result.clear()
        self._errors.clear()
        self._starts_anew, self._is_named = False, self._progress.media_type is not None
        self._steps, self._written_s = 0, time.monotonic()

    def finish(self) -> None:
        """Write the rest, and end it as done.

        Raises:
            JobStopped: it is no longer ours.
        """
        self.write()
        self._end("done")

    def fail(self, error: EoiError) -> None:
        """End it as failed, with what was done until then; harmless where it is no longer ours."""
        try:
            self.write()
            self._end("failed", (error.code, error.message[:LONGEST_WHY]))
        except JobStopped:
            return

    def give_back(self) -> None:
        """Let others take it at once, where we are.

        Raises:
            JobStopped: it is no longer ours.
        """
        self.write()
        with self._database.connect() as connection, own_transaction(connection):
            is_ours = store.give_back(connection, self.id, self._attempt)
        if is_ours:
            _log.info("job.given-back", job_id=self.id, kind=self.kind, done=self.done)

    def _is_due(self) -> bool:
        return (
            self._steps >= WRITTEN_EVERY
            or len(self._result) + len(self._errors) >= WAITING
            or time.monotonic() - self._written_s >= WRITTEN_EVERY_S
        )

    def _write_once(self) -> None:
        with self._database.connect() as connection:
            now = self._now(connection)
            with own_transaction(connection):
                held = store.advance(
                    connection, self.id, self._attempt, self._progress, until=now + self._lease
                )
                if not held:
                    self._forget_what_was_dropped()
                if held or store.tell_last(connection, self.id, self._attempt, self._progress):
                    self._write_files(connection)
                last = None
                if held and not is_vouched_for(connection, self._lent, now):
                    last = ended(connection, self.id, "failed", now, KEY_ENDED)
        if last is not None:
            jobs.say_finished(last)
        if not held or last is not None:
            raise JobStopped

    def _forget_what_was_dropped(self) -> None:
        """Leave out a result that had no name when it was cancelled: its beginning is gone."""
        progress = self._progress
        has_begun = progress.result_size > len(self._result)
        if not self._is_named and (has_begun or progress.media_type is None):
            progress.media_type, progress.file_name, progress.result_size = None, None, 0
            self._result.clear()

    def _write_files(self, connection: Connection) -> None:
        if self._starts_anew:
            for file in ("result", "errors"):
                job_files.drop(connection, self.id, file)
        for file, waiting in (("result", self._result), ("errors", self._errors)):
            job_files.append(connection, self.id, file, bytes(waiting))

    def _end(self, to: str, reason: tuple[str, str] | None = None) -> None:
        with self._database.connect() as connection:
            now = self._now(connection)
            with own_transaction(connection):
                # By its progress once more: this alone tells whether it is ours.
                if not store.advance(connection, self.id, self._attempt, self._progress, until=now):
                    raise JobStopped
                view = ended(connection, self.id, to, now, reason)
        jobs.say_finished(view)


class JobWork(Protocol):
    """Does one kind of job. Threads share one."""

    def do(self, job: HeldJob) -> None:
        """Do it to its end, and say so: `job.finish()`.

        Each step is counted by `job.count`, or adds something by `job.add`: that keeps it ours, and raises
        `JobStopped` where it is to be carried on no further. What has been done before is there still: a step
        must be harmless when it is taken once too often.

        Raises:
            EoiError: it fails, for good; but where the database is away, it is carried on later.
        """
        ...
