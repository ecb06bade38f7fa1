"""One use case, one transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from states.events import Event, EventType
from workflow.connection import Connection


@dataclass(frozen=True, slots=True)
class Many:
    """The events of a set-based move: of one call and type, in a span of the outbox; read only if wanted."""

    type: EventType
    call_id: str
    #: The outbox's positions: greater than `after`, up to and with `upto`.
    after: int
    upto: int


class UnitOfWork:
    """What a use case works with: the connection, and what to tell of after the commit, in order."""

    def __init__(self, connection: Connection) -> None:
        """Begin with nothing to tell."""
        self.connection = connection
        self.events: list[Event | Many] = []


@contextmanager
def one_state(connection: Connection) -> Iterator[None]:
    """Let several reads see one state of the database, whatever is committed meanwhile; takes no lock."""
    connection.begin_read()
    try:
        yield
    finally:
        connection.rollback()


@contextmanager
def own_transaction(
    connection: Connection, *, wait_s: float | None = None, one_state: bool = False
) -> Iterator[UnitOfWork]:
    """Begin a transaction that writes, and commit it at the end; any exception undoes everything.

    Args:
        connection: one in no transaction.
        wait_s: wait no longer than this for a lock, in seconds; None: as long as for any command.
        one_state: let all its statements see one state of the database.

    Raises:
        DatabaseUnavailable: a lock or the commit was not to be had; nothing has changed.
        CommitUnknown: it may have changed.
    """
    connection.begin_write(wait_s=wait_s, one_state=one_state)
    unit = UnitOfWork(connection)
    try:
        yield unit
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
