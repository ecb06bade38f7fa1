"""What is said of a table that was imported: how many rows ended how, and which somebody should see."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from adapters.cli.telling import warnings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adapters.bulk.report import Named, Report


def rows_told(report: "Report") -> "Iterator[RenderableType]":
    """Yield the counts, then the rows that somebody should look at."""
    counts = {
        "made": report.made,
        "need nothing": report.already,
        "would be made" if report.dry_run else "not carried out": report.would,
        "refused": report.refused,
    }
    said = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
    yield f"{report.rows:,} {'row' if report.rows == 1 else 'rows'}: {said}."
    for named, number in ((report.refusals, report.refused), (report.notes, report.noted)):
        yield from warnings(_alike(named))
        if number > len(named):
            yield f"… and {number - len(named):,} more."
    if report.errors_file:
        then = ": mend them there, and import that file" if report.carried_out else ", with why"
        yield f"The refused rows are in {report.errors_file}{then}."


def _alike(named: "Sequence[Named]") -> Iterator[str]:
    """Yield what is said of rows, once for all that it is said of: a slip is often in every row."""
    rows: dict[tuple[str | None, str | None], list[int]] = {}
    for each in named:
        rows.setdefault((each.message, each.code), []).append(each.row)
    for (message, code), numbers in rows.items():
        word = "Row" if len(numbers) == 1 else "Rows"
        yield f"{word} {', '.join(map(str, numbers))}: {message} [{code}]"
