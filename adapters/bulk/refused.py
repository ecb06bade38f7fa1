"""The rows that could not be taken, as a table: each as it stood, with why, to be mended and given again.

Personal data, so that nobody else may read the file; and what a spreadsheet would run is made harmless.
"""

import shutil
import tempfile
from collections.abc import Sequence
from errno import EISDIR
from pathlib import Path
from typing import Self

from adapters.bulk.lines import refused_head, refused_line
from adapters.bulk.results import RowResult
from adapters.outbound.whole_file import whole_file
from states.errors import BadInput


class RefusedRows:
    """A file of refused rows, put in its place whole; without any row, not at all.

    Until then it has no name, so that nothing is left of it where the program is killed.
    """

    def __init__(self, path: Path, columns: Sequence[str], *, delimiter: str) -> None:
        """Begin the file.

        Args:
            path: where it will be; what is there is replaced.
            columns: the table's first row.
            delimiter: what stands between two cells, as in the table.

        Raises:
            BadInput: `file-unwritable`: nothing can be written there.
        """
        self._path, self._count, self._delimiter = path, 0, delimiter
        if path.is_dir():
            raise _unwritable(path, IsADirectoryError(EISDIR, "it is a folder"))
        try:
            self._file = tempfile.TemporaryFile(dir=path.absolute().parent)  # noqa: SIM115 -- see `__exit__`
        except OSError as exc:
            raise _unwritable(path, exc) from None
        self._write(refused_head(columns, delimiter=delimiter))

    def add(self, result: RowResult) -> None:
        """Add a row that was refused.

        Raises:
            BadInput: `file-unwritable`: the disk is full, or the like.
        """
        self._count += 1
        self._write(refused_line(result, delimiter=self._delimiter))

    def finish(self) -> Path | None:
        """Put the file in its place; return where it is, None where no row was refused.

        Raises:
            BadInput: `file-unwritable`: it cannot be put there.
        """
        if not self._count:
            return None
        with whole_file(self._path) as to:
            self._file.seek(0)
            shutil.copyfileobj(self._file, to)
        return self._path

    def __enter__(self) -> Self:
        """Use it in a `with`, which leaves nothing unfinished behind."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave nothing behind but what was put in its place."""
        self._file.close()

    def _write(self, content: bytes) -> None:
        try:
            self._file.write(content)
        except OSError as exc:
            raise _unwritable(self._path, exc) from None


def _unwritable(path: Path, exc: OSError) -> BadInput:
    msg = f"The file of refused rows {str(path)!r} cannot be written: {exc.strerror or exc}."
    return BadInput(msg, code="file-unwritable", field="errors")
