"""What was read, put aside until all of it is known: in memory while it is little, else in a file.

Such a file has no entry in any folder, so that a process that is killed leaves nothing of it behind.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, Final

#: How many bytes are kept in memory, before a file is made.
IN_MEMORY: Final = 1024 * 1024


class Spool:
    """Holds values that JSON knows, in their order."""

    def __init__(self, file: IO[bytes]) -> None:
        """Keep them in a file that is empty."""
        self._file = file
        #: How many it holds.
        self.count = 0

    def put(self, value: object) -> None:
        """Put one aside."""
        self._file.write(json.dumps(value, separators=(",", ":")).encode() + b"\n")
        self.count += 1

    def __iter__(self) -> Iterator[Any]:
        """Yield all of them, from the first."""
        self._file.seek(0)
        return map(json.loads, self._file)


@contextmanager
def spool() -> Iterator[Spool]:
    """Lend an empty spool; what was put there is gone afterwards."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        yield Spool(file)
