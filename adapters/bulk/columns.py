"""What stands under which name in a row, however its table spells and orders the names."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final, Never

from adapters.inbound.table_file import BadTable, Row
from adapters.outbound.export.cells import restored
from adapters.outbound.export.columns import FIXED
from states.errors import BadInput

#: The columns that are added to rows that could not be taken.
ADDED: Final = ("error.row", "error.code", "error.message")
#: By these columns a table is known as one that was exported; what it has besides says nothing to an import.
EXPORTED: Final = frozenset({"id", "call_id", "digest"})

#: How many columns a sentence names at the most.
NAMED: Final = 5

_GAPS: Final = re.compile(r"[\s_-]+")


class BadRow(BadInput):
    """A row that cannot be taken as it stands."""

    code = "bad-row"


class Columns:
    """The columns of a table: those that are known by their names, and the rest."""

    def __init__(
        self, names: Sequence[str], known: Mapping[str, str], *, ignored: Collection[str] = ()
    ) -> None:
        """Find each column's place.

        Args:
            names: the table's first row.
            known: each spelling, in small letters and with underscores -> the name that it stands for.
            ignored: names of columns that are passed over.

        Raises:
            BadTable: two columns of one name; one to be ignored that is not there.
        """
        self._width = len(names)
        exported = set(names) >= EXPORTED
        self._ours = exported or set(names) >= set(ADDED)
        passed_over = {_folded(name) for name in ignored}
        if absent := passed_over - {_folded(name) for name in names}:
            refuse_table(f"There is no column {min(absent)!r} to ignore.")
        self._places, self._nameless = dict[str, int](), set[int]()
        #: The columns that are not known, in their order: name -> place.
        self.rest: dict[str, int] = {}
        for place, name in enumerate(map(restored, names) if self._ours else names):
            if not name:
                self._nameless.add(place)
            elif name not in ADDED and _folded(name) not in passed_over:
                word = known.get(_folded(name))
                if word is not None or not exported or name not in FIXED:
                    self._place(unicodedata.normalize("NFC", name), place, word)

    def _place(self, name: str, place: int, word: str | None) -> None:
        where = self.rest if word is None else self._places
        if (word or name) in where:
            refuse_table(f"Two columns of the table are named {word or name!r}: which one counts?")
        where[word or name] = place

    def __contains__(self, name: str) -> bool:
        """Return whether there is a column that is known by that name."""
        return name in self._places

    def require(self, *names: str) -> None:
        """Pass only where one of these columns is there.

        Raises:
            BadTable: none is.
        """
        if not any(name in self for name in names):
            refuse_table(
                f"The first row must name the columns, and there is none named {' or '.join(names)}."
            )

    def text(self, row: Row, name: str) -> str:
        """Return what stands in a column that is known by its name; empty where nothing does."""
        place = self._places.get(name)
        return "" if place is None else self.at(row, place)

    def at(self, row: Row, place: int) -> str:
        """Return what stands at a place, without white space around it.

        Where the table is one of ours, without the marks that keep a spreadsheet from running it.
        """
        cell = row.cells[place] if place < len(row.cells) else ""
        return (restored(cell) if self._ours else cell).strip()

    def check(self, row: Row) -> None:
        """Pass only a row that has no cell without a column.

        Raises:
            BadRow: it has one.
        """
        if any(cell.strip() for cell in row.cells[self._width :]):
            refuse_row(f"It has {len(row.cells)} cells, and the first row names {self._width} columns.")
        if any(cell.strip() for place, cell in enumerate(row.cells) if place in self._nameless):
            refuse_row("It has a cell in a column without a name.")


def in_words(names: Collection[str]) -> str:
    """Return names of columns for a sentence: the first few, since a table may have very many."""
    more = len(names) - NAMED
    return ", ".join(map(repr, islice(names, NAMED))) + (f" and {more:,} more" if more > 0 else "")


def refuse_table(message: str) -> Never:
    """Refuse the whole table."""
    raise BadTable(message, field="table")


def refuse_row(message: str, *, field: str | None = None) -> Never:
    """Refuse one row."""
    raise BadRow(message, field=field)


def _folded(name: str) -> str:
    return _GAPS.sub("_", unicodedata.normalize("NFC", name).strip().casefold())
