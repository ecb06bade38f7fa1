"""The floor of W1: the least that one durable `fire` can cost, by the bare driver on one open connection."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from bench import seed
from bench.contest import POSTGRESQL, SQLITE, Database, Place, Prepare
from bench.raw import Raw, instant, marked, raw

#: How long the calls stay open: longer than any run.
OPEN_FOR: Final = timedelta(days=30)

_LOAD: Final = (
    "SELECT e.call_id, e.applicant, e.state, e.version, e.digest, c.state, c.opens_at, c.closes_at "
    "FROM eoi_eoi e JOIN eoi_call c ON c.id = e.call_id WHERE e.id = ?"
)
_ADVANCE: Final = (
    "UPDATE eoi_eoi SET state = 'submitted', version = ?, updated_at = ?, submitted_at = ? "
    "WHERE id = ? AND version = ?"
)
_HISTORY: Final = (
    "INSERT INTO eoi_history (subject_id, seq, trigger, source, target, actor, via, at, recorded_at, digest) "
    "VALUES (?, ?, 'submit', 'draft', 'submitted', ?, 'python', ?, ?, ?)"
)
_OUTBOX: Final = (
    "INSERT INTO eoi_outbox "
    "(type, call_id, eoi_id, source, state, version, at, recorded_at, closes_at, fanned_out) VALUES "
    "('eoi.submitted', ?, ?, 'draft', 'submitted', ?, ?, ?, ?, ?)"
)


def statements(database: Database) -> tuple[str, ...]:
    """Return the floor's statements: one transaction, five trips after BEGIN."""
    begin, lock = ("BEGIN IMMEDIATE", "") if database == SQLITE else ("BEGIN", " FOR SHARE OF c")
    texts = (begin, _LOAD + lock, _ADVANCE, _HISTORY, _OUTBOX, "COMMIT")
    return tuple(marked(database, text) for text in texts)


@contextmanager
def floor(place: Place) -> Iterator[Prepare]:
    """Write the same rows by the bare driver, on one open connection."""
    with drafts(place) as more, raw(place) as opened:

        def prepare(count: int) -> Callable[[], None]:
            waiting = [(eoi_id, f"head-of-{number}") for number, eoi_id in enumerate(more(count), start=1)]

            def go() -> None:
                for eoi_id, actor in waiting:
                    submit(opened, eoi_id, actor)

            return go

        yield prepare


def submit(opened: Raw, eoi_id: str, actor: str) -> None:
    """Submit one draft, with no more checks than the rows themselves need."""
    execute = opened.execute
    begin, load, advance, history, outbox, commit = _TEXTS[opened.database]
    now = instant(opened.database, datetime.now(UTC))
    execute(begin)
    call_id, _, state, version, digest, call_state, _, closes_at = execute(load, (eoi_id,)).fetchone()
    if state != "draft" or call_state != "open" or now >= closes_at:
        msg = "The floor was given something else than an open call's draft."
        raise ValueError(msg)
    new = version + 1
    if execute(advance, (new, now, now, eoi_id, version)).rowcount != 1:
        msg = "Somebody else plays on the floor."
        raise ValueError(msg)
    execute(history, (eoi_id, new, actor, now, now, digest))
    execute(outbox, (call_id, eoi_id, new, now, now, closes_at, False))
    execute(commit)


@contextmanager
def drafts(place: Place) -> Iterator[Callable[[int], list[str]]]:
    """Make the tables and an open call; lend what writes so many more drafts into a call of their own."""
    seed.migrate(place)

    def more(count: int) -> list[str]:
        with raw(place) as opened:
            call_id = seed.call(opened, closes_in=OPEN_FOR)
            eoi_ids = seed.eois(opened, call_id, drafts=count)
            opened.settle()
            return eoi_ids

    more(1000)
    yield more


_TEXTS: Final = {database: statements(database) for database in (SQLITE, POSTGRESQL)}
