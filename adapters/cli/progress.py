"""How far something long has come, on stderr: a bar on a terminal, else a line now and then."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from adapters.cli.telling import Teller

T = TypeVar("T")

#: Without a terminal, a line is told each time so many rows are done.
EACH: Final = 1000


def shown(rows: Iterable[T], what: str, *, tell: "Teller", total: int | None = None) -> Iterator[T]:
    """Yield the rows, and show how many there were.

    Args:
        rows: what is done, one after the other.
        what: what is done to them: "Checked".
        tell: where to say so.
        total: how many there will be; None: nobody knows.
    """
    return _as_a_bar(rows, what, total) if sys.stderr.isatty() else _as_lines(rows, what, tell, total)


def _as_lines(rows: Iterable[T], what: str, tell: "Teller", total: int | None) -> Iterator[T]:
    of = "" if total is None else f" of {total:,}"
    for count, row in enumerate(rows, start=1):
        yield row
        if count % EACH == 0:
            tell.aside(f"{what} {count:,}{of} rows.")


def _as_a_bar(rows: Iterable[T], what: str, total: int | None) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(rows, total=total, description=what)
