"""Files that are there whole or not at all: written beside their place, and put there when they are done."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, Never

from states.errors import BadInput

_A_DATABASE: Final = b"SQLite format 3\x00"


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Lend what will be that file, once the block ends well; if it does not, what was there stays as it was.

    Only its owner may read it: it may hold personal data. While it is written it is called `.NAME.….part`, in
    the same folder; only a process that is killed leaves that behind. A device or a pipe is written to as it
    is.

    Raises:
        BadInput: `file-unwritable`: a folder, or in none; in one that may not be written to; a database;
            there is no room. Nothing is there then.
    """
    if "\0" in str(path):
        _refuse(path, "its name holds a NUL character")
    path = Path(os.path.realpath(path))
    try:
        with _beside(path) if _is_plain(path) else path.open("wb") as file:
            yield file
    except OSError as exc:
        if isinstance(exc, BrokenPipeError):
            raise
        _refuse(path, exc.strerror or str(exc))


@contextmanager
def _beside(path: Path) -> Iterator[BinaryIO]:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.", suffix=".part")
    try:
        with open(handle, "wb") as file:  # noqa: PTH123 -- it is open already
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)  # noqa: PTH105 -- a name, not a path
    except BaseException:
        with suppress(OSError):
            os.unlink(name)  # noqa: PTH108 -- as above
        raise


def _is_plain(path: Path) -> bool:
    """Return whether a file can be put there in the place of what there is; a database never is replaced."""
    if not path.exists():
        return True
    if path.is_file():
        with path.open("rb") as file:
            if file.read(len(_A_DATABASE)) == _A_DATABASE:
                _refuse(path, "it is a database")
    return path.is_file()


def _refuse(path: Path, why: str) -> Never:
    msg = f"The file {str(path)!r} cannot be written: {why}."
    raise BadInput(msg, code="file-unwritable", field="out") from None
