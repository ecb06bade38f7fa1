"""What must be true when the demo is over: each claim with the question that the database itself answers."""

import sqlite3
from pathlib import Path
from typing import Any, Final, NamedTuple

from demo_story import Story


class Claim(NamedTuple):
    """Something that must be so."""

    words: str
    #: Gives one number.
    sql: str
    #: The number that it must give.
    wanted: int


CLAIMS: Final = (
    Claim(
        words="submissions that arrived before the deadline, the last by one second",
        sql="""
        SELECT count(*) FROM eoi_eoi e JOIN eoi_call c ON c.id = e.call_id
        WHERE e.submitted_at < c.closes_at
        """,
        wanted=4,
    ),
    Claim(
        words="submissions that arrived at or after the deadline",
        sql="""
        SELECT count(*) FROM eoi_eoi e JOIN eoi_call c ON c.id = e.call_id
        WHERE e.submitted_at >= c.closes_at
        """,
        wanted=0,
    ),
    Claim(
        words="late attempts refused, and kept",
        sql="SELECT sum(count) FROM eoi_attempt WHERE code = 'call-closed'",
        wanted=1,
    ),
    Claim(
        words="submissions over HTTP, on record under the name of the key",
        sql="""
        SELECT count(*) FROM eoi_history h JOIN eoi_api_key k ON k.name = h.actor
        WHERE h.trigger = 'submit' AND h.via = 'http'
        """,
        wanted=1,
    ),
    Claim(
        words="drafts left in a closed call",
        sql="""
        SELECT count(*) FROM eoi_eoi e JOIN eoi_call c ON c.id = e.call_id
        WHERE c.state = 'closed' AND e.state = 'draft'
        """,
        wanted=0,
    ),
    Claim(
        words="EOIs whose version and rows of history do not agree",
        sql="""
        SELECT count(*) FROM eoi_eoi e
        WHERE e.version <> (SELECT count(*) FROM eoi_history h WHERE h.subject_id = e.id)
        """,
        wanted=0,
    ),
    Claim(
        words="decisions by whoever reviewed",
        sql="""
        SELECT count(*) FROM eoi_history h JOIN eoi_eoi e ON e.id = h.subject_id
        WHERE h.trigger IN ('approve', 'decline') AND h.actor = e.reviewed_by
        """,
        wanted=0,
    ),
    Claim(
        words="changes without their event in the outbox",
        sql="""
        SELECT count(*) FROM eoi_history h
        WHERE NOT EXISTS (SELECT 1 FROM eoi_outbox o
        WHERE coalesce(o.eoi_id, o.call_id) = h.subject_id AND o.version = h.seq)
        """,
        wanted=0,
    ),
    Claim(
        words="notices that have not arrived",
        sql="SELECT count(*) FROM eoi_delivery WHERE state <> 'delivered'",
        wanted=0,
    ),
)
#: Every change, in order for each call and EOI: what the receiver must have been told of.
CHANGES: Final = "SELECT subject_id, seq FROM eoi_history ORDER BY subject_id, seq"
#: What somebody with the file in hand might try.
FORGERY: Final = "UPDATE eoi_history SET actor = 'nobody'"


def prove(database: Path, told: list[dict[str, Any]], story: Story) -> bool:
    """Ask the database, hold the receiver's notices against it, try to change history.

    Args:
        database: the SQLite file.
        told: the CloudEvents that the receiver got, in the order in which they came.
        story: where to tell the answers.

    Returns:
        Whether everything claimed is so.
    """
    connection = sqlite3.connect(database)
    try:
        held = [_holds(connection, claim, story) for claim in CLAIMS]
        return all([*held, _all_told(connection, told, story), _is_append_only(connection, story)])
    finally:
        connection.close()


def _holds(connection: sqlite3.Connection, claim: Claim, story: Story) -> bool:
    (found,) = connection.execute(claim.sql).fetchone()
    story.proof(claim.words, claim.sql, found, holds=found == claim.wanted)
    return bool(found == claim.wanted)


def _all_told(connection: sqlite3.Connection, told: list[dict[str, Any]], story: Story) -> bool:
    changes = connection.execute(CHANGES).fetchall()
    came = [(event["subject"], event["data"]["version"]) for event in told]
    # Sorting by subject alone leaves each subject's notices in the order in which they came.
    holds = changes == sorted(came, key=lambda change: change[0])
    words = f"changes, and the receiver holds {len(came)} notices: one for each, in order for each EOI"
    story.proof(words, CHANGES, len(changes), holds=holds)
    return holds


def _is_append_only(connection: sqlite3.Connection, story: Story) -> bool:
    try:
        connection.execute(FORGERY)
        answer, refused = "done", False
    except sqlite3.IntegrityError as refusal:
        answer, refused = f"refused, {refusal}", True
    story.proof("somebody edits history", FORGERY, answer, holds=refused)
    return refused
