"""The use cases of an EOI: draft, save, and whatever else the lifecycle fires."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from states.access import sees_eoi
from states.decisions import Decision, Option, explain, options, require_known
from states.errors import Refused
from states.events import Event
from states.facts import Actor, EoiFacts, Facts
from states.guards import call_is_open
from states.lifecycle import EOI
from states.names import DECIDED_EOI_STATES, NOT_YET, EoiState, EoiTrigger
from workflow.commands import Command, call_facts, decided, record, require_version
from workflow.connection import Connection
from workflow.errors import AlreadyApplied, NotFound, Overtaken, StaleVersion
from workflow.ids import new_id
from workflow.manifest import Manifest
from workflow.store import calls, eois, history
from workflow.store.eois import LoadedEoi
from workflow.unit_of_work import UnitOfWork
from workflow.views import CallView, Receipt


def draft(
    unit: UnitOfWork,
    command: Command,
    call_id: str,
    *,
    manifest: Manifest,
    applicant: str,
    applicant_name: str | None,
) -> Receipt:
    """Begin an EOI.

    - the EOI at version 1, and its first revision
    - history, outbox: `eoi.drafted`

    Raises:
        Refused: too late; no applicant; not for its own organisation.
        NotFound: no such call.
        StaleVersion: the call is not at the version that the caller has seen.
        AlreadyApplied: the applicant has a live EOI for this call.
    """
    call = _there(calls.lock_shared(unit.connection, call_id), call_id)
    question = _question_of_draft(command, call, applicant)
    if command.expected_version not in (None, call.version):
        _refuse_late(EoiTrigger.DRAFT, question, call_id=call_id, eoi_id=None)
    require_version(command, call.version)
    decision = decided(EOI, EoiTrigger.DRAFT, question, call_id=call_id, eoi_id=None)
    if (live := eois.live_id(unit.connection, call_id, applicant)) is not None:
        msg = f"{applicant} has an EOI for {call.reference} already, {live}: save that one, or withdraw it."
        raise AlreadyApplied(msg, eoi_id=live, call_id=call_id)
    now = command.clock.now()
    eoi_id = new_id()
    eois.add(
        unit.connection,
        id=eoi_id,
        call_id=call_id,
        applicant=applicant,
        applicant_name=applicant_name,
        state=decision.to,
        version=1,
        digest=manifest.digest,
        created_at=command.arrived_at,
        updated_at=now,
    )
    eois.add_revision(unit.connection, eoi_id=eoi_id, version=1, manifest=manifest.text)
    return _told(
        unit,
        command,
        decision,
        call_id=call_id,
        call_reference=call.reference,
        closes_at=call.closes_at,
        eoi_id=eoi_id,
        applicant=applicant,
        version=1,
        recorded_at=now,
        digest=manifest.digest,
    )


def save(unit: UnitOfWork, command: Command, eoi_id: str, *, manifest: Manifest) -> Receipt:
    """Replace a draft's answers.

    - a new revision; version and digest of the EOI
    - history, outbox: `eoi.saved`

    Raises:
        Refused: too late; not its own; no draft.
        NotFound: no such EOI, or not one the actor may see.
        StaleVersion: it has changed since it was read.
    """
    loaded = _visible(eois.lock(unit.connection, eoi_id), command.actor, eoi_id)
    with _refused_as_it_is(unit.connection, loaded):
        _require_version(command, loaded, EoiTrigger.SAVE)
        decision = _decide(command, loaded, EoiTrigger.SAVE, refused_in_flight_at=None)
    eois.add_revision(unit.connection, eoi_id=eoi_id, version=loaded.version + 1, manifest=manifest.text)
    return _advance(unit, command, loaded, decision, also={"digest": manifest.digest}, digest=manifest.digest)


def fire(unit: UnitOfWork, command: Command, eoi_id: str, trigger: str) -> Receipt:
    """Make a move of the lifecycle that changes no answers.

    - state and version of the EOI, with the facts that go with the new state
    - history, outbox: the move's event

    Raises:
        UnknownTrigger: no such move.
        Refused: with every reason.
        NotFound: no such EOI, or not one the actor may see.
        StaleVersion: it has changed since it was read.
    """
    loaded = _visible(eois.lock(unit.connection, eoi_id), command.actor, eoi_id)
    require_known(EOI, trigger)  # before the version: reading again would not mend it
    in_flight = _refused_in_flight_at(unit.connection, loaded, trigger)
    with _refused_as_it_is(unit.connection, loaded):
        _require_version(command, loaded, trigger)
        decision = _decide(command, loaded, trigger, refused_in_flight_at=in_flight)
    also = _facts_of(decision, command, in_flight)
    return _advance(unit, command, loaded, decision, also=also, digest=loaded.digest)


def refuse_late_draft(connection: Connection, command: Command, call_id: str, *, applicant: str) -> None:
    """Turn a late draft away by a plain read, without a lock.

    Raises:
        Refused: it is late.
        NotFound: no such call.
    """
    call = _there(calls.by_id(connection, call_id), call_id)
    question = _question_of_draft(command, call, applicant)
    _refuse_late(EoiTrigger.DRAFT, question, call_id=call_id, eoi_id=None)


def refuse_late_move(connection: Connection, command: Command, eoi_id: str, trigger: str) -> None:
    """Turn a late move away by a plain read, without a lock.

    Raises:
        Refused: it is late.
        NotFound: no such EOI, or not one the actor may see.
    """
    if _has_a_deadline(trigger):
        loaded = _visible(eois.load(connection, eoi_id), command.actor, eoi_id)
        _refuse_late(trigger, _question(command, loaded, None), call_id=loaded.call_id, eoi_id=loaded.id)


def what_if(
    connection: Connection,
    eoi_id: str,
    *,
    actor: Actor,
    now: datetime,
    settle: timedelta,
    reason: str | None = None,
    trigger: str | None = None,
) -> list[Option]:
    """Return what `trigger` would come to now; None: every trigger that leaves the present state.

    Raises:
        UnknownTrigger: no such move.
        NotFound: no such EOI, or not one the actor may see.
    """
    loaded = _visible(eois.load(connection, eoi_id), actor, eoi_id)
    facts = _facts(
        loaded,
        actor=actor,
        now=now,
        settle=settle,
        reason=reason,
        refused_in_flight_at=_refused_in_flight_at(connection, loaded, trigger),
    )
    return options(EOI, facts) if trigger is None else [explain(EOI, trigger, facts)]


def _there(call: CallView | None, call_id: str) -> CallView:
    if call is None:
        raise NotFound(call_id=call_id)
    return call


def _visible(loaded: LoadedEoi | None, actor: Actor, eoi_id: str) -> LoadedEoi:
    if loaded is None or not sees_eoi(actor, loaded.applicant):
        raise NotFound(eoi_id=eoi_id)
    return loaded


@contextmanager
def _refused_as_it_is(connection: Connection, loaded: LoadedEoi) -> Iterator[None]:
    """Let a refusal stand only on what is still so.

    On PostgreSQL an EOI is read as the wait for its call's lock begins, and may have moved when that ends.
    Whoever is accepted on that is stopped by the version; whoever is refused would be told, and have on
    record, what is no longer true.

    Raises:
        Overtaken: it has moved since; all of it is run again.
    """
    try:
        yield
    except (Refused, StaleVersion):
        latest = eois.load(connection, loaded.id)
        if latest is not None and latest.version != loaded.version:
            raise Overtaken(eoi_id=loaded.id) from None
        raise


def _require_version(command: Command, loaded: LoadedEoi, trigger: str) -> None:
    """Go on only with the version that the caller has seen, unless it is late: then that is what it is told.

    The close makes a new version of every draft. Whoever it overtook must be kept as closed-in-flight, and
    not be told to read again.
    """
    if command.expected_version not in (None, loaded.version) and _has_a_deadline(trigger):
        _refuse_late(trigger, _question(command, loaded, None), call_id=loaded.call_id, eoi_id=loaded.id)
    require_version(command, loaded.version)


def _has_a_deadline(trigger: str) -> bool:
    return any(call_is_open in move.guards for move in EOI.moves_of(trigger))


def _refuse_late(trigger: str, question: Facts, *, call_id: str, eoi_id: str | None) -> None:
    if call_is_open(question) is not None:
        decided(EOI, trigger, question, call_id=call_id, eoi_id=eoi_id)


def _refused_in_flight_at(connection: Connection, loaded: LoadedEoi, trigger: str | None) -> datetime | None:
    """Return when a submission that the close overtook arrived, at the earliest.

    Only `reinstate` (None: any move) asks.
    """
    if trigger not in (None, EoiTrigger.REINSTATE):
        return None
    return history.first_attempt_at(connection, loaded.id, trigger=EoiTrigger.SUBMIT, code="closed-in-flight")


def _decide(
    command: Command, loaded: LoadedEoi, trigger: str, *, refused_in_flight_at: datetime | None
) -> Decision:
    question = _question(command, loaded, refused_in_flight_at)
    return decided(EOI, trigger, question, call_id=loaded.call_id, eoi_id=loaded.id)


def _question(command: Command, loaded: LoadedEoi, refused_in_flight_at: datetime | None) -> Facts:
    return _facts(
        loaded,
        actor=command.actor,
        now=command.arrived_at,
        settle=command.settle,
        reason=command.reason,
        refused_in_flight_at=refused_in_flight_at,
        waited=command.waited,
    )


def _facts(
    loaded: LoadedEoi,
    *,
    actor: Actor,
    now: datetime,
    settle: timedelta,
    reason: str | None,
    refused_in_flight_at: datetime | None,
    waited: timedelta = timedelta(),
) -> Facts:
    call = call_facts(loaded, settle, state=loaded.call_state)
    eoi = EoiFacts(
        state=loaded.state,
        applicant=loaded.applicant,
        reviewed_by=loaded.reviewed_by,
        reviewed_on_behalf_of=loaded.reviewed_on_behalf_of,
        refused_in_flight_at=refused_in_flight_at,
    )
    return Facts(actor=actor, now=now, call=call, eoi=eoi, reason=reason, waited=waited)


def _question_of_draft(command: Command, call: CallView, applicant: str) -> Facts:
    return Facts(
        actor=command.actor,
        now=command.arrived_at,
        call=call_facts(call, command.settle, state=call.state),
        eoi=EoiFacts(state=NOT_YET, applicant=applicant),
        reason=command.reason,
        waited=command.waited,
    )


def _facts_of(decision: Decision, command: Command, in_flight: datetime | None) -> dict[str, Any]:
    """Return the columns that tie the new state to its facts; the table's CHECKs ask for them."""
    if decision.trigger == EoiTrigger.REINSTATE:
        return {"submitted_at": in_flight}
    if decision.to == EoiState.SUBMITTED:
        return {"submitted_at": command.arrived_at}
    if decision.to == EoiState.REVIEWED:
        return {"reviewed_by": command.actor.id, "reviewed_on_behalf_of": command.actor.on_behalf_of}
    if decision.to in DECIDED_EOI_STATES:
        return {"decided_at": command.arrived_at}
    return {}


def _advance(
    unit: UnitOfWork,
    command: Command,
    loaded: LoadedEoi,
    decision: Decision,
    *,
    also: dict[str, Any],
    digest: str,
) -> Receipt:
    now = command.clock.now()
    eois.advance(unit.connection, loaded.id, seen=loaded.version, to=decision.to, at=now, also=also)
    return _told(
        unit,
        command,
        decision,
        call_id=loaded.call_id,
        call_reference=loaded.call_reference,
        closes_at=loaded.closes_at,
        eoi_id=loaded.id,
        applicant=loaded.applicant,
        version=loaded.version + 1,
        recorded_at=now,
        digest=digest,
    )


def _told(
    unit: UnitOfWork,
    command: Command,
    decision: Decision,
    *,
    call_id: str,
    call_reference: str,
    closes_at: datetime,
    eoi_id: str,
    applicant: str,
    version: int,
    recorded_at: datetime,
    digest: str,
) -> Receipt:
    """Record what was decided about an EOI, and return the receipt."""
    event = Event(
        id=f"{eoi_id}:{version}",
        type=decision.event,
        call_id=call_id,
        call_reference=call_reference,
        eoi_id=eoi_id,
        applicant=applicant,
        source=None if decision.source == NOT_YET else decision.source,
        state=decision.to,
        version=version,
        at=command.arrived_at,
        recorded_at=recorded_at,
        closes_at=closes_at,
    )
    record(unit, command, decision, event, digest=digest)
    return _receipt(decision, event)


def _receipt(decision: Decision, event: Event) -> Receipt:
    return Receipt(
        eoi_id=event.subject,
        trigger=str(decision.trigger),
        source=None if event.source is None else EoiState(event.source),
        state=EoiState(event.state),
        version=event.version,
        at=event.at,
        event_id=event.id,
    )
