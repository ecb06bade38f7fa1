"""Commands that let time pass: tick, serve."""

import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import typer

from adapters.cli.door import FAILED, Door, command

if TYPE_CHECKING:
    from scheduler import RunReport
    from workflow import Engine


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(app, "tick", examples="* * * * *  eoi --db /var/lib/eoi/eoi.db tick      (a line of crontab)")(
        tick
    )
    command(app, "serve", examples="eoi serve --db /var/lib/eoi/eoi.db")(serve)


def tick(door: Door) -> None:
    """Make one pass, for cron.

    Closes what is due, delivers what waits. Exit status 1 where a close failed.
    """
    from adapters.bootstrap import build

    with closing(build(door.settings())) as app:
        door.make_if_missing(app.engine)
        report = app.runner.once()
    door.tell.answer(report, _pass(report))
    if report.swept.failed:
        raise typer.Exit(FAILED)


def serve(door: Door) -> None:
    """Close calls at their deadlines and deliver events.

    Runs until SIGTERM or SIGINT (Ctrl-C). Any number may run on one database. The log goes to stderr.
    """
    from adapters.bootstrap import build
    from workflow.log import log_to_stderr

    settings = door.settings()
    log_to_stderr(settings.log_level)
    with _until_told_to_stop() as stop:
        app = build(settings)
        door.make_if_missing(app.engine)
        with app:
            door.tell.aside(f"Serving {settings.database_url}. {_next_due(app.engine)} Ctrl-C stops.")
            stop.wait()
            door.tell.aside("Stopping: what is on its way ends first.")


@contextmanager
def _until_told_to_stop() -> Iterator[threading.Event]:
    """Lend an event that is set by the first SIGTERM or SIGINT; the second one ends the process at once."""
    stop = threading.Event()
    signals = (signal.SIGTERM, signal.SIGINT)

    def heard(number: int, _: object) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, heard) for number in signals}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _next_due(engine: "Engine") -> str:
    from states.deadlines import moment_in_words

    due = engine.next_due()
    return (
        "No call is open." if due is None else f"The next close is due at {moment_in_words(due, 'UTC')} UTC."
    )


def _pass(report: "RunReport") -> Iterator[str]:
    closed = report.swept.closed
    names = f": {', '.join(call.reference for call in closed)}" if closed else ""
    yield f"Closed {len(closed)}{names}; {report.swept.lapsed} drafts lapsed."
    for call_id, code in report.swept.failed.items():
        yield f"! Call {call_id} is due and could not be closed [{code}]; the next pass tries again."
    told = report.pumped
    yield f"Notices: {told.delivered} delivered, {told.postponed} to try again, {told.parked} parked."
