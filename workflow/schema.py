"""Whether a database's tables are those that this version reads and writes."""

from collections.abc import Sequence

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from workflow.database import Database
from workflow.errors import SchemaMissing, SchemaOutdated, SchemaTooNew
from workflow.tables import REVISIONS, VERSION_TABLE

_VERSION = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32)))


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


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(select(_VERSION.c.version_num)).scalars().all()
    return ", ".join(sorted(map(str, found))) or None
