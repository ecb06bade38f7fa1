"""What the engine answers with: frozen, and nothing of the database in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from states.events import Event
from states.names import CallState, EoiState, Role
from states.quick import quick

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """That a command on an EOI was carried out."""

    eoi_id: str
    trigger: str
    #: The state before; None where the EOI is new.
    source: EoiState | None
    #: The state after.
    state: EoiState
    #: The version after.
    version: int
    #: The instant of arrival, UTC.
    at: datetime
    #: The id of the event that tells of it.
    event_id: str
    #: True when the command was carried out before, under the same idempotency key.
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    """A call, as it stands."""

    id: str
    #: The council's own: 46/23.
    reference: str
    title: str
    state: CallState
    opens_at: datetime
    #: The first instant that is too late, UTC.
    closes_at: datetime
    #: When it was in fact closed; None while it is not.
    closed_at: datetime | None
    #: IANA name of the zone in which the deadline is told.
    timezone: str
    phase: str | None
    contact: str | None
    audience: str | None
    version: int
    #: EOIs by state, now; None for applicants.
    counts: Mapping[str, int] | None
    #: EOIs by state after the lapse, in the closing transaction; None before it, and for applicants.
    counts_at_close: Mapping[str, int] | None


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class EoiView:
    """An expression of interest, as it stands."""

    id: str
    call_id: str
    #: The organisation that applies, by its stable id.
    applicant: str
    #: Its name, for people.
    applicant_name: str | None
    state: EoiState
    version: int
    answers: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
    #: When the submission arrived; what was reinstated: at the earliest.
    submitted_at: datetime | None
    decided_at: datetime | None
    #: SHA-256, in hex, of the exact bytes of the manifest that holds the answers.
    digest: str


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryView:
    """One change of one thing, for good."""

    #: 1, 2, 3…: the version that it came to.
    seq: int
    trigger: str
    source: str | None
    target: str
    #: Who did it: an opaque id.
    actor: str
    on_behalf_of: str | None
    #: The door: `python`, `cli`.
    via: str
    #: The reason given; None where none was, or where retention has erased it.
    reason: str | None
    #: When it took effect: the instant of arrival; for what a close did, the planned instant.
    at: datetime
    #: When it was written down; for a close, the actual instant.
    recorded_at: datetime
    #: SHA-256 of the content as it then was; None where there is none.
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """Something that was tried and refused, kept."""

    call_id: str
    #: None where the call itself was meant.
    eoi_id: str | None
    trigger: str
    #: The code of the first reason: `call-closed`.
    code: str
    actor: str
    on_behalf_of: str | None
    #: How often.
    count: int
    #: The earliest instant at which the first one can have arrived; the deadline lies between the two where
    #: one was seen too late, and may have been there in time.
    first_at: datetime
    #: The latest at which the last one can have: what it was judged by.
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """A receiver of events."""

    id: str
    #: Who carries: `webhook`, `smtp`, `notify`.
    courier: str
    #: Where to, or to whom: a URL; an e-mail address; `applicant`, `audience`, `list:NAME`.
    url: str
    #: Which events it gets: `eoi.submitted`, `call.*`, `*`.
    events: tuple[str, ...]
    created_at: datetime
    #: How long each step of an attempt may take, in seconds; None: as the settings say.
    timeout_s: float | None = None
    #: How many deliveries are on their way at once from each node; None: as many as the node has workers.
    concurrency: int | None = None
    #: Whether the events of one EOI or call arrive in order.
    ordered: bool = True
    #: Whether it has a secret that signs what it gets.
    signed: bool = False
    #: Until when the secret before the last rotation signs, too; None: it does not.
    old_secret_until: datetime | None = None
    #: Whether headers of its own go with each request; they are never shown.
    has_headers: bool = False
    #: Since when nothing is sent there, what waits being kept; None: it is enabled.
    disabled_at: datetime | None = None
    disabled_why: str | None = None
    #: How many attempts have failed since one went well, and since when.
    failures: int = 0
    failing_since: datetime | None = None
    #: Its circuit is open: nothing is tried before this instant.
    rest_until: datetime | None = None
    #: What signs, `whsec_…`: shown once, where it was just made.
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyView:
    """A key of the HTTP door, as it stands; never what it is made of."""

    id: str
    #: Who comes with it: the id of the actor, in history for good.
    name: str
    #: By which it is recognised: the letters between `eoi_` and `_`.
    prefix: str
    #: What its holder may act as, in order.
    roles: tuple[Role, ...]
    #: Of an applicant's key: the ids of the organisations it acts for, in order.
    organisations: tuple[str, ...]
    #: `current`; `rotated`: still valid, until `old_until`; or no longer valid: `expired`, `ended` (what
    #: was `rotated`) or `revoked`.
    state: str
    created_at: datetime
    #: Who made it, or put it in the place of another.
    created_by: str
    #: The first instant at which it is no longer valid; None: it does not expire.
    expires_at: datetime | None = None
    #: When it was last used, to within five minutes; None: never.
    last_used_at: datetime | None = None
    #: When another key took its place; None: none has.
    superseded_at: datetime | None = None
    #: Until when it is valid beside that one.
    old_until: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None
    #: The whole key, `eoi_…`: shown once, where it was just made.
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnhandledView:
    """An event from elsewhere for whose type there was no rule. Of its data nothing is kept."""

    id: str
    #: Where it happened, and which it was: as the event says, in `source` and `id`.
    source: str
    event_id: str
    type: str
    subject: str | None
    #: Who gave it.
    actor: str
    on_behalf_of: str | None
    #: The instant of arrival, UTC.
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryView:
    """One event's way to one receiver."""

    id: int
    event_id: str
    type: str
    #: The endpoint's id, or `log`.
    endpoint: str
    address: str
    #: `pending`, `delivered` or `parked`.
    state: str
    #: How often it was tried.
    attempts: int
    #: When it will next be tried; None when it will not.
    due_at: datetime | None
    last_status: int | None
    last_error: str | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TryView:
    """One attempt at a delivery."""

    #: 1, 2, 3…
    number: int
    at: datetime
    duration_s: float
    #: What the receiver answered, where it speaks in such numbers.
    status: int | None
    #: What went wrong; None where it arrived.
    error: str | None
    #: The beginning of the answer.
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryDetail(DeliveryView):
    """One event's way to one receiver, with every attempt."""

    tries: tuple[TryView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointStats:
    """How it stands with what there is for one endpoint; what was forgotten does not count."""

    #: Its id, or `log`.
    endpoint: str
    url: str
    pending: int
    parked: int
    delivered: int
    #: How many attempts there were for all of it.
    attempts: int
    #: Of how many events its deliveries are still to be made; the pump's next look makes them.
    to_be_made: int
    #: When the oldest event happened that waits and has its delivery.
    oldest_pending_at: datetime | None
    last_delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person or office of an organisation that is told of things."""

    #: The organisation's stable id: a school's URN.
    organisation: str
    #: An e-mail address.
    address: str
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """One event of the feed."""

    #: Its place: give the last one as `after` to go on from there.
    cursor: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseReport:
    """What one sweep did."""

    #: The calls that it closed.
    closed: tuple[CallView, ...] = ()
    #: How many drafts lapsed in them.
    lapsed: int = 0
    #: Calls that are due and could not be closed, with why; the next sweep tries again.
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a longer list."""

    items: tuple[T, ...]
    #: Give it as `after` to get the next page; None on the last.
    next: str | None

    def __iter__(self) -> Iterator[T]:
        """Walk through this page."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return how many are on this page."""
        return len(self.items)
