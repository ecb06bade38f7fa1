"""The command that writes EOIs to a file, or to whoever reads the standard output."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapters.cli.door import Door
from adapters.cli.entering import command, ending_well
from adapters.cli.options import InState, OfApplicant, OfCall
from adapters.cli.telling import stdout_bytes, warnings, while_it_is_read

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adapters.outbound.export import Awards, Exported, Format, Selection

#: What stands for the standard output.
STDOUT: Final = Path("-")

_AWARDS: Final = "For 360giving: "


def enter(app: typer.Typer) -> None:
    """Enter the command."""
    command(
        app,
        "export",
        examples="""
        eoi export --call 46/23 --out eois.xlsx
        eoi export --call 46/23 --state submitted > submitted.csv
        eoi export --call 46/23 --out awards.json --prefix 360G-norfolk --funder-id GB-LAE-NFK
            --funder-name "Norfolk County Council" --amount-field answers.amount
        """,
    )(export)


def export(
    door: Door,
    *,
    call: OfCall = None,
    state: InState = None,
    applicant: OfApplicant = None,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="FORMAT", help="csv, jsonl, xlsx, 360giving.  [as FILE ends, else csv]"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to; - is the standard output.  [-]")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option("--prefix", metavar="360G-…", help=f"{_AWARDS}the publisher's own.")
    ] = None,
    funder_id: Annotated[
        str | None, typer.Option("--funder-id", metavar="ID", help=f"{_AWARDS}who gives: GB-LAE-NFK.")
    ] = None,
    funder_name: Annotated[
        str | None, typer.Option("--funder-name", metavar="TEXT", help=f"{_AWARDS}its name.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="CODE", help=f"{_AWARDS}of ISO 4217.  [GBP]")
    ] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", metavar="NUMBER", help=f"{_AWARDS}what each is awarded.")
    ] = None,
    amount_field: Annotated[
        str | None,
        typer.Option("--amount-field", metavar="ANSWER", help=f"{_AWARDS}which answer says so: answers.x."),
    ] = None,
    description_field: Annotated[
        str | None,
        typer.Option("--description-field", metavar="ANSWER", help=f"{_AWARDS}which says what it is for."),
    ] = None,
) -> None:
    """Write EOIs to a file, with their answers: all that whoever asks may read.

    A table has a column for each field, and for each answer: `answers.NAME`. Formulas are harmless in it.
    360giving makes awards of those that are approved. A file is there whole or not at all. With --json the
    summary is told as JSON: on stdout where there is a file, else on stderr, as are errors then.
    """
    from adapters.outbound.export import Selection
    from adapters.outbound.export.formats import format_of

    path = None if out == STDOUT else out
    with ending_well(door, streams=path is None):
        form = format_of(format_, path)
        given = {
            "prefix": prefix,
            "funder_id": funder_id,
            "funder_name": funder_name,
            "currency": currency,
            "amount": amount,
            "amount_field": amount_field,
            "description_field": description_field,
        }
        _refuse_workbook_on_terminal(form, out)
        awards = _awards(form, {name: value for name, value in given.items() if value is not None})
        _write(door, path, form, Selection(call=call, state=state, applicant=applicant), awards)


def _write(
    door: Door, path: Path | None, form: "Format", selection: "Selection", awards: "Awards | None"
) -> None:
    from adapters.cli.progress import counted
    from adapters.outbound.export import export as written
    from adapters.outbound.whole_file import whole_file

    # Beside what is told on a terminal, or in JSON, a count would be in the way.
    quiet = path is None and (door.json or sys.stdout.isatty())
    with door.engine() as engine, while_it_is_read():
        to_file = stdout_bytes() if path is None else whole_file(path)
        with to_file as to, counted("Read", tell=door.tell, quiet=quiet) as read:
            done = written(
                engine,
                to,
                actor=door.reader(),
                format=form,
                selection=selection,
                awards=awards,
                read=read,
            )
        if path is None:
            door.tell.beside(done, _told(done, "the standard output"))
        else:
            door.tell.answer(done, _told(done, str(path)))


def _told(done: "Exported", where: str) -> "Iterator[RenderableType]":
    eois = "1 EOI is" if done.eois == 1 else f"{done.eois:,} EOIs are"
    yield f"{eois} in {where}, as {done.format}."
    if done.cut:
        texts = "1 text was" if done.cut == 1 else f"{done.cut:,} texts were"
        ends = "ends" if done.cut == 1 else "end"
        yield from warnings([f"{texts} too long for a cell, and {ends} in …; jsonl has all of it."])


def _refuse_workbook_on_terminal(form: "Format", out: Path | None) -> None:
    if form == "xlsx" and (out is None or (out == STDOUT and sys.stdout.isatty())):
        msg = "A workbook goes into a file: --out FILE.xlsx."
        raise typer.BadParameter(msg)


def _awards(form: "Format", given: dict[str, str]) -> "Awards | None":
    """Return what makes awards, where that is asked for."""
    from adapters.outbound.export import Awards

    if form != "360giving":
        if given:
            msg = f"{_options(given)}: for --format 360giving alone, and this is {form}."
            raise typer.BadParameter(msg)
        return None
    missing = [name for name in ("prefix", "funder_id", "funder_name") if name not in given]
    if missing:
        msg = f"Awards need to say who gives: {_options(missing)}."
        raise typer.BadParameter(msg)
    return Awards(**given)


def _options(names: Iterable[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)
