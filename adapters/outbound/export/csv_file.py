"""A table as CSV (RFC 4180): UTF-8 with a byte order mark, by which Excel knows it; each cell in quotes."""

import csv
from io import TextIOWrapper
from typing import Any, BinaryIO

from adapters.outbound.export.cells import fitted, in_words, neutralised
from adapters.outbound.export.table import Table


def write_csv(table: Table, to: BinaryIO) -> int:
    """Write a table as CSV; return how many texts had to be cut, which is none."""
    text = TextIOWrapper(to, encoding="utf-8-sig", newline="")
    try:
        rows = csv.writer(text, quoting=csv.QUOTE_ALL)
        rows.writerow([_cell(head) for head in table.layout.heads])
        rows.writerows([_cell(value) for value in row] for row in table)
        text.flush()
    finally:
        text.detach()
    return 0


def _cell(value: Any) -> str:  # noqa: ANN401 -- JSON's values
    """Return one value as it stands in a cell; a number is one, so that nothing in it can be a formula."""
    words = in_words(value)
    return words if isinstance(value, int | float) else neutralised(fitted(words))
