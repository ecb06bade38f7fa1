"""The use cases of a call: open, extend, close, cancel."""

from dataclasses import replace
from datetime import datetime

from states.decisions import Decision, decide
from states.events import Event
from states.facts import CallFacts, Facts
from states.lifecycle import CALL, EOI
from states.names import NOT_YET, CallState, CallTrigger, EoiState, EoiTrigger
from workflow.commands import Command, call_facts, decided, record, require_version
from workflow.errors import NotFound, Overtaken, ReferenceTaken
from workflow.ids import new_id
from workflow.inputs import NewCall
from workflow.store import all_of_call, calls, outbox
from workflow.unit_of_work import Many, UnitOfWork
from workflow.views import CallView


def open_call(unit: UnitOfWork, command: Command, new: NewCall) -> CallView:
    """Publish a call.

    - the call, open, at version 1
    - history, outbox: `call.opened`

    Raises:
        Refused: no officer; the opening is ahead; the closing has passed.
        ReferenceTaken: there is a call with this reference.
        BadDeadline: it would close before it opens.
    """
    require_version(command, 0)
    opens_at = new.opens_at or command.arrived_at
    facts = CallFacts(
        state=NOT_YET,
        opens_at=opens_at,
        closes_at=new.closing,
        settles_at=new.closing + command.settle,
        closed_at=None,
        timezone=new.timezone,
    )
    question = Facts(actor=command.actor, now=command.arrived_at, call=facts)
    call = CallView(
        id=new_id(),
        reference=new.reference,
        title=new.title,
        state=CallState.OPEN,
        opens_at=opens_at,
        closes_at=new.closing,
        closed_at=None,
        timezone=new.timezone,
        phase=new.phase,
        contact=new.contact,
        audience=new.audience,
        version=1,
        counts={},
        counts_at_close=None,
    )
    decision = decide(CALL, CallTrigger.OPEN, question)
    if calls.by_reference(unit.connection, new.reference) is not None:
        msg = f"A call with the reference {new.reference} exists already."
        raise ReferenceTaken(msg, reference=new.reference)
    _add(unit, call, new)
    record(unit, command, decision, _event(command, decision, call, at=command.arrived_at))
    return call


def extend(unit: UnitOfWork, command: Command, call_id: str, new_closes_at: datetime | None) -> CallView:
    """Move a call's deadline to a later instant.

    - the call's closing and version
    - history, outbox: `call.extended`

    Raises:
        Refused: no officer; not open; not later; no reason.
        NotFound: no such call.
        StaleVersion: it has changed since it was read.
    """
    call = _locked(unit, command, call_id)
    question = replace(_question(command, call), new_closes_at=new_closes_at)
    decision = decided(CALL, CallTrigger.EXTEND, question, call_id=call_id, eoi_id=None)
    closes_at = question.new_closes_at or call.closes_at
    _one(calls.extend(unit.connection, call_id, call.version, closes_at=closes_at))
    call = replace(call, closes_at=closes_at, version=call.version + 1)
    record(unit, command, decision, _event(command, decision, call, at=command.arrived_at))
    return _with_counts(unit, call)


def close(unit: UnitOfWork, command: Command, call_id: str) -> tuple[CallView, int]:
    """Close a call, and let its drafts lapse; return it, and how many lapsed.

    - the drafts, with history and outbox each, in a handful of statements however many there are
    - the call: state, actual instant, counts after the lapse, version
    - history, outbox: `call.closed`

    History's `at` is the planned instant where it is closed at its deadline; `recorded_at` the actual one.

    Raises:
        Refused: not due, unless by an officer while nobody has begun; not open.
        NotFound: no such call.
        StaleVersion: it has changed since it was read.
    """
    call = _locked(unit, command, call_id)
    has_eois = calls.has_eois(unit.connection, call_id)
    question = _question(command, call, has_eois=has_eois)
    decision = decided(CALL, CallTrigger.CLOSE, question, call_id=call_id, eoi_id=None)
    closed_at = max(command.clock.now(), command.arrived_at)  # A clock may have been set back meanwhile.
    at = min(call.closes_at, command.arrived_at)
    lapsed = _move_all(unit, command, call, EoiTrigger.LAPSE, EoiState.DRAFT, at=at, recorded_at=closed_at)
    counts = calls.counts(unit.connection, call_id)
    _one(calls.close(unit.connection, call_id, call.version, closed_at=closed_at, counts=counts))
    call = replace(
        call,
        state=CallState.CLOSED,
        closed_at=closed_at,
        version=call.version + 1,
        counts=counts,
        counts_at_close=counts,
    )
    record(unit, command, decision, _event(command, decision, call, at=at, recorded_at=closed_at))
    return call, lapsed


def cancel(unit: UnitOfWork, command: Command, call_id: str) -> CallView:
    """Call it off, and every live EOI with it.

    - the live EOIs, with history and outbox each
    - the call: state, instant, version
    - history, outbox: `call.cancelled`

    Raises:
        Refused: no admin; cancelled already; no reason.
        NotFound: no such call.
        StaleVersion: it has changed since it was read.
    """
    call = _locked(unit, command, call_id)
    decision = decided(CALL, CallTrigger.CANCEL, _question(command, call), call_id=call_id, eoi_id=None)
    now = command.clock.now()
    _move_all(unit, command, call, EoiTrigger.CANCEL, EoiState.DRAFT, at=command.arrived_at, recorded_at=now)
    _one(calls.cancel(unit.connection, call_id, call.version, cancelled_at=now))
    call = replace(call, state=CallState.CANCELLED, version=call.version + 1)
    record(unit, command, decision, _event(command, decision, call, at=command.arrived_at, recorded_at=now))
    return _with_counts(unit, call)


def _locked(unit: UnitOfWork, command: Command, call_id: str) -> CallView:
    call = calls.lock_alone(unit.connection, call_id)
    if call is None:
        raise NotFound(call_id=call_id)
    require_version(command, call.version)
    return call


def _question(command: Command, call: CallView, *, has_eois: bool | None = None) -> Facts:
    return Facts(
        actor=command.actor,
        now=command.arrived_at,
        call=call_facts(call, command.settle, state=call.state, has_eois=has_eois),
        reason=command.reason,
        waited=command.waited,
    )


def _move_all(
    unit: UnitOfWork,
    command: Command,
    call: CallView,
    trigger: EoiTrigger,
    source: EoiState,
    *,
    at: datetime,
    recorded_at: datetime,
) -> int:
    """Make the table's row of `trigger` (the one that leaves `source`) for all EOIs that it concerns."""
    unit.connection.require_latest()
    move = EOI.move(trigger, source)
    assert move is not None  # noqa: S101 -- a row of our own table
    before = outbox.last_position(unit.connection)
    moved = all_of_call.move_all(
        unit.connection,
        move,
        call_id=call.id,
        closes_at=call.closes_at,
        actor=command.actor,
        at=at,
        recorded_at=recorded_at,
        reason=command.reason,
    )
    if moved:
        upto = outbox.last_position(unit.connection)
        unit.events.append(Many(move.event, call_id=call.id, after=before, upto=upto))
    return moved


def _add(unit: UnitOfWork, call: CallView, new: NewCall) -> None:
    calls.add(
        unit.connection,
        id=call.id,
        reference=call.reference,
        title=call.title,
        state=call.state,
        opens_at=call.opens_at,
        closes_at=call.closes_at,
        timezone=call.timezone,
        closing_words=new.closing_words,
        phase=call.phase,
        contact=call.contact,
        audience=call.audience,
        version=call.version,
    )


def _event(
    command: Command, decision: Decision, call: CallView, *, at: datetime, recorded_at: datetime | None = None
) -> Event:
    return Event(
        id=f"{call.id}:{call.version}",
        type=decision.event,
        call_id=call.id,
        call_reference=call.reference,
        eoi_id=None,
        applicant=None,
        source=None if decision.source == NOT_YET else decision.source,
        state=call.state,
        version=call.version,
        at=at,
        recorded_at=recorded_at or command.clock.now(),
        closes_at=call.closes_at,
    )


def _with_counts(unit: UnitOfWork, call: CallView) -> CallView:
    return replace(call, counts=calls.counts(unit.connection, call.id))


def _one(changed: bool) -> None:  # noqa: FBT001 -- what the store says
    if not changed:
        raise Overtaken
