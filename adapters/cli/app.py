"""The commands of `eoi`, put together."""

import sys
from typing import Annotated

import typer

from adapters.cli import delivery, eois, running, storage
from adapters.cli.calls import calls
from adapters.cli.door import Door, command, everywhere

_HELP = """The life of expressions of interest: calls, EOIs, deadlines, notices.

Options for who asks and which database stand before or after the command's name. Exit status: 0 done, 1
refused or failed, 2 wrong usage.
"""

app = typer.Typer(
    name="eoi",
    help=_HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def diagram(
    door: Door,
    which: Annotated[str, typer.Argument(metavar="[eoi|call]", help="Whose life.")] = "eoi",
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
    for stream in (sys.stdout, sys.stderr):
        # What an argument brought along that the terminal cannot show is shown as its code.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="eoi")


app.callback()(everywhere)
app.add_typer(calls, name="call")
eois.enter(app)
running.enter(app)
app.add_typer(delivery.endpoints, name="endpoint")
app.add_typer(delivery.outbox, name="outbox")
app.add_typer(storage.database, name="db")
command(app, "diagram", examples="eoi diagram call")(diagram)
