"""A file on its way to a server: read piece by piece, from its beginning for each try."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from states.errors import BadInput
from workflow.jobs import LARGEST_INPUT

#: How many bytes are read and sent at once.
PIECE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Upload:
    """A file, or what is left of it."""

    file: BinaryIO
    #: Where in it to begin.
    begin: int
    #: How many bytes there are from there on.
    size: int

    def pieces(self) -> Iterator[bytes]:
        """Yield it, piece by piece.

        Raises:
            BadInput: there is less of it now.
        """
        self.file.seek(self.begin)
        left = self.size
        while left:
            piece = self.file.read(min(PIECE, left))
            if not piece:
                msg = "The file became shorter while it was sent: send it again when it is written."
                raise BadInput(msg, field="content")
            left -= len(piece)
            yield piece


def upload_of(content: object) -> Upload:
    """Return what is to be sent: bytes, or an open file from where it stands.

    Raises:
        BadInput: neither, or more than a job is given.
    """
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        upload = _measured(file)  # type: ignore[arg-type] # what is no file is told as that
    except (AttributeError, TypeError, ValueError, io.UnsupportedOperation):
        msg = "content must be bytes, or a file that is open for reading bytes, and can be read twice."
        raise BadInput(msg, field="content") from None
    if upload.size > LARGEST_INPUT:
        msg = f"content may have {LARGEST_INPUT:,} bytes at the most: split the table."
        raise BadInput(msg, field="content")
    return upload


def _measured(file: BinaryIO) -> Upload:
    if file.read(0) != b"":
        raise TypeError
    begin = file.tell()
    return Upload(file, begin, file.seek(0, os.SEEK_END) - begin)
