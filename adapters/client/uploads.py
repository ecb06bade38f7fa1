"""A table on its way to a server, with the register perhaps: read piece by piece, anew for each try."""

import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import BinaryIO, Final

from adapters.jobs.words import CSV, LARGEST_TABLE, REGISTER, TABLE
from states.errors import BadInput

#: How many bytes are read and sent at once.
PIECE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """Some of an open file."""

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


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that is sent in pieces."""

    #: Of which type it is.
    kind: str
    parts: Sequence[bytes | Part] = field(repr=False)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return sum(len(each) if isinstance(each, bytes) else each.size for each in self.parts)

    def pieces(self) -> Iterator[bytes]:
        """Yield it from its beginning, piece by piece."""
        for each in self.parts:
            if isinstance(each, bytes):
                yield each
            else:
                yield from each.pieces()


def upload_of(content: object, *, charset: str, register_bytes: int = 0) -> Upload:
    """Return a table as it is sent; where a register stands behind it, both as files of a form (RFC 7578).

    Args:
        content: bytes, or an open file from where it stands.
        charset: the table's, as HTTP says it.
        register_bytes: how many of the last bytes are the register.

    Raises:
        BadInput: no such content; a register that is longer than all of it; a table that is too large.
    """
    whole, kind = _measured(content), f"{CSV}; charset={charset}"
    table = Part(whole.file, whole.begin, whole.size - register_bytes)
    if table.size < 0:
        msg = "register_bytes is more than there is content."
        raise BadInput(msg, field="register_bytes")
    if table.size > LARGEST_TABLE:
        msg = f"A table has {LARGEST_TABLE:,} bytes at the most: split it."
        raise BadInput(msg, field="content")
    if not register_bytes:
        return Upload(kind, [table])
    return _form(table, kind, Part(whole.file, table.begin + table.size, register_bytes))


def _form(table: Part, kind: str, register: Part) -> Upload:
    boundary = token_hex(16)
    first, second = _head(boundary, TABLE, kind), _head(boundary, REGISTER, CSV)
    parts: list[bytes | Part] = [first, table, b"\r\n" + second, register, f"\r\n--{boundary}--\r\n".encode()]
    return Upload(f"multipart/form-data; boundary={boundary}", parts)


def _head(boundary: str, name: str, kind: str) -> bytes:
    about = f'Content-Disposition: form-data; name="{name}"; filename="{name}.csv"'
    return f"--{boundary}\r\n{about}\r\nContent-Type: {kind}\r\n\r\n".encode()


def _measured(content: object) -> Part:
    """Return all of what is given, once it is sure that it can be read twice."""
    file = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        return _whole(file)  # type: ignore[arg-type] # what is no file is told as that
    except (AttributeError, TypeError, ValueError, io.UnsupportedOperation):
        msg = "content must be bytes, or a file that is open for reading bytes, and can be read twice."
        raise BadInput(msg, field="content") from None


def _whole(file: BinaryIO) -> Part:
    if file.read(0) != b"":
        raise TypeError
    begin = file.tell()
    return Part(file, begin, file.seek(0, os.SEEK_END) - begin)
