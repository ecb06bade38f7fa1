"""Commands that let time pass: tick, serve."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from queue import SimpleQueue
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Final, Protocol, cast

import typer

from adapters.cli.door import Door
from adapters.cli.entering import FAILED, command
from adapters.cli.telling import stamp

if TYPE_CHECKING:
    from adapters.bootstrap import App, RunReport
    from adapters.settings import Settings
    from workflow import Engine

#: How much longer than the grace for deliveries a stop may take, in seconds, before it ends the process.
HANGING_S: Final = 5.0
#: How long `serve` waits at a time, in seconds, before it looks whether it was told to stop.
AGAIN_S: Final = 1.0
#: What is said where secrets are not sealed.
UNSEALED: Final = (
    "EOI_SECRET_KEY is not set: secrets of endpoints lie readable in the database. "
    "`openssl rand -base64 32` makes a key."
)
#: What is said where secrets were sealed under another key.
UNREADABLE: Final = (
    "Nothing is sent from here to these endpoints, whose secrets or headers EOI_SECRET_KEY does not open: "
    "{}. Give the key that they were sealed under (several, with commas), or `eoi endpoint rotate ID`."
)
#: What is said where there is a key, and secrets were kept before there was.
LYING_OPEN: Final = (
    "Secrets or headers of these endpoints were kept before EOI_SECRET_KEY was set, and lie readable in the "
    "database: {}. `eoi endpoint seal` seals them."
)
#: What is said where endpoints need a courier that is not set up.
UNSET: Final = "{} is not set: what goes to these endpoints is left to other nodes: {}."
#: What is said where webhooks may not go from this node.
FORBIDDEN: Final = (
    "EOI_WEBHOOK_ALLOW does not let webhooks go from here to these endpoints, and they are left to other "
    "nodes: {}. `eoi endpoint test ID` says why."
)
#: How long it may take to say that it did not end by itself, in seconds.
LAST_WORDS_S: Final = 1.0
#: Where requests are taken, unless it is said: by this machine only.
LOCAL: Final = "127.0.0.1"
PORT: Final = 8000
#: How much longer a stop may take where requests are taken, in seconds: they end before deliveries do.
REQUESTS_S: Final = 15.0
#: What the extra `api` brings.
EXTRA: Final = frozenset({"fastapi", "fastapi_offline", "limits", "python_multipart", "starlette", "uvicorn"})
#: What structlog and httpx bring along where it is there: of no use to a service, and 5 MB.
_FOR_TERMINALS: Final = ("rich", "pygments", "click")
#: What is said where it is not there.
WITHOUT_EXTRA: Final = (
    "No requests are taken: the extra is not installed. pip install 'eoi-workflow[api]', or say --no-api."
)
#: What tells `serve` to stop.
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


_SERVING: Final = """
eoi serve --db /var/lib/eoi/eoi.db
eoi serve --port 8080 --no-scheduler --no-delivery
"""


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(app, "tick", examples="* * * * *  eoi --db /var/lib/eoi/eoi.db tick > /dev/null")(tick)
    command(app, "serve", examples=_SERVING)(serve)


def tick(door: Door) -> None:
    """Make one pass, for cron.

    Closes what is due, delivers what waits. Exit status 1 where a close failed. The log goes to stderr.
    """
    from adapters.bootstrap import build
    from workflow.log import log_to_stderr

    door.require_database()
    settings = door.settings
    log_to_stderr(settings.log_level)
    with closing(build(settings.without_events())) as app:
        door.make_if_missing(app.engine)
        report, waiting = app.runner.once(), app.engine.outbox.waiting()
    door.tell.answer(report, [*_pass(report), *_for_a_person(waiting)])
    if report.swept.failed:
        raise typer.Exit(FAILED)


def serve(
    door: Door,
    *,
    host: Annotated[str, typer.Option("--host", metavar="HOST", help="Where requests are taken.")] = LOCAL,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="At which port; 0: one that is free.")
    ] = PORT,
    no_api: Annotated[bool, typer.Option("--no-api", help="Take no requests.")] = False,
    no_scheduler: Annotated[bool, typer.Option("--no-scheduler", help="Close no calls.")] = False,
    no_delivery: Annotated[bool, typer.Option("--no-delivery", help="Deliver no events.")] = False,
    no_jobs: Annotated[bool, typer.Option("--no-jobs", help="Do no jobs.")] = False,
) -> None:
    """Take requests over HTTP, close calls at their deadlines, deliver events, and do jobs.

    Runs until SIGTERM or SIGINT (Ctrl-C); what is on its way ends first, if it does within 50 seconds. Any
    number may run on one database. The log goes to stderr; --json says on stdout, once, that it serves.
    """
    with _without(*_FOR_TERMINALS):
        from adapters.bootstrap import GRACE_S, build
    from adapters.settings import unheard
    from workflow.log import log_to_stderr

    if no_api and no_scheduler and no_delivery and no_jobs:
        msg = "With all four left out there is nothing to serve."
        raise typer.BadParameter(msg)
    door.require_database()
    settings = door.settings
    log_to_stderr(settings.log_level)
    for each in unheard():
        door.tell.aside(each)
    within_s = GRACE_S + HANGING_S + (0 if no_api else REQUESTS_S)
    with (
        _until_told_to_stop(door, within_s) as stop,
        closing(build(settings, sweeps=not no_scheduler, delivers=not no_delivery, works=not no_jobs)) as app,
        closing(_server(door, app, settings, None if no_api else (host, port))) as server,
    ):
        door.make_if_missing(app.engine)
        app.start()
        server.start()
        _say_that_it_serves(door, app.engine, settings, server.url)
        while not stop.wait(AGAIN_S):
            # A signal that comes just as a wait begins is heard when that wait ends.
            server.require_alive()
        door.tell.aside("Stopping: what is on its way ends first.")


def _say_that_it_serves(door: Door, engine: "Engine", settings: "Settings", url: str | None) -> None:
    from adapters.settings import variable

    due = engine.next_due()
    unset = {
        courier: variable(field)
        for courier, field in (("smtp", "smtp_url"), ("notify", "notify_key"))
        if not getattr(settings, field).get_secret_value()
    }
    has_key = bool(settings.secret_key.get_secret_value())
    for doubt in (*doubts(engine, has_key=has_key, unset=unset), *forbidden(engine, settings)):
        door.tell.aside(doubt)
    where = door.place() if url is None else f"{door.place()} at {url}"
    door.tell.aside(f"Serving {where}. {_next_due(due)} Ctrl-C stops.")
    door.tell.answer({"serving": door.place(), "next_due": due, "url": url}, ())


class _Server(Protocol):
    """What takes requests, or nothing that does."""

    @property
    def url(self) -> str | None:
        """Where it takes them."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def require_alive(self) -> None:
        """Let pass what still takes them.

        Raises:
            EoiError: it does not, and nobody has told it to stop.
        """
        ...

    def close(self) -> None:
        """Take no more, and let those in flight end."""
        ...


class _NoServer:
    """Takes no requests."""

    url: str | None = None

    def start(self) -> None:
        """Begin nothing."""

    def require_alive(self) -> None:
        """Let pass."""

    def close(self) -> None:
        """End nothing."""


def _server(door: Door, app: "App", settings: "Settings", place: tuple[str, int] | None) -> _Server:
    """Return what takes requests there, bound to its port; none where none are to be taken, or can be."""
    if place is None:
        return _NoServer()
    try:
        from adapters.serving import server_of
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition(".")[0] not in EXTRA:
            raise
        door.tell.aside(WITHOUT_EXTRA)
        return _NoServer()
    host, port = place
    return server_of(app, settings, host=host, port=port)


def doubts(engine: "Engine", *, has_key: bool, unset: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with how secrets are kept, and to whom nothing can be sent from here.

    Args:
        engine: whose endpoints.
        has_key: whether secrets are sealed.
        unset: courier that is not set up -> the variable that would.
    """
    if not has_key:
        yield UNSEALED
    elif lying := engine.unsealed_endpoints():
        yield LYING_OPEN.format(", ".join(each.id for each in lying))
    if unreadable := engine.unreadable_endpoints():
        yield UNREADABLE.format(", ".join(each.id for each in unreadable))
    for courier, name in unset.items():
        if ids := [each.id for each in engine.endpoints() if each.courier == courier]:
            yield UNSET.format(name, ", ".join(ids))


def forbidden(engine: "Engine", settings: "Settings") -> Iterator[str]:
    """Yield where webhooks may not go from here."""
    from adapters.receivers import is_forbidden_here

    webhooks = [each for each in engine.endpoints() if each.courier == "webhook"]
    if ids := [each.id for each in webhooks if is_forbidden_here(each.url, settings)]:
        yield FORBIDDEN.format(", ".join(ids))


@contextmanager
def _without(*packages: str) -> Iterator[None]:
    """Let what is imported meanwhile do without packages that it takes where they are there.

    `None` among the modules is Python's own way to say so (`sys.modules` in its documentation).
    """
    hidden = {name: None for name in packages if name not in sys.modules}
    sys.modules.update(cast("dict[str, ModuleType]", hidden))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def _until_told_to_stop(door: Door, within_s: float) -> Iterator[threading.Event]:
    """Lend an event that is set by the first SIGTERM or SIGINT; the second one ends the process at once.

    A handler interrupts the main thread wherever that is, inside a lock too: ours only puts into a queue that
    is made for it, and a thread that no signal interrupts does the rest.

    Args:
        door: is told why, where the process had to be ended.
        within_s: how long a stop may take, in seconds; a thread that hangs would hold the process for good.
    """
    told, stop, ended = SimpleQueue[int | None](), threading.Event(), threading.Event()

    def heard(number: int, _: object) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        told.put(number)

    def watch() -> None:
        if told.get() is not None:
            stop.set()
            if not ended.wait(within_s):
                _end_at_last(door, within_s)

    before = {number: signal.signal(number, heard) for number in SIGNALS}
    threading.Thread(target=watch, name="eoi-signals", daemon=True).start()
    try:
        yield stop
    finally:
        ended.set()
        told.put(None)
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_at_last(door: Door, after_s: float) -> None:
    def say() -> None:
        door.tell.aside(
            f"It has not ended within {after_s:.0f} seconds, and is ended: the database or a receiver hangs. "
            "What was on its way is delivered again."
        )

    # Whoever reads stderr may hang, too.
    saying = threading.Thread(target=say, name="eoi-last-words", daemon=True)
    try:
        saying.start()
        saying.join(LAST_WORDS_S)
    finally:
        os._exit(FAILED)


def _next_due(due: datetime | None) -> str:
    return "No call is open." if due is None else f"The next close is due at {stamp(due, 'UTC')}."


def _pass(report: "RunReport") -> Iterator[str]:
    closed = report.swept.closed
    names = f": {', '.join(call.reference for call in closed)}" if closed else ""
    lapsed = report.swept.lapsed
    yield f"Closed {len(closed)}{names}; {lapsed} {'draft' if lapsed == 1 else 'drafts'} lapsed."
    for call_id, code in report.swept.failed.items():
        yield f"! Call {call_id} is due and could not be closed [{code}]; the next pass tries again."
    if report.worked:
        yield f"Jobs: {report.worked} worked at."
    told = report.pumped
    yield f"Notices: {told.delivered} delivered, {told.postponed} to try again, {told.parked} parked."


def _for_a_person(waiting: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Say how many are parked in all: what nobody was there for stands in the count of no pass."""
    if parked := sum(count for (_, state), count in waiting.items() if state == "parked"):
        yield f"For a person: {parked:,} parked in all. `eoi outbox list --state parked` says why."
