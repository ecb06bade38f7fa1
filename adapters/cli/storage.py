"""Commands about the database itself: upgrade, check."""

import typer

from adapters.cli.door import FAILED, Door, command

database = typer.Typer(help="The database itself.", no_args_is_help=True, rich_markup_mode=None)


@command(database, "upgrade")
def upgrade(door: Door) -> None:
    """Make the database's tables those of this version.

    A missing SQLite file is made.
    """
    with door.engine_as_it_is() as engine:
        engine.migrate()
    url = door.settings().database_url
    door.tell.answer({"upgraded": True}, [f"{url} holds the tables of this version."])


@command(database, "check")
def check(door: Door) -> None:
    """Look for damage, and for tables that are not those of this version.

    Exit status 1 where there is any.
    """
    with door.engine_as_it_is() as engine:
        found = engine.check()
    door.tell.answer({"ok": not found, "found": found}, found or ["All well."])
    if found:
        raise typer.Exit(FAILED)
