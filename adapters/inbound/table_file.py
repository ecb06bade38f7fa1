"""A table as spreadsheets and other programs save it: CSV, read row by row and never whole.

Knows what a row and a cell is; what the columns mean, whoever reads it knows. What stands in a table may be
personal, so that no message shows any of it.
"""

import csv
import io
import re
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import IO, Final, Never

from adapters.inbound.documents import seems
from states.errors import BadInput

#: What may stand between two cells; which one does, the first row shows.
DELIMITERS: Final = (",", ";", "\t", "|")
#: What a caller may say -> Python's name of it.
ENCODINGS: Final = {"utf-8": "utf-8-sig", "cp1252": "cp1252"}
#: The most characters of a row; of a single cell `csv` takes 131,072.
LONGEST_ROW: Final = 1024 * 1024
#: How much of the file is looked at for what it seems to be, in bytes.
HEAD: Final = 64 * 1024

_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_SPACE: Final = re.compile(r"\s+")
#: The line before the first row by which Excel is told what stands between two cells; perhaps in quotes.
_SEP: Final = re.compile(r'("?)sep=(?P<sign>[^\r\n]*?)\1(\r|\n|\Z)', re.IGNORECASE)


class BadTable(BadInput):
    """The file is no table that can be read."""

    code = "bad-table"


@dataclass(frozen=True, slots=True)
class Row:
    """A row in which anything stands."""

    #: As a spreadsheet counts: in row 1 stand the names of the columns.
    number: int
    #: As they stand there; there may be fewer or more than columns.
    cells: tuple[str, ...] = field(repr=False)


class TableFile:
    """A table in a file that can be read from its beginning again."""

    def __init__(self, file: IO[bytes], *, encoding: str = "utf-8", delimiter: str | None = None) -> None:
        """Read the first row.

        Args:
            file: the file, seekable; it stays open, and stays the caller's.
            encoding: `utf-8` (with or without a byte order mark) or `cp1252`.
            delimiter: what stands between two cells; None: what the table says (`sep=;`), else its first row.

        Raises:
            BadTable: it is empty, in another encoding, no text, no CSV, has no first row, or says that
                something else stands between two cells than what can.
            BadInput: no such encoding or delimiter.
        """
        self._file = file
        self._encoding, self._codec = encoding, _known_encoding(encoding)
        head = _head(file).decode(self._codec, "replace")
        said = _SEP.match(head)
        self._says_delimiter = said is not None
        #: What stands between two cells.
        self.delimiter = _known_delimiter(delimiter) or (_said(said["sign"]) if said else _delimiter_of(head))
        #: The columns' names, each in one line; empty for a column without one.
        self.columns = self._columns()

    def rows(self) -> Iterator[Row]:
        """Yield each row after the first, from the beginning; blank ones are passed over.

        Raises:
            BadTable: what comes next is in another encoding, or no CSV.
        """
        records = self._records()
        next(records)
        for row in records:
            if any(cell.strip() for cell in row.cells):
                yield row

    def _columns(self) -> tuple[str, ...]:
        with closing(self._records()) as records:
            first = next(records, Row(1, ()))
        names = [_SPACE.sub(" ", cell).strip() for cell in first.cells]
        while names and not names[-1]:
            names.pop()
        if not names:
            _refuse("The first row of the table must name its columns, and it is blank.")
        return tuple(names)

    def _records(self) -> Generator[Row]:
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, self._codec, errors="surrogateescape", newline="")
        try:
            if self._says_delimiter:
                text.readline()  # no row: no spreadsheet shows or counts it
            yield from self._parsed(_Lines(text, self._encoding))
        finally:
            with suppress(ValueError):  # whoever lent the file has closed it
                text.detach()

    def _parsed(self, lines: "_Lines") -> Iterator[Row]:
        try:
            for cells in csv.reader(lines, delimiter=self.delimiter, strict=True):
                yield Row(lines.row, tuple(cells))
                lines.begin_row()
        except csv.Error as exc:
            _refuse(
                f"Row {lines.row} of the table is no CSV ({exc}): is a quotation mark left open there? Save "
                "the table anew from the spreadsheet."
            )


class _Lines:
    """The lines of a table, as `csv` asks for them; a row may go over several."""

    def __init__(self, text: io.TextIOWrapper, encoding: str) -> None:
        self._text, self._encoding = text, encoding
        self.row, self._room = 1, LONGEST_ROW

    def begin_row(self) -> None:
        """Count the next row."""
        self.row += 1
        self._room = LONGEST_ROW

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(self._room + 1)
        if not line:
            raise StopIteration
        self._room -= len(line)
        if self._room < 0:
            _refuse(f"Row {self.row} of the table has over {LONGEST_ROW:,} characters: is it the right file?")
        if not line.isascii():
            self._refuse_other_encoding(line)
        return line

    def _refuse_other_encoding(self, line: str) -> None:
        try:
            line.encode()
        except UnicodeEncodeError:
            other = "cp1252" if self._encoding == "utf-8" else "utf-8"
            _refuse(
                f"Row {self.row} of the table is not in {self._encoding.upper()}: save it in the spreadsheet "
                f"as “CSV UTF-8”, or say that it is in another encoding ({other})."
            )


def _head(file: IO[bytes]) -> bytes:
    file.seek(0)
    head = file.read(HEAD)
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        _refuse("The table is empty.")
    kind = "UTF-16 text" if head.startswith(_UTF16) else seems(head)
    if kind:
        _refuse(f"The table is no CSV; it seems to be {kind}. Save it in the spreadsheet as “CSV UTF-8”.")
    return head


def _delimiter_of(head: str) -> str:
    """Return what splits the first row into the most cells."""

    def cells(delimiter: str) -> int:
        try:
            return len(next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), ()))
        except csv.Error:
            return 0

    return max(DELIMITERS, key=cells)


def _said(sign: str) -> str:
    """Return what a table says to stand between its cells."""
    if sign not in DELIMITERS:
        _refuse(
            "The table begins with sep=, and does not say there what can stand between two cells here: a "
            "comma, a semicolon, a tab or a vertical bar."
        )
    return sign


def _known_encoding(encoding: str) -> str:
    codec = ENCODINGS.get(encoding.lower())
    if codec is None:
        msg = f"The encoding must be {' or '.join(ENCODINGS)}."
        raise BadInput(msg, field="encoding")
    return codec


def _known_delimiter(delimiter: str | None) -> str | None:
    if delimiter is not None and delimiter not in DELIMITERS:
        msg = "Between two cells may stand a comma, a semicolon, a tab, or a vertical bar."
        raise BadInput(msg, field="delimiter")
    return delimiter


def _refuse(message: str) -> Never:
    raise BadTable(message, field="table")
