"""Files that somebody names: their bytes, never more than can be meant, or a refusal in words."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from states.errors import BadInput

#: What stands for the standard input.
STDIN: Final = Path("-")
#: The most that is read of any file, in bytes; what it may really hold is said by whoever reads it.
MOST: Final = 4 * 1024 * 1024
#: The most that is kept of what comes through a pipe, in bytes.
MOST_KEPT: Final = 512 * 1024 * 1024
_CHUNK: Final = 1024 * 1024


def file_bytes(path: Path, *, what: str) -> bytes:
    """Return a file's bytes, at most one more than `MOST`.

    Args:
        path: which file; `-` is the standard input.
        what: what it should be, for the error: "sheet".

    Raises:
        BadInput: `file-unreadable`: it is not there, is a folder, or may not be read.
    """
    try:
        if path == STDIN:
            return sys.stdin.buffer.read(MOST + 1)
        with path.open("rb") as file:
            return file.read(MOST + 1)
    except (OSError, ValueError) as exc:
        raise _unreadable(path, exc, what) from None


@contextmanager
def opened(path: Path, *, what: str) -> Iterator[BinaryIO]:
    """Lend a file, however large, that can be read again from its beginning.

    What comes through a pipe is kept for that in a file without a name, which ends with this.

    Args:
        path: which file; `-` is the standard input.
        what: what it should be, for the error: "table".

    Raises:
        BadInput: `file-unreadable`: it is not there, is a folder, or may not be read.
    """
    with ExitStack() as files:
        try:
            file = sys.stdin.buffer if path == STDIN else files.enter_context(path.open("rb"))
            lent = file if path != STDIN and file.seekable() else files.enter_context(_kept(file, what))
        except (OSError, ValueError) as exc:
            raise _unreadable(path, exc, what) from None
        yield lent


def _kept(file: BinaryIO, what: str) -> BinaryIO:
    kept, room = tempfile.TemporaryFile(), MOST_KEPT  # noqa: SIM115 -- the caller closes it
    while chunk := file.read(min(room + 1, _CHUNK)):
        room -= kept.write(chunk)
        if room < 0:
            kept.close()
            msg = f"The {what} has more than {MOST_KEPT // 1024**2} MB: is it the right one?"
            raise FileUnreadable(msg, field=what)
    return kept


def _unreadable(path: Path, exc: OSError | ValueError, what: str) -> "FileUnreadable":
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
    msg = f"The {what} {str(path)!r} cannot be read: {reason}."
    return FileUnreadable(msg, field=what)


class FileUnreadable(BadInput):
    """That file cannot be read."""

    code = "file-unreadable"
