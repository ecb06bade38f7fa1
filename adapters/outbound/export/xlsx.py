"""A table as a workbook (XLSX): the one file that knows XlsxWriter, which is an extra.

A text is written as a text, whatever it begins with, and stays one when somebody edits its cell; numbers and
instants are written as what they are.
"""

import tempfile
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from adapters.outbound.export.cells import fitted, in_words, neutralised
from adapters.outbound.export.columns import FIXED
from adapters.outbound.export.table import Table
from states.errors import BadInput

#: How many rows a sheet holds under its head (Excel's limit is 1,048,576 with it).
ROWS: Final = 1_048_575
#: How long a text in a cell may be, in units of UTF-16.
LONGEST: Final = 32_767
#: The greatest whole number that a cell holds exactly: it keeps fifteen digits.
GREATEST: Final = 10**15
#: The width of the columns, in characters.
WIDTH: Final = 22
#: What the head of an instant says besides: cells know no zones.
IN_UTC: Final = " (UTC)"

_DATES: Final = "yyyy-mm-dd hh:mm:ss"
# The places of the columns that hold instants.
_INSTANTS: Final = frozenset(place for place, name in enumerate(FIXED) if name.endswith("_at"))


def write_xlsx(table: Table, to: BinaryIO) -> int:
    """Write a table as a workbook; return how many texts had to be cut.

    Raises:
        BadInput: `too-many-rows`: more than a sheet holds.
    """
    if table.rows.count > ROWS:
        msg = f"A sheet holds {ROWS:,} rows, and these are {table.rows.count:,}: take csv, or export by call."
        raise BadInput(msg, code="too-many-rows", field="format")
    with tempfile.TemporaryDirectory() as folder:
        # Its rows go to a file in the folder, so that memory stays flat; the file can then only grow.
        with Workbook(to, {"constant_memory": True, "tmpdir": folder}) as book:
            sheet = _Sheet(book)
            sheet.head(table.layout.heads)
            for place, row in enumerate(table, 1):
                sheet.row(place, row)
        return sheet.cut


class _Sheet:
    """The sheet, written row by row."""

    def __init__(self, book: Workbook) -> None:
        self._sheet: Worksheet = book.add_worksheet("EOIs")
        self._sheet.set_column(0, 0, WIDTH * 2)
        self._sheet.freeze_panes(1, 0)
        self._bold = book.add_format({"bold": True})
        self._dated = book.add_format({"num_format": _DATES})
        # What a spreadsheet shows for a typed apostrophe: it stays a text when it is edited.
        self._quoted = book.add_format({"quote_prefix": True})
        self.cut = 0

    def head(self, names: list[str]) -> None:
        """Write the head."""
        self._sheet.set_column(1, len(names) - 1, WIDTH)
        self._sheet.autofilter(0, 0, 0, len(names) - 1)
        for column, name in enumerate(names):
            said = name + IN_UTC if column in _INSTANTS else fitted(name)
            self._sheet.write_string(0, column, said, self._bold)

    def row(self, place: int, values: list[Any]) -> None:
        """Write one row; a cell without a value stays empty."""
        for column, value in enumerate(values):
            if value is not None:
                (self._instant if column in _INSTANTS else self._value)(place, column, value)

    def _value(self, row: int, column: int, value: Any) -> None:  # noqa: ANN401 -- JSON's values
        if isinstance(value, bool):
            self._sheet.write_boolean(row, column, value)
        elif isinstance(value, int | float) and abs(value) < GREATEST:
            self._sheet.write_number(row, column, value)
        else:
            self._text(row, column, in_words(value))

    def _text(self, row: int, column: int, text: str) -> None:
        held = fitted(text)
        if not _whole(held):
            held, self.cut = _beginning(held), self.cut + 1
        style = self._quoted if neutralised(held) != held else None
        self._sheet.write_string(row, column, _no_markup(held), style)

    def _instant(self, row: int, column: int, at: str) -> None:
        in_utc = datetime.fromisoformat(at).astimezone(UTC).replace(tzinfo=None)
        self._sheet.write_datetime(row, column, in_utc, self._dated)


def _whole(text: str) -> bool:
    """Whether a cell holds all of a text."""
    return len(text) <= LONGEST // 2 or len(text.encode("utf-16-le")) // 2 <= LONGEST


def _beginning(text: str) -> str:
    """Return as much of a text as a cell holds, and a mark that there was more."""
    return text.encode("utf-16-le")[: (LONGEST - 1) * 2].decode("utf-16-le", errors="ignore") + "…"


def _no_markup(text: str) -> str:
    """Return a text that the library writes as a text: what stands between these two it takes for XML."""
    return f"{text} " if text.startswith("<r>") and text.endswith("</r>") else text
