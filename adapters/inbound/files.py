"""Files that somebody names: their bytes, never more than can be meant, or a refusal in words."""

import sys
from pathlib import Path
from typing import Final

from states.errors import BadInput

#: What stands for the standard input.
STDIN: Final = Path("-")
#: The most that is read of any file, in bytes; what it may really hold is said by whoever reads it.
MOST: Final = 4 * 1024 * 1024


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
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        msg = f"The {what} {str(path)!r} cannot be read: {reason}."
        raise FileUnreadable(msg, field=what) from None


class FileUnreadable(BadInput):
    """That file cannot be read."""

    code = "file-unreadable"
