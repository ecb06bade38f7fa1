"""Commands about a call before it exists: open it from a sheet or from options, question its deadline."""

from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapters.cli.contacts import import_into
from adapters.cli.door import Door
from adapters.cli.entering import command
from adapters.cli.options import CLOSING, ClosesAt, ClosesOn, Key, not_both, time_of
from adapters.cli.telling import moment, warnings
from adapters.cli.views import call_facts
from adapters.documents import document

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adapters.face import Face
    from adapters.inbound.announced import Announced, Given
    from adapters.inbound.deadline_lint import Finding
    from workflow import CallView

#: Findings with which a call is not opened.
_OBSTACLES: Final = frozenset({"closing-has-passed", "opens-in-future", "reference-taken"})
_SHEET: Final = typer.Argument(metavar="SHEET", help="A notice as text, such as an MI sheet; - is stdin.")

Zone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="The zone in which times are meant.")]
ClosedDays = Annotated[
    list[Path] | None,
    typer.Option(
        "--closed-days", metavar="ICS", help="Days on which nobody works, as .ics; may be repeated."
    ),
]


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(
        app,
        "open",
        examples="""
        eoi call open sheet.txt --dry-run
        eoi call open sheet.txt --as programme.team --role officer
        eoi call open sheet.txt --closes-at 2023-03-17T17:00 --as programme.team --role officer
        eoi call open --reference 46/24 --title "Resource bases" --closes-on 2099-03-17 --dry-run
        """,
    )(open_)
    command(
        app,
        "lint",
        examples="""
        eoi call lint sheet.txt
        eoi call lint sheet.txt --closed-days term-dates.ics --json
        """,
    )(lint)


def open_(
    door: Door,
    sheet: Annotated[Path | None, _SHEET] = None,
    *,
    reference: Annotated[
        str | None, typer.Option("--reference", metavar="TEXT", help="The council's own, unique: 46/23.")
    ] = None,
    title: Annotated[str | None, typer.Option("--title", metavar="TEXT", help="What it is about.")] = None,
    closes_on: ClosesOn = None,
    closes_at: ClosesAt = None,
    opens_at: Annotated[
        datetime | None,
        typer.Option(
            "--opens-at", parser=time_of, metavar="TIME", help="Else the sheet's publication, or now."
        ),
    ] = None,
    phase: Annotated[
        str | None, typer.Option("--phase", metavar="TEXT", help="Primary, Secondary, …")
    ] = None,
    contact: Annotated[
        str | None, typer.Option("--contact", metavar="TEXT", help="Whom to ask, with an address.")
    ] = None,
    audience: Annotated[
        str | None, typer.Option("--audience", metavar="TEXT", help="For whom it is meant.")
    ] = None,
    timezone: Zone = "Europe/London",
    closed_days: ClosedDays = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be opened, and open nothing.")
    ] = False,
    key: Key = None,
) -> None:
    """Open a call, from a sheet or from options. Officer.

    Its deadline is questioned, too. What is given by option counts instead of what the sheet says.
    """
    from adapters.inbound.announced import Given

    given = Given(
        reference=reference,
        title=title,
        closes_on=closes_on,
        closes_at=closes_at,
        opens_at=opens_at,
        phase=phase,
        contact=contact,
        audience=audience,
        timezone=timezone,
    )
    announced, days = _announced(sheet, given), _closed_days(closed_days, timezone)
    with (door.engine_as_it_is if dry_run else door.engine)() as engine:
        now = engine.clock.now()
        remarks = [*announced.findings(now=now, closed_days=days)]
        if dry_run:
            view = announced.as_if_open(now)
            remarks += _obstacles(engine, view, now)
        else:
            view = engine.open_call(announced.call, actor=door.actor(), idempotency_key=key)
        remarks += _unheard(engine, view)
    answer = {**document(view), "id": view.id or None, "warnings": document(remarks)}
    door.tell.answer(answer, _opened(view, remarks, words=announced.call.closing_words))


def lint(
    door: Door,
    sheet: Annotated[Path, _SHEET],
    *,
    closes_on: ClosesOn = None,
    closes_at: ClosesAt = None,
    timezone: Zone = "Europe/London",
    closed_days: ClosedDays = None,
) -> None:
    """Ask of a sheet: would this deadline stand up? Opens nothing."""
    from adapters.inbound.announced import Given
    from workflow.clock import SystemClock

    announced = _announced(sheet, Given(closes_on=closes_on, closes_at=closes_at, timezone=timezone))
    now = SystemClock().now()
    findings = announced.findings(now=now, closed_days=_closed_days(closed_days, timezone))
    view = announced.as_if_open(now)
    answer = {
        "reference": view.reference,
        "title": view.title,
        "opens_at": announced.call.opens_at,
        "closes_at": view.closes_at,
        "warnings": findings,
    }
    head = f"{view.reference}: {view.title}"
    door.tell.answer(answer, [head, *warnings(finding.message for finding in findings)])


def _announced(sheet: Path | None, given: "Given") -> "Announced":
    from adapters.inbound.announced import announced_by_options, announced_by_sheet
    from adapters.inbound.files import file_bytes

    not_both(given.closes_on, given.closes_at, options=CLOSING)
    if sheet is not None:
        return announced_by_sheet(file_bytes(sheet, what="sheet"), given)
    if given.reference is None or given.title is None or (given.closes_on or given.closes_at) is None:
        msg = "Give a SHEET, or --reference, --title, and --closes-on or --closes-at."
        raise typer.BadParameter(msg)
    return announced_by_options(given)


def _closed_days(calendars: list[Path] | None, timezone: str) -> set[date]:
    from adapters.inbound.closed_days import closed_days_from_ics
    from adapters.inbound.files import file_bytes

    days = set[date]()
    for path in calendars or ():
        days |= closed_days_from_ics(file_bytes(path, what="calendar"), timezone=timezone)
    return days


def _obstacles(engine: "Face", view: "CallView", now: datetime) -> "Iterator[Finding]":
    """Yield what the engine would say beside the lint: the opening lies ahead, the reference is not free."""
    from adapters.inbound.deadline_lint import Finding
    from workflow import EoiError

    if view.opens_at > now:
        when = moment(view.opens_at, view.timezone)
        yield Finding("opens-in-future", f"It opens at {when}, which is still ahead: it can be opened then.")
    try:
        engine.call(view.reference)
    except EoiError:
        return  # there is none, or no database to be asked
    yield Finding("reference-taken", f"A call with the reference {view.reference} exists already.")


def _unheard(engine: "Face", view: "CallView") -> "Iterator[Finding]":
    """Yield that nobody is there who would be written to, while that can still be mended."""
    from adapters.inbound.deadline_lint import Finding
    from workflow import EoiError

    try:
        is_told = any(each.url == "audience" and each.courier != "webhook" for each in engine.endpoints())
        if not is_told or (view.audience and view.audience in engine.contact_lists()):
            return
    except EoiError:
        return  # there is no database to be asked; a server tells nobody of its lists
    name = view.audience
    yield Finding(
        "audience-empty",
        "An endpoint writes to each call's audience, and this call names none (--audience)."
        if name is None
        else f"Nobody is on the list {name}: {import_into(name)}, then what was parked "
        "meanwhile goes out by `eoi outbox retry --all`.",
    )


def _opened(view: "CallView", remarks: "list[Finding]", *, words: str | None) -> "Iterator[RenderableType]":
    if view.id:
        yield f"Call {view.reference} is open."
    elif _OBSTACLES & {remark.code for remark in remarks}:
        yield "Dry run: nothing was opened, and as things stand this would be refused."
    else:
        yield "Dry run: nothing was opened. This would be:"
    yield call_facts(view, words=words)
    yield from warnings(remark.message for remark in remarks)
