"""The commands of `eoi`, put together."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final

import typer

from adapters.cli import (
    calls,
    contacts,
    delivery,
    endpoints,
    eois,
    events,
    events_in,
    export,
    imports,
    jobs,
    keys,
    letters,
    notify,
    running,
    sheets,
    storage,
)
from adapters.cli.door import Door
from adapters.cli.entering import Group, command

_HELP: Final = """The life of expressions of interest: calls, EOIs, deadlines, notices.

Options for who asks and which database stand before or after the command's name. Exit status: 0 done, 1
refused or failed, 2 wrong usage.

Without a database here, a server is asked: eoi --server https://eoi.council.example --key-file FILE call list
"""

_GROUPS: Final = {
    "call": "Calls for expressions of interest.",
    "endpoint": "Receivers of events: other systems by webhook, people by e-mail.",
    "outbox": "What is on its way to them.",
    "letter": "What people are told by e-mail: looked at, and tried.",
    "contact": "Lists of those who are told by e-mail.",
    "job": "Work in the background: tables imported, EOIs exported.",
    "key": "Keys of the HTTP door: who comes in, and what they may.",
    "db": "The database itself.",
}
_SINK: Final = Path(os.devnull)


def diagram(
    door: Door,
    which: Annotated[str, typer.Argument(metavar="eoi|call", help="Whose life.")] = "eoi",
    *,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Both, with their tables, as docs/lifecycle.md has them.")
    ] = False,
) -> None:
    """Draw the lifecycle as Mermaid, from the table that decides."""
    from states.diagram import document, mermaid
    from states.lifecycle import CALL, EOI

    known = {each.name: each for each in (EOI, CALL)}
    if which not in known:
        msg = f"There is no lifecycle {which!r}: eoi or call."
        raise typer.BadParameter(msg)
    text = document() if markdown else mermaid(known[which])
    door.tell.answer({"markdown" if markdown else "mermaid": text}, [text.rstrip("\n")])


def main() -> None:
    """Run the command line."""
    _open_streams()
    app(prog_name="eoi")


def _open_streams() -> None:
    """Let every stream be there, and take every character.

    A stream that was closed gets a sink in its place, before a database's file gets its number.
    """
    sys.stdin = sys.stdin or _SINK.open(encoding="utf-8")
    sys.stdout = sys.stdout or _SINK.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or _SINK.open("w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _show_version(asked: bool) -> None:  # noqa: FBT001 -- what typer hands over
    if asked:
        from adapters.version import own_version

        sys.stdout.write(f"eoi-workflow {own_version()}\n")
        raise typer.Exit


def _begin(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Begin with what stands before every command's name."""


def _group(name: str, promise: str) -> typer.Typer:
    return typer.Typer(
        name=name,
        cls=Group,
        help=promise,
        no_args_is_help=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _put_together() -> typer.Typer:
    groups = {name: _group(name, promise) for name, promise in _GROUPS.items()}
    program = _group("eoi", _HELP)
    program.callback()(_begin)
    sheets.enter(groups["call"])
    calls.enter(groups["call"])
    endpoints.enter(groups["endpoint"])
    delivery.enter(groups["outbox"])
    letters.enter(groups["letter"])
    contacts.enter(groups["contact"])
    keys.enter(groups["key"])
    jobs.enter(groups["job"])
    storage.enter(groups["db"])
    eois.enter(program)
    events.enter(program)
    events_in.enter(program)
    export.enter(program)
    imports.enter(program)
    running.enter(program)
    notify.enter(program)
    command(program, "diagram", examples="eoi diagram call")(diagram)
    for group in groups.values():
        program.add_typer(group)
    return program


app = _put_together()
