"""The one way out: what is asked for is read, put into its form, and written to whatever takes bytes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from adapters.outbound.export.csv_file import write_csv
from adapters.outbound.export.formats import Format
from adapters.outbound.export.giving import AWARDED, Awards, put_awards, write_awards
from adapters.outbound.export.jsonl import write_jsonl
from adapters.outbound.export.selection import Reading, Selection, Source
from adapters.outbound.export.spool import spool
from adapters.outbound.export.table import Table, table
from states.errors import BadInput
from states.facts import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written."""

    format: Format
    #: How many EOIs.
    eois: int
    #: How many columns; None where there are none.
    columns: int | None = None
    #: How many texts a cell of a workbook could not hold whole.
    cut: int = 0


def export(
    source: Source,
    to: BinaryIO,
    *,
    actor: Actor | None,
    format: Format = Format.CSV,  # noqa: A002 -- the word that everybody uses for it
    selection: Selection | None = None,
    awards: Awards | None = None,
    read: Callable[[int], object] = int,
) -> Exported:
    """Write all EOIs that there are to read, the oldest first; nothing is changed.

    Each EOI is there once, as one version of it that was committed: its `version` and `digest` say which. All
    that were there when it began, and are still of the selection when their page is read, are in it. What
    others begin or move meanwhile may be there or not: no single instant holds for all of it.

    Memory stays flat: what must be known before the first row is written is put aside in a file without a
    name. Only JSON lines are written while they are read; of the others nothing is before all is read.

    Args:
        source: an engine, or what has its face.
        to: takes bytes; it need not be able to seek, and is not closed.
        actor: who reads; None, who sees all, is the host's own code.
        format: what to write.
        selection: which EOIs; None: all that the actor may see. Awards are made of approved ones alone.
        awards: what makes awards of them; for `360giving`, and for that alone.
        read: told after each page how many have been read, and again while a table of them is laid out;
            whatever it raises ends the export.

    Raises:
        NotFound: no such call.
        BadInput: no such state; awards where there are none, or none where there are; `nothing-awarded`,
            `award-incomplete`, `too-many-rows`; `extra-missing`: what writes workbooks is not installed.
        Refused: the actor has no role.
    """
    reading = Reading(source, actor, selection or Selection(), read)
    if (awards is not None) != (format is Format.GIVING):
        msg = "Awards are made for 360giving, and for nothing else; and that is made of nothing but awards."
        raise BadInput(msg, field="awards")
    if awards is not None:
        return _export_awards(reading, awards, to)
    if format is Format.JSONL:
        return Exported(format=format, eois=write_jsonl(reading, to))
    return _export_table(reading, format, to)


def _export_awards(reading: Reading, awards: Awards, to: BinaryIO) -> Exported:
    chosen = reading.selection
    if chosen.state not in (None, AWARDED):
        msg = f"Awards are made of EOIs that are {AWARDED}, not {chosen.state}."
        raise BadInput(msg, field="state")
    with spool() as grants:
        put_awards(replace(reading, selection=replace(chosen, state=AWARDED)), awards, grants)
        write_awards(grants, to)
        return Exported(format=Format.GIVING, eois=grants.count)


def _export_table(reading: Reading, form: Format, to: BinaryIO) -> Exported:
    write = _writer(form)
    with spool() as rows:
        found = table(reading, rows)
        cut = write(found, to)
        return Exported(format=form, eois=rows.count, columns=len(found.layout.heads), cut=cut)


def _writer(form: Format) -> Callable[[Table, BinaryIO], int]:
    """Return what writes a table, before anything is read."""
    if form is Format.CSV:
        return write_csv
    try:
        from adapters.outbound.export.xlsx import write_xlsx  # noqa: PLC0415 -- its library is an extra
    except ModuleNotFoundError as exc:
        if exc.name != "xlsxwriter":
            raise
        msg = "To write workbooks, install what does: pip install 'eoi-workflow[xlsx]'."
        raise BadInput(msg, code="extra-missing", field="format") from None
    return write_xlsx
