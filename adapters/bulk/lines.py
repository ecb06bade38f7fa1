"""Lines of the tables that an import writes: bytes, in which nothing is a formula."""

import csv
import io
from collections.abc import Sequence
from typing import Final

from adapters.bulk.columns import ADDED
from adapters.bulk.results import RowResult
from adapters.outbound.export.cells import neutralised

#: What a table begins with: by it spreadsheets see that it is UTF-8.
MARK: Final = b"\xef\xbb\xbf"


def line(cells: Sequence[str | None], *, delimiter: str = ",") -> bytes:
    """Return one line of a table; None is an empty cell."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerow([neutralised(cell or "") for cell in cells])
    return text.getvalue().encode("utf-8", "replace")


def refused_head(columns: Sequence[str], *, delimiter: str) -> bytes:
    """Return what a table of refused rows begins with.

    Args:
        columns: the first row of the table that they stood in.
        delimiter: what stands between two cells, as there.
    """
    return MARK + line((*ADDED, *columns), delimiter=delimiter)


def refused_line(result: RowResult, *, delimiter: str) -> bytes:
    """Return a row that was refused: why, then the row as it stood."""
    return line((str(result.row), result.code, result.message, *result.cells), delimiter=delimiter)
