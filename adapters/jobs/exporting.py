"""The job that exports EOIs into a file. It changes nothing: whoever takes it up begins anew."""

import io
from typing import Any, Final

from adapters.jobs.asked import Export
from adapters.outbound.export import Format, export
from adapters.outbound.export.formats import MEDIA_TYPES
from workflow import Engine, HeldJob

#: Format -> how its file's name ends.
ENDINGS: Final = {Format.CSV: "csv", Format.JSONL: "jsonl", Format.XLSX: "xlsx", Format.GIVING: "json"}


class ExportWork:
    """Does jobs that export EOIs."""

    def __init__(self, engine: Engine) -> None:
        """Export by this engine."""
        self._engine = engine

    def do(self, job: HeldJob) -> None:
        """Write what whoever asked for it may read.

        Raises:
            JobStopped: carry it on no further.
            EoiError: see `export`.
        """
        asked, job_format = Export.of(job.parameters), Format(job.parameters.get("format", Format.CSV))
        job.start_anew()
        with io.BufferedWriter(_Result(job), io.DEFAULT_BUFFER_SIZE) as out:
            done = export(
                self._engine,
                out,
                actor=job.actor,
                format=job_format,
                selection=asked.selects(),
                awards=asked.makes_awards(),
                read=job.reach,
            )
        job.expect(done.eois)
        job.reach(done.eois)
        job.name_result(media_type=MEDIA_TYPES[job_format], file_name=f"{job.id}.{ENDINGS[job_format]}")
        job.finish()


class _Result(io.RawIOBase):
    """Takes bytes into a job's result."""

    def __init__(self, job: HeldJob) -> None:
        self._job = job

    def writable(self) -> bool:
        """Return that it is."""
        return True

    def write(self, content: Any, /) -> int:  # noqa: ANN401 -- whatever holds bytes
        """Take all of it."""
        taken = bytes(content)
        self._job.add(result=taken)
        return len(taken)
