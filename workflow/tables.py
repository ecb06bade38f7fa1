"""The rows. Dumb storage: nothing here validates, and no row ever leaves `workflow`.

The registry and metadata are our own, so that a host's stay clean; every table's name begins with `eoi_`.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    true,
)
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from workflow.columns import (
    CALL_STATES,
    DELIVERY_STATES,
    EOI_STATES,
    EVENT_SOURCE,
    EVENT_TEXT,
    EVENT_TYPE,
    ID,
    JOB_ENDED,
    JOB_FILES,
    JOB_OPEN,
    JOB_STATES,
    LIST,
    PREFIX,
    WORD,
    implies,
    one_of,
)

NAMING: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite numbers rows by itself only for a column that is INTEGER to the letter.
_Number = BigInteger().with_variant(Integer(), "sqlite")


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    # Each database has an option of its own for it; to name one of PostgreSQL's brings 2 MB of it along.
    return Index(name, *columns, unique=unique, info={"where": where})


class Row(SQLModel, registry=registry(metadata=MetaData(naming_convention=NAMING))):
    """The root of our tables."""


class CallRow(Row, table=True):
    """A call, and its deadline as an instant, with the zone and the words that it was made from."""

    __tablename__ = "eoi_call"
    __table_args__ = (
        one_of("state", CALL_STATES),
        CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
        CheckConstraint("version >= 1", name="version_counts"),
        implies(
            "open_has_no_end", ("draft", "scheduled", "open"), "closed_at IS NULL AND counts_at_close IS NULL"
        ),
        implies(
            "closed_is_counted",
            ("closed", "decided", "archived"),
            "closed_at IS NOT NULL AND counts_at_close IS NOT NULL",
        ),
        implies("cancelled_has_an_end", ("cancelled",), "cancelled_at IS NOT NULL"),
        implies(
            "only_cancelled_is_cancelled",
            (state for state in CALL_STATES if state != "cancelled"),
            "cancelled_at IS NULL",
        ),
        _partial("ix_eoi_call_due", "closes_at", where="state = 'open'"),
    )

    id: str = Field(primary_key=True, max_length=ID)
    reference: str = Field(unique=True)
    title: str
    state: str = Field(max_length=WORD)
    opens_at: datetime
    closes_at: datetime
    closed_at: datetime | None = None
    cancelled_at: datetime | None = None
    timezone: str
    #: The sheet's own words for the deadline.
    closing_words: str | None = None
    phase: str | None = None
    contact: str | None = None
    audience: str | None = None
    version: int
    #: JSON: EOIs by state, in the closing transaction.
    counts_at_close: str | None = None


_HANDED_IN: Final = ("submitted", "returned", "reviewed", "reserved", "approved", "declined", "rescinded")


class EoiRow(Row, table=True):
    """An expression of interest."""

    __tablename__ = "eoi_eoi"
    __table_args__ = (
        one_of("state", EOI_STATES),
        CheckConstraint("version >= 1", name="version_counts"),
        implies("draft_is_not_submitted", ("draft", "lapsed"), "submitted_at IS NULL"),
        implies(
            "draft_is_not_reviewed",
            ("draft", "lapsed"),
            "reviewed_by IS NULL AND reviewed_on_behalf_of IS NULL",
        ),
        implies("submitted_has_its_instant", _HANDED_IN, "submitted_at IS NOT NULL"),
        implies("reviewed_has_its_reviewer", ("reviewed",), "reviewed_by IS NOT NULL"),
        implies(
            "undecided_has_no_decision", ("draft", "submitted", "returned", "lapsed"), "decided_at IS NULL"
        ),
        implies("decided_has_its_instant", ("approved", "declined", "rescinded"), "decided_at IS NOT NULL"),
        _partial(
            "uq_eoi_eoi_one_live",
            "call_id",
            "applicant",
            where="state NOT IN ('withdrawn', 'cancelled')",
            unique=True,
        ),
        Index("ix_eoi_eoi_by_state", "call_id", "state", "id"),
        Index("ix_eoi_eoi_by_applicant", "applicant", "id"),
    )

    id: str = Field(primary_key=True, max_length=ID)
    call_id: str = Field(foreign_key="eoi_call.id", max_length=ID)
    applicant: str
    applicant_name: str | None = None
    state: str = Field(max_length=WORD)
    version: int
    #: Of the standing revision.
    digest: str = Field(max_length=64)
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None = None
    reviewed_by: str | None = None
    reviewed_on_behalf_of: str | None = None
    decided_at: datetime | None = None


class RevisionRow(Row, table=True):
    """The content of an EOI as it was saved: the exact bytes that its digest was taken over."""

    __tablename__ = "eoi_revision"

    eoi_id: str = Field(primary_key=True, foreign_key="eoi_eoi.id", max_length=ID)
    #: The version of the EOI that this save came to.
    version: int = Field(primary_key=True)
    manifest: str = Field(sa_type=Text)


class HistoryRow(Row, table=True):
    """One change of one call or EOI. Append-only: triggers refuse UPDATE, DELETE and REPLACE."""

    __tablename__ = "eoi_history"
    __table_args__ = {"sqlite_with_rowid": False}

    #: The EOI's id, or the call's.
    subject_id: str = Field(primary_key=True, max_length=ID)
    #: The version that it came to.
    seq: int = Field(primary_key=True)
    trigger: str = Field(max_length=WORD)
    source: str | None = Field(default=None, max_length=WORD)
    target: str = Field(max_length=WORD)
    actor: str
    on_behalf_of: str | None = None
    via: str
    at: datetime
    recorded_at: datetime
    digest: str | None = Field(default=None, max_length=64)


class NoteRow(Row, table=True):
    """The free text beside a row of history; retention may erase it."""

    __tablename__ = "eoi_note"
    __table_args__ = {"sqlite_with_rowid": False}

    subject_id: str = Field(primary_key=True, max_length=ID)
    seq: int = Field(primary_key=True)
    reason: str = Field(sa_type=Text)


class AttemptRow(Row, table=True):
    """What was refused: one row for each actor, subject, trigger and code."""

    __tablename__ = "eoi_attempt"
    __table_args__ = (
        CheckConstraint("count >= 1", name="count_counts"),
        Index("ix_eoi_attempt_of_call", "call_id"),
        {"sqlite_with_rowid": False},
    )

    subject_id: str = Field(primary_key=True, max_length=ID)
    actor: str = Field(primary_key=True)
    #: Empty where the actor acts for itself: a key holds no NULL.
    on_behalf_of: str = Field(primary_key=True)
    trigger: str = Field(primary_key=True, max_length=WORD)
    code: str = Field(primary_key=True, max_length=WORD)
    call_id: str = Field(max_length=ID)
    count: int
    first_at: datetime
    last_at: datetime


class KeyRow(Row, table=True):
    """An idempotency key, and the answer that was given under it."""

    __tablename__ = "eoi_key"
    __table_args__ = (Index("ix_eoi_key_created_at", "created_at"), {"sqlite_with_rowid": False})

    #: SHA-256 over actor, organisations, on behalf of, command, subject and the key itself.
    scope: str = Field(primary_key=True, max_length=64)
    #: SHA-256 over the rest of the request.
    fingerprint: str = Field(max_length=64)
    #: JSON; empty only inside the transaction that claims the key.
    answer: str = Field(sa_type=Text)
    created_at: datetime


class UnhandledRow(Row, table=True):
    """An event from elsewhere for whose type there was no rule; kept as long as an idempotency key."""

    __tablename__ = "eoi_unhandled"
    __table_args__ = (
        CheckConstraint(
            # Not BETWEEN: PostgreSQL tells it otherwise after a restore.
            f"length(event_id) >= 1 AND length(event_id) <= {EVENT_TEXT} "
            f"AND length(source) >= 1 AND length(source) <= {EVENT_SOURCE} "
            f"AND length(type) >= 1 AND length(type) <= {EVENT_TYPE} "
            f"AND length(subject) >= 1 AND length(subject) <= {EVENT_TEXT}",
            name="texts_are_bounded",
        ),
        Index("ix_eoi_unhandled_at", "at"),
    )

    id: str = Field(primary_key=True, max_length=ID)
    source: str = Field(max_length=EVENT_SOURCE)
    #: The event's own id.
    event_id: str = Field(max_length=EVENT_TEXT)
    type: str = Field(max_length=EVENT_TYPE)
    subject: str | None = Field(default=None, max_length=EVENT_TEXT)
    actor: str
    on_behalf_of: str | None = None
    at: datetime


class OutboxRow(Row, table=True):
    """One event, written in the transaction that made it true."""

    __tablename__ = "eoi_outbox"
    __table_args__ = (
        _partial("ix_eoi_outbox_waiting", "position", where="NOT fanned_out"),
        _partial("uq_eoi_outbox_feed", "feed", where="feed IS NOT NULL", unique=True),
    )

    position: int | None = Field(default=None, sa_column=Column(_Number, primary_key=True))
    type: str = Field(max_length=WORD)
    call_id: str = Field(max_length=ID)
    #: None where the event concerns the call itself.
    eoi_id: str | None = Field(default=None, max_length=ID)
    source: str | None = Field(default=None, max_length=WORD)
    state: str = Field(max_length=WORD)
    version: int
    at: datetime
    recorded_at: datetime
    closes_at: datetime
    #: Whether its deliveries have been made.
    fanned_out: bool
    #: Its place in the feed, given with its deliveries; none is ever seen after a later one.
    feed: int | None = Field(default=None, sa_column=Column(_Number))


class EndpointRow(Row, table=True):
    """A receiver of events."""

    __tablename__ = "eoi_endpoint"

    id: str = Field(primary_key=True, max_length=ID)
    courier: str = Field(max_length=WORD)
    #: Where to, or to whom: a URL, an e-mail address; `applicant`, `audience`, `list:NAME`.
    url: str
    #: The patterns, separated by blanks.
    events: str
    created_at: datetime
    #: The last event that happened before it was there; it gets those after.
    after_position: int = Field(sa_column=Column(_Number, nullable=False))
    #: A JSON object of names and texts, sealed; empty: none.
    headers: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    timeout_ms: int | None = None
    concurrency: int | None = None
    #: Whether what is of one EOI or call arrives in order.
    ordered: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=true()))
    #: What signs, sealed; empty: nothing does. And the one before it, until it is no longer valid.
    secret: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    old_secret: str | None = Field(default=None, sa_type=Text)
    old_secret_until: datetime | None = None
    #: None: it is enabled.
    disabled_at: datetime | None = None
    disabled_why: str | None = None
    #: How many attempts have failed since one went well, and since when.
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    failing_since: datetime | None = None
    #: Nothing is tried before this instant: its circuit is open.
    rest_until: datetime | None = None


class DeliveryRow(Row, table=True):
    """One event's way to one receiver, with its own attempts."""

    __tablename__ = "eoi_delivery"
    __table_args__ = (
        one_of("state", DELIVERY_STATES),
        implies("delivered_has_its_instant", ("delivered",), "delivered_at IS NOT NULL"),
        implies("undelivered_has_no_instant", ("pending", "parked"), "delivered_at IS NULL"),
        _partial(
            "ix_eoi_delivery_line",
            "endpoint_id",
            "subject_id",
            "recipient",
            "position",
            where="state = 'pending'",
        ),
        _partial("ix_eoi_delivery_parked", "endpoint_id", where="state = 'parked'"),
        _partial("ix_eoi_delivery_due", "endpoint_id", "due_at", "id", where="state = 'pending'"),
        _partial("ix_eoi_delivery_lent", "endpoint_id", where="leased_until IS NOT NULL"),
    )

    id: int | None = Field(default=None, sa_column=Column(_Number, primary_key=True))
    position: int = Field(sa_column=Column(_Number, nullable=False))
    #: An endpoint's id, or `log`.
    endpoint_id: str = Field(max_length=ID)
    #: What its order is kept by, for each recipient: the EOI, or the call.
    subject_id: str = Field(max_length=ID)
    #: Whose address it is, where the endpoint stands for several people; empty where it does not.
    recipient: str = Field(default="", sa_column=Column(String, nullable=False, server_default=""))
    state: str = Field(max_length=WORD)
    #: How many there were.
    attempt: int
    #: How many of them were before a person put it back into its line.
    forgiven: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    due_at: datetime
    leased_until: datetime | None = None
    #: Since when whoever took it was unable to send it; None: nobody was, since it was last tried.
    unable_since: datetime | None = None
    last_status: int | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None


class TryRow(Row, table=True):
    """One attempt at a delivery, and what came of it."""

    __tablename__ = "eoi_try"
    __table_args__ = {"sqlite_with_rowid": False}

    delivery_id: int = Field(sa_column=Column(_Number, primary_key=True, autoincrement=False))
    number: int = Field(primary_key=True)
    at: datetime
    duration_ms: int
    status: int | None = None
    error: str | None = Field(default=None, sa_type=Text)
    #: The beginning of the receiver's answer.
    answer: str = Field(sa_type=Text)


class ContactRow(Row, table=True):
    """A person or office of an organisation, on a list of those who are told."""

    __tablename__ = "eoi_contact"
    __table_args__ = (
        Index("ix_eoi_contact_of_organisation", "organisation"),
        {"sqlite_with_rowid": False},
    )

    list_name: str = Field(primary_key=True, max_length=LIST)
    organisation: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    name: str | None = None


_CURRENT: Final = "superseded_at IS NULL AND revoked_at IS NULL"


class ApiKeyRow(Row, table=True):
    """A key by which somebody comes in at the HTTP door. Kept for good: who had it, and until when."""

    __tablename__ = "eoi_api_key"
    __table_args__ = (
        CheckConstraint("expires_at IS NULL OR created_at < expires_at", name="created_before_it_expires"),
        CheckConstraint(
            "(superseded_at IS NULL AND old_until IS NULL) OR "
            "(superseded_at IS NOT NULL AND old_until IS NOT NULL AND superseded_at <= old_until)",
            name="superseded_has_its_end",
        ),
        CheckConstraint(
            "(revoked_at IS NULL AND revoked_by IS NULL) OR "
            "(revoked_at IS NOT NULL AND revoked_by IS NOT NULL)",
            name="revoked_by_somebody",
        ),
        _partial("uq_eoi_api_key_current", "name", where=_CURRENT, unique=True),
    )

    id: str = Field(primary_key=True, max_length=ID)
    #: The id of the actor who comes with it.
    name: str
    #: By which people and the lookup know it; no secret.
    prefix: str = Field(unique=True, max_length=PREFIX)
    #: SHA-256, in hex, of the whole key; the key itself is nowhere.
    hash: str = Field(unique=True, max_length=64)
    #: JSON: a list of words, in order.
    roles: str = Field(sa_type=Text)
    #: JSON: a list of ids, in order.
    organisations: str = Field(sa_type=Text)
    created_at: datetime
    created_by: str
    #: The first instant at which it is no longer valid; None: it does not expire.
    expires_at: datetime | None = None
    #: To within five minutes.
    last_used_at: datetime | None = None
    #: When another took its place, and until when it is valid beside that.
    superseded_at: datetime | None = None
    old_until: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None


class JobRow(Row, table=True):
    """Work on many things, done in the background under a lease."""

    __tablename__ = "eoi_job"
    __table_args__ = (
        one_of("state", JOB_STATES),
        implies("queued_is_lent_to_nobody", ("queued",), "leased_until IS NULL"),
        implies("running_is_lent", ("running",), "leased_until IS NOT NULL AND started_at IS NOT NULL"),
        implies("open_has_no_end", JOB_OPEN, "finished_at IS NULL"),
        implies("ended_has_its_end", JOB_ENDED, "finished_at IS NOT NULL AND leased_until IS NULL"),
        implies("failed_says_why", ("failed",), "code IS NOT NULL"),
        implies("only_failed_says_why", (state for state in JOB_STATES if state != "failed"), "code IS NULL"),
        CheckConstraint("attempt >= 0 AND lost >= 0 AND place >= 0", name="attempts_count"),
        CheckConstraint("refused >= 0 AND refused <= done", name="refused_are_done"),
        _partial("ix_eoi_job_open", "created_at", "id", where="finished_at IS NULL"),
        Index("ix_eoi_job_finished_at", "finished_at"),
    )

    id: str = Field(primary_key=True, max_length=ID)
    #: What is to be done: `import`, `export`.
    kind: str = Field(max_length=WORD)
    state: str = Field(max_length=WORD)
    #: As whom it is done: the actor as it was.
    actor: str
    on_behalf_of: str | None = None
    via: str = Field(max_length=WORD)
    #: JSON: a list of words; and one of ids.
    roles: str = Field(sa_type=Text)
    organisations: str = Field(sa_type=Text)
    #: Whether the actor came by a key of ours, with the end of which the job ends.
    keyed: bool
    #: JSON: an object.
    parameters: str = Field(sa_type=Text)
    done: int = 0
    #: None: nobody knows yet.
    total: int | None = None
    refused: int = 0
    #: JSON: an object, word -> how many.
    counts: str = Field(sa_type=Text)
    #: Up to where it is done, as whatever does it counts.
    place: int = 0
    #: How often it was begun or taken up; fences off whoever had it before.
    attempt: int = 0
    #: How often whoever had it was lost.
    lost: int = 0
    leased_until: datetime | None = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    #: Why it failed: the error's code, and what it said.
    code: str | None = Field(default=None, max_length=WORD)
    why: str | None = Field(default=None, sa_type=Text)
    #: What the result is; None: there is none yet.
    media_type: str | None = Field(default=None, max_length=EVENT_TYPE)
    file_name: str | None = Field(default=None, max_length=EVENT_TYPE)
    #: How many bytes there are.
    result_size: int = Field(default=0, sa_column=Column(_Number, nullable=False))
    errors_size: int = Field(default=0, sa_column=Column(_Number, nullable=False))
    #: The lower, the sooner it is lent: each actor's jobs have turns one after the other, so that nobody with
    #: many keeps others waiting.
    turn: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))


class JobPartRow(Row, table=True):
    """A piece of what a job was given, or of what came of it; apart, since the job's row often changes."""

    __tablename__ = "eoi_job_part"
    __table_args__ = (one_of("file", JOB_FILES),)

    job_id: str = Field(primary_key=True, max_length=ID)
    file: str = Field(primary_key=True, max_length=WORD)
    #: 1, 2, 3…
    number: int = Field(primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)


#: Every table of ours.
OURS: Final = tuple(sorted(Row.metadata.tables))
#: Tables of which no row is ever changed or deleted; the migrations give each its triggers.
APPEND_ONLY: Final = ("eoi_history",)
#: The schema's revisions, oldest first; the last one is what this version reads and writes.
REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
#: Where Alembic keeps the revision that a database is at.
VERSION_TABLE: Final = "eoi_schema_version"
