"""What has happened, in the past tense: the facts that leave the engine."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from states.quick import quick


class EventType(StrEnum):
    """The public type names, `thing.past-tense`; CloudEvents' `type` attribute."""

    #: A call was published.
    CALL_OPENED = "call.opened"
    #: Its deadline was moved to a later instant.
    CALL_EXTENDED = "call.extended"
    #: It takes no more.
    CALL_CLOSED = "call.closed"
    #: It was called off.
    CALL_CANCELLED = "call.cancelled"
    #: A school began an EOI.
    EOI_DRAFTED = "eoi.drafted"
    #: A school saved its draft again.
    EOI_SAVED = "eoi.saved"
    #: A school handed it in.
    EOI_SUBMITTED = "eoi.submitted"
    #: Staff have assessed it.
    EOI_REVIEWED = "eoi.reviewed"
    #: The panel selected it.
    EOI_APPROVED = "eoi.approved"
    #: The panel did not select it.
    EOI_DECLINED = "eoi.declined"
    #: The school took it back.
    EOI_WITHDRAWN = "eoi.withdrawn"
    #: It was still a draft when the call closed.
    EOI_LAPSED = "eoi.lapsed"
    #: An officer let in what had arrived in time.
    EOI_REINSTATED = "eoi.reinstated"
    #: Its call was cancelled.
    EOI_CANCELLED = "eoi.cancelled"


class Ping(StrEnum):
    """What is told though nothing happened."""

    #: Somebody tries whether a receiver is there.
    ENDPOINT_PINGED = "endpoint.pinged"


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fact, as hooks, couriers and receivers get it. Ids, state, version, instants; never answers."""

    #: `{subject}:{version}`, unique for ever, the same in every retry.
    id: str
    type: EventType | Ping
    call_id: str
    #: The council's own reference of the call: 46/23.
    call_reference: str
    #: None where the event concerns the call itself.
    eoi_id: str | None
    #: The organisation that applies; None where the event concerns the call itself.
    applicant: str | None
    #: The state before; None for what was new.
    source: str | None
    #: The state after.
    state: str
    #: The version after: 1, 2, 3… for each subject.
    version: int
    #: When it took effect, UTC: the instant of arrival, or the deadline for what the close did.
    at: datetime
    #: When it was written down, UTC.
    recorded_at: datetime
    #: The call's deadline as it then stood, UTC.
    closes_at: datetime

    @property
    def subject(self) -> str:
        """The id of what it happened to: the EOI, or the call."""
        return self.eoi_id or self.call_id
