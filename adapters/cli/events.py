"""The feed: what has happened, in the order in which it could first be seen, to its end or for ever."""

import select
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from adapters.cli.door import Door
from adapters.cli.entering import command
from adapters.cli.telling import stamp, while_it_is_read
from states.errors import EoiError

if TYPE_CHECKING:
    from workflow import Fed, Page

T = TypeVar("T")

#: How many are told where nobody says how many.
LIMIT: Final = 100
#: How many are fetched at once at the most.
PAGE: Final = 1000
#: How often the feed is looked at while it is followed, in milliseconds.
AGAIN_MS: Final = 1000


def enter(app: typer.Typer) -> None:
    """Enter the command."""
    command(
        app,
        "events",
        streams=True,
        examples="""
        eoi events --after 1200 --events 'eoi.*'
        eoi events --follow --json | my-importer
        """,
    )(events)


def events(
    door: Door,
    *,
    after: Annotated[
        int, typer.Option("--after", metavar="CURSOR", help="Go on after this one; 0: from the beginning.")
    ] = 0,
    pattern: Annotated[
        str, typer.Option("--events", metavar="PATTERN", help="Only these, such as eoi.*.")
    ] = "*",
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", help=f"At the most so many.  [{LIMIT}; with --follow: no limit]"
        ),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Then wait for more, until Ctrl-C.")] = False,
) -> None:
    """Tell what has happened, each event once, none left out. Officer, admin or auditor.

    Each begins with its cursor: keep the last one, and go on from there with --after. With --json each is one
    JSON object on a line of its own, with `cursor` and `event`; errors stand on stderr. While it is followed,
    a database that is away for a time is waited for.
    """
    with door.database() as engine, while_it_is_read():

        def ask(place: int, count: int) -> "Page[Fed]":
            return engine.events(after=place, pattern=pattern, limit=count, actor=door.reader())

        last, most = after, LIMIT if limit is None and not follow else limit
        with suppress(KeyboardInterrupt) if follow else nullcontext():
            for page in _pages(ask, after, most, follow=follow, aside=door.tell.aside):
                door.tell.lines((each, _told(each)) for each in page)
                last = int(page.next or last)
        if not door.json:
            door.tell.aside(f"To go on from here: --after {last}.")


def _pages(
    ask: "Callable[[int, int], Page[T]]",
    after: int,
    left: int | None,
    *,
    follow: bool,
    aside: Callable[[str], None],
) -> "Iterator[Page[T]]":
    """Yield pages until there is nothing more, or as many as are wanted; following, while it is read.

    Args:
        ask: fetches what comes after a place, at most so many.
        after: the place to begin after.
        left: how many are wanted; None: all.
        follow: wait for more; and for the database, where it is away.
        aside: is told once each time that it is.
    """
    is_away = False
    while True:
        want = PAGE if left is None else min(left, PAGE)
        try:
            page = ask(after, want)
        except EoiError as error:
            if not (follow and _passes(error)):
                raise
            if not is_away:
                aside(f"{error.message} [{error.code}] It is waited for, to go on after {after}.")
            is_away = True
            if _is_read_on():
                continue
            return
        is_away = False
        yield page
        after, left = int(page.next or after), None if left is None else left - len(page)
        if left == 0 or (len(page) < want and not (follow and _is_read_on())):
            return


def _passes(error: EoiError) -> bool:
    """Return whether an error is one of the database's that may be over soon, without anybody's doing."""
    from workflow import errors

    lasting = (
        errors.SchemaMismatch,
        errors.DatabaseForbidden,
        errors.DatabaseForeign,
        errors.DatabaseRefused,
        errors.DatabaseCorrupt,
    )
    passing = (errors.DatabaseUnavailable, errors.TransactionConflict)
    return isinstance(error, passing) and not isinstance(error, lasting)


def _is_read_on() -> bool:
    """Wait a while; return whether somebody still reads what is told.

    A pipe whose reader has gone would else be noticed only when there is something to write.
    """
    gone = select.poll()
    with suppress(OSError, ValueError):  # a stream that is no file: it only takes time
        gone.register(sys.stdout.fileno(), 0)  # errors and hang-ups are told unasked
    return not gone.poll(AGAIN_MS)


def _told(fed: "Fed") -> str:
    event = fed.event
    when, who = stamp(event.at, "UTC"), event.applicant or ""
    return f"{fed.cursor} {when} {event.type.value} {event.call_reference} {event.eoi_id or ''} {who}"
