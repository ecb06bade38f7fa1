"""A place in a host's transaction: the host's session, our savepoint in it, and what waits for its commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction, scoped_session

from states.errors import BadInput
from workflow.connection import Connection
from workflow.unit_of_work import UnitOfWork

_WAITING: Final = "eoi_waiting_hooks"


@dataclass(slots=True)
class _Waiting:
    #: Where in the host's transaction it happened; what is undone there did not happen.
    place: SessionTransaction | None
    #: The host's connection; a session that shares it with others may commit nothing.
    connection: sqlalchemy.Connection
    tell: Callable[[], object]


def host_session(session: object) -> Session:
    """Return the session that a host has handed in, out of its registry where that is what it handed in.

    Raises:
        BadInput: no SQLAlchemy session, or an asynchronous one.
    """
    if isinstance(session, scoped_session):
        session = session()
    if not isinstance(session, Session):
        msg = f"session must be a (synchronous) SQLAlchemy Session, not {type(session).__name__}."
        raise BadInput(msg, field="session")
    return session


@contextmanager
def place_in(session: Session, connection: Connection) -> Iterator[UnitOfWork]:
    """Work inside a host's transaction: an exception undoes our part and leaves the host's alone.

    Where the database itself has undone the whole of it, the host must not commit what is left in the
    belief that it is all there: its connection is made invalid, so that nothing goes but a rollback.

    Args:
        session: the host's.
        connection: the one that the session works on.

    Raises:
        TransactionConflict: the write lock is not to be had at once.
    """
    connection.join_write()
    connection.set_savepoint()
    unit = UnitOfWork(connection)
    try:
        yield unit
        connection.release_savepoint()
    except BaseException:
        if not connection.undo_to_savepoint():
            session.connection().invalidate()
        raise


@contextmanager
def loss_told(session: Session, connection: Connection) -> Iterator[None]:
    """Let a host's session know where its connection broke under us: rolled back, it goes on with another.

    Else what the host's own rollback says of that would hide what we say.
    """
    try:
        yield
    finally:
        if connection.is_broken:
            session.connection().invalidate()


def after_outermost_commit(session: Session, tell: Callable[[], object]) -> None:
    """Call `tell` once the host's whole transaction is committed; never, if its part of it is undone.

    Listens on the session alone, once for each, and keeps what waits in `session.info`.
    """
    if _WAITING not in session.info:
        session.info[_WAITING] = list[_Waiting]()
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_transaction_end", _ended)
    place = session.get_nested_transaction() or session.get_transaction()
    session.info[_WAITING].append(_Waiting(place, session.connection(), tell))


def _committed(session: Session) -> None:
    """Tell of everything, or, where SQLAlchemy speaks of a savepoint, hand it to what is around that."""
    waiting: list[_Waiting] = session.info[_WAITING]
    savepoint = session.get_nested_transaction()
    if savepoint is not None:
        for each in waiting:
            if each.place is savepoint:
                each.place = savepoint.parent
        return
    session.info[_WAITING] = []
    for each in waiting:
        if not each.connection.in_transaction():
            each.tell()


def _ended(session: Session, ended: SessionTransaction) -> None:
    """Forget what is still waiting there: it was rolled back, or closed without a word."""
    session.info[_WAITING] = [each for each in session.info[_WAITING] if each.place is not ended]
