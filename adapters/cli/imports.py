"""The command that lets a table come true: many EOIs, or decisions about them."""

import re
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from adapters.cli.door import Door
from adapters.cli.entering import FAILED, command
from adapters.cli.hints import hint_for
from adapters.cli.rows_told import rows_told
from adapters.documents import document, problem

if TYPE_CHECKING:
    from adapters.bulk.importing import Importer
    from adapters.bulk.refused import RefusedRows
    from adapters.bulk.report import Report, Tally
    from adapters.face import Face
    from adapters.inbound.school_register import SchoolRegister
    from adapters.inbound.table_file import TableFile
    from states.errors import EoiError

#: How the name of a delimiter is said where the sign itself is hard to type.
SIGNS: Final = {"tab": "\t", r"\t": "\t"}

#: What a file of refused rows is called after its table: those of such a file are not called so twice.
_OF_ERRORS: Final = re.compile(r"\.errors(-\d+)?$")

File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A table as CSV, its first row the columns' names; - is stdin.")
]
Call = Annotated[
    str | None,
    typer.Option("--call", metavar="CALL", help="The call that all rows are for: its reference or its id."),
]
AreDecisions = Annotated[
    bool, typer.Option("--decisions", help="Each row is a move of an EOI: approve, decline, review…")
]
Submit = Annotated[bool, typer.Option("--submit", help="Hand each EOI in as well.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of it; change nothing.")]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Carry out the rows that can be, though others are refused.")
]
Errors = Annotated[
    Path | None,
    typer.Option(
        "--errors",
        metavar="FILE",
        help="Where the refused rows go, with why; what is there is replaced.  [beside FILE, a new one]",
    ),
]
Register = Annotated[
    Path | None,
    typer.Option(
        "--register",
        metavar="FILE",
        help="GIAS's CSV of all schools: URNs are checked against it, and missing names taken from it.",
    ),
]
Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="COLUMN", help="Pass over a column; may be repeated."),
]
AsJson = Annotated[
    list[str] | None,
    typer.Option(
        "--as-json",
        metavar="COLUMN",
        help="An answer whose cells are JSON: 18, true, [1, 2]; may be repeated.  [all are texts]",
    ),
]
Encoding = Annotated[
    str, typer.Option("--encoding", metavar="NAME", help="utf-8, or cp1252 (Windows, Western Europe).")
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter",
        metavar="SIGN",
        help="Between two cells: , or ; or tab or |.  [as the first row has it]",
    ),
]


def enter(app: typer.Typer) -> None:
    """Enter the command."""
    command(
        app,
        "import",
        examples="""
        eoi import eois.csv --call 46/23 --dry-run
        eoi import eois.csv --call 46/23 --submit --register edubasealldata.csv
        eoi import decisions.csv --decisions --as panel.chair --role decider
        """,
    )(import_)


def import_(
    door: Door,
    file: File,
    *,
    call: Call = None,
    decisions: AreDecisions = False,
    submit: Submit = False,
    dry_run: DryRun = False,
    skip_bad: SkipBad = False,
    errors: Errors = None,
    register: Register = None,
    ignore: Ignore = None,
    as_json: AsJson = None,
    encoding: Encoding = "utf-8",
    delimiter: Delimiter = None,
) -> None:
    """Draft an EOI for each row of a table, or make the move that each row decides.

    Columns of EOIs: applicant (or URN), applicant_name, and the answers, named answers.… or all that is left.
    Columns of decisions: eoi (or applicant, and call), decision, reason, expected_version.

    All of it is checked before anything is written; a file with a row that cannot be taken changes nothing,
    unless --skip-bad. Stopped or killed midway, the same command goes on where it was; what is done is not
    done twice.
    """
    from adapters.bulk.report import Tally
    from adapters.inbound.files import opened
    from adapters.inbound.table_file import TableFile

    _require_sense(call, file, errors, decisions=decisions, of_eois=[submit, register, ignore, as_json])
    schools = None if register is None else _schools(register)
    tally = Tally(dry_run=dry_run, skip_bad=skip_bad)
    options = {
        "submit": submit,
        "register": schools,
        "as_json": tuple(as_json or ()),
        "ignored": tuple(ignore or ()),
    }
    with opened(file, what="table") as source:
        table = TableFile(source, encoding=encoding, delimiter=SIGNS.get(delimiter or "", delimiter))
        with door.engine() as engine:
            importer = (
                _decisions(door, engine, table, call)
                if decisions
                else _eois(door, engine, table, call=call or "", **options)
            )
            ended = _run(door, importer, table, tally, errors=errors or _beside(file))
    _tell(door, tally.report(), ended)


def _require_sense(
    call: str | None, file: Path, errors: Path | None, *, decisions: bool, of_eois: list[Any]
) -> None:
    if not decisions and not call:
        msg = "Say which call the EOIs are for (--call 46/23), or that the rows are --decisions."
        raise typer.BadParameter(msg)
    if decisions and any(of_eois):
        msg = "--submit, --register, --ignore and --as-json are for EOIs, not for --decisions."
        raise typer.BadParameter(msg)
    if errors is not None and errors.exists() and file.exists() and errors.samefile(file):
        msg = "--errors names the file that is imported, which would be lost."
        raise typer.BadParameter(msg)


def _eois(
    door: Door,
    engine: "Face",
    table: "TableFile",
    **options: Any,  # noqa: ANN401 -- the fields of EoiOptions
) -> "Importer[Any]":
    from adapters.bulk.importing import Importer
    from adapters.bulk.new_eois import EoiOptions, NewEois

    return Importer(NewEois(engine, door.asker(engine), table.columns, EoiOptions(**options)))


def _decisions(door: Door, engine: "Face", table: "TableFile", call: str | None) -> "Importer[Any]":
    from adapters.bulk.columns import in_words
    from adapters.bulk.decisions import Decisions
    from adapters.bulk.importing import Importer

    kind = Decisions(engine, door.asker(engine), table.columns, call=call)
    if kind.unread:
        door.tell.aside(f"Nothing is read from the columns {in_words(kind.unread)}.")
    return Importer(kind)


def _schools(file: Path) -> "SchoolRegister":
    from adapters.inbound.files import opened
    from adapters.inbound.school_register import register_in

    with opened(file, what="register") as source:
        return register_in(source)


def _run(
    door: Door, importer: "Importer[Any]", table: "TableFile", tally: "Tally", *, errors: Path
) -> "EoiError | None":
    """Check all rows, then carry them out, as far as it comes; what was refused goes into its file.

    Returns:
        What ended it before all was done; None: nothing did.

    Raises:
        EoiError: what ended it before anything was carried out.
    """
    from adapters.bulk.refused import RefusedRows
    from adapters.bulk.report import Stopped
    from states.errors import EoiError

    with RefusedRows(errors, table.columns, delimiter=table.delimiter) as refused:
        ended: EoiError | None = None
        try:
            _check(door, importer, table, tally, refused)
            if tally.goes_on:
                ended = _carry_out(door, importer, table, tally, refused)
        except KeyboardInterrupt:
            ended = Stopped()
        try:
            tally.errors_file = refused.finish()
        except EoiError as error:
            ended = ended or error
    return ended


def _check(
    door: Door, importer: "Importer[Any]", table: "TableFile", tally: "Tally", refused: "RefusedRows"
) -> None:
    from adapters.cli.progress import shown

    for result in shown(importer.check(table.rows()), "Checked", tell=door.tell):
        tally.checked(result, refused)


def _carry_out(
    door: Door, importer: "Importer[Any]", table: "TableFile", tally: "Tally", refused: "RefusedRows"
) -> "EoiError | None":
    """Carry the rows out; return what ended it before all were: nothing is lost by that, but time."""
    from adapters.cli.progress import shown
    from states.errors import EoiError

    left = importer.carry_out(table.rows(), but=tally.settled)
    try:
        for result in shown(left, "Carried out", tell=door.tell, total=tally.left):
            tally.carried_out(result, refused)
    except EoiError as error:
        return error
    return None


def _beside(file: Path) -> Path:
    """Return where the refused rows of a file go: beside it, under a name that is free."""
    from adapters.inbound.files import STDIN

    place = Path("import.csv") if file == STDIN else file
    place = place.with_name(_OF_ERRORS.sub("", place.stem) + ".csv")
    numbers = chain([""], (f"-{number}" for number in count(2)))
    names = (place.with_name(f"{place.stem}.errors{number}.csv") for number in numbers)
    return next(name for name in names if not name.exists())


def _tell(door: Door, report: "Report", ended: "EoiError | None") -> None:
    """Tell what became of the rows; exit status 1 where that is not all that was asked for."""
    from adapters.bulk.report import refusal_of

    failed = ended or refusal_of(report)
    told = document(report)
    door.tell.answer(told if failed is None else {**problem(failed), **told}, rows_told(report))
    if failed is not None:
        if not door.json:
            server = door.asks_server
            door.tell.error(failed, hint=hint_for(failed, asks_server=server))
        raise typer.Exit(FAILED)
