"""One use case, one transaction: our own, or a place in a host's."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from states.events import Event
from workflow.database import Connection

_WAITING: Final = "eoi_waiting_hooks"


class UnitOfWork:
    """What a use case works with: the connection, and the events to tell of after the commit."""

    def __init__(self, connection: Connection) -> None:
        """Begin with nothing to tell."""
        self.connection = connection
        self.events: list[Event] = []


@contextmanager
def own_transaction(connection: Connection) -> Iterator[UnitOfWork]:
    """Hold the write lock, and commit at the end; any exception undoes everything.

    Raises:
        DatabaseUnavailable: the lock or the commit was not to be had; nothing has changed.
    """
    connection.begin_write()
    unit = UnitOfWork(connection)
    try:
        yield unit
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


@contextmanager
def place_in(connection: Connection) -> Iterator[UnitOfWork]:
    """Work inside a host's transaction: an exception undoes our part and leaves the host's alone.

    Raises:
        TransactionConflict: the write lock is not to be had at once.
    """
    connection.join_write()
    connection.set_savepoint()
    unit = UnitOfWork(connection)
    try:
        yield unit
    except BaseException:
        connection.undo_to_savepoint()
        raise
    connection.release_savepoint()


def after_outermost_commit(session: Session, tell: Callable[[], object]) -> None:
    """Call `tell` once the host's whole transaction is committed; never, if its part of it is rolled back.

    Listens on the session alone, once for each, and keeps what waits in `session.info`.
    """
    if _WAITING not in session.info:
        session.info[_WAITING] = []
        event.listen(session, "after_commit", _tell_all)
        event.listen(session, "after_soft_rollback", _drop_what_is_undone)
    place = session.get_nested_transaction() or session.get_transaction()
    session.info[_WAITING].append((place, tell))


def _tell_all(session: Session) -> None:
    # SQLAlchemy calls this for the release of a savepoint too, which commits nothing.
    if not session.in_nested_transaction():
        waiting, session.info[_WAITING] = session.info[_WAITING], []
        for _, tell in waiting:
            tell()


def _drop_what_is_undone(session: Session, undone: SessionTransaction) -> None:
    session.info[_WAITING] = [
        (place, tell) for place, tell in session.info[_WAITING] if undone not in _with_parents(place)
    ]


def _with_parents(place: SessionTransaction | None) -> Iterator[SessionTransaction]:
    while place is not None:
        yield place
        place = place.parent
