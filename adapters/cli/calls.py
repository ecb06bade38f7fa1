"""Commands about calls: open, lint, list, show, history, extend, close, cancel."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli.door import Door, command
from adapters.cli.options import Call, ClosesAt, ClosesOn, ExpectVersion, Key, Reason, time_of
from adapters.cli.telling import facts, in_words, moment, table, tell_history, warnings
from adapters.documents import document

if TYPE_CHECKING:
    from rich.console import RenderableType

    from adapters.inbound.announced import Announced, Given
    from adapters.inbound.deadline_lint import Finding
    from workflow import CallView, Engine

calls = typer.Typer(help="Calls for expressions of interest.", no_args_is_help=True, rich_markup_mode=None)

Sheet = Annotated[
    Path, typer.Argument(metavar="SHEET", help="A notice as text, such as an MI sheet; - is stdin.")
]
Zone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="The zone in which times are meant.")]
ClosedDays = Annotated[
    list[Path] | None,
    typer.Option(
        "--closed-days", metavar="ICS", help="Days on which nobody works, as .ics; may be repeated."
    ),
]


@command(
    calls,
    "open",
    examples="""
    eoi call open sheet.txt --dry-run
    eoi call open sheet.txt --as programme.team --role officer
    eoi call open sheet.txt --closes-at 2023-03-17T17:00 --as programme.team --role officer
    eoi call open --reference 46/24 --title "Resource bases" --closes-on 2099-03-17 --dry-run
    """,
)
def open_(
    door: Door,
    sheet: Annotated[
        Path | None,
        typer.Argument(metavar="SHEET", help="A notice as text, such as an MI sheet; - is stdin."),
    ] = None,
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
    """Open a call, from a sheet or from options.

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
    announced = _announced(sheet, given)
    lend = door.engine_as_it_is if dry_run else door.engine
    with lend() as engine:
        now = engine.clock.now()
        findings = announced.findings(now=now, closed_days=_closed_days(closed_days, timezone))
        if dry_run:
            view = announced.as_if_open(now)
            remarks = [*findings, *_taken(engine, view.reference)]
        else:
            view = engine.open_call(announced.call, actor=door.actor(), idempotency_key=key)
            remarks = list(findings)
    answer = {**document(view), "id": view.id or None, "warnings": document(remarks)}
    door.tell.answer(answer, _opened(view, remarks, words=announced.call.closing_words))


@command(
    calls,
    "lint",
    examples="""
    eoi call lint sheet.txt
    eoi call lint sheet.txt --closed-days term-dates.ics --json
    """,
)
def lint(
    door: Door,
    sheet: Sheet,
    *,
    closes_on: ClosesOn = None,
    closes_at: ClosesAt = None,
    timezone: Zone = "Europe/London",
    closed_days: ClosedDays = None,
) -> None:
    """Ask of a sheet: would this deadline stand up? Opens nothing."""
    from adapters.inbound.announced import Given

    announced = _announced(sheet, Given(closes_on=closes_on, closes_at=closes_at, timezone=timezone))
    with door.engine_as_it_is() as engine:
        now = engine.clock.now()
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


@command(calls, "list")
def list_(door: Door) -> None:
    """List every call, the latest deadline first."""
    with door.engine() as engine:
        found = engine.calls(actor=door.reader())
    rows = (
        (each.reference, each.state, _closing(each), in_words((each.counts or {}).items()), each.title)
        for each in found
    )
    door.tell.answer(found, [table(("reference", "state", "closes", "EOIs", "title"), rows)])


@command(calls, "show")
def show(door: Door, call: Call) -> None:
    """Show one call."""
    with door.engine() as engine:
        view = engine.call(call, actor=door.reader())
    door.tell.answer(view, _call(view))


@command(calls, "history")
def history(door: Door, call: Call) -> None:
    """Show every change of a call."""
    with door.engine() as engine:
        view = engine.call(call, actor=door.reader())
        changes = engine.history(view.id, actor=door.reader())
    door.tell.answer(changes, tell_history(changes, view.timezone))


@command(
    calls,
    "extend",
    examples="""
    eoi call extend 46/23 --closes-on 2023-03-24 --reason "Strike" --as programme.team --role officer
    """,
)
def extend(
    door: Door,
    call: Call,
    *,
    closes_on: ClosesOn = None,
    closes_at: ClosesAt = None,
    reason: Reason = None,
    expect_version: ExpectVersion = None,
    key: Key = None,
) -> None:
    """Move a call's deadline to a later instant, for everybody. Officer, with a reason."""
    from adapters.inbound.announced import closing_for

    with door.engine() as engine:
        actor = door.actor()
        timezone = engine.call(call, actor=actor).timezone
        view = engine.extend_call(
            call,
            closes_at=closing_for(closes_on, closes_at, timezone),
            actor=actor,
            reason=reason,
            expected_version=expect_version,
            idempotency_key=key,
        )
    door.tell.answer(view, [f"Call {view.reference} now closes at {_closing(view)}."])


@command(calls, "close")
def close(
    door: Door, call: Call, *, reason: Reason = None, expect_version: ExpectVersion = None, key: Key = None
) -> None:
    """Close a call.

    At its deadline, or early by an officer while nobody has begun an EOI.
    """
    with door.engine() as engine:
        view = engine.close_call(
            call, actor=door.actor(), reason=reason, expected_version=expect_version, idempotency_key=key
        )
    door.tell.answer(view, [f"Call {view.reference} is closed.", *_call(view)])


@command(
    calls,
    "cancel",
    examples="""
    eoi call cancel 46/23 --reason "Merged with the autumn call" --as head.of.service --role admin
    """,
)
def cancel(
    door: Door, call: Call, *, reason: Reason = None, expect_version: ExpectVersion = None, key: Key = None
) -> None:
    """Call it off, and its live EOIs with it. Admin, with a reason."""
    with door.engine() as engine:
        view = engine.cancel_call(
            call, actor=door.actor(), reason=reason, expected_version=expect_version, idempotency_key=key
        )
    door.tell.answer(view, [f"Call {view.reference} is cancelled.", *_call(view)])


def _announced(sheet: Path | None, given: "Given") -> "Announced":
    from adapters.inbound.announced import announced_by_options, announced_by_sheet
    from adapters.inbound.files import file_bytes

    if sheet is None:
        return announced_by_options(given)
    return announced_by_sheet(file_bytes(sheet, what="sheet"), given)


def _closed_days(calendars: list[Path] | None, timezone: str) -> set[date]:
    from adapters.inbound.closed_days import closed_days_from_ics
    from adapters.inbound.files import file_bytes

    days = set[date]()
    for path in calendars or ():
        days |= closed_days_from_ics(file_bytes(path, what="calendar"), timezone=timezone)
    return days


def _taken(engine: "Engine", reference: str) -> "Iterator[Finding]":
    """Say, where a database is there to be asked, that the reference is not free."""
    from adapters.inbound.deadline_lint import Finding
    from workflow import EoiError

    try:
        engine.call(reference)
    except EoiError:
        return
    yield Finding("reference-taken", f"A call with the reference {reference} exists already.")


def _opened(
    view: "CallView", remarks: "Iterable[Finding]", *, words: str | None
) -> "Iterator[RenderableType]":
    yield f"Call {view.reference} is open." if view.id else "Dry run: this would be opened, and nothing was."
    yield from _call(view, words=words)
    yield from warnings(remark.message for remark in remarks)


def _call(view: "CallView", *, words: str | None = None) -> "Iterator[RenderableType]":
    counts, at_close = view.counts or {}, view.counts_at_close
    yield facts(
        [
            ("Reference", view.reference),
            ("Title", view.title),
            ("State", view.state),
            ("Opens", moment(view.opens_at, view.timezone)),
            ("Closes", f'{_closing(view)}, read from "{words}"' if words else _closing(view)),
            ("Too late from", document(view.closes_at)),
            ("Closed", moment(view.closed_at, view.timezone)),
            ("EOIs", in_words(counts.items())),
            ("At the close", None if at_close is None else in_words(at_close.items()) or "none"),
            ("Phase", view.phase),
            ("Contact", view.contact),
            ("Audience", view.audience),
            ("Version", view.version),
            ("Id", view.id),
        ]
    )


def _closing(view: "CallView") -> str:
    from states.deadlines import deadline_in_words

    return deadline_in_words(view.closes_at, view.timezone)
