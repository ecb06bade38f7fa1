"""Commands about the outbox: what is on its way to receivers, and what was."""

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from adapters.cli.door import Door
from adapters.cli.entering import command
from adapters.cli.options import instant_of
from adapters.cli.telling import facts, stamp, table
from states.errors import BadDeadline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from workflow import DeliveryDetail

#: What is said where all that is parked stays so.
NOBODY_THERE: Final = (
    "None was put back: nobody is there for what is parked; `eoi outbox list --state parked` says why."
)
#: In which a date is meant.
ZONE: Final = "Europe/London"


def since_of(words: str) -> datetime:
    """Read an instant with its offset, or a date: its first instant in London."""
    from states.deadlines import instant

    try:
        return instant(datetime.combine(date.fromisoformat(words.strip()), time()), ZONE)
    except (BadDeadline, ValueError):
        pass
    try:
        return instant_of(words)
    except typer.BadParameter:
        msg = f"{words!r} is no date such as 2023-03-17, and no time with its offset: 2023-03-17T09:00Z."
        raise typer.BadParameter(msg) from None


Id = Annotated[int, typer.Argument(metavar="ID", help="A delivery: its number in `eoi outbox list`.")]
Receiver = Annotated[
    str | None, typer.Option("--endpoint", metavar="ID", help="Only to this endpoint; or `log`.")
]


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(app, "list", examples="eoi outbox list --state parked")(list_)
    command(app, "show", examples="eoi outbox show 17")(show)
    command(
        app,
        "retry",
        examples="""
        eoi outbox retry 17 --as programme.team --role officer
        eoi outbox retry --all --as programme.team --role officer
        """,
    )(retry)
    command(
        app,
        "redrive",
        examples="""
        eoi outbox redrive --endpoint ID
        eoi outbox redrive --since 2023-03-17 --endpoint ID --delivered
        """,
    )(redrive)
    command(
        app,
        "drop",
        examples="""
        eoi outbox drop 17 --as programme.team --role officer
        eoi outbox drop --all --endpoint ID
        """,
    )(drop)
    command(app, "stats", examples="eoi outbox stats")(stats)


def list_(
    door: Door,
    *,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="pending, delivered or parked.")
    ] = None,
    endpoint: Receiver = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At the most so many.")] = 50,
) -> None:
    """List deliveries, the newest first. Officer, admin or auditor."""
    with door.engine() as engine:
        found = engine.deliveries(state=state, endpoint=endpoint, limit=limit, actor=door.reader())
        oldest = engine.outbox.oldest_waiting()
    rows = (
        (
            each.id,
            each.type,
            each.event_id,
            each.address or each.endpoint,
            each.state,
            each.attempts,
            stamp(each.due_at, "UTC"),
            each.last_error,
        )
        for each in found
    )
    head = ("id", "event", "event id", "to", "state", "tries", "next", "last error")
    waits = (
        []
        if oldest is None
        else [f"Waiting since {stamp(oldest, 'UTC')}; `eoi serve` or `eoi tick` delivers."]
    )
    door.tell.answer(found, [*table(head, rows, prose="last error"), *waits])


def show(door: Door, delivery: Id) -> None:
    """Show one delivery with every attempt. Officer, admin or auditor."""
    with door.engine() as engine:
        view = engine.delivery(delivery, actor=door.reader())
    door.tell.answer(view, _told(view))


def retry(
    door: Door,
    delivery: Annotated[int | None, typer.Argument(metavar="ID", help="A parked delivery.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every parked delivery.")] = False,
) -> None:
    """Put parked deliveries back into their line. Officer or admin.

    What is for people goes to those who are there now: import a contact, then retry.
    """
    _require_choice(delivery, every=every)
    with door.engine() as engine:
        count = engine.retry(delivery, actor=door.actor())
        stays = not count and bool(engine.deliveries(state="parked", limit=1, actor=door.reader()))
    door.tell.answer({"retried": count}, [NOBODY_THERE if stays else _back_in_line(count)])


def redrive(
    door: Door,
    *,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since",
            parser=since_of,
            metavar="TIME",
            help="Only events since then: a date (in London), or a time with its offset.",
        ),
    ] = None,
    endpoint: Receiver = None,
    delivered: Annotated[
        bool, typer.Option("--delivered", help="Also what was delivered, for a receiver that has lost it.")
    ] = False,
) -> None:
    """Send again what is parked. Officer or admin.

    With --delivered also what arrived; then say --since when. A receiver knows an event that it has already
    by its id.
    """
    with door.engine() as engine:
        if endpoint is not None and endpoint != "log":
            engine.endpoint(endpoint, actor=door.actor())  # a slip in its id is told
        count = engine.redrive(since=since, endpoint=endpoint, delivered=delivered, actor=door.actor())
    door.tell.answer({"redriven": count}, [_back_in_line(count)])


def drop(
    door: Door,
    delivery: Annotated[int | None, typer.Argument(metavar="ID", help="A parked delivery.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every parked delivery.")] = False,
    endpoint: Receiver = None,
) -> None:
    """Forget parked deliveries that nobody needs any more. Officer or admin.

    The event itself stays: only this receiver does not get it.
    """
    _require_choice(delivery, every=every)
    with door.engine() as engine:
        count = engine.drop_delivery(delivery, endpoint=endpoint, actor=door.actor())
    door.tell.answer({"dropped": count}, [f"{count} dropped." if count else "Nothing fits: none was there."])


def stats(door: Door) -> None:
    """Count what there is for each endpoint. Officer, admin or auditor."""
    with door.engine() as engine:
        found = engine.delivery_stats(actor=door.reader())
    rows = (
        (
            each.endpoint,
            each.url,
            each.pending,
            each.parked,
            each.delivered,
            each.attempts,
            each.to_be_made or "",
            stamp(each.oldest_pending_at, "UTC"),
            stamp(each.last_delivered_at, "UTC"),
        )
        for each in found
    )
    counts = ("pending", "parked", "delivered", "tries", "to be made")
    head = ("endpoint", "to", *counts, "waits since", "last arrival")
    door.tell.answer(found, table(head, rows))


def _require_choice(delivery: int | None, *, every: bool) -> None:
    if (delivery is None) is not every:
        msg = "Say which: the ID of a parked delivery, or --all."
        raise typer.BadParameter(msg)


def _back_in_line(count: int) -> str:
    return (
        f"{count} back in line; `eoi serve` or `eoi tick` delivers."
        if count
        else "Nothing fits: none was put back."
    )


def _told(view: "DeliveryDetail") -> "Iterator[RenderableType]":
    yield facts(
        [
            ("Event", view.type),
            ("Event id", view.event_id),
            ("To", view.address),
            ("Endpoint", view.endpoint),
            ("State", view.state),
            ("Tries", view.attempts),
            ("Next", stamp(view.due_at, "UTC")),
            ("Delivered", stamp(view.delivered_at, "UTC")),
            ("Last error", view.last_error),
        ]
    )
    rows = (
        (
            each.number,
            stamp(each.at, "UTC"),
            f"{each.duration_s:.3f} s",
            each.status,
            each.error or "arrived",
            each.answer,
        )
        for each in view.tries
    )
    yield from table(("try", "at", "took", "status", "what came of it", "answer"), rows, prose="answer")
