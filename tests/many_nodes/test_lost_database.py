"""A node and its PostgreSQL: what it does when that is not there, hangs, or comes back."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from tests.clock import now
from tests.many_nodes.node import Node
from tests.many_nodes.receiver import Came, Receiver
from tests.servers.postgres import PostgresServer
from workflow import CallView, Engine
from workflow.testing import FrozenClock, new_call, officer, school

SETTLE_S = 0.5
#: How much longer than its grace a stop takes where something hangs, in seconds.
HANGING_S = 5.0
#: And how much more a slow machine needs.
SLACK_S = 10.0
#: Two calls, each with a draft: opened, drafted, lapsed, closed.
EVENTS = 8

WaitUntil = Callable[[Callable[[], object]], None]
Outage = Callable[[PostgresServer], None]

pytestmark = pytest.mark.slow


@pytest.fixture
def url(own_postgres: PostgresServer) -> str:
    """Return the URL of a migrated database on a server that only this test has."""
    url = own_postgres.new_database()
    with Engine(url) as engine:
        engine.migrate()
    return url


@pytest.fixture
def grace_s(long: bool) -> float:
    """Return how long deliveries have when a node stops, in seconds; in a plain run it is in a hurry."""
    return 30.0 if long else 0.1


@contextmanager
def serving(url: str, **odd: float) -> Iterator[Node]:
    """Lend a node that serves."""
    with Node("serve", "--no-api", "--db", url, odd=odd or None, EOI_SETTLE_S=f"{SETTLE_S}") as node:
        node.wait_for("Serving")
        yield node


def opened(url: str, *, in_s: float) -> CallView:
    """Open a call that closes so many seconds from now, with one draft.

    By a clock that stands still meanwhile: on a busy machine a database that is just back is slow, and the
    draft must not come too late for that.
    """
    clock = FrozenClock(now())
    with Engine(url, clock=clock) as engine:
        engine.calls()  # connects, which may take its time
        clock.move_to(now())
        closes_at = clock.now() + timedelta(seconds=in_s)
        call = engine.open_call(new_call(reference=f"{closes_at}", closes_at=closes_at), actor=officer())
        engine.draft(call.id, answers={}, actor=school())
    return call


def closed(url: str, call: CallView) -> bool:
    """Return whether it is closed."""
    with Engine(url) as engine:
        return engine.call(call.id).state == "closed"


def of(receiver: Receiver, type_: str) -> list[Came]:
    """Return what came of one type of events."""
    return [came for came in receiver.came if came.event["type"] == type_]


@pytest.mark.parametrize(
    ("lose", "find"),
    [
        (PostgresServer.kill, PostgresServer.start),
        (PostgresServer.stop, PostgresServer.start),
        (PostgresServer.pause, PostgresServer.resume),
    ],
    ids=["killed", "stopped", "paused"],
)
def test_a_node_that_loses_its_database_goes_on_afterwards(
    own_postgres: PostgresServer,
    url: str,
    receiver: Receiver,
    wait_until: WaitUntil,
    *,
    lose: Outage,
    find: Outage,
) -> None:
    """What fell due meanwhile is closed and told when it is back, and all that comes after it, by itself."""
    with Engine(url) as engine:
        engine.add_endpoint(receiver.url("/all"), actor=officer())
    with serving(url) as node:
        missed = opened(url, in_s=1.5)
        wait_until(lambda: of(receiver, "eoi.drafted"))
        lose(own_postgres)
        due = missed.closes_at + timedelta(seconds=SETTLE_S)
        wait_until(lambda: due + timedelta(seconds=1) < now())
        assert node.runs
        find(own_postgres)
        wait_until(lambda: closed(url, missed))
        later = opened(url, in_s=1.5)
        wait_until(lambda: closed(url, later))
        wait_until(lambda: len({came.id for came in receiver.came}) == EVENTS)
        node.signal(signal.SIGTERM)
        assert node.end(within_s=SLACK_S) == 0
        assert not any("Traceback" in line for line in node.lines)
    with Engine(url) as engine:
        assert [each.state for each in engine.deliveries()] == ["delivered"] * EVENTS
        assert (engine.call(missed.id).closed_at or due) >= due
        assert engine.check() == []


def test_a_node_ends_by_itself_while_its_database_is_away(own_postgres: PostgresServer, url: str) -> None:
    """Told to end, with nothing on its way, it needs no database for that."""
    with serving(url) as node:
        own_postgres.kill()
        node.wait_for("event=runner.failed")
        node.signal(signal.SIGTERM)
        assert node.end(within_s=SLACK_S) == 0
        assert node.lines[-1].endswith("event=runner.stopped")
        assert node.logged("pump.not-recorded") == []


def test_a_node_whose_database_hangs_ends_all_the_same(
    own_postgres: PostgresServer, url: str, wait_until: WaitUntil, grace_s: float
) -> None:
    """Nothing that it asks is ever answered: it ends soon after its grace, says why, and with status 1."""
    with serving(url, grace_s=grace_s) as node:
        own_postgres.pause()
        paused = now()
        wait_until(lambda: now() - paused > timedelta(seconds=1.5))  # Within a period it asks something.
        node.signal(signal.SIGTERM)
        assert node.end(within_s=grace_s + HANGING_S + SLACK_S) == 1
        assert "the database or a receiver hangs" in node.lines[-1]
    own_postgres.resume()


def test_a_node_whose_receiver_hangs_ends_all_the_same(
    url: str, receiver: Receiver, wait_until: WaitUntil, grace_s: float
) -> None:
    """It waits for the answer no longer than it must; the delivery is still there for another node."""
    with Engine(url) as engine:
        engine.add_endpoint(receiver.url("/all"), actor=officer())
        opened(url, in_s=3600)
        hung = Node("serve", "--no-api", "--db", url, odd={"grace_s": grace_s}, EOI_WEBHOOK_TIMEOUT_S="60")
        with hung as node:
            receiver.before_answer = lambda _: node.process.wait()
            node.wait_for("Serving")
            wait_until(lambda: receiver.came)
            node.signal(signal.SIGTERM)
            assert node.end(within_s=grace_s + HANGING_S + SLACK_S) == 1
            assert "the database or a receiver hangs" in node.lines[-1]
        assert "pending" in [each.state for each in engine.deliveries()]


def test_a_second_signal_ends_it_at_once(
    own_postgres: PostgresServer, url: str, wait_until: WaitUntil
) -> None:
    """Whoever does not want to wait presses Ctrl-C once more."""
    with serving(url) as node:
        own_postgres.pause()
        node.signal(signal.SIGINT)
        node.wait_for("Stopping")
        node.signal(signal.SIGINT)
        assert node.end(within_s=SLACK_S) == -signal.SIGINT
    own_postgres.resume()
