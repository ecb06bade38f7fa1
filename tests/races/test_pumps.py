"""Several pumps on one outbox while it is written: each delivery is lent to one, each line is in order."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import pytest

from tests.databases.lent import Broken
from tests.databases.raw import RawDatabase
from tests.races.crowd import Crowd
from tests.races.faults import lend_unlocked, no_transaction
from tests.races.pumpers import Sent, add_receivers, deliver, write_events
from workflow import Engine
from workflow.testing import FrozenClock, new_call, officer

RECEIVERS: Final = 2
#: How often the race is run at the most, until a fault has done its harm.
ROUNDS: Final = 20


def delivered(
    database: RawDatabase, engine: Engine, clock: FrozenClock, crowd: Crowd, schools: int
) -> list[Sent]:
    """Let one process write about one more call, and the others deliver; return every attempt."""
    new = new_call(reference=f"{len(engine.calls())}", closes_at=clock.now().replace(year=2100))
    call_id = engine.open_call(new, actor=officer()).id
    sent = crowd.do_each(
        (write_events, (database.url, call_id, schools)),
        *[(deliver, (database.url, call_id, seed)) for seed in range(crowd.size - 1)],
    )
    return [each for of_one in sent for each in of_one]


def wrongs(database: RawDatabase, sent: Sequence[Sent]) -> dict[str, list[object]]:
    """Return everything that cannot be right, by what it is: no lease has ended here, and nobody died."""
    lent = Counter((each.delivery_id, each.attempt) for each in sent)
    arrived = Counter((each.address, each.subject, each.version) for each in sent if each.arrived)
    told = database.ask("SELECT coalesce(eoi_id, call_id), version FROM eoi_outbox")
    wanted = {(f"https://{n}.example/eoi", *each) for n in range(RECEIVERS) for each in told}
    lines: dict[tuple[str, str], list[Sent]] = defaultdict(list)
    for each in sorted(sent, key=lambda each: each.began_s):
        lines[each.address, each.subject].append(each)
    found: dict[str, list[object]] = {
        "lent twice": [each for each, many in lent.items() if many > 1],
        "arrived twice": [each for each, many in arrived.items() if many > 1],
        "lost": [*(wanted ^ arrived.keys())],
        "out of order": [
            (before, after)
            for line in lines.values()
            for before, after in pairwise(line)
            if after.began_s < before.ended_s or after.version != before.version + before.arrived
        ],
        "left": list(database.ask("SELECT id, state FROM eoi_delivery WHERE state <> 'delivered'")),
    }
    return {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.slow
def test_pumps_share_what_is_due_and_keep_each_line_in_order(
    *,
    database: RawDatabase,
    engine: Engine,
    clock: FrozenClock,
    crowd: Crowd,
    broken: Broken,
    long: bool,
    tell: Callable[[str], None],
) -> None:
    """Each event arrives once at each receiver, those of an EOI one after the other, whoever sends them."""
    add_receivers(engine, RECEIVERS)
    sent = delivered(database, engine, clock, crowd, 400 if long else 20)
    tell(f"{database.name}: {len(sent)} attempts, {sum(each.arrived for each in sent)} arrived")
    assert wrongs(database, sent) == {}
    assert broken() == []
    assert {each.arrived for each in sent} == {True, False}


@pytest.mark.slow
def test_the_race_of_pumps_catches_a_broken_engine(
    database: RawDatabase, engine: Engine, clock: FrozenClock, tell: Callable[[str], None]
) -> None:
    """Where a delivery that another one is taking is taken all the same, it arrives twice at last."""
    fault = {"sqlite": no_transaction, "postgresql": lend_unlocked}[database.name]
    add_receivers(engine, RECEIVERS)
    sent, found = list[Sent](), dict[str, list[object]]()
    with Crowd(first=fault) as crowd:
        for _ in range(ROUNDS):
            sent += delivered(database, engine, clock, crowd, 20)
            found = wrongs(database, sent)
            if "arrived twice" in found:
                break
    tell(f"{database.name}: { {name: len(wrong) for name, wrong in found.items()} }")
    assert "arrived twice" in found
