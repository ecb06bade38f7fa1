"""W2: a call closes with N drafts and N submitted: all drafts lapse in one commit.

The sweep closes a call that is due: every draft lapses with its row of history and its row of the outbox,
the counts are taken, the call is closed with them; one transaction. The floor does that in a handful of
raw set-based statements. The peer loops: one transition of django-fsm-2 after the other, all in one
transaction, at the smallest N only.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from bench import seed
from bench.contest import SQLITE, Contender, Database, Place, Prepare, Target, Workload
from bench.peers import django_fsm
from bench.raw import Raw, marked, raw
from workflow import Engine

#: The calls' deadlines passed so long ago: settle is over too.
CLOSED_SINCE: Final = timedelta(minutes=-1)

_MOVED: Final = "FROM eoi_eoi WHERE call_id = ? AND state = 'draft'"
_TEXTS: Final = {
    "load": "SELECT version, closes_at FROM eoi_call WHERE id = ? AND state = 'open'",
    "lapse": (
        "INSERT INTO eoi_history "
        "(subject_id, seq, trigger, source, target, actor, via, at, recorded_at, digest) "
        "SELECT id, version + 1, 'lapse', state, 'lapsed', 'system', 'sweep', {at}, {at}, digest "
        f"{_MOVED}"
    ),
    "tell": (
        "INSERT INTO eoi_outbox "
        "(type, call_id, eoi_id, source, state, version, at, recorded_at, closes_at, fanned_out) "
        "SELECT 'eoi.lapsed', call_id, id, state, 'lapsed', version + 1, {at}, {at}, {at}, "
        f"CAST(? AS boolean) {_MOVED}"
    ),
    "advance": (
        "UPDATE eoi_eoi SET state = 'lapsed', version = version + 1, updated_at = ? "
        "WHERE call_id = ? AND state = 'draft'"
    ),
    "count": "SELECT state, count(*) FROM eoi_eoi WHERE call_id = ? GROUP BY state",
    "close": (
        "UPDATE eoi_call SET state = 'closed', version = ?, closed_at = ?, counts_at_close = ? "
        "WHERE id = ? AND version = ?"
    ),
    "history": (
        "INSERT INTO eoi_history (subject_id, seq, trigger, source, target, actor, via, at, recorded_at) "
        "VALUES (?, ?, 'close', 'open', 'closed', 'system', 'sweep', ?, ?)"
    ),
    "outbox": (
        "INSERT INTO eoi_outbox "
        "(type, call_id, source, state, version, at, recorded_at, closes_at, fanned_out) VALUES "
        "('call.closed', ?, 'open', 'closed', ?, ?, ?, ?, ?)"
    ),
}


def statements(database: Database) -> dict[str, str]:
    """Return the floor's statements: one transaction, as many however great N is."""
    at = "?" if database == SQLITE else "CAST(? AS timestamptz)"
    texts = {name: marked(database, text.replace("{at}", at)) for name, text in _TEXTS.items()}
    if database == SQLITE:
        return {"begin": "BEGIN IMMEDIATE", **texts, "commit": "COMMIT"}
    return {"begin": "BEGIN", **texts, "load": f"{texts['load']} FOR UPDATE", "commit": "COMMIT"}


@contextmanager
def ours(place: Place) -> Iterator[Prepare]:
    """Close by `engine.close_due`, as the scheduler does."""
    with due_calls(place) as more, Engine(place.url) as engine:

        def prepare(count: int) -> Callable[[], None]:
            waiting = more(count)

            def go() -> None:
                report = engine.close_due()
                if sorted(call.id for call in report.closed) != sorted(waiting) or report.failed:
                    msg = f"It closed {len(report.closed)} of {len(waiting)} calls: {report.failed}"
                    raise ValueError(msg)

            return go

        yield prepare


@contextmanager
def floor(place: Place) -> Iterator[Prepare]:
    """Write the same rows by a handful of statements."""
    with due_calls(place) as more, raw(place) as opened:
        texts = statements(place.database)

        def prepare(count: int) -> Callable[[], None]:
            waiting = more(count)

            def go() -> None:
                for call_id in waiting:
                    close(opened, texts, call_id)

            return go

        yield prepare


def close(opened: Raw, texts: dict[str, str], call_id: str) -> None:
    """Close one call."""
    execute = opened.execute
    now = opened.value(datetime.now(UTC))
    execute(texts["begin"])
    version, closes_at = execute(texts["load"], (call_id,)).fetchone()
    execute(texts["lapse"], (closes_at, now, call_id))
    execute(texts["tell"], (closes_at, now, closes_at, False, call_id))
    execute(texts["advance"], (now, call_id))
    counts = json.dumps(dict(execute(texts["count"], (call_id,)).fetchall()), sort_keys=True)
    execute(texts["close"], (version + 1, now, counts, call_id, version))
    execute(texts["history"], (call_id, version + 1, closes_at, now))
    execute(texts["outbox"], (call_id, version + 1, closes_at, now, closes_at, False))
    execute(texts["commit"])


@contextmanager
def due_calls(place: Place) -> Iterator[Callable[[int], list[str]]]:
    """Make the tables; lend what writes so many calls that are due, each with N drafts and N submitted."""
    seed.migrate(place)

    def more(count: int) -> list[str]:
        with raw(place) as opened:
            calls = [seed.call(opened, closes_in=CLOSED_SINCE) for _ in range(count)]
            for call_id in calls:
                seed.eois(opened, call_id, drafts=place.size, submitted=place.size, history=False)
            opened.settle()
            return calls

    yield more


WORKLOAD: Final = Workload(
    name="W2",
    module=__name__,
    title="a call closes with N drafts and N submitted",
    unit="a close",
    per_turn=1,
    rounds=7,
    sizes=(1_000, 10_000, 25_000),
    quick_sizes=(100, 1_000),
    stress_sizes=(250_000,),
    each=2,
    contenders=(
        Contender(name="floor", title="the same rows by raw set-based SQL", play=floor, floor=True),
        Contender(name="ours", title="engine.close_due", play=ours, package="eoi-workflow"),
        django_fsm.MANY,
    ),
    targets=(
        Target(says="at most 2.0 × the floor", at_most=2.0),
        Target(
            says="linear: an EOI at most 1.5 × as long", to="ours", sizes=(-1, 0), measure="each", at_most=1.5
        ),
        Target(
            says="memory flat: at most 1.1 × as much", to="ours", sizes=(-1, 0), measure="peak", at_most=1.1
        ),
    ),
    sql=lambda database: tuple(statements(database).values()),
    notes=(__doc__ or "").partition("\n\n")[2].strip(),
)
