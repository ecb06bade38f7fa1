"""How a job ends that whoever has it does not end: its key has ended, or it has cost too many their life."""

from datetime import datetime
from typing import Final

from workflow.connection import Connection
from workflow.job_views import JobView
from workflow.store import api_keys, job_files
from workflow.store import jobs as store
from workflow.store.jobs import StoredJob

#: How often whoever had a job may be lost before nobody is given it any more: it may be what kills them.
MOST_LOST: Final = 5

KEY_ENDED: Final = (
    "key-ended",
    "The key that it was asked for with has expired, was revoked, or may no longer do as much.",
)
ABANDONED: Final = (
    "job-abandoned",
    f"{MOST_LOST} times whoever had it was lost on the way, so that nobody is given it any more.",
)


def why_not(connection: Connection, found: StoredJob, lost: int, now: datetime) -> tuple[str, str] | None:
    """Return why nobody is to be given it, as a code and in words."""
    if lost >= MOST_LOST:
        return ABANDONED
    return None if is_vouched_for(connection, found, now) else KEY_ENDED


def is_vouched_for(connection: Connection, found: StoredJob, now: datetime) -> bool:
    """Return whether a job that was asked for with a key of ours still could be."""
    actor = found.actor
    return not found.keyed or any(
        set(key.roles) >= actor.roles and set(key.organisations) >= actor.organisations
        for key in api_keys.valid_of(connection, actor.id, now)
    )


def ended(
    connection: Connection, job_id: str, to: str, now: datetime, reason: tuple[str, str] | None = None
) -> JobView:
    """End a job that has not ended; a result that nobody has named is none.

    Args:
        connection: in a transaction.
        job_id: which.
        to: `done`, `failed`, `cancelled`.
        now: the present instant.
        reason: of what failed: a code, and words.
    """
    code, why = reason or (None, None)
    store.end(connection, job_id, to=to, now=now, code=code, why=why)
    found = store.one(connection, job_id)
    assert found is not None  # noqa: S101 -- this transaction has written it
    if found.media_type is None:
        job_files.drop(connection, job_id, "result")
    return found.view
