"""The ledger: what must be true of the rows whatever was done, asked by plain sqlite3 and of nobody else."""

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Final

_VIEWS, *_PROMISES = Path(__file__).with_name("ledger.sql").read_text(encoding="utf-8").split("-- promise: ")
_QUERIES: Final = dict(each.split("\n", 1) for each in _PROMISES)


def broken_promises(file: Path) -> list[str]:
    """Return every promise of `ledger.sql` that the rows break, with the rows that do."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        database.create_function("sha256", 1, _sha256, deterministic=True)
        database.executescript(_VIEWS)
        found = {promise: database.execute(query).fetchmany(5) for promise, query in _QUERIES.items()}
        broken = [f"{promise}: {rows}" for promise, rows in found.items() if rows]
        return broken + _wrong_counts(database)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _wrong_counts(database: sqlite3.Connection) -> list[str]:
    """Replay what was told up to each close, and compare with the counts that the close wrote down."""
    closes = database.execute(
        "SELECT c.id, c.counts_at_close, o.position FROM eoi_call c "
        "JOIN eoi_outbox o ON o.call_id = c.id AND o.type = 'call.closed'"
    )
    wrong = []
    for call_id, counts, position in closes.fetchall():
        told = database.execute(
            "SELECT eoi_id, state FROM eoi_outbox WHERE call_id = ? AND eoi_id IS NOT NULL "
            "AND position < ? ORDER BY position",
            (call_id, position),
        )
        replayed = Counter(dict(told.fetchall()).values())
        if json.loads(counts) != replayed:
            wrong.append(f"counts at close of {call_id}: {counts} where history says {dict(replayed)}")
    return wrong
