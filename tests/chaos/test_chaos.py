"""Receivers at their worst, and nodes that die amid their POSTs: what is delivered in the end."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random, SystemRandom
from typing import Any, Final, NamedTuple

import pytest
from standardwebhooks.webhooks import Webhook

from tests.chaos.events import Terms, happen
from tests.chaos.pumps import Pumps
from tests.chaos.receiver import Receivers
from tests.chaos.verdict import Wants, Witness, all_wrongs, witness
from tests.databases.raw import RawDatabase
from workflow import Engine
from workflow.testing import officer

#: What each receiver is there for, and how it is sent to.
ENDPOINTS: Final[tuple[dict[str, Any], ...]] = (
    {"events": ["*"]},
    {"events": ["eoi.saved", "eoi.submitted", "call.*"], "ordered": False},
    {"events": ["eoi.saved", "eoi.lapsed"], "concurrency": 2},
    {"events": ["call.*"]},
    {"events": ["eoi.drafted", "eoi.lapsed"]},
    {"events": ["eoi.saved", "eoi.submitted"]},
    {"events": ["eoi.submitted"], "timeout_s": 0.6},
    {"events": ["eoi.lapsed", "call.closed"], "ordered": False},
    {"events": ["call.opened", "eoi.drafted"]},
    {"events": ["eoi.submitted", "eoi.lapsed"], "headers": {"X-Tenant": "north"}},
)


class Scale(NamedTuple):
    """How much there is of everything."""

    terms: Terms
    nodes: int
    blows: int
    #: How long it may take until all is delivered, in seconds.
    within_s: float


PLAIN: Final = Scale(Terms(calls=5), nodes=3, blows=4, within_s=60)
LONG: Final = Scale(Terms(calls=164), nodes=3, blows=80, within_s=3600)


def wanted(database: RawDatabase, receivers: Receivers) -> list[Wants]:
    """Add an endpoint for each receiver; return what each is there for."""
    found = []
    with Engine(database.url) as engine:
        for door, terms in zip(receivers.doors, ENDPOINTS, strict=True):
            endpoint = engine.add_endpoint(door.url, actor=officer(), **terms)
            assert endpoint.secret is not None
            door.webhook = Webhook(endpoint.secret)
            found.append(Wants(endpoint.id, endpoint.events, endpoint.ordered))
    return found


def all_is_done(database: RawDatabase, happening: Future[None], within_s: float) -> Callable[[], bool]:
    """Return what looks whether all has happened, and nothing is on its way any more."""
    give_up_at_s = time.monotonic() + within_s

    def look() -> bool:
        if time.monotonic() > give_up_at_s:
            left = database.ask(
                "SELECT endpoint_id, state, count(*), max(attempt), max(last_error) FROM eoi_delivery "
                "GROUP BY endpoint_id, state ORDER BY endpoint_id, state"
            )
            pytest.fail(f"not everything was delivered in time: {left}")
        if not happening.done():
            return False
        happening.result()
        undone = (
            "SELECT 1 FROM eoi_call WHERE state = 'open' UNION ALL "
            "SELECT 1 FROM eoi_outbox WHERE fanned_out = (1 = 0) UNION ALL "
            "SELECT 1 FROM eoi_delivery WHERE state = 'pending'"
        )
        return database.ask(undone) == []

    return look


def counts(seen: Witness, receivers: Receivers, pumps: Pumps) -> list[str]:
    """Return what came of it, in lines."""
    fates = Counter(came.fate.name for came in seen.came if not came.fate.name.startswith("poison"))
    again = ", ".join(f"{len(came)} {why}" for why, came in sorted(seen.again.items()))
    outages = sum(door.outages for door in receivers.doors)
    return [
        (
            f"{len(seen.events)} events, {len(seen.rows)} deliveries, {len(seen.came)} POSTs; "
            f"{len(seen.nodes)} nodes, killed amid a POST {pumps.amid_posts}, anywhere {pumps.anywhere}, "
            f"frozen {pumps.frozen}"
        ),
        (
            f"gone for a while {outages} times, {sum(door.unheard for door in receivers.doors)} connections "
            f"reset unheard; {', '.join(f'{name} {count}' for name, count in fates.most_common())}"
        ),
        f"poison, each parked with its reason: {len(seen.poisons)}; came again: {again or 'none'}",
    ]


@pytest.mark.slow
def test_everything_arrives_whatever_receivers_and_nodes_do(
    database: RawDatabase, *, long: bool, tell: Callable[[str], None]
) -> None:
    """All that can be delivered is, in order and signed; twice for a reason only; the rest is parked."""
    seed = SystemRandom().randrange(10**6) if long else 4623
    scale, dice = LONG if long else PLAIN, Random(seed)  # noqa: S311 -- to be drawn again
    tell(f"{database.name}, seed {seed}")
    with Receivers(len(ENDPOINTS), dice) as receivers, ThreadPoolExecutor(1) as pool:
        wants = wanted(database, receivers)
        pumps = Pumps(database.url, scale.nodes, dice, blows=scale.blows, over=2 * scale.terms.events)
        receivers.before_answer = pumps.on_post
        with pumps:
            happening = pool.submit(happen, database, scale.terms)
            pumps.tend(until=all_is_done(database, happening, scale.within_s))
            ends = pumps.end()
        poisons = {
            (door.number, id_): int(fate.name.split()[1])
            for door in receivers.doors
            for id_, fate in door.poisons.items()
        }
        seen = witness(
            database,
            wants=wants,
            came=receivers.came,
            unsigned=receivers.unsigned,
            poisons=poisons,
            nodes=pumps.all,
        )
    for line in counts(seen, receivers, pumps):
        tell(line)
    assert all_wrongs(seen) == {}
    assert ends == [0] * scale.nodes
    assert [pump.name for pump in pumps.all.values() if any("Traceback" in line for line in pump.lines)] == []
    assert len(seen.events) == scale.terms.events
    assert poisons
    assert seen.again["killed"]
    assert seen.again["dropped after the POST"]
