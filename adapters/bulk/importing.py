"""Rows one after the other: each looked at first, then carried out.

Nothing is printed and nothing kept here but which rows speak of one thing. Who stops between two rows, or is
killed, begins again with the same rows: what was carried out is found by its key, and is not done twice.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from adapters.bulk.columns import BadRow, refuse_table
from adapters.bulk.results import Outcome, RowResult, Status, refused, result_of
from adapters.inbound.table_file import Row
from states.errors import BadInput, EoiError, Refused, UnknownTrigger
from workflow import Conflict, NotFound, StaleVersion

#: The most rows of one table: four times as many as there are schools in England.
MOST_ROWS: Final = 100_000
#: What speaks of one row. Everything else (no database, no server, no key) would meet the next row as well.
OF_THE_ROW: Final = (BadInput, Refused, NotFound, Conflict, StaleVersion, UnknownTrigger)

O = TypeVar("O", bound="Order")  # noqa: E741 -- an order


class Order(Protocol):
    """What a row asks for."""

    @property
    def subject(self) -> str:
        """What it is about: two rows about one thing contradict each other, unless they say the same."""

    @property
    def key(self) -> str:
        """Its idempotency key: the same for the same content, wherever in whichever file it stands."""


class Kind(Protocol[O]):
    """What the rows of a table are: new EOIs, or decisions."""

    def begin(self) -> None:
        """Look at what all rows need, before the first.

        Raises:
            EoiError: none of them can be carried out.
        """

    def read(self, row: Row) -> O:
        """Return what a row asks for; nothing is looked up.

        Raises:
            BadInput: it cannot be read.
        """

    def foresee(self, order: O) -> Outcome:
        """Return what would come of it; nothing is changed."""

    def carry_out(self, order: O) -> Outcome:
        """Do it, once."""

    def ends_all(self, error: EoiError) -> bool:
        """Return whether what was said of one row holds for all of them."""


class RowTwice(BadRow):
    """An earlier row speaks of the same, and says something else."""

    code = "row-twice"


@dataclass(frozen=True, slots=True)
class Importer(Generic[O]):
    """Lets the rows of a table come true."""

    kind: Kind[O]

    def check(self, rows: Iterable[Row]) -> Iterator[RowResult]:
        """Yield what would become of each row; nothing is changed.

        Raises:
            BadTable: it cannot be read on, has no rows, or more than `MOST_ROWS`.
            EoiError: none of the rows can be carried out, or nothing can be looked up.
        """
        self.kind.begin()
        seen, count = _Seen(), 0
        for count, row in enumerate(rows, start=1):
            if count > MOST_ROWS:
                refuse_table(f"The table has over {MOST_ROWS:,} rows: give it in parts.")
            yield self._tried(row, lambda row: self._foreseen(row, seen))
        if not count:
            refuse_table("The table has no rows, besides the names of its columns.")

    def carry_out(self, rows: Iterable[Row], *, but: Collection[int] = ()) -> Iterator[RowResult]:
        """Yield what became of each row, as soon as it is done.

        Args:
            rows: the same that were checked.
            but: the numbers of rows to leave alone: those that were refused, or say the same as another.

        Raises:
            EoiError: it holds for all the rows that are left; those before are done.
        """
        self.kind.begin()
        for row in rows:
            if row.number not in but:
                yield self._tried(row, lambda row: self.kind.carry_out(self.kind.read(row)))

    def go_on(self, rows: Iterable[Row], *, after: int) -> Iterator[RowResult]:
        """Yield what became of each row that is left of a table: checked before, and carried out in part.

        Each is looked at once more when its turn comes, and not before: so whoever has little time gets on.

        Args:
            rows: the same that were checked.
            after: the number of the last row that is done.

        Raises:
            EoiError: it holds for all the rows that are left; those before are done.
        """
        self.kind.begin()
        seen = _Seen()
        for row in rows:
            if row.number > after:
                yield self._tried(row, lambda row: self._looked_at_and_done(row, seen))
            else:
                with suppress(*OF_THE_ROW):
                    seen.same(self.kind.read(row), row.number)

    def _looked_at_and_done(self, row: Row, seen: "_Seen") -> Outcome:
        foreseen = self._foreseen(row, seen)
        return foreseen if foreseen.code == SAME_ROW else self.kind.carry_out(self.kind.read(row))

    def _tried(self, row: Row, do: Callable[[Row], Outcome]) -> RowResult:
        try:
            return result_of(row, do(row))
        except OF_THE_ROW as error:
            if self.kind.ends_all(error):
                raise
            return refused(row, error)

    def _foreseen(self, row: Row, seen: "_Seen") -> Outcome:
        order = self.kind.read(row)
        same = seen.same(order, row.number)
        if same is not None:
            return Outcome(Status.ALREADY, code=SAME_ROW, message=f"It says the same as row {same}.")
        return self.kind.foresee(order)


#: The code of a row that says the same as an earlier one.
SAME_ROW: Final = "same-row"


class _Seen:
    """Which row spoke of what: a few bytes of each."""

    def __init__(self) -> None:
        self._rows: dict[int, tuple[int, int]] = {}

    def same(self, order: Order, row: int) -> int | None:
        """Return the number of the earlier row that says the same; None: none speaks of it.

        Raises:
            RowTwice: an earlier one speaks of it, and says something else.
        """
        first, key = self._rows.setdefault(hash(order.subject), (row, hash(order.key)))
        if first == row:
            return None
        if key != hash(order.key):
            msg = f"Row {first} speaks of the same, and says something else: which one counts?"
            raise RowTwice(msg)
        return first
