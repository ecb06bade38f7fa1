"""How every command is carried out: key, glance, transaction, attempt, hooks, one line of log."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, Final, Generic, TypeVar

from pydantic import TypeAdapter
from sqlalchemy.orm import Session

from states.errors import EoiError, Refused
from states.events import Event
from workflow.clock import RunningClock
from workflow.commands import Asked, Command
from workflow.connection import Connection
from workflow.database import Database, SharedClock
from workflow.errors import CommitUnknown, DatabaseUnavailable, TransactionConflict
from workflow.hooks import Hooks
from workflow.host_session import after_outermost_commit, loss_told, place_in
from workflow.idempotency import Key, claim, find_answer, keep_answer, key_of
from workflow.job_views import JobView
from workflow.log import get_log
from workflow.ports import Clock
from workflow.races import collided, until_won, was_lost
from workflow.store import all_of_call, history
from workflow.unit_of_work import Many, UnitOfWork, own_transaction
from workflow.views import CallView, Receipt, UnhandledView

T = TypeVar("T", Receipt, CallView, UnhandledView, JobView)

#: How long a refusal without the lock waits to be kept, in seconds: whoever is too late is told at once.
KEEP_WAIT_S: Final = 2.0

_log = get_log("engine")
_ANSWERS: Final[dict[type, TypeAdapter[Any]]] = {
    each: TypeAdapter(each) for each in (Receipt, CallView, UnhandledView, JobView)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order(Generic[T]):
    """One command, ready to be carried out."""

    asked: Asked
    #: What is asked: `eoi submit`.
    name: str
    #: What kind of command a key is looked for among: `eoi move`; empty: `name` alone.
    kind: str = ""
    #: What the caller names, for the log: an id, or a call's reference.
    asked_of: str = ""
    #: The id of the call or EOI that this is; empty where it makes a new call.
    subject: Callable[[Connection], str] = lambda _: ""
    #: The rest of the request but for reason and version, as JSON knows it: what a key's second use is
    #: compared with.
    request: object = None
    #: The key of what this comes of, whatever it is of: an event's; None: the one that the caller gave.
    key: Key | None = None
    answer: type[T]
    #: The use case; it is given the subject's id.
    do: Callable[[UnitOfWork, Command, str], T]
    #: A plain read before any lock, which turns away what is late.
    glance: Callable[[Connection, Command, str], None] = lambda _, __, ___: None


class Dispatcher:
    """Carries out commands on one database."""

    def __init__(
        self,
        database: Database,
        hooks: Hooks,
        *,
        clock: Clock,
        shared_clock: SharedClock | None,
        settle: timedelta,
    ) -> None:
        """Prepare.

        Args:
            database: where to work.
            hooks: whom to tell.
            clock: tells the time here.
            shared_clock: tells it to all nodes; None: there is none, or another clock was handed in.
            settle: how long after its deadline a call is closed.
        """
        self._database = database
        self._hooks = hooks
        self._clock = clock
        self._shared_clock = shared_clock
        self._settle = settle

    def carry_out(self, order: Order[T]) -> T:
        """Carry out a command, in a transaction of our own or at a place in a host's.

        - a replay ends at once with the first answer, also after the close
        - what a plain read shows to be late is refused without a lock
        - the key is the transaction's first write; use case and commit follow
        - a race that was lost is run again, a bounded number of times
        - a refusal rolls back and is then kept as an attempt
        - hooks hear of it after the commit, the host's outermost one where it is the host's

        Raises:
            EoiError: whatever the use case says; nothing has changed then.
            CommitUnknown: it may have changed.
        """
        if order.asked.session is not None:
            return self._in_session(order, order.asked.session)
        try:
            result, unit = until_won(lambda: self._in_own(order))
        except EoiError as exc:
            if isinstance(exc, DatabaseUnavailable) or was_lost(exc):
                self._log_failure(order, exc)
            raise
        self.tell(unit.events if unit else ())
        return result

    def _in_own(self, order: Order[T]) -> tuple[T, UnitOfWork | None]:
        """Carry it out in a transaction of our own; return the answer, and what was done, if anything was."""
        with self._database.connect() as connection:
            command = self._arrived(order.asked, connection)
            subject, key, known = _looked_up(order, connection)
            if known:
                return _replayed(order, known), None
            # Refused without the lock, they are told at once; after it, the attempt may wait as they did.
            keep_within_s: float | None = KEEP_WAIT_S
            try:
                order.glance(connection, command, subject)
                keep_within_s = None
                with own_transaction(connection) as unit:
                    return _do(order, command, subject, key, unit), unit
            except Refused as exc:
                connection.rollback()
                if key and (known := find_answer(connection, key)):
                    return _replayed(order, known), None  # Its twin was carried out between the two reads.
                refused = exc
        # On a connection of its own: the one it was refused on may break, and the evidence must not.
        self._keep_attempt(
            lambda: self._transaction(wait_s=keep_within_s), command, refused, lost=_not_kept_for_sure
        )
        raise refused

    def _arrived(self, asked: Asked, connection: Connection) -> Command:
        """Return what is asked with the instant at which it arrived, before any lock.

        The clock that all nodes share is read in the trip that begins the transaction, and may have been
        read as late as at its end: so much earlier it may have arrived.
        """
        clock, at, waited = self._clock, asked.arrival.entered_at, asked.arrival.waited
        if at is None and self._shared_clock is not None:
            look = self._shared_clock.begin if asked.session is None else self._shared_clock.read
            clock = running = RunningClock(partial(look, connection), since_s=asked.arrival.entered_s)
            at, waited = running.began_at, waited + running.took
        return Command(
            actor=asked.actor,
            arrived_at=at or clock.now(),
            waited=waited,
            clock=clock,
            settle=self._settle,
            reason=asked.reason,
            expected_version=asked.expected_version,
        )

    def _in_session(self, order: Order[T], session: Session) -> T:
        """Carry it out at a place in a host's transaction, which is the host's to try again."""
        connection = self._database.of_session(session)
        with loss_told(session, connection):
            command = self._arrived(order.asked, connection)
            try:
                result, unit = _placed(order, command, session, connection)
            except Refused as refused:
                self._keep_attempt(lambda: place_in(session, connection), command, refused, lost=collided)
                raise
        after_outermost_commit(session, lambda: self.tell(unit.events, connection))
        return result

    @contextmanager
    def _transaction(self, *, wait_s: float | None) -> Iterator[UnitOfWork]:
        with self._database.connect() as connection, own_transaction(connection, wait_s=wait_s) as unit:
            yield unit

    def _log_failure(self, order: Order[T], exc: EoiError) -> None:
        """Say in the log what nothing can be written of, for whoever must ask what became of it."""
        at, waited_s = order.asked.arrival.entered_at, time.monotonic() - order.asked.arrival.entered_s
        _log.warning(
            "command.failed",
            code=exc.code,
            command=order.name,
            id=order.asked_of,
            arrived_at=None if at is None else at.isoformat(),
            waited_s=round(waited_s, 3),
        )

    def _keep_attempt(
        self,
        transaction: Callable[[], AbstractContextManager[UnitOfWork]],
        command: Command,
        refused: Refused,
        *,
        lost: Callable[[EoiError], bool],
    ) -> None:
        """Keep it in a short transaction of its own; where that fails, the refusal stands all the same."""
        _log.info("command.refused", code=refused.code, **_subjects(refused))
        try:
            until_won(lambda: _add_attempt(transaction(), command, refused), lost=lost)
        except EoiError as exc:
            at, earliest = command.arrived_at.isoformat(), command.earliest_at.isoformat()
            evidence = {"code": exc.code, "arrived_at": at, "earliest_at": earliest}
            _log.warning("attempt.not-kept", **evidence, **_subjects(refused))

    def tell(self, events: Iterable[Event | Many], connection: Connection | None = None) -> None:
        """Log each event, and call the hooks. Only after the commit.

        Args:
            events: what has happened; a set of many is read only if a hook wants it, and logged by its call.
            connection: where to read it; None: one of our own.
        """
        for each in events:
            if isinstance(each, Event):
                _log.info(each.type.value, event_id=each.id, call_id=each.call_id, state=each.state)
                self._hooks.tell(each)
            elif self._hooks.want(each.type):
                self._tell_many(each, connection)

    def _tell_many(self, many: Many, connection: Connection | None) -> None:
        lent = self._database.connect() if connection is None else nullcontext(connection)
        try:
            with lent as readable:
                events = all_of_call.events(
                    readable, many.type, call_id=many.call_id, after=many.after, upto=many.upto
                )
        except EoiError as exc:
            _log.warning("hook.failed", type=many.type, code=exc.code)
            return
        for event in events:
            self._hooks.tell(event)


def _placed(
    order: Order[T], command: Command, session: Session, connection: Connection
) -> tuple[T, UnitOfWork]:
    """Do it at a place in a host's transaction; return the answer, and what was done."""

    def do() -> tuple[T, UnitOfWork]:
        with place_in(session, connection) as unit:
            subject, key, known = _looked_up(order, connection)
            if known:
                return _replayed(order, known), unit
            order.glance(connection, command, subject)
            return _do(order, command, subject, key, unit), unit

    try:
        return until_won(do, lost=collided)
    except EoiError as exc:
        if collided(exc):  # with what this transaction cannot see: it began before
            raise TransactionConflict from exc
        raise


def _looked_up(order: Order[T], connection: Connection) -> tuple[str, Key | None, str | None]:
    """Return the subject's id, the key, and what was answered under that before.

    Of an event the key comes first: what it was of may be gone since.
    """
    if order.key and (known := find_answer(connection, order.key)):
        return "", order.key, known
    subject = order.subject(connection)
    key = order.key or _key(order, subject)
    return subject, key, None if key is None or order.key else find_answer(connection, key)


def _key(order: Order[T], subject: str) -> Key | None:
    asked = order.asked
    if asked.idempotency_key is None:
        return None
    request = [order.name, order.request, asked.reason, asked.expected_version]
    return key_of(asked.idempotency_key, asked.actor, order.kind or order.name, subject, request)


def _do(order: Order[T], command: Command, subject: str, key: Key | None, unit: UnitOfWork) -> T:
    if key:
        claim(unit.connection, key, command.arrived_at)
    result = order.do(unit, command, subject)
    if key:
        keep_answer(unit.connection, key, _ANSWERS[order.answer].dump_json(result).decode())
    return result


def _replayed(order: Order[T], known: str) -> T:
    answer: T = _ANSWERS[order.answer].validate_json(known)
    return replace(answer, replayed=True) if isinstance(answer, Receipt) else answer


def _add_attempt(transaction: AbstractContextManager[UnitOfWork], command: Command, refused: Refused) -> None:
    call_id, eoi_id = refused.facts.get("call_id"), refused.facts.get("eoi_id")
    if call_id is None:  # What was to be made is not there, so there is nothing to keep the attempt on.
        return
    with transaction as unit:
        history.add_attempt(
            unit.connection,
            subject_id=str(eoi_id or call_id),
            call_id=str(call_id),
            trigger=str(refused.facts["trigger"]),
            code=refused.code,
            actor=command.actor,
            earliest_at=command.earliest_at,
            latest_at=command.arrived_at,
        )


def _not_kept_for_sure(exc: EoiError) -> bool:
    """Return whether an attempt must be kept again; one that may be kept already then counts twice."""
    return was_lost(exc) or isinstance(exc, CommitUnknown)


def _subjects(refused: Refused) -> dict[str, object]:
    return {name: value for name, value in refused.facts.items() if name in ("call_id", "eoi_id", "trigger")}
