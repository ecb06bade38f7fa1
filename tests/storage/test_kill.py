"""Killed at any moment, also in the middle of a commit: what was acknowledged is there, once and whole."""

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.databases.postgres import PostgresDatabase
from tests.databases.raw import Databases, RawDatabase
from tests.servers.postgres import PostgresServer
from tests.storage.deaths import Told, Victim, deliver_the_rest, send_again, verify
from tests.storage.victim import Terms
from workflow import Engine

#: How many pairs of programs die on one database; then comes another one.
PAIRS = 25
#: What somebody is told whose server has died.
GONE = {"connection-lost", "commit-unknown", "database-not-opened", "database-unavailable"}


def kill_pairs(database: RawDatabase, chance: random.Random, pairs: int) -> Told:
    """Kill pairs of programs on one database, each at its own moment; verify it after each pair."""
    told = Told()
    for pair in range(pairs):
        # Of four who die first, two stand in the middle of a transaction, and one of a delivery.
        stop_at, hang_at = chance.randint(1, 40) * (pair % 2), chance.randint(1, 12) * (pair % 4 == 2)
        first = Victim(Terms(database.url, 2 * pair, stop_at=stop_at, hang_at=hang_at))
        second = Victim(Terms(database.url, 2 * pair + 1, alone=False))
        time.sleep(chance.uniform(0, 0.05))  # the moment of the kill is what is drawn
        told.add(first.die())
        second.hear_on()  # the locks of the dead are free: the other one goes on
        time.sleep(chance.uniform(0, 0.03))
        told.add(second.die())
        verify(database, told)
        send_again(database, told)
    deliver_the_rest(database, told)
    return told


@pytest.mark.slow
def test_what_was_acknowledged_outlives_a_kill(
    databases: Databases, *, long: bool, tell: Callable[[str], None]
) -> None:
    """Two programs lead whole lives and are killed, again and again: every answer holds, nothing is twice."""
    pairs = 150 if long else 12
    seed = random.SystemRandom().randrange(2**32) if long else 4623
    chance, moments, arrived = random.Random(seed), Counter[str](), 0  # noqa: S311 -- to be drawn again
    for first in range(0, pairs, PAIRS):
        told = kill_pairs(databases.new(), chance, min(PAIRS, pairs - first))
        assert told.errors == []
        moments += told.moments
        arrived += len(told.delivered)
    tell(f"{databases.name}, seed {seed}: {moments.total()} kills: {dict(moments)}; {arrived} deliveries")
    assert moments.total() == 2 * pairs
    assert moments["between BEGIN and COMMIT"] >= moments.total() / 5


@pytest.mark.slow
def test_what_was_acknowledged_outlives_the_server(*, long: bool, tell: Callable[[str], None]) -> None:
    """A server that is killed amid everything has, when it is there again, whatever it said it had."""
    kills = 20 if long else 2
    chance, told = random.Random(4623), Told()  # noqa: S311 -- to be drawn again
    with PostgresServer() as server:
        database = PostgresDatabase(server.new_database())
        with Engine(database.url) as engine:
            engine.migrate()
        for number in range(kills):
            first = Victim(Terms(database.url, 2 * number))
            second = Victim(Terms(database.url, 2 * number + 1, alone=False))
            time.sleep(chance.uniform(0.02, 0.2))  # the moment of the kill is what is drawn
            server.kill()
            for victim in (first, second):
                victim.hear_until("fail")
            server.start()
            told.add(first.die())
            told.add(second.die())
            verify(database, told)
            send_again(database, told)
        deliver_the_rest(database, told)
    tell(f"{kills} kills of the server: {dict(told.moments)}, {dict(Counter(told.errors))}")
    tell(f"{len(told.acknowledged)} changes acknowledged, {len(told.delivered)} deliveries")
    assert set(told.errors) <= GONE
    assert len(told.errors) == 2 * kills
