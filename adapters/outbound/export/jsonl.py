"""EOIs as JSON lines (https://jsonlines.org): each whole, as `--json` has it, on a line of its own."""

from typing import BinaryIO

from adapters.documents import to_json
from adapters.outbound.export.selection import Reading


def write_jsonl(reading: Reading, to: BinaryIO) -> int:
    """Write EOIs while they are read; return how many."""
    count = 0
    for count, eoi in enumerate(reading.eois(), 1):  # noqa: B007 -- how many there were
        to.write(to_json(eoi, one_line=True).encode() + b"\n")
    return count
