"""Statements about the files of jobs: what is read, and what comes of it, in pieces."""

from typing import Final

from sqlalchemy import bindparam, delete, func, insert, literal, select

from workflow.connection import Connection
from workflow.statements import Prepared
from workflow.store.tables import JOB_PART

#: How many bytes a piece has at the most.
PIECE: Final = 256 * 1024

_OF_FILE: Final = (JOB_PART.c.job_id == bindparam("the_id"), JOB_PART.c.file == bindparam("the_file"))
_ADD: Final = Prepared(insert(JOB_PART), columns=("job_id", "file", "number", "content"))
_LAST: Final = Prepared(select(func.coalesce(func.max(JOB_PART.c.number), literal(0))).where(*_OF_FILE))
_PIECE: Final = Prepared(
    select(JOB_PART.c.content).where(*_OF_FILE, JOB_PART.c.number == bindparam("the_number"))
)
_DROP: Final = Prepared(delete(JOB_PART).where(*_OF_FILE))
_DROP_ALL: Final = Prepared(delete(JOB_PART).where(JOB_PART.c.job_id == bindparam("the_id")))


def append(connection: Connection, job_id: str, file: str, content: bytes) -> None:
    """Write more of a file."""
    row = connection.row(_LAST, the_id=job_id, the_file=file)
    last = 0 if row is None else int(row[0])
    for number, start in enumerate(range(0, len(content), PIECE), start=last + 1):
        piece = content[start : start + PIECE]
        connection.run(_ADD, job_id=job_id, file=file, number=number, content=piece)


def piece(connection: Connection, job_id: str, file: str, number: int) -> bytes | None:
    """Return a piece of a file; None: it has fewer."""
    row = connection.row(_PIECE, the_id=job_id, the_file=file, the_number=number)
    return None if row is None else bytes(row[0])


def drop(connection: Connection, job_id: str, file: str) -> None:
    """Delete one file."""
    connection.run(_DROP, the_id=job_id, the_file=file)


def drop_all(connection: Connection, job_id: str) -> None:
    """Delete all files of a job."""
    connection.run(_DROP_ALL, the_id=job_id)
