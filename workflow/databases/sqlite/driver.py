"""What the SQLite driver raises, in our words. Nobody else reads a driver's codes."""

import sqlite3
from os import fspath
from pathlib import Path
from typing import Final

from states.errors import BadInput, EoiError
from workflow.databases.sqlite import files
from workflow.databases.words import SAYS, UNSTORABLE
from workflow.errors import (
    Conflict,
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseRefused,
    DatabaseUnavailable,
    DatabaseUnopened,
)

#: What the driver raises: its own errors; UnicodeDecodeError where a damaged file's text is no text;
#: OverflowError and UnicodeEncodeError where a value cannot be stored.
RAISED: Final = (sqlite3.Error, UnicodeError, OverflowError)

#: SQLite's primary result codes (https://www.sqlite.org/rescode.html) and what they mean to us.
_BY_CODE: Final[dict[int, type[EoiError]]] = {
    sqlite3.SQLITE_BUSY: DatabaseLocked,
    sqlite3.SQLITE_LOCKED: DatabaseLocked,
    sqlite3.SQLITE_READONLY: DatabaseReadOnly,
    sqlite3.SQLITE_CORRUPT: DatabaseCorrupt,
    sqlite3.SQLITE_FULL: DatabaseFull,
    sqlite3.SQLITE_CANTOPEN: DatabaseUnopened,
    sqlite3.SQLITE_NOTADB: DatabaseForeign,
    sqlite3.SQLITE_CONSTRAINT: DatabaseRefused,
}
#: The extended codes that say more than their primary one: there is such a row already.
_BY_EXTENDED_CODE: Final[dict[int | None, type[EoiError]]] = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: Conflict,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: Conflict,
}


#: What says more than an error's own sentence.
_SAYS: Final = SAYS | {
    DatabaseReadOnly.code: "The database can only be read: make its folder writable, the file, and those "
    "beside it (-wal, -shm).",
}
_DISK: Final = "The disk failed the database ({driver}): look at its room, its quota and its health."


def translated(exc: BaseException | None, *, path: Path | None = None) -> EoiError:
    """Return our error for what a driver raised."""
    code = getattr(exc, "sqlite_errorcode", None)
    # What follows is the text of a row.
    driver = str(exc).partition(" with text ")[0]
    facts = {"driver": driver, "sqlite_code": code, "path": None if path is None else fspath(path)}
    if isinstance(exc, OverflowError | UnicodeEncodeError):
        return BadInput(UNSTORABLE, **facts)
    if isinstance(exc, UnicodeDecodeError) or driver.startswith("Could not decode"):
        return DatabaseCorrupt(**facts)
    error = _BY_EXTENDED_CODE.get(code) or _BY_CODE.get(_primary(code), DatabaseUnavailable)
    return error(_message(error, driver, code, path), **facts)


def _primary(code: int | None) -> int:
    return (code or 0) & 0xFF


def _message(error: type[EoiError], driver: str, code: int | None, path: Path | None) -> str | None:
    """Return what says more than the error's own sentence; None where nothing does."""
    if error is DatabaseUnopened and path is not None:
        return _unopened(path)
    says = _DISK if _primary(code) == sqlite3.SQLITE_IOERR else _SAYS.get(error.code)
    return None if says is None else says.format(driver=driver)


def _unopened(path: Path) -> str:
    if files.is_folder(path):
        return f"{path} is a folder, not a database file."
    if not files.exists(path) and files.exists(path.parent):
        return f"There is no database at {path}: `eoi db upgrade` (or engine.migrate()) makes one."
    return f"{path} cannot be opened: does its folder exist, and may this user write there?"
