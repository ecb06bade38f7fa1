"""A SQLite database's file: which one a URL names, making it, and whether it is still the same."""

from os import fsencode, fspath
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from states.errors import BadInput
from workflow.errors import DatabaseUnopened

#: A file's device and number.
Identity = tuple[int, int]

_FORMS: Final = "give sqlite:///eoi.db (in this folder), sqlite:////srv/eoi.db, or sqlite:// for memory"


def file_of(url: str) -> Path | None:
    """Return the file that a SQLite URL names, absolute from now on; None for a database in memory.

    Args:
        url: `sqlite:///` and a path, in which `%`, `?` and `#` may be written `%25`, `%3F` and `%23`.

    Raises:
        BadInput: another driver, a host, options after a `?`, a URI, or a path that no file can have.
    """
    scheme, _, rest = url.partition("://")
    path, _, options = rest.partition("?")
    name = unquote(path[1:], errors="surrogateescape")
    problem = None
    if scheme not in ("sqlite", "sqlite+pysqlite"):
        problem = f"SQLite is opened by Python's own driver, not by {scheme!r}: {_FORMS}."
    elif path and not path.startswith("/"):
        problem = f"{url!r} names a host, and SQLite has none: {_FORMS}."
    elif options:
        problem = f"{url!r} has options, and none are known; a ? in a file's name is written %3F."
    elif name.startswith("file:"):
        problem = f"{name!r} is a URI, as of Django's tests in memory, and we open files: {_FORMS}."
    elif not _can_be_a_name(name):
        problem = f"No file can be called {name!r}."
    if problem:
        raise BadInput(problem, field="db")
    return None if name in ("", ":memory:") else Path(name).absolute()


def make(path: Path) -> bool:
    """Create an empty file, readable for its owner alone; return whether it was missing.

    Raises:
        DatabaseUnopened: its folder does not exist or cannot be written; or it is gone, and its log is not.
    """
    require_no_orphan(path)
    if exists(path):
        return False
    try:
        path.touch(mode=0o600, exist_ok=True)
    except OSError as exc:
        msg = f"{path} cannot be made: {exc.strerror}."
        raise DatabaseUnopened(msg, path=fspath(path)) from exc
    return True


def require_no_orphan(path: Path) -> None:
    """Pass only where no database that is gone has left its log: beside an empty one SQLite removes it.

    Raises:
        DatabaseUnopened: there is one.
    """
    real = path.resolve()  # beside which SQLite keeps the log
    log = real.with_name(f"{real.name}-wal")
    if _size(log) and not _size(path):
        msg = (
            f"{path} is gone, and {log.name} beside it, which holds what was written last, is not. "
            "SQLite would throw that away: put the database back, or move the log away, too."
        )
        raise DatabaseUnopened(msg, path=fspath(path))


def exists(path: Path) -> bool:
    """Return whether there is something at that place, as far as this user may see."""
    return identity(path) is not None


def is_folder(path: Path) -> bool:
    """Return whether a folder stands at that place, as far as this user may see."""
    return exists(path) and path.is_dir()


def identity(path: Path) -> Identity | None:
    """Return which file stands at that place now: its device and number; None where none can be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _size(path: Path) -> int:
    """Return how many bytes are in a file; 0 where none can be seen."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _can_be_a_name(name: str) -> bool:
    try:
        return b"\x00" not in fsencode(name)
    except UnicodeEncodeError:
        return False
