"""Commands about what leaves the engine: endpoints, and the outbox."""

from typing import Annotated

import typer

from adapters.cli.door import Door, command
from adapters.cli.telling import stamp, table


def enter_endpoints(app: typer.Typer) -> None:
    """Enter the commands about receivers."""
    command(
        app,
        "add",
        examples="""
        eoi endpoint add https://council.example/eoi --as programme.team --role officer
        eoi endpoint add https://council.example/eoi --events eoi.submitted --events 'call.*'
        """,
    )(add)
    command(app, "list")(list_endpoints)


def enter_outbox(app: typer.Typer) -> None:
    """Enter the commands about deliveries."""
    command(app, "list", examples="eoi outbox list --state parked")(list_deliveries)
    command(
        app,
        "retry",
        examples="""
        eoi outbox retry 17 --as programme.team --role officer
        eoi outbox retry --all --as programme.team --role officer
        """,
    )(retry)


def add(
    door: Door,
    url: Annotated[
        str, typer.Argument(metavar="URL", help="Where to POST; https, unless EOI_WEBHOOK_ALLOW names it.")
    ],
    *,
    events: Annotated[
        list[str] | None,
        typer.Option(
            "--events", metavar="EVENTS", help="Which, such as call.*; may be repeated. Else every event."
        ),
    ] = None,
) -> None:
    """Add a receiver; it gets the events from now on. Officer or admin."""
    from adapters.outbound.addresses import Allow, vet

    vet(url.strip(), Allow.parse(door.settings().webhook_allow))
    patterns = [word for words in events or () for word in words.replace(",", " ").split()]
    with door.engine() as engine:
        view = engine.add_endpoint(url, events=patterns, actor=door.actor())
    door.tell.answer(view, [f"Endpoint {view.id} gets {', '.join(view.events)} at {view.url}."])


def list_endpoints(door: Door) -> None:
    """List every receiver. Officer, admin or auditor."""
    with door.engine() as engine:
        found = engine.endpoints(actor=door.reader())
    rows = ((each.id, each.url, " ".join(each.events), stamp(each.created_at, "UTC")) for each in found)
    door.tell.answer(found, table(("endpoint", "URL", "events", "added"), rows, prose="events"))


def list_deliveries(
    door: Door,
    *,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="pending, delivered or parked.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", help="At the most so many.")] = 50,
) -> None:
    """List deliveries, the newest first. Officer, admin or auditor."""
    with door.engine() as engine:
        found = engine.deliveries(state=state, limit=limit, actor=door.reader())
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


def retry(
    door: Door,
    delivery: Annotated[int | None, typer.Argument(metavar="ID", help="A parked delivery.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every parked delivery.")] = False,
) -> None:
    """Put parked deliveries back into their line. Officer or admin."""
    if (delivery is None) is not every:
        msg = "Say which: the ID of a parked delivery, or --all."
        raise typer.BadParameter(msg)
    with door.engine() as engine:
        count = engine.retry(delivery, actor=door.actor())
    door.tell.answer({"retried": count}, [f"{count} back in line; `eoi serve` or `eoi tick` delivers."])
