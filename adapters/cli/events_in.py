"""Commands about events from elsewhere: one is let in, or tried; those that nothing was done for."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from adapters.cli.door import Door
from adapters.cli.entering import command
from adapters.cli.telling import stamp, table
from adapters.cli.views import call_facts, carried_out, option_told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from adapters.face import Face
    from workflow import CallView, Foreseen, Receipt, UnhandledView


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(
        app,
        "event",
        examples="""
        EOI_EVENTS=events.toml eoi event submitted.json --as forms --role applicant --organisation URN:121234
        EOI_EVENTS=events.toml eoi event - --dry-run < submitted.json
        """,
    )(event)
    command(app, "unhandled", examples="eoi unhandled --limit 20")(unhandled)


def event(
    door: Door,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CloudEvent 1.0 as JSON, one object; - is stdin.")
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what it would fire; change nothing.")
    ] = False,
) -> None:
    """Let an event from elsewhere fire what the table in EOI_EVENTS says. Whoever may what it fires.

    Its source and id are its idempotency key. Without a rule for its type, that it came is written down, or
    it is refused (EOI_EVENTS_UNKNOWN).
    """
    from adapters.inbound.event_file import event_from
    from adapters.inbound.files import file_bytes

    told = event_from(file_bytes(file, what="event"))
    with door.engine(hears_events=True) as engine:
        if dry_run:
            foreseen = engine.explain_event(told, actor=door.actor())
            door.tell.answer(foreseen, _foreseen_told(foreseen))
        else:
            found = engine.handle(told, actor=door.actor())
            door.tell.answer(found, _handled_told(engine, found))


def unhandled(
    door: Door,
    *,
    after: Annotated[
        str | None, typer.Option("--after", metavar="ID", help="Go on after the `next` of another page.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At the most so many.")] = 50,
) -> None:
    """List events that came, and that nothing was done for, the newest first. Officer, admin or auditor."""
    with door.engine() as engine:
        page = engine.unhandled(after=after, limit=limit, actor=door.reader())
    rows = (
        (stamp(each.at, "UTC"), each.type, each.source, each.event_id, each.subject, each.actor, each.id)
        for each in page
    )
    head = ("came", "type", "source", "event", "subject", "who", "id")
    more = [f"More: --after {page.next}"] if page.next else []
    door.tell.answer(page, [*table(head, rows), *more])


def _handled_told(engine: "Face", found: "Receipt | CallView | UnhandledView") -> "Iterable[RenderableType]":
    from workflow import CallView, Receipt

    if isinstance(found, Receipt):
        return carried_out(engine, found)
    if isinstance(found, CallView):
        return [f"Call {found.reference} is {found.state}.", call_facts(found)]
    return [
        f"There is no rule for events of the type {found.type}: that it came is written down, and no more."
    ]


def _foreseen_told(foreseen: "Foreseen") -> "Iterator[RenderableType]":
    if foreseen.rule is None:
        yield f"There is no rule for events of the type {foreseen.type}: that it came would be written down."
        return
    if foreseen.replayed:
        yield f"It was carried out before ({foreseen.trigger}): it would change nothing."
        return
    yield f"By the rule for {foreseen.rule} it would fire {foreseen.trigger} on {foreseen.subject}."
    if foreseen.option is not None:
        yield from option_told(foreseen.option)
