"""What psycopg raises, in our words. Nobody else reads PostgreSQL's codes.

The codes are those of https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from typing import Final

import psycopg

from states.errors import BadInput, EoiError
from workflow.databases.words import SAYS, UNSTORABLE
from workflow.errors import (
    Conflict,
    ConnectionLost,
    DatabaseCorrupt,
    DatabaseForbidden,
    DatabaseFull,
    DatabaseLocked,
    DatabaseReadOnly,
    DatabaseRefused,
    DatabaseUnavailable,
    DatabaseUnopened,
    SchemaMissing,
    TransactionConflict,
)

#: What the driver raises: its own errors; UnicodeEncodeError where a text cannot be stored.
RAISED: Final = (psycopg.Error, UnicodeError, OverflowError)

_BY_CODE: Final[dict[str, type[EoiError]]] = {
    "08000": ConnectionLost,
    "08003": ConnectionLost,
    "08006": ConnectionLost,
    "22021": BadInput,
    "22P05": BadInput,
    "23505": Conflict,
    "3F000": DatabaseUnopened,  # search_path names no schema that is there
    "25006": DatabaseReadOnly,
    "25P02": TransactionConflict,  # an earlier statement of this transaction has failed
    "25P03": ConnectionLost,  # it was idle in a transaction for too long
    "25P04": ConnectionLost,  # its transaction took too long
    "40001": TransactionConflict,
    "40P01": TransactionConflict,
    "42501": DatabaseForbidden,
    "42P01": SchemaMissing,
    "53100": DatabaseFull,
    "55P03": DatabaseLocked,
    "57P01": ConnectionLost,
    "57P02": ConnectionLost,
    "57P03": DatabaseUnopened,
    "57P05": ConnectionLost,
    "58P01": DatabaseCorrupt,  # one of its files is gone
    "XX001": DatabaseCorrupt,
    "XX002": DatabaseCorrupt,
}
_BY_CLASS: Final[dict[str, type[EoiError]]] = {
    "08": DatabaseUnopened,
    "23": DatabaseRefused,
    "28": DatabaseUnopened,
    "3D": DatabaseUnopened,
    "P0": DatabaseRefused,
}


#: What says more than an error's own sentence, by the server's code or by ours.
_SAYS: Final = SAYS | {
    "25P02": "The host's transaction has failed: roll it back and try again.",
    "3F000": "The database has no such schema ({driver}): is the search_path of its URL right?",
    DatabaseForbidden.code: "The database's user may not do that ({driver}): what it needs stands in "
    "docs/operations.md.",
    "57014": "The server was told to cancel it ({driver}): try again; is statement_timeout too short?",
    DatabaseUnopened.code: "The database cannot be reached: {driver}. Does it run? Is its URL right? Has "
    "it a connection left (EOI_POOL_SIZE, max_connections)?",
}


def translated(exc: BaseException | None, *, connecting: bool = False) -> EoiError:
    """Return our error for what the driver raised.

    Args:
        exc: what it raised.
        connecting: whether it was about to connect.
    """
    code: str | None = getattr(exc, "sqlstate", None)
    driver = _first_line(exc)
    facts = {"driver": driver, "sqlstate": code}
    if isinstance(exc, UnicodeEncodeError | OverflowError | psycopg.DataError):
        return BadInput(UNSTORABLE, **facts)
    if isinstance(exc, UnicodeDecodeError):
        return DatabaseCorrupt(**facts)
    error = _kind(exc, code, connecting=connecting)
    return error(_message(error, code, driver), **facts)


def _kind(exc: BaseException | None, code: str | None, *, connecting: bool) -> type[EoiError]:
    if code is not None:
        return _BY_CODE.get(code) or _BY_CLASS.get(code[:2], DatabaseUnavailable)
    # Without a code it is not the server that speaks, but the library, of a connection that is not there;
    # or that is not to be, where the URL has an option which nobody knows.
    if isinstance(exc, psycopg.OperationalError | psycopg.InterfaceError):
        return DatabaseUnopened if connecting else ConnectionLost
    if isinstance(exc, psycopg.ProgrammingError) and connecting:
        return DatabaseUnopened
    return DatabaseUnavailable


def _message(error: type[EoiError], code: str | None, driver: str) -> str | None:
    """Return what says more than the error's own sentence; None where nothing does."""
    says = _SAYS.get(code or "") or _SAYS.get(error.code)
    return None if says is None else says.format(driver=driver)


def _first_line(exc: BaseException | None) -> str:
    """Return what the driver says, without the rows' values that its further lines quote."""
    return str(exc).strip().partition("\n")[0].rstrip(".")
