"""Commands about calls that exist: list, show, history, extend, close, cancel."""

from typing import TYPE_CHECKING

import typer

from adapters.cli.door import Door
from adapters.cli.entering import command
from adapters.cli.options import CLOSING, Call, ClosesAt, ClosesOn, ExpectVersion, Key, Reason, not_both
from adapters.cli.telling import in_words, table, tell_history
from adapters.cli.views import call_facts, closing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from workflow import CallView


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(app, "list")(list_)
    command(app, "show")(show)
    command(app, "history")(history)
    command(
        app,
        "extend",
        examples="""
        eoi call extend 46/23 --closes-on 2023-03-24 --reason "Strike" --as programme.team --role officer
        """,
    )(extend)
    command(app, "close", examples="eoi call close 46/23 --as programme.team --role officer")(close)
    command(
        app,
        "cancel",
        examples="""
        eoi call cancel 46/23 --reason "Merged with the autumn call" --as head.of.service --role admin
        """,
    )(cancel)


def list_(door: Door) -> None:
    """List every call, the latest deadline first."""
    with door.engine() as engine:
        found = engine.calls(actor=door.reader())
    rows = (
        (each.reference, each.state, closing(each), in_words((each.counts or {}).items()), each.title)
        for each in found
    )
    head = ("reference", "state", "closes", "EOIs", "title")
    door.tell.answer(found, table(head, rows, prose="title"))


def show(door: Door, call: Call) -> None:
    """Show one call."""
    with door.engine() as engine:
        view = engine.call(call, actor=door.reader())
    door.tell.answer(view, _told(view))


def history(door: Door, call: Call) -> None:
    """Show every change of a call."""
    with door.engine() as engine:
        view = engine.call(call, actor=door.reader())
        changes = engine.history(view.id, actor=door.reader())
    door.tell.answer(changes, tell_history(changes, view.timezone))


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

    not_both(closes_on, closes_at, options=CLOSING)
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
    door.tell.answer(view, _told(view, f"Call {view.reference} now closes at {closing(view)}."))


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
    door.tell.answer(view, _told(view, f"Call {view.reference} is closed."))


def cancel(
    door: Door, call: Call, *, reason: Reason = None, expect_version: ExpectVersion = None, key: Key = None
) -> None:
    """Call it off, and its live EOIs with it. Admin, with a reason."""
    with door.engine() as engine:
        view = engine.cancel_call(
            call, actor=door.actor(), reason=reason, expected_version=expect_version, idempotency_key=key
        )
    door.tell.answer(view, _told(view, f"Call {view.reference} is cancelled."))


def _told(view: "CallView", *sentences: str) -> "Iterator[RenderableType]":
    yield from sentences
    yield call_facts(view)
