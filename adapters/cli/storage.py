"""Commands about the database itself: upgrade, check."""

import typer

from adapters.cli.door import FAILED, Door, command


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(app, "upgrade")(upgrade)
    command(app, "check")(check)


def upgrade(door: Door) -> None:
    """Make the database's tables those of this version.

    A missing SQLite file is made.
    """
    with door.engine_as_it_is() as engine:
        engine.migrate()
    door.tell.answer({"upgraded": True}, [f"{door.place()} holds the tables of this version."])


def check(door: Door) -> None:
    """Look for damage, and for tables that are not those of this version.

    Exit status 1 where there is any.
    """
    with door.engine_as_it_is() as engine:
        found = engine.check()
    door.tell.answer({"ok": not found, "found": found}, found or ["All well."])
    if found:
        raise typer.Exit(FAILED)
