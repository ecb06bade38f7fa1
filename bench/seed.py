"""Rows in bulk, as the engine would have written them, for what is to be closed, delivered and found."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import uuid4

from bench.contest import SQLITE, Place
from bench.raw import Raw
from workflow import Engine

#: What every seeded EOI says: a manifest as the engine writes it, as long as a short form.
MANIFEST: Final = (
    '{"answers":{"accessible":true,"age_range":"4-11","capacity":"An unused classroom on the ground floor.",'
    '"contact":"The head teacher","funding":"Revenue only","phase":"Primary","places":8,"start":"2024-09"}}'
)
#: Its digest, as the engine takes it.
DIGEST: Final = sha256(MANIFEST.encode()).hexdigest()
#: When all that is seeded was drafted and submitted.
THEN: Final = datetime(2026, 1, 5, 9, tzinfo=UTC)

# Both databases understand these: numbers from 1, and ids in the form of a UUID, a prefix for each batch.
_NUMBERS: Final = (
    "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < {count})"
)
_ID: Final = "'{prefix}' || substr(CAST(1000000000000 + i AS TEXT), 2)"
_CALL: Final = (
    "INSERT INTO eoi_call (id, reference, title, state, opens_at, closes_at, timezone, contact, version) "
    "VALUES (?, ?, 'Specialist resource bases', 'open', ?, ?, 'Europe/London', 'Programme team', 1)"
)
_EOIS: Final = (
    "INSERT INTO eoi_eoi (id, call_id, applicant, applicant_name, state, version, digest, created_at, "
    "updated_at, submitted_at) {numbers} SELECT {id}, ?, 'URN:' || i, 'School', '{state}', {version}, "
    "'{digest}', {then}, {then}, {submitted_at} FROM numbers WHERE {which}"
)
_REVISIONS: Final = (
    "INSERT INTO eoi_revision (eoi_id, version, manifest) {numbers} SELECT {id}, 1, ? FROM numbers"
)
_HISTORY: Final = (
    "INSERT INTO eoi_history (subject_id, seq, trigger, source, target, actor, via, at, recorded_at, digest) "
    "{numbers} SELECT {id}, {version}, '{trigger}', {source}, '{state}', 'head-of-' || i, 'python', {then}, "
    "{then}, '{digest}' FROM numbers WHERE {which}"
)
_EVENTS: Final = (
    "INSERT INTO eoi_outbox (type, call_id, eoi_id, source, state, version, at, recorded_at, closes_at, "
    "fanned_out) SELECT 'eoi.submitted', e.call_id, e.id, 'draft', 'submitted', e.version, e.updated_at, "
    "e.updated_at, c.closes_at, ? FROM eoi_eoi e JOIN eoi_call c ON c.id = e.call_id "
    "WHERE e.call_id = ? AND e.state = 'submitted' ORDER BY e.id"
)


def migrate(place: Place) -> None:
    """Make the engine's tables."""
    with Engine(place.url) as engine:
        engine.migrate()


def call(raw: Raw, *, closes_in: timedelta) -> str:
    """Write an open call, and return its id. One whose closing lies in the past is due at once."""
    call_id = str(uuid4())
    now = datetime.now(UTC)
    raw.run(_CALL, call_id, call_id[:13], now - timedelta(days=30), now + closes_in)
    return call_id


def eois(raw: Raw, call_id: str, *, drafts: int = 0, submitted: int = 0, history: bool = True) -> list[str]:
    """Write EOIs of a call, each with its revision and its history; return their ids, the drafts' first."""
    prefix, total = str(uuid4())[:24], drafts + submitted
    then = raw.value(THEN)
    fixed = {
        "numbers": _NUMBERS.format(count=total),
        "id": _ID.format(prefix=prefix),
        "then": f"'{then}'" if raw.database == SQLITE else f"CAST('{then}' AS timestamptz)",
        "digest": DIGEST,
    }
    draft = fixed | {"state": "draft", "version": "1", "trigger": "draft", "source": "NULL"}
    submit = fixed | {"state": "submitted", "version": "2", "trigger": "submit", "source": "'draft'"}
    raw.run("BEGIN")
    raw.run(_EOIS.format(which=f"i <= {drafts}", submitted_at="NULL", **draft), call_id)
    raw.run(_EOIS.format(which=f"i > {drafts}", submitted_at=fixed["then"], **submit), call_id)
    raw.run(_REVISIONS.format(**fixed), MANIFEST)
    if history:
        raw.run(_HISTORY.format(which=f"i <= {total}", **draft))
        raw.run(_HISTORY.format(which=f"i > {drafts}", **submit))
    raw.run("COMMIT")
    return [f"{prefix}{number:012d}" for number in range(1, total + 1)]


def events(raw: Raw, call_id: str) -> None:
    """Write an event for each submitted EOI of a call that waits in the outbox."""
    raw.run(_EVENTS, False, call_id)  # noqa: FBT003 -- a value
