"""W5: a page of 50 EOIs of one call in one state, out of ten thousand and out of a million.

N EOIs belong to 40 calls, half of them submitted; pages begin anywhere. The engine gives whole views, the
answers read out of their JSON; the floor fetches the same columns and leaves them as they came.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bench import seed
from bench.contest import Contender, Database, Place, Prepare, Target, Workload
from bench.raw import marked, raw
from bench.w1_floor import OPEN_FOR
from workflow import Engine

#: How many calls the EOIs belong to; half of each are submitted.
CALLS: Final = 40
PAGE: Final = 50

_FIND: Final = (
    "SELECT e.id, e.call_id, e.applicant, e.applicant_name, e.state, e.version, e.created_at, e.updated_at, "
    "e.submitted_at, e.decided_at, e.digest, (SELECT r.manifest FROM eoi_revision r WHERE r.eoi_id = e.id "
    "ORDER BY r.version DESC LIMIT 1) "
    "FROM eoi_eoi e WHERE e.call_id = ? AND e.state = 'submitted' AND e.id > ? "
    f"ORDER BY e.id LIMIT {PAGE}"
)


def statements(database: Database) -> tuple[str, ...]:
    """Return the floor's one statement."""
    return (marked(database, _FIND),)


def fill(place: Place) -> None:
    """Write N EOIs in all, the same number for each call."""
    seed.migrate(place)
    with raw(place) as opened:
        for _ in range(CALLS):
            half = place.size // CALLS // 2
            call_id = seed.call(opened, closes_in=OPEN_FOR)
            seed.eois(opened, call_id, drafts=half, submitted=half, history=False)
        opened.settle()


@contextmanager
def ours(place: Place) -> Iterator[Prepare]:
    """Read it by `engine.find`."""
    with Engine(place.url) as engine:

        def page(call_id: str, after: str) -> int:
            return len(engine.find(call=call_id, state="submitted", after=after, limit=PAGE).items)

        yield _pages(place, page)


@contextmanager
def floor(place: Place) -> Iterator[Prepare]:
    """Read the same rows by the bare driver, on one open connection."""
    with raw(place) as opened:
        execute, (find,) = opened.execute, statements(place.database)

        def page(call_id: str, after: str) -> int:
            return len(execute(find, (call_id, after)).fetchall())

        yield _pages(place, page)


def _pages(place: Place, page: Callable[[str, str], int]) -> Prepare:
    """Ask for pages that begin anywhere, the same ones for everybody."""
    with raw(place) as opened:
        first = dict(opened.run("SELECT call_id, min(id) FROM eoi_eoi GROUP BY call_id ORDER BY call_id"))
    calls, dice, half = list(first), random.Random(46), place.size // CALLS // 2  # noqa: S311 -- the same ones every time

    def prepare(count: int) -> Callable[[], None]:
        drawn = []
        for _ in range(count):
            call_id = dice.choice(calls)
            drawn.append((call_id, f"{first[call_id][:24]}{dice.randint(half, 2 * half - PAGE):012d}"))

        def go() -> None:
            for call_id, after in drawn:
                if page(call_id, after) != PAGE:
                    msg = "A page was not full."
                    raise ValueError(msg)

        return go

    return prepare


WORKLOAD: Final = Workload(
    name="W5",
    module=__name__,
    title=f"a page of {PAGE} of find, by call and state, out of N EOIs",
    unit="a page",
    per_turn=50,
    rounds=15,
    sizes=(10_000, 1_000_000),
    quick_sizes=(8_000, 16_000),
    fill=fill,
    contenders=(
        Contender(name="floor", title="the same SELECT by the bare driver", play=floor, floor=True),
        Contender(name="ours", title="engine.find", play=ours, package="eoi-workflow"),
    ),
    targets=(
        Target(says="at most 3 × the floor", at_most=3.0),
        Target(
            says="a million as quick as ten thousand: at most 1.5 ×", to="ours", sizes=(-1, 0), at_most=1.5
        ),
    ),
    sql=statements,
    notes=(__doc__ or "").partition("\n\n")[2].strip(),
    between=(
        "the floor leaves instants and answers as texts. A page of ours is fifty views: four or five "
        "instants and one JSON document read in each, as text that was checked to be our own."
    ),
)
