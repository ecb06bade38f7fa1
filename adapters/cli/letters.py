"""Letters as people get them: looked at, and tried, before any of them goes to a school."""

import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapters.cli.door import Door
from adapters.cli.entering import FAILED, command
from adapters.cli.telling import facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from adapters.outbound.letters.book import Shown
    from adapters.trying import TriedLetter
    from workflow import CallView, EventType
    from workflow.ports import Delivery

#: Who carries letters.
_COURIERS: Final = ("smtp", "notify")

OfCall = Annotated[
    str | None,
    typer.Option(
        "--call", metavar="CALL", help="With this call's title, deadline and contact.  [an example]"
    ),
]


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(
        app,
        "show",
        examples="""
        eoi letter show eoi.submitted
        eoi letter show 'call.*' --call 46/23
        EOI_LETTERS=letters eoi letter show --out letters.html
        """,
    )(show)
    command(
        app,
        "try",
        examples="""
        eoi letter try me@council.example
        eoi letter try me@council.example call.opened --call 46/23
        eoi letter try me@council.example eoi.approved --via notify
        """,
    )(try_)


def show(
    door: Door,
    pattern: Annotated[
        str, typer.Argument(metavar="EVENTS", help="Which, such as eoi.submitted or call.*.")
    ] = "*",
    *,
    call: OfCall = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="A page of HTML that shows them, for a browser."),
    ] = None,
) -> None:
    """Show letters as they will be: yours (EOI_LETTERS) or ours. Nothing is sent.

    Who applies, and when things happen, is made up.
    """
    from adapters.outbound.letters import Letters
    from adapters.outbound.letters.book import shown
    from workflow.hooks import event_types

    folder = door.settings.letters
    letters, of_call = Letters(Path(folder) if folder else None), _of(door, call)
    found = [shown(letters, kind, of_call) for kind in event_types(pattern)]
    told = _as_text(found) if out is None else [_written(found, out)]
    door.tell.answer(found, told)


def try_(
    door: Door,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Whose mailbox: your own.")],
    event: Annotated[str, typer.Argument(metavar="EVENT", help="Which letter.")] = "eoi.submitted",
    *,
    call: OfCall = None,
    via: Annotated[str, typer.Option("--via", metavar="COURIER", help="smtp or notify.")] = "smtp",
) -> None:
    """Send a letter to yourself, and show what the mail server answers.

    The call's title begins with TRIAL in it. Exit status 1 where it was not taken. Nothing of it is kept.
    """
    from adapters.outbound.letters.trials import trial
    from workflow.ports import Delivery

    if via not in _COURIERS:
        msg = f"{via!r} carries no letters: smtp or notify."
        raise typer.BadParameter(msg, param_hint="--via")
    facts_, about = trial(_one(event), _of(door, call), marked=True)
    letter = Delivery(id=0, event=facts_, courier=via, address=address, attempt=1, about=about)
    what = _sent(door, letter)
    door.tell.answer(what, _tried_told(what))
    if not what.arrived:
        raise typer.Exit(FAILED)


def _of(door: Door, call: str | None) -> "CallView | None":
    if call is None:
        return None
    with door.engine() as engine:
        return engine.call(call, actor=door.reader())


def _one(pattern: str) -> "EventType":
    from workflow.hooks import event_types

    first, *more = event_types(pattern)
    if more:
        msg = f"{pattern!r} fits {len(more) + 1} letters: name one, such as {first}."
        raise typer.BadParameter(msg, param_hint="EVENT")
    return first


def _sent(door: Door, letter: "Delivery") -> "TriedLetter":
    from adapters.bootstrap import Closing, couriers_of
    from adapters.trying import tried_letter
    from workflow.clock import SystemClock

    courier, begun_s = couriers_of(door.settings, SystemClock())[letter.courier], time.monotonic()
    with closing(courier) if isinstance(courier, Closing) else nullcontext():
        return tried_letter(letter, courier.deliver(letter), time.monotonic() - begun_s)


def _written(letters: "Sequence[Shown]", out: Path) -> str:
    from adapters.outbound.letters.book import book
    from adapters.outbound.whole_file import whole_file

    with whole_file(out) as file:
        file.write(book(letters).encode())
    return (
        f"{len(letters)} letters are on one page: {out}" if len(letters) > 1 else f"The letter is here: {out}"
    )


def _as_text(letters: "Iterable[Shown]") -> "list[str]":
    told = [f"Event: {each.event}\nSubject: {each.subject}\n\n{each.text}" for each in letters]
    return ["\n\n".join(told).rstrip("\n")]


def _tried_told(tried: "TriedLetter") -> "Iterator[RenderableType]":
    where = "The mail server" if tried.courier == "smtp" else "GOV.UK Notify"
    yield (
        f"{where} has taken the letter for {tried.address}: look into that mailbox."
        if tried.arrived
        else f"It was not taken: {tried.why}"
    )
    yield facts([("Status", tried.status), ("Took", f"{tried.duration_s:.3f} s"), ("Answer", tried.answer)])
