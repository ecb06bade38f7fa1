"""A copy of a SQLite database, taken while it is in use (https://www.sqlite.org/backup.html)."""

import os
import sqlite3
from contextlib import closing
from os import fspath
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from states.errors import BadInput
from workflow.databases.sqlite import files
from workflow.databases.sqlite.driver import RAISED, translated
from workflow.errors import DatabaseCorrupt, DatabaseUnopened


def backup(source: Any, to: Path) -> None:  # noqa: ANN401 -- as the pool types it
    """Copy what a connection sees into a new file.

    - a file beside it, `….part`, readable for its owner alone, which SQLite fills and then checks
    - once it is on the disk, its name becomes `to`

    Raises:
        BadInput: there is something at that place already.
        DatabaseUnavailable: it could not be written; nothing is left of it.
        DatabaseCorrupt: the database is damaged, and so the copy would be.
    """
    if files.exists(to):
        msg = f"There is something at {to} already: give the backup another name."
        raise BadInput(msg, field="to")
    part = _part_of(to)
    try:
        _copy(source, part)
        part.rename(to)
    finally:
        part.unlink(missing_ok=True)


def _part_of(to: Path) -> Path:
    try:
        number, name = mkstemp(dir=to.parent, prefix=f"{to.name}-", suffix=".part")
    except OSError as exc:
        msg = f"{to} cannot be made: {exc.strerror}."
        raise DatabaseUnopened(msg, path=fspath(to)) from exc
    os.close(number)
    return Path(name)


def _copy(source: sqlite3.Connection, part: Path) -> None:
    try:
        with closing(sqlite3.connect(part)) as target:
            source.backup(target)
            found = target.execute("PRAGMA quick_check").fetchall()
            target.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
    except RAISED as exc:
        raise translated(exc, path=part) from exc
    if found != [("ok",)]:
        raise DatabaseCorrupt(path=fspath(part))
    with part.open("rb") as file:
        os.fsync(file.fileno())
