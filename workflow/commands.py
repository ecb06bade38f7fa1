"""What every command carries, and what every use case does with a decision once it is made."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from states.decisions import Decision, decide
from states.errors import Refused
from states.events import Event
from states.facts import Actor, CallFacts, Facts
from states.lifecycle import Lifecycle
from workflow import outbox
from workflow.errors import StaleVersion
from workflow.inputs import wait
from workflow.ports import Clock
from workflow.store import history
from workflow.store.eois import LoadedEoi
from workflow.unit_of_work import UnitOfWork
from workflow.views import CallView


@dataclass(frozen=True, slots=True)
class Arrival:
    """When something came in: `engine.arrival()` makes one.

    It is an instant, by which every deadline is judged; or a span, where it may have been there before
    anybody saw it. Where a deadline falls into the span, what comes of it is flagged and not merely late. An
    officer's early close is no deadline: nobody had begun an EOI by then, so that there is none to let in.
    """

    #: When it was seen, in seconds of this machine's monotonic clock.
    entered_s: float
    #: When that was, UTC, by the clock at hand; None: the clock that all nodes share will say.
    entered_at: datetime | None
    #: How long it may have been there before that, seen by nobody.
    waited: timedelta = timedelta()

    def may_have_waited(self, waited: timedelta) -> "Arrival":
        """Return the same arrival, of something that may have been there for so long before it was seen.

        For doors behind a queue of their own. It is let in no sooner and no later for that: what was seen at
        the deadline is refused. But where it may have come before, it is refused as `closed-in-flight`, which
        is on record with both instants, and an officer can reinstate a submission. After an early close it is
        `call-closed` all the same; the record has both instants, too.

        Raises:
            BadInput: no timedelta, below 0, or longer than a year, which is beyond all sense.
        """
        return replace(self, waited=wait(waited))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who asks, and with what."""

    actor: Actor
    arrival: Arrival
    reason: str | None = None
    #: The version that the caller has seen; None: whichever it is.
    expected_version: int | None = None
    #: Sent again under the same key, it is answered with the first answer.
    idempotency_key: str | None = None
    #: A host's session: the command is then part of the host's transaction.
    session: Session | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is asked, by whom, since when."""

    actor: Actor
    #: The instant of arrival, UTC: read before any lock, and what every deadline is held against.
    arrived_at: datetime
    #: How long it may have been there before that, seen by nobody.
    waited: timedelta = timedelta()
    #: Says when a thing is written down.
    clock: Clock
    #: How long after its deadline a call is closed.
    settle: timedelta
    reason: str | None = None
    #: The version that the caller has seen; None: whichever it is.
    expected_version: int | None = None

    @property
    def earliest_at(self) -> datetime:
        """The earliest instant at which it can have arrived, UTC."""
        return self.arrived_at - self.waited


def call_facts(
    call: CallView | LoadedEoi, settle: timedelta, *, state: str, has_eois: bool | None = None
) -> CallFacts:
    """Return what a decision needs of a call, as it is read alone or with one of its EOIs."""
    return CallFacts(
        state=state,
        opens_at=call.opens_at,
        closes_at=call.closes_at,
        settles_at=call.closes_at + settle,
        closed_at=call.closed_at,
        timezone=call.timezone,
        contact=call.contact,
        has_eois=has_eois,
    )


def require_version(command: Command, version: int) -> None:
    """Go on only with the version that the caller has seen.

    Raises:
        StaleVersion: it is another.
    """
    if command.expected_version is not None and command.expected_version != version:
        msg = f"It is at version {version}, not {command.expected_version}: read it again."
        raise StaleVersion(msg, version=version, expected_version=command.expected_version)


def decided(
    lifecycle: Lifecycle, trigger: str, facts: Facts, *, call_id: str, eoi_id: str | None
) -> Decision:
    """Return the decision; a refusal says which call and EOI it concerns, so that the attempt can be kept.

    Raises:
        Refused: with every reason.
        UnknownTrigger: no such move.
    """
    try:
        return decide(lifecycle, trigger, facts)
    except Refused as refused:
        refused.facts.update(call_id=call_id, eoi_id=eoi_id, trigger=str(trigger))
        raise


def record(
    unit: UnitOfWork, command: Command, decision: Decision, event: Event, *, digest: str | None = None
) -> None:
    """Write down what was decided.

    - one row of history, with the note where a reason was given
    - one row of the outbox
    - the event, to be told in this process after the commit
    """
    history.add(
        unit.connection,
        subject_id=event.subject,
        seq=event.version,
        trigger=decision.trigger,
        source=event.source,
        target=event.state,
        actor=command.actor,
        at=event.at,
        recorded_at=event.recorded_at,
        digest=digest,
        reason=command.reason,
    )
    outbox.enqueue(unit.connection, [event])
    unit.events.append(event)
