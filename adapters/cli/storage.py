"""Commands about the database itself: upgrade, check, backup."""

from pathlib import Path
from typing import Annotated

import typer

from adapters.cli.door import Door
from adapters.cli.entering import FAILED, command


def enter(app: typer.Typer) -> None:
    """Enter the commands."""
    command(app, "upgrade")(upgrade)
    command(app, "check")(check)
    command(app, "backup", examples="eoi db backup eoi-$(date +%F).db --db /var/lib/eoi/eoi.db")(backup)


def upgrade(door: Door) -> None:
    """Make the database's tables those of this version.

    A missing SQLite file is made.
    """
    with door.database_as_it_is() as engine:
        upgraded = engine.migrate()
    holds = "now holds" if upgraded else "already holds"
    door.tell.answer({"upgraded": upgraded}, [f"{door.place()} {holds} the tables of this version."])


def check(door: Door) -> None:
    """Look for damage, and for tables that are not those of this version.

    Exit status 1 where there is any.
    """
    with door.database_as_it_is() as engine:
        found = engine.check()
    door.tell.answer({"ok": not found, "found": found}, found or ["All well."])
    if found:
        raise typer.Exit(FAILED)


def backup(
    door: Door, to: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; nothing may be there.")]
) -> None:
    """Copy a SQLite database into a new file, while it is in use.

    The copy is whole and checked. To restore it, stop every program that uses the database, and put the copy
    in its place, without a -wal and a -shm file beside it. PostgreSQL has its own tools: pg_dump.
    """
    with door.database_as_it_is() as engine:
        engine.backup(to)
    size = f"{to.stat().st_size:,} bytes"
    door.tell.answer(
        {"backup": str(to)}, [f"{door.place()} is copied to {to} ({size}), and the copy is sound."]
    )
