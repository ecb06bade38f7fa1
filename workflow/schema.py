"""Whether a database's tables are those that this version reads and writes."""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from workflow.database import Database
from workflow.errors import DatabaseUnavailable, SchemaMissing, SchemaOutdated, SchemaTooNew
from workflow.statements import Prepared
from workflow.tables import REVISIONS, VERSION_TABLE

_VERSION = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32)))
_FOUND: Final = Prepared(select(_VERSION.c.version_num))
#: What a revision of ours is called, those of tomorrow among them.
_NUMBER: Final = re.compile(r"\d{4}")


class SchemaState(StrEnum):
    """How a database's tables stand to this version."""

    #: They are this version's.
    CURRENT = "current"
    #: They were upgraded by a newer version: within a minor version this one can go on until it is replaced.
    NEWER = "newer"
    #: They are of an older version.
    OLDER = "older"
    #: There are none of ours, or nothing says of which revision they are.
    MISSING = "missing"
    #: They are of a revision that is none of ours.
    FOREIGN = "foreign"

    @property
    def is_served(self) -> bool:
        """Whether a node of this version that runs may go on with them."""
        return self in (SchemaState.CURRENT, SchemaState.NEWER)


def revision(database: Database) -> str | None:
    """Return the revision that the database is at; None where it holds none of our tables."""
    with database.core(check=False) as connection:
        return _revision(connection)


def is_empty(database: Database) -> bool:
    """Return whether the database holds no table at all, of anybody's; nor does a file that is missing."""
    if not database.is_there():
        return True
    with database.core(check=False) as connection:
        return not inspect(connection).get_table_names()


def check(
    database: Database, connection: Connection | None = None, /, *, revisions: Sequence[str] = REVISIONS
) -> None:
    """Pass only where the tables are those of the newest of `revisions`, the oldest first.

    Args:
        database: whose.
        connection: by which to look; None: one of the pool.
        revisions: those that this version knows.

    Raises:
        SchemaMissing: there are none of ours.
        SchemaOutdated: they are of an older version.
        SchemaTooNew: they are of a version that this one does not know.
    """
    found = revision(database) if connection is None else _revision(connection)
    if found is None:
        raise SchemaMissing(path=str(database.path))
    if found not in revisions:
        raise SchemaTooNew(found=found, newest_known=revisions[-1])
    if found != revisions[-1]:
        raise SchemaOutdated(found=found, needed=revisions[-1])


def state(database: Database, *, revisions: Sequence[str] = REVISIONS) -> SchemaState:
    """Return how the tables stand to the newest of `revisions`, now; one read, where there are any.

    Raises:
        DatabaseUnavailable: it cannot be asked.
    """
    try:
        with database.connect(check=False) as connection:
            found = _named(number for (number,) in connection.rows(_FOUND))
    except DatabaseUnavailable:
        found = revision(database)  # where only the table is not there, that is no failure
    return _state_of(found, revisions)


def _state_of(found: str | None, revisions: Sequence[str]) -> SchemaState:
    if found is None:
        return SchemaState.MISSING
    if found in revisions:
        return SchemaState.CURRENT if found == revisions[-1] else SchemaState.OLDER
    is_newer = _NUMBER.fullmatch(found) and found > revisions[-1]
    return SchemaState.NEWER if is_newer else SchemaState.FOREIGN


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return _named(connection.execute(select(_VERSION.c.version_num)).scalars())


def _named(found: Iterable[object]) -> str | None:
    return ", ".join(sorted(map(str, found))) or None
