"""What became of a whole table: counted as it goes, told at the end."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from adapters.bulk.importing import SAME_ROW
from adapters.bulk.refused import RefusedRows
from adapters.bulk.results import RowResult, Status
from states.errors import EoiError

#: How many rows a report names; all that were refused stand in their file.
NAMED: Final = 20


class RowsRefused(EoiError):
    """Rows of the table cannot be taken."""

    code = "rows-refused"


class Stopped(EoiError):
    """It was stopped before its end: the same command goes on from there."""

    code = "stopped"


@dataclass(frozen=True, slots=True)
class Named:
    """A row that somebody should look at."""

    #: As a spreadsheet counts.
    row: int
    code: str | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a table."""

    #: How many rows there are, blank ones not counted.
    rows: int
    made: int
    #: Carried out before, or said twice.
    already: int
    #: Could be carried out, and were not.
    would: int
    refused: int
    dry_run: bool
    #: Whether anything was to be written: neither a dry run, nor kept from it by a row that cannot be taken.
    carried_out: bool
    #: Where the refused rows stand; None: there are none.
    errors_file: str | None
    #: The first rows that were refused, and those of which somebody should know something.
    refusals: tuple[Named, ...]
    notes: tuple[Named, ...]
    #: How many rows there are of which somebody should know something.
    noted: int


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts what becomes of rows, in two rounds: first all are checked, then they are carried out."""

    dry_run: bool = False
    #: Whether rows are carried out though others are refused.
    skip_bad: bool = False
    errors_file: Path | None = None
    #: The numbers of the rows that the check settles: they are refused, or say the same as another.
    settled: set[int] = field(default_factory=set)
    _settled: Counter[Status] = field(default_factory=Counter)
    _foreseen: Counter[Status] = field(default_factory=Counter)
    _done: Counter[Status] = field(default_factory=Counter)
    _refusals: list[Named] = field(default_factory=list)
    _notes: list[Named] = field(default_factory=list)
    _noted: int = 0

    def checked(self, result: RowResult, refused: RefusedRows) -> None:
        """Count a row that was looked at; keep it where it was refused."""
        if result.status == Status.REFUSED or result.code == SAME_ROW:
            self.settled.add(result.row)
            self._settled[result.status] += 1
        else:
            self._foreseen[result.status] += 1
        self._name(result, refused)

    def carried_out(self, result: RowResult, refused: RefusedRows) -> None:
        """Count a row that was carried out, in the place of what was foreseen; keep what was refused."""
        self._done[result.status] += 1
        if result.status == Status.REFUSED:
            self._name(result, refused)

    @property
    def goes_on(self) -> bool:
        """Whether the rows are carried out, once all are checked."""
        return not self.dry_run and (self.skip_bad or not self._settled[Status.REFUSED])

    @property
    def left(self) -> int:
        """How many rows are to be carried out."""
        return self._foreseen.total()

    def report(self) -> Report:
        """Return what became of all rows, so far."""
        foreseen = Counter({Status.WOULD: self.left - self._done.total()}) if self.goes_on else self._foreseen
        counts = self._settled + self._done + foreseen
        return Report(
            rows=counts.total(),
            made=counts[Status.MADE],
            already=counts[Status.ALREADY],
            would=counts[Status.WOULD],
            refused=counts[Status.REFUSED],
            dry_run=self.dry_run,
            carried_out=self.goes_on,
            errors_file=None if self.errors_file is None else str(self.errors_file),
            refusals=tuple(self._refusals),
            notes=tuple(self._notes),
            noted=self._noted,
        )

    def _name(self, result: RowResult, refused: RefusedRows) -> None:
        named = self._notes
        if result.status == Status.REFUSED:
            named = self._refusals
            refused.add(result)
        elif result.code:
            self._noted += 1
        if result.code and len(named) < NAMED:
            named.append(Named(result.row, result.code, result.message))


def refusal_of(report: Report) -> RowsRefused | None:
    """Return what is to be said where rows were refused; None: none was."""
    if not report.refused:
        return None
    rows = f"{report.refused:,} of {report.rows:,} rows"
    if report.carried_out:
        return RowsRefused(f"{rows} cannot be taken; the others are done.")
    if report.dry_run:
        return RowsRefused(f"{rows} cannot be taken.")
    return RowsRefused(f"{rows} cannot be taken, so nothing was written: mend them, or say --skip-bad.")
