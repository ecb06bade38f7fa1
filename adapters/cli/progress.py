"""How far something long has come, on stderr: a bar on a terminal, else a line now and then."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

    from adapters.cli.telling import Teller
    from workflow import JobView

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
    with _bar() as bar:
        yield from bar.track(rows, total=total, description=what)


@contextmanager
def counted(what: str, *, tell: "Teller", quiet: bool) -> Iterator[Callable[[int], object]]:
    """Lend what is told now and then how many there are by now, of who knows how many, and shows it.

    Args:
        what: what is done to them: "Read".
        tell: where to say so.
        quiet: whether nothing is to be shown: something else stands there.
    """
    if quiet:
        yield int
    elif sys.stderr.isatty():
        with _bar() as bar:
            task = bar.add_task(what, total=None)
            yield lambda count: bar.update(task, completed=count)
    else:
        yield _Lines(what, tell).reached


class _Lines:
    """Tells a line for each thousand."""

    def __init__(self, what: str, tell: "Teller") -> None:
        self._what, self._tell, self._told = what, tell, 0

    def reached(self, count: int) -> None:
        if count // EACH > self._told:
            self._told = count // EACH
            self._tell.aside(f"{self._what} {count:,} EOIs.")


@contextmanager
def followed(*, tell: "Teller") -> Iterator[Callable[["JobView"], object]]:
    """Lend what is told how far a job is, and shows it."""
    if not sys.stderr.isatty():
        yield _JobLines(tell).reached
        return
    with _bar() as bar:
        task = bar.add_task("", total=None)
        yield lambda job: bar.update(task, description=job.state, completed=job.done, total=job.total)


class _JobLines:
    """Tells a line whenever a job stands otherwise, and for each thousand that are done."""

    def __init__(self, tell: "Teller") -> None:
        self._tell, self._told = tell, ("", 0)

    def reached(self, job: "JobView") -> None:
        now = job.state, job.done // EACH
        if now != self._told and job.finished_at is None:
            of = "" if job.total is None else f": {job.done:,} of {job.total:,} done"
            self._tell.aside(f"The job is {job.state}{of}.")
        self._told = now


def _bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    return Progress(*columns, console=Console(stderr=True), transient=True)
