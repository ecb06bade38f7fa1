"""What became of a row."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.inbound.table_file import Row

if TYPE_CHECKING:
    from states.errors import EoiError


class Status(StrEnum):
    """How it stands with a row."""

    #: It was carried out, now.
    MADE = "made"
    #: It was carried out before, or says the same as an earlier row.
    ALREADY = "already"
    #: It could be carried out; nothing was changed.
    WOULD = "would"
    #: It was not carried out, and cannot be as it stands.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one order."""

    status: Status
    #: The EOI's id, where there is one.
    eoi: str | None = None
    #: The word for what somebody should know: why it was refused; of what was not, such as `school-closed`.
    code: str | None = None
    #: The same in a sentence.
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowResult:
    """What became of one row of a table."""

    #: As a spreadsheet counts: in row 1 stand the names of the columns.
    row: int
    status: Status
    eoi: str | None = None
    code: str | None = None
    message: str | None = None
    #: The row as it stood there: personal data.
    cells: tuple[str, ...] = field(default=(), repr=False)


def result_of(row: Row, outcome: Outcome) -> RowResult:
    """Return what became of a row, of which that came."""
    return RowResult(
        row=row.number,
        status=outcome.status,
        eoi=outcome.eoi,
        code=outcome.code,
        message=outcome.message,
        cells=row.cells,
    )


def refused(row: Row, error: "EoiError") -> RowResult:
    """Return that a row was refused."""
    return result_of(row, Outcome(Status.REFUSED, None, error.code, error.message))
