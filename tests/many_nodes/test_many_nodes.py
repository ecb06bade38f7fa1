"""Several nodes on one database, killed and started again at random, while calls close all the time."""

import math
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random, SystemRandom

import pytest

from tests.clock import now
from tests.databases.raw import RawDatabase
from tests.many_nodes.fleet import Fleet
from tests.many_nodes.node import Node
from tests.many_nodes.receiver import Receiver
from tests.many_nodes.schools import Pace, Term
from tests.many_nodes.verdict import Witness, all_wrongs
from tests.many_nodes.watch import Watch
from tests.servers.talking import PATIENCE_S
from workflow import Engine
from workflow.testing import officer

SETTLE_S = 1.0
#: How long a killed node keeps what it was about to deliver, in seconds; those of `eoi serve` last a minute.
LEASE_S = 3.0
#: How late a close may be in a plain run, on whatever machine that is, in seconds; and in a long one.
GENEROUS_S, PUNCTUAL_S = 15.0, 2.0


def how_many(kind: str, long: bool) -> tuple[Pace, int]:
    """Return how many calls there are, and how many nodes."""
    if kind == "sqlite":
        return (Pace(100, 0.4), 3) if long else (Pace(15, 0.3), 3)
    return (Pace(300, 0.4), 5) if long else (Pace(36, 0.3), 3)


def starter(database: RawDatabase) -> Callable[[int, int], Node]:
    """Return what starts nodes: in the first place the installed program, else others with short leases."""
    line, settle = ("serve", "--no-api", "--db", database.url), f"{SETTLE_S}"

    def start(place: int, time: int) -> Node:
        odd = {"lease_s": LEASE_S, "name": f"{place}.{time}"} if place else None
        return Node(*line, odd=odd, EOI_SETTLE_S=settle)

    return start


def until_delivered(database: RawDatabase) -> None:
    """Wait until nothing is on its way any more, for as long as leases last and anybody's patience."""
    with database.shell() as ask:
        for _ in range(round(2 * PATIENCE_S / 0.05)):
            waiting = ask("SELECT count(*) FROM eoi_outbox WHERE fanned_out = (1 = 0)")
            if ask("SELECT count(*) FROM eoi_delivery WHERE state = 'pending'") == waiting == [(0,)]:
                return
            time.sleep(0.05)  # The nodes tell nobody what they have delivered: it is looked for.
    pytest.fail("not everything was delivered in time")


def something_is_open(term: Term, watch: Watch) -> bool:
    """Return whether anything is still to be closed, and may still be in good time."""
    in_time = now() - max(term.deadlines.values()) < timedelta(seconds=PATIENCE_S)
    return in_time and len(watch.closed_at) < len(term.deadlines)


def next_due(term: Term) -> datetime | None:
    """Return when the next call is to be closed, of those that are known."""
    settle = timedelta(seconds=SETTLE_S)
    return min(
        (due for each in list(term.deadlines.values()) if (due := each + settle) > now()), default=None
    )


def counts(seen: Witness) -> str:
    """Return what came of it."""
    lags, nodes = seen.lags_s(), seen.fleet.all
    killed = sum(node.killed_at is not None for node in nodes)
    p50, p99, most = (1000 * percentile(lags, share) for share in (0.5, 0.99, 1))
    again = ", ".join(f"{len(came)} {why}" for why, came in seen.duplicates().items())
    return (
        f"{seen.database.name}: {len(lags)} calls closed by {len(nodes)} nodes, {killed} of them killed "
        f"({seen.fleet.at_a_close} at a close, {len(seen.fleet.ambushed)} at a notice); "
        f"late past settle, in ms: p50 {p50:.0f}, p99 {p99:.0f}, max {most:.0f}; "
        f"{len(seen.receiver.came)} notices, of them again: {again or 'none'}"
    )


def percentile(values: list[float], share: float) -> float:
    """Return the value that so large a share of sorted values does not exceed."""
    return values[math.ceil(share * len(values)) - 1] if values else math.inf


@pytest.mark.slow
def test_nodes_that_come_and_go_close_each_call_once_and_tell_of_everything(
    database: RawDatabase, receiver: Receiver, long: bool, tell: Callable[[str], None]
) -> None:
    """None early, on time; every event comes at least once, in order, a second time only after a kill."""
    seed = SystemRandom().randrange(10**6) if long else 4623
    tell(f"seed {seed}")
    (pace, size), dice = how_many(database.name, long), Random(seed)  # noqa: S311 -- to be drawn again
    spared = 0 if long else 1
    with Engine(database.url) as engine:
        for path, events in (("/all", None), ("/too", None), ("/calls", ["call.*"])):
            engine.add_endpoint(receiver.url(path), events=events, actor=officer())
    with Fleet(starter(database), size, dice, spared=spared) as fleet, Watch(database) as watch:
        receiver.before_answer = fleet.on_post
        term = Term(database.url, pace, dice, settle_s=SETTLE_S)
        fleet.harass(lambda: term.lasts or something_is_open(term, watch), lambda: next_due(term))
        term.wait()
        until_delivered(database)
        fleet.end()
    seen = Witness(
        database=database,
        term=term,
        fleet=fleet,
        receiver=receiver,
        watch=watch,
        settle_s=SETTLE_S,
        lease_s=LEASE_S,
    )
    tell(counts(seen))
    assert all_wrongs(seen) == {}
    assert set(fleet.ends) == {0}
    assert [node for node in fleet.all if any("Traceback" in line for line in node.lines)] == []
    with Engine(database.url) as engine:
        assert engine.check() == []
    assert len(seen.lags_s()) == pace.calls
    assert percentile(seen.lags_s(), 0.99) < (PUNCTUAL_S if long else GENEROUS_S)
    assert fleet.ambushed
    assert fleet.at_a_close or not long
