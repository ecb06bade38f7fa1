"""Engine, the face: one method for each use case.

What is decided, and what is written, stands in the use cases; how a command is carried out, in `dispatch`.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Self, TypedDict, TypeVar, Unpack

import sqlalchemy
from sqlalchemy.orm import Session

from states.decisions import Option
from states.facts import Actor
from states.names import EoiTrigger
from workflow import applications, closing, orders, past, reading, schema, unhandled
from workflow.clock import RunningClock, SystemClock, UtcClock
from workflow.commands import Arrival, Asked
from workflow.connection import LOCK_TIMEOUT_S, Connection
from workflow.databases import POOL_SIZE, database_of
from workflow.delivering import KEEP_DAYS as KEEP_DELIVERIES_DAYS
from workflow.dispatch import Dispatcher, Order, T
from workflow.handles import Handle, Handles
from workflow.handling import RECORD, Handling, refuses
from workflow.hooks import Hooks
from workflow.host_session import host_session
from workflow.idempotency import KEEP_DAYS, key_or_none, prune
from workflow.ids import existing_id, new_id
from workflow.inputs import (
    NewCall,
    aware,
    data_of,
    reason_in,
    reason_or_none,
    some_actor,
    span,
    trigger_word,
    version_or_none,
    whole_number,
)
from workflow.job_keeping import JobKeeping
from workflow.job_queue import JobQueue
from workflow.jobs import KEEP_DAYS as KEEP_JOBS_DAYS
from workflow.key_keeping import KeyKeeping
from workflow.outbox import Outbox
from workflow.outgoing import Outgoing
from workflow.ports import Clock, Vault, VetUrl
from workflow.races import until_won
from workflow.schema import SchemaState
from workflow.store import evidence, keys
from workflow.unit_of_work import one_state, own_transaction
from workflow.vault import PlainVault
from workflow.views import (
    AttemptView,
    CallView,
    CloseReport,
    EoiView,
    HistoryView,
    Page,
    Receipt,
)

R = TypeVar("R")

#: The longest that a call settles, or a command waits for a lock, in seconds.
HOUR_S: Final = 3600
#: The longest that a key is kept, in days: a hundred years.
LONGEST_DAYS: Final = 36500
#: How long after its deadline a call is closed, in seconds, so that whoever arrived in time gets through.
SETTLE_S: Final = 2.0


class Terms(TypedDict, total=False):
    """What every command takes besides."""

    #: Sent again under the same key, a command is answered with the first answer.
    idempotency_key: str | None
    #: The version that the caller has seen; another is refused as stale.
    expected_version: int | None
    #: A host's SQLAlchemy session: the command is then part of the host's transaction.
    session: Session | None
    #: When it came in, where that was before the engine was called: from `engine.arrival()`.
    arrival: Arrival | None


class Engine(Outgoing, KeyKeeping, Handling, JobKeeping):
    """The life of calls and EOIs on one database. Synchronous, thread-safe; build it after a fork.

    Every command may raise: `Refused` (with all reasons), `NotFound` (also for what is not the actor's),
    `StaleVersion`, `BadInput`, `KeyReused`, `DatabaseUnavailable`; nothing has changed then. Each takes an
    `actor`, who asks; those of a call or an EOI take the `Terms`: `idempotency_key`, `expected_version`,
    `session`, `arrival`.
    """

    def __init__(
        self,
        database: str | sqlalchemy.Engine,
        *,
        clock: Clock | None = None,
        settle_s: float = SETTLE_S,
        lock_timeout_s: float = LOCK_TIMEOUT_S,
        keep_keys_days: float = KEEP_DAYS,
        keep_deliveries_days: float = KEEP_DELIVERIES_DAYS,
        keep_jobs_days: float = KEEP_JOBS_DAYS,
        pool_size: int = POOL_SIZE,
        vault: Vault | None = None,
        handles: Iterable[Handle] = (),
        unknown_events: str = RECORD,
        vet_url: VetUrl | None = None,
    ) -> None:
        """Prepare; the database is opened at first use.

        Args:
            database: a URL (`sqlite:///eoi.db`, `postgresql://host/eoi`), or a host's own SQLAlchemy engine.
            clock: anything with `now() -> aware datetime`, obeyed as it is; None: the system's on SQLite, the
                database's on PostgreSQL, by which all nodes agree.
            settle_s: how long after its deadline a call is closed, in seconds.
            lock_timeout_s: how long a command waits for a lock of the database, in seconds.
            keep_keys_days: how long an idempotency key is kept at least, in days.
            keep_deliveries_days: how long what was delivered is kept, in days; its event always is.
            keep_jobs_days: how long a job that has ended is kept with its files, in days.
            vault: seals the secrets of endpoints; None: they are stored as they are.
            pool_size: how many connections are opened at the most; a host's engine has its own pool.
            handles: which event from elsewhere fires what (`engine.handle`).
            unknown_events: what becomes of those that none is for: `record` or `refuse`.
            vet_url: looks at a webhook's URL before it is added, and looks up no name; None: any will do.

        Raises:
            BadInput: no such database, no clock, a time below 0 or beyond all sense, two rules for one type.
        """
        self._handles, self._refuses_unknown = Handles(handles), refuses(unknown_events)
        self._settle = timedelta(seconds=span(settle_s, field="settle_s", unit="seconds", greatest=HOUR_S))
        patience_s = span(lock_timeout_s, field="lock_timeout_s", unit="seconds", greatest=HOUR_S)
        days = span(keep_keys_days, field="keep_keys_days", unit="days", greatest=LONGEST_DAYS)
        self._keep_keys = timedelta(days=days)
        self._keep_deliveries = timedelta(
            days=span(keep_deliveries_days, field="keep_deliveries_days", unit="days", greatest=LONGEST_DAYS)
        )
        self._keep_jobs = timedelta(
            days=span(keep_jobs_days, field="keep_jobs_days", unit="days", greatest=LONGEST_DAYS)
        )
        self._vault, self._vet_url = vault or PlainVault(), vet_url
        self._database = database_of(
            database,
            check=schema.check,
            lock_timeout_s=patience_s,
            pool_size=whole_number(pool_size, field="pool_size", least=1, greatest=1000),
        )
        shared = self._database.clock() if clock is None else None
        #: Tells the time, in UTC.
        self.clock: Clock = shared or (SystemClock() if clock is None else UtcClock(clock))
        self._shared_clock = shared
        self._hooks = Hooks()
        self._dispatcher = Dispatcher(
            self._database, self._hooks, clock=self.clock, shared_clock=shared, settle=self._settle
        )
        #: The pump's side of the outbox.
        self.outbox = Outbox(self._database)
        #: The worker's side of jobs.
        self.job_queue = JobQueue(self._database, self._now)

    def arrival(self) -> Arrival:
        """Note that something has come in now, for a command that is called later: what counts is arrival.

        A door that lets requests wait for a thread notes it as soon as a request is there whole, and hands it
        on as the command's `arrival`. What may have been there before anybody saw it says so:
        `engine.arrival().may_have_waited(timedelta(seconds=3))`.
        """
        entered_s = time.monotonic()
        return Arrival(entered_s, None if self._shared_clock else self.clock.now())

    # ---- calls

    def open_call(self, new: NewCall, *, actor: Actor, **terms: Unpack[Terms]) -> CallView:
        """Publish a call; it takes EOIs from now until it closes. Officer."""
        return self._carry_out(orders.open_call(self._asked(actor, **terms), new))

    def extend_call(
        self,
        call_id: str,
        *,
        closes_at: datetime | None,
        actor: Actor,
        reason: str | None = None,
        **terms: Unpack[Terms],
    ) -> CallView:
        """Move a call's deadline to a later instant, for everybody. Officer, with a reason."""
        asked = self._asked(actor, reason=reason, **terms)
        return self._carry_out(orders.extend_call(asked, call_id, closes_at))

    def close_call(
        self, call_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]
    ) -> CallView:
        """Close a call: at its deadline, or early by an officer while nobody has begun an EOI."""
        asked = self._asked(actor, reason=reason, **terms)
        return self._carry_out(orders.close_call(asked, call_id))

    def cancel_call(
        self, call_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]
    ) -> CallView:
        """Call it off, and its live EOIs with it. Admin, with a reason."""
        asked = self._asked(actor, reason=reason, **terms)
        return self._carry_out(orders.cancel_call(asked, call_id))

    def call(self, id_or_reference: str, *, actor: Actor | None = None) -> CallView:
        """Return a call, by its id or the council's own reference."""
        return self._done(lambda connection: reading.call(connection, id_or_reference, actor), at_once=True)

    def calls(self, *, actor: Actor | None = None) -> list[CallView]:
        """Return every call, the latest deadline first."""
        return self._done(lambda connection: reading.every_call(connection, actor), at_once=True)

    def find_calls(
        self,
        *,
        reference: str | None = None,
        state: str | None = None,
        after: str | None = None,
        limit: int = 50,
        actor: Actor | None = None,
    ) -> Page[CallView]:
        """Return a page of calls, the newest first; give its `next` as `after` for the next page."""
        return self._done(
            lambda connection: reading.find_calls(
                connection, reference=reference, state=state, after=after, limit=limit, actor=actor
            ),
            at_once=True,
        )

    # ---- EOIs

    def draft(
        self,
        call_id: str,
        *,
        answers: Mapping[str, Any],
        actor: Actor,
        applicant: str | None = None,
        applicant_name: str | None = None,
        **terms: Unpack[Terms],
    ) -> Receipt:
        """Begin an EOI. Applicant.

        Args:
            call_id: the call's id, or its reference.
            answers: the form, as JSON knows it; `{}` is fine.
            actor: who asks.
            applicant: the organisation that applies; None: the actor's only one.
            applicant_name: its name, for people.
            terms: see the class; `expected_version` is the call's.
        """
        asked = self._asked(actor, **terms)
        order = orders.draft(
            asked, call_id, answers=answers, applicant=applicant, applicant_name=applicant_name
        )
        return self._carry_out(order)

    def save(
        self, eoi_id: str, *, answers: Mapping[str, Any], actor: Actor, **terms: Unpack[Terms]
    ) -> Receipt:
        """Replace a draft's answers, all of them. Applicant."""
        return self._carry_out(orders.save(self._asked(actor, **terms), eoi_id, answers))

    def fire(
        self,
        eoi_id: str,
        trigger: str,
        *,
        actor: Actor,
        reason: str | None = None,
        data: Mapping[str, Any] | None = None,
        **terms: Unpack[Terms],
    ) -> Receipt:
        """Make a move of the lifecycle: submit, review, approve, decline, withdraw, reinstate.

        Args:
            eoi_id: which EOI.
            trigger: the word of the move; `engine.allowed` lists them.
            actor: who asks.
            reason: why; some moves need it.
            data: more that a move may need: `{"answers": …}` for `save`; `reason` may stand here too.
            terms: see the class.

        Raises:
            UnknownTrigger: there is no such move.
        """
        given = data_of(data)
        asked = self._asked(actor, reason=reason_in(reason, given), **terms)
        return self._carry_out(orders.fire(asked, eoi_id, trigger, given))

    def submit(
        self, eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Hand it in: `fire(eoi_id, "submit", …)`."""
        return self.fire(eoi_id, EoiTrigger.SUBMIT, actor=actor, reason=reason, **terms)

    def review(
        self, eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Record that it was assessed: `fire(eoi_id, "review", …)`."""
        return self.fire(eoi_id, EoiTrigger.REVIEW, actor=actor, reason=reason, **terms)

    def approve(
        self, eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Select it, with a reason: `fire(eoi_id, "approve", …)`."""
        return self.fire(eoi_id, EoiTrigger.APPROVE, actor=actor, reason=reason, **terms)

    def decline(
        self, eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Do not select it, with a reason: `fire(eoi_id, "decline", …)`."""
        return self.fire(eoi_id, EoiTrigger.DECLINE, actor=actor, reason=reason, **terms)

    def withdraw(
        self, eoi_id: str, *, actor: Actor, reason: str | None = None, **terms: Unpack[Terms]
    ) -> Receipt:
        """Take it back: `fire(eoi_id, "withdraw", …)`."""
        return self.fire(eoi_id, EoiTrigger.WITHDRAW, actor=actor, reason=reason, **terms)

    def allowed(self, eoi_id: str, actor: Actor, *, at: datetime | None = None) -> list[Option]:
        """Return every trigger that leaves its present state: ok, or with what stands in the way.

        Args:
            eoi_id: which EOI.
            actor: for whom.
            at: as of which instant; None: now.
        """
        return self._what_if(eoi_id, actor, at=at)

    def explain(
        self,
        eoi_id: str,
        trigger: str,
        actor: Actor,
        *,
        data: Mapping[str, Any] | None = None,
        at: datetime | None = None,
    ) -> Option:
        """Return whether `trigger` could be fired now; changes nothing.

        Args:
            eoi_id: which EOI.
            trigger: the word of the move.
            actor: for whom.
            data: what would be given along: `{"reason": "…"}`.
            at: as of which instant; None: now.

        Raises:
            UnknownTrigger: there is no such move.
        """
        word, reason = trigger_word(trigger), data_of(data).get("reason")
        (option,) = self._what_if(eoi_id, actor, at=at, trigger=word, reason=reason)
        return option

    def get(self, eoi_id: str, *, actor: Actor | None = None) -> EoiView:
        """Return an EOI with its answers."""
        return self._done(lambda connection: reading.eoi(connection, eoi_id, actor))

    def find(
        self,
        *,
        call: str | None = None,
        state: str | None = None,
        applicant: str | None = None,
        after: str | None = None,
        limit: int = 50,
        actor: Actor | None = None,
    ) -> Page[EoiView]:
        """Return a page of EOIs, the oldest first; give its `next` as `after` for the next page.

        There are at most `limit` on it, and fewer where their answers come to over a million characters.
        """
        return self._done(
            lambda connection: reading.find(
                connection,
                call=call,
                state=state,
                applicant=applicant,
                after=after,
                limit=limit,
                actor=actor,
            )
        )

    def history(self, eoi_or_call_id: str, *, actor: Actor | None = None) -> list[HistoryView]:
        """Return every change of an EOI or a call, the first one first."""
        return self._done(lambda connection: past.changes(connection, eoi_or_call_id, actor), at_once=True)

    def find_history(
        self, eoi_or_call_id: str, *, after: str | None = None, limit: int = 50, actor: Actor | None = None
    ) -> Page[HistoryView]:
        """Return a page of `history`; give its `next` as `after` for the next page."""
        return self._done(
            lambda connection: past.find_changes(
                connection, eoi_or_call_id, after=after, limit=limit, actor=actor
            ),
            at_once=True,
        )

    def attempts(self, eoi_or_call_id: str, *, actor: Actor | None = None) -> list[AttemptView]:
        """Return what was tried and refused on an EOI, or on a call and all its EOIs."""
        return self._done(lambda connection: past.attempts(connection, eoi_or_call_id, actor), at_once=True)

    def find_attempts(
        self, eoi_or_call_id: str, *, after: str | None = None, limit: int = 50, actor: Actor | None = None
    ) -> Page[AttemptView]:
        """Return a page of `attempts`; give its `next` as `after` for the next page."""
        return self._done(
            lambda connection: past.find_attempts(
                connection, eoi_or_call_id, after=after, limit=limit, actor=actor
            ),
            at_once=True,
        )

    # ---- time

    def close_due(self) -> CloseReport:
        """Close every call whose deadline plus settle has come. Safe anywhere, any time, twice."""
        with self._database.connect() as connection:
            report, events = closing.close_due(connection, self._running_clock(connection), self._settle)
        self._dispatcher.tell(events)
        return report

    def next_due(self) -> datetime | None:
        """Return the earliest of all that waits for its instant; None where nothing does."""
        return self._done(lambda connection: closing.next_due(connection, self._settle))

    def prune(self) -> int:
        """Forget the idempotency keys that were kept for long enough; return how many there were.

        With them what was as long ago recorded of events that nothing was done for.
        """
        with self._database.connect() as connection:
            before = self._now(connection) - self._keep_keys
            unhandled.prune(connection, before)
            return prune(connection, before)

    def clock_skew_s(self) -> float | None:
        """Return how far this machine's clock is ahead of the database's, in seconds; below 0: behind.

        None where the database's clock is not asked: on SQLite, or where another clock was handed in.
        """
        if self._shared_clock is None:
            return None
        own = SystemClock()
        before, at, after = own.now(), self._shared_clock.now(), own.now()
        return ((before - at + (after - at)) / 2).total_seconds()

    # ---- the database

    def migrate(self) -> bool:
        """Make the database's tables those of this version; a missing SQLite file is made, mode 0600.

        Returns:
            Whether there was anything to change.

        Raises:
            SchemaTooNew: they are of a newer version.
            DatabaseUnavailable: it cannot be opened or written.
        """
        from workflow.migrations import upgrade  # noqa: PLC0415 -- only who migrates pays for Alembic

        return upgrade(self._database)

    def create(self) -> bool:
        """Make the tables where nothing is yet: no SQLite file, or one without any table.

        Every other database is left as it is: to migrate what holds data is a decision.

        Returns:
            Whether it made them.

        Raises:
            DatabaseUnavailable: it cannot be opened or written.
        """
        if self._database.path is None or not schema.is_empty(self._database):
            return False
        self.migrate()
        return True

    def check(self) -> list[str]:
        """Return what is wrong with the database, in words; empty: nothing. Reads all of it.

        Damage, tables that differ; where all that is well, rows that contradict one another; and settings by
        which commits may be lost.

        Raises:
            SchemaMismatch: its tables are not those of this version.
            DatabaseUnavailable: it cannot be opened.
        """
        from workflow.migrations import differences  # noqa: PLC0415 -- as `migrate`

        schema.check(self._database)
        found = [*self._database.damage(), *differences(self._database)]
        if not found:
            with self._database.connect() as connection, one_state(connection):
                found = evidence.contradictions(connection)
        return [*found, *self._database.risks()]

    def schema_state(self) -> SchemaState:
        """Return how the database's tables stand to this version, now: while nodes run, others upgrade.

        Raises:
            DatabaseUnavailable: it cannot be asked.
        """
        return schema.state(self._database)

    def require_writable(self, *, wait_s: float | None = None) -> None:
        """Pass only where something can be written now: a row is, and is gone before anybody can see it.

        Less would not tell that a disk is full, or that a standby only reads. It is a small commit.

        Args:
            wait_s: wait no longer than this for a lock, in seconds; None: as long as for any command.

        Raises:
            DatabaseReadOnly: the database can only be read.
            DatabaseUnavailable: or whatever else is wrong with it.
        """
        with self._database.connect() as connection, own_transaction(connection, wait_s=wait_s):
            keys.try_out(connection, new_id())

    def backup(self, to: str | Path) -> None:
        """Copy a SQLite database into a new file, mode 0600, while others go on working with it.

        Raises:
            BadInput: there is something at that place already; on PostgreSQL, which has its own tools.
            DatabaseUnavailable: the copy could not be written; nothing is left of it.
        """
        self._database.check_once()
        self._database.backup(Path(to).absolute())

    def close(self) -> None:
        """Close the connections that are ours; a host's engine is the host's to close."""
        self._database.close()

    def __enter__(self) -> Self:
        """Use it in a `with`, which closes it."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close it."""
        self.close()

    def _asked(
        self,
        actor: Actor,
        *,
        reason: object = None,
        idempotency_key: str | None = None,
        expected_version: int | None = None,
        session: Session | None = None,
        arrival: Arrival | None = None,
    ) -> Asked:
        return Asked(
            arrival=arrival or self.arrival(),
            actor=some_actor(actor),
            reason=reason_or_none(reason),
            expected_version=version_or_none(expected_version),
            idempotency_key=key_or_none(idempotency_key),
            session=None if session is None else host_session(session),
        )

    def _running_clock(self, connection: Connection) -> Clock:
        """Return a clock that need not be asked again, where asking is a trip to the database."""
        if self._shared_clock is None:
            return self.clock
        return RunningClock(partial(self._shared_clock.read, connection), since_s=time.monotonic())

    def _carry_out(self, order: Order[T]) -> T:
        return self._dispatcher.carry_out(order)

    def _what_if(
        self,
        eoi_id: str,
        actor: Actor,
        *,
        at: datetime | None,
        trigger: str | None = None,
        reason: object = None,
    ) -> list[Option]:
        then = None if at is None else aware(at, field="at")
        some_actor(actor)
        known_id = existing_id(eoi_id)
        return self._done(
            lambda connection: applications.what_if(
                connection,
                known_id,
                actor=actor,
                now=then or self._now(connection),
                settle=self._settle,
                reason=reason_or_none(reason),
                trigger=trigger,
            ),
            at_once=True,
        )

    def _done(self, do: Callable[[Connection], R], *, at_once: bool = False) -> R:
        """Do it on a connection, and again where that was broken.

        Args:
            do: what to do.
            at_once: whether it only reads, and all of it one state of the database.
        """

        def once() -> R:
            with self._database.connect() as connection, one_state(connection) if at_once else nullcontext():
                return do(connection)

        return until_won(once)

    def _now(self, connection: Connection) -> datetime:
        return self._running_clock(connection).now()
