"""EOIs as a table: read once, put aside, then laid out in columns."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from adapters.documents import document
from adapters.outbound.export.columns import ANSWERS, FIXED, Columns, Layout
from adapters.outbound.export.selection import PAGE, Reading
from adapters.outbound.export.spool import Spool


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head, walked through once."""

    layout: Layout
    rows: Spool
    #: Told at every hundredth row how many there are; whatever it raises ends the walk.
    read: Callable[[int], object] = int

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield the values of each row, in the order of the columns: as JSON knows them."""
        for count, row in enumerate(self.rows):
            if count % PAGE == 0:
                self.read(self.rows.count)
            *fixed, answers = row
            yield fixed + self.layout.values(answers)


def table(reading: Reading, rows: Spool) -> Table:
    """Return all that there is to read, as a table.

    Args:
        reading: walked through to its end.
        rows: where to put it aside.
    """
    columns = Columns()
    for eoi in reading.eois():
        row = document(eoi) | {"call": reading.call_of(eoi).reference}
        columns.learn(row[ANSWERS])
        rows.put([*(row[name] for name in FIXED), row[ANSWERS]])
    return Table(columns.layout(), rows, reading.read)
