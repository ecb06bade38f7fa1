"""The ledger: what must be true of the rows whatever was done, asked by the plain driver alone."""

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import psycopg

_VIEWS, *_PROMISES = Path(__file__).with_name("ledger.sql").read_text(encoding="utf-8").split("-- promise: ")
_QUERIES: Final = dict(each.split("\n", 1) for each in _PROMISES)
_CONTENT: Final = "CREATE TEMP VIEW content AS SELECT eoi_id, version, {digest} AS digest FROM eoi_revision"
_DIGEST_BY_POSTGRES: Final = "encode(sha256(convert_to(manifest, 'UTF8')), 'hex')"
_TOLD: Final = "SELECT call_id, eoi_id, type, state FROM eoi_outbox ORDER BY position"

#: Runs one statement, and returns its rows.
Ask = Callable[[str], list[tuple[Any, ...]]]


def broken_promises(database: Path | str) -> list[str]:
    """Return every promise of `ledger.sql` that the rows break, with the rows that do.

    Args:
        database: a SQLite file, or the URL of a PostgreSQL database.
    """
    return _of_file(database) if isinstance(database, Path) else _of_server(database)


def _of_file(file: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        database.create_function("sha256", 1, _sha256, deterministic=True)
        database.executescript(_in_sqlite(_VIEWS))
        database.execute(_CONTENT.format(digest="sha256(manifest)"))
        return _broken(lambda sql: database.execute(_in_sqlite(sql)).fetchall())


def _of_server(url: str) -> list[str]:
    with closing(psycopg.connect(url)) as database:
        database.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return database.execute(sql.encode()).fetchall()

        database.execute(_VIEWS.encode())
        database.execute(_CONTENT.format(digest=_DIGEST_BY_POSTGRES).encode())
        return _broken(ask)


def _broken(ask: Ask) -> list[str]:
    found = {promise: ask(query) for promise, query in _QUERIES.items()}
    return [f"{promise}: {rows[:5]}" for promise, rows in found.items() if rows] + _wrong_counts(ask)


def _in_sqlite(sql: str) -> str:
    # Older ones know no other way to say it.
    return sql.replace("IS DISTINCT FROM", "IS NOT")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _wrong_counts(ask: Ask) -> list[str]:
    """Replay what was told up to each close, and compare with the counts that the close wrote down."""
    counted: dict[str, str | None] = dict(ask("SELECT id, counts_at_close FROM eoi_call"))
    states: dict[str, dict[str, str]] = defaultdict(dict)
    wrong = []
    for call_id, eoi_id, type_, state in ask(_TOLD):
        if eoi_id is not None:
            states[call_id][eoi_id] = state
        elif type_ == "call.closed":
            replayed, counts = Counter(states[call_id].values()), counted.get(call_id)
            if counts is None or json.loads(counts) != replayed:
                wrong.append(f"counts at close of {call_id}: {counts} where history says {dict(replayed)}")
    return wrong
