"""Commands about contacts: who is told, on which list. Personal data."""

from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from adapters.cli.door import Door
from adapters.cli.entering import command
from adapters.cli.telling import table

ListName = Annotated[str, typer.Argument(metavar="NAME", help="The list's name.")]


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(
        app,
        "import",
        examples="""
        eoi contact import schools.csv --list "Norfolk schools" --as programme.team --role officer
        eoi contact import - --list officers < officers.csv
        """,
    )(import_)
    command(app, "lists", examples="eoi contact lists")(lists)
    command(app, "list", examples="eoi contact list officers")(list_)


def import_(
    door: Door,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="CSV", help="Columns organisation,address,name, named in the first row; - is stdin."
        ),
    ],
    *,
    list_name: Annotated[str, typer.Option("--list", metavar="NAME", help="Which list; it may be new.")],
    allow_empty: Annotated[
        bool, typer.Option("--allow-empty", help="Also where the file holds nobody: the list is emptied.")
    ] = False,
) -> None:
    """Let a list hold who stands in a CSV file, and nobody else. Officer or admin.

    The file is in UTF-8, as spreadsheets save it. If any row cannot be taken, all those are told by their
    numbers, and nothing is changed.
    """
    from adapters.inbound.contact_list import contacts_from
    from adapters.inbound.files import file_bytes
    from workflow import BadInput

    people = contacts_from(file_bytes(file, what="list of contacts"))
    if not people and not allow_empty:
        msg = "The file holds nobody. If the list is to be emptied, say --allow-empty."
        raise BadInput(msg, field="contacts")
    with door.database() as engine:
        count = engine.put_contacts(list_name, people, actor=door.actor())
    door.tell.answer(
        {"list": list_name.strip(), "contacts": count, "rows": len(people)},
        [f"The list {list_name.strip()} now holds {_counted(count, len(people))}."],
    )


def lists(door: Door) -> None:
    """List the lists, with how many are on each. Officer, admin or auditor."""
    with door.database() as engine:
        found = engine.contact_lists(actor=door.reader())
    door.tell.answer(found, table(("list", "contacts"), found.items()))


def list_(door: Door, name: ListName) -> None:
    """List who is on a list. Officer, admin or auditor."""
    with door.database() as engine:
        found = engine.contacts(name, actor=door.reader())
    rows = ((each.organisation, each.address, each.name) for each in found)
    door.tell.answer(found, table(("organisation", "address", "name"), rows, prose="name"))


def import_into(name: str) -> str:
    """Return the command that fills a list, ready to be copied into a shell."""
    return f"`eoi contact import CSV --list {quote(name)}`"


def _counted(count: int, rows: int) -> str:
    contacts = f"{count:,} {'contact' if count == 1 else 'contacts'}"
    return contacts if rows == count else f"{contacts}, some of whom stand in the file more than once"
