"""The job that imports a table: all rows are looked at first, then carried out, one after the other.

Each row's outcome is written once, in the order of the table, together with the row's number: whoever takes
the job up goes on after that. A row that was carried out and not written down is found by its key.
"""

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final

from adapters.bulk.decisions import Decisions
from adapters.bulk.importing import SAME_ROW, Importer
from adapters.bulk.lines import MARK, line, refused_head, refused_line
from adapters.bulk.new_eois import EoiOptions, NewEois
from adapters.bulk.report import RowsRefused
from adapters.bulk.results import RowResult, Status
from adapters.inbound.school_register import SchoolRegister
from adapters.inbound.table_file import BadTable, Row, TableFile
from adapters.jobs.asked import DECISIONS, Import
from adapters.jobs.given import parted
from workflow import Actor, Engine, HeldJob
from workflow.jobs import ERRORS_TYPE

#: What the result is: each row's number, how it stands with it, the EOI's id, and why it was refused.
RESULT: Final = ("row", "status", "eoi", "code", "message")
#: By this word a job tells how many rows it has looked at.
CHECKED: Final = "checked"


def looked_at(engine: Engine, actor: Actor, asked: Import, content: bytes) -> None:
    """Pass a table whose first row can be read, and of whose call the actor may know.

    Raises:
        BadTable: it is empty or none, has no rows, or not the columns that it needs.
        NotFound: no such call.
    """
    with closing(io.BytesIO(content)) as file:
        table = _table(file, asked)
        _importer(engine, actor, table, asked)
        if next(table.rows(), None) is None:
            msg = "The table has no rows, besides the names of its columns."
            raise BadTable(msg, field="table")
    if asked.call:
        engine.call(asked.call, actor=actor)


class ImportWork:
    """Does jobs that import tables."""

    def __init__(self, engine: Engine) -> None:
        """Import by this engine."""
        self._engine = engine

    def do(self, job: HeldJob) -> None:
        """Check every row, then carry them out; where one is refused, only if that was asked for.

        Raises:
            JobStopped: carry it on no further.
            BadTable: it is no table; or the register is none.
            RowsRefused: rows of it cannot be taken; nothing was changed.
        """
        asked = Import.of(job.parameters)
        content, register = parted(asked, job.content())
        with closing(io.BytesIO(content)) as file:
            table = _table(file, asked)
            _Run(job, table, _importer(self._engine, job.actor, table, asked, register)).do(asked)


class _Run:
    """One attempt at one table."""

    def __init__(self, job: HeldJob, table: TableFile, importer: Importer[Any]) -> None:
        self._job, self._table, self._importer = job, table, importer
        #: Row -> what was foreseen of it; without its cells.
        self._foreseen: dict[int, RowResult] = {}

    def do(self, asked: Import) -> None:
        job = self._job
        if job.place:
            self._go_on()
        else:
            self._begin(asked)
        job.finish()

    def _go_on(self) -> None:
        """Carry out what comes after the place that was reached before: all was checked before that."""
        for result in self._importer.go_on(self._table.rows(), after=self._job.place):
            self._tell(result, place=result.row)

    def _begin(self, asked: Import) -> None:
        """Check every row, then carry them out, if they can be."""
        job = self._job
        job.start_anew()
        self._check()
        job.expect(len(self._foreseen))
        job.name_result(media_type=ERRORS_TYPE, file_name=f"{job.id}-rows.csv")
        if not asked.dry_run and (asked.skip_bad or not self._refusals()):
            self._carry_out()
        else:
            self._tell_what_was_foreseen()
            if not asked.dry_run:
                self._fail()

    def _check(self) -> None:
        for count, result in enumerate(self._importer.check(self._table.rows()), start=1):
            self._foreseen[result.row] = replace(result, cells=())
            self._job.tell(CHECKED, count)

    def _refusals(self) -> int:
        return sum(each.status == Status.REFUSED for each in self._foreseen.values())

    def _carry_out(self) -> None:
        for result in self._importer.carry_out(self._unsettled()):
            self._tell(result, place=result.row)

    def _unsettled(self) -> Iterator[Row]:
        """Yield the rows that are to be carried out; of the others, in between, tell what was foreseen."""
        for row in self._table.rows():
            foreseen = self._foreseen[row.number]
            if foreseen.status == Status.REFUSED or foreseen.code == SAME_ROW:
                self._tell(replace(foreseen, cells=row.cells), place=row.number)
            else:
                yield row

    def _tell_what_was_foreseen(self) -> None:
        for row in self._table.rows():
            self._tell(replace(self._foreseen[row.number], cells=row.cells))

    def _fail(self) -> None:
        count = self._refusals()
        rows = "One row" if count == 1 else f"{count:,} rows"
        msg = f"{rows} of the table cannot be taken, and so nothing was changed: see the job's errors."
        raise RowsRefused(msg)

    def _tell(self, result: RowResult, *, place: int | None = None) -> None:
        job, is_refused = self._job, result.status == Status.REFUSED
        said = line((str(result.row), result.status, result.eoi, result.code, result.message))
        if not job.result_size:
            said = MARK + line(RESULT) + said
        errors = self._refused(result) if is_refused else b""
        job.count(result.status, refused=is_refused, place=place, result=said, errors=errors)

    def _refused(self, result: RowResult) -> bytes:
        how = {"delimiter": self._table.delimiter}
        head = b"" if self._job.errors_size else refused_head(self._table.columns, **how)
        return head + refused_line(result, **how)


def _table(file: io.BytesIO, asked: Import) -> TableFile:
    return TableFile(file, encoding=asked.encoding, delimiter=asked.delimiter)


def _importer(
    engine: Engine, actor: Actor, table: TableFile, asked: Import, register: SchoolRegister | None = None
) -> Importer[Any]:
    if asked.rows == DECISIONS:
        return Importer(Decisions(engine, actor, table.columns, call=asked.call))
    options = EoiOptions(
        call=asked.call or "",
        submit=asked.submit,
        register=register,
        as_json=asked.as_json,
        ignored=asked.ignore,
    )
    return Importer(NewEois(engine, actor, table.columns, options))
