"""A node that lacks a setting or a key, or may not go there: it is in nobody's way, though always first."""

import base64
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from adapters.bootstrap import App, build
from adapters.cli.running import FORBIDDEN, forbidden
from adapters.settings import Settings
from tests.databases.raw import RawDatabase
from tests.delivery.conftest import Receiver
from tests.letters.post import Clerk, Post
from workflow import Contact
from workflow.testing import FrozenClock, new_call, officer, school

KEYS = [base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2)]
LETTERS = 30

#: Makes a program on the test's database, with these settings.
NewNode = Callable[..., App]


@pytest.fixture
def new_node(database: RawDatabase, clock: FrozenClock) -> Iterator[NewNode]:
    """Return what makes nodes; nothing runs in them by itself."""
    with ExitStack() as stack:

        def make(**settings: object) -> App:
            app = build(Settings(database_url=database.url, **settings), clock=clock)
            stack.callback(app.close)
            return app

        yield make


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Lend a receiver that listens."""
    with Receiver() as receiver:
        yield receiver


def _happen(node: App, endpoint: Callable[[], object]) -> None:
    """Let thirty schools begin an EOI, after an endpoint was added."""
    call = node.engine.open_call(new_call(), actor=officer())
    endpoint()
    for urn in range(LETTERS):
        node.engine.draft(call.id, answers={}, actor=school(urn))


def _as_before(node: App) -> None:
    """See that nothing was counted against the endpoint or a delivery, and that no attempt is kept."""
    (endpoint,) = node.engine.endpoints()
    assert (endpoint.failures, endpoint.failing_since, endpoint.rest_until) == (0, None, None)
    waiting = node.engine.deliveries(endpoint=endpoint.id)
    assert {(each.state, each.attempts) for each in waiting} == {("pending", 0)}
    assert node.engine.delivery(waiting[0].id).tries == ()


def _said(node: App) -> set[str]:
    """Return what stands beside the deliveries that wait: of those that were looked at, what is missing."""
    return {each.last_error for each in node.engine.deliveries(state="pending") if each.last_error}


def test_a_node_without_a_mail_server_stops_nobody_elses_letters(new_node: NewNode) -> None:
    """It says what it lacks, and gives all back uncounted; the one with a server sends every letter."""
    clerk = Clerk()
    with Post(clerk) as post:
        bad = new_node()
        good = new_node(smtp_url=f"smtp+plain://127.0.0.1:{post.port}", smtp_sender="bases@council.example")
        people = [Contact(organisation="URN:1", address="clerk@council.example")]
        good.engine.put_contacts("officers", people, actor=officer())
        _happen(good, lambda: good.engine.add_endpoint("officers", via="smtp", actor=officer()))
        bad.runner.once()
        _as_before(bad)
        assert _said(bad) == {"EOI_SMTP_URL is not set on this node, so that nothing can be sent from here."}
        for _ in range(3):
            assert bad.runner.once().pumped.delivered == 0
            good.runner.once()
    assert len(clerk.taken) == LETTERS
    assert {(each.state, each.last_error) for each in good.engine.deliveries()} == {("delivered", None)}


def test_a_node_without_the_key_of_notify_says_so_and_counts_nothing(new_node: NewNode) -> None:
    """As for letters: what it cannot try is no attempt."""
    node = new_node()
    _happen(node, lambda: node.engine.add_endpoint("a@council.example", via="notify", actor=officer()))
    for _ in range(6):
        node.runner.once()
    _as_before(node)
    assert _said(node) == {"EOI_NOTIFY_KEY is not set on this node, so that nothing can be sent from here."}


@pytest.mark.parametrize("wrong", [KEYS[1], ""])
def test_a_node_with_another_key_stops_nobody_elses_webhooks(
    new_node: NewNode, receiver: Receiver, caplog: pytest.LogCaptureFixture, *, wrong: str
) -> None:
    """What it cannot sign it leaves to others, and says so once; no circuit opens, no attempt counts."""
    good, bad = (new_node(secret_key=key, webhook_allow=receiver.host) for key in (KEYS[0], wrong))
    _happen(good, lambda: good.engine.add_endpoint(receiver.url, actor=officer()))
    with caplog.at_level(logging.INFO, "eoi.pump"):
        bad.runner.once()
        _as_before(bad)
        bad.runner.once()
    assert [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING] == [
        "endpoint.left-to-others"
    ]
    for _ in range(3):
        assert bad.runner.once().pumped.delivered == 0
        good.runner.once()
    assert len(receiver.requests) == LETTERS
    assert {each.attempts for each in good.engine.deliveries(state="delivered")} == {1}


def test_what_waits_for_the_receiver_to_be_tried_is_not_taken_by_who_cannot(
    new_node: NewNode, receiver: Receiver, clock: FrozenClock
) -> None:
    """Its circuit is open: the one delivery that is to try it is left to a node that is able to."""
    good, bad = (new_node(secret_key=key, webhook_allow=receiver.host) for key in KEYS)
    _happen(good, lambda: good.engine.add_endpoint(receiver.url, actor=officer()))
    receiver.answer = receiver.says(503)
    good.runner.once()
    receiver.answer = receiver.says(204)
    before = good.engine.endpoints()
    assert before[0].rest_until is not None
    clock.move_by(minutes=10)
    bad.runner.once()
    assert good.engine.endpoints() == before
    good.runner.once()
    assert {each.state for each in good.engine.deliveries()} == {"delivered"}


@pytest.mark.parametrize("allowed", ["", "10.0.0.0/8", "127.0.0.1:1"])
def test_a_node_whose_setting_keeps_it_from_there_leaves_it_to_one_that_may(
    new_node: NewNode, receiver: Receiver, allowed: str
) -> None:
    """A new EOI_WEBHOOK_ALLOW reaches one node after another: nothing is parked, all arrives at once."""
    bad, good = (new_node(secret_key=KEYS[0], webhook_allow=each) for each in (allowed, receiver.host))
    _happen(good, lambda: good.engine.add_endpoint(receiver.url, actor=officer()))
    bad.runner.once()
    _as_before(bad)
    (why,) = _said(bad)
    assert why.startswith("127.0.0.1 is not on the public internet: name it in EOI_WEBHOOK_ALLOW")
    assert receiver.requests == []
    for _ in range(3):
        assert bad.runner.once().pumped.delivered == 0
        good.runner.once()
    assert len(receiver.requests) == LETTERS
    assert {(each.state, each.attempts) for each in good.engine.deliveries()} == {("delivered", 1)}


def test_where_no_node_may_go_it_is_parked_in_the_end(
    new_node: NewNode, receiver: Receiver, clock: FrozenClock
) -> None:
    """It waits for a setting that lets it, and after 75 hours for a person; the receiver hears nothing."""
    node = new_node(secret_key=KEYS[0], webhook_allow=receiver.host)  # it added it, and delivers no more
    _happen(node, lambda: node.engine.add_endpoint(receiver.url, actor=officer()))
    (endpoint,) = node.engine.endpoints()
    for hours, state in ((0, "pending"), (74, "pending"), (2, "parked")):
        clock.move_by(hours=hours)
        # Another one: a node that goes on leaves the endpoint alone for a minute of the system's clock.
        new_node(secret_key=KEYS[0]).runner.once()
        found = node.engine.deliveries(endpoint=endpoint.id, limit=100)
        waits = [each for each in found if each.type == "eoi.drafted"]
        assert [(each.state, each.attempts) for each in waits] == [(state, 0)] * LETTERS
        assert all("EOI_WEBHOOK_ALLOW" in (each.last_error or "") for each in waits if state == "parked")
    assert receiver.requests == []


def test_it_is_told_where_webhooks_may_not_go_from_this_node(new_node: NewNode) -> None:
    """Another node's EOI_WEBHOOK_ALLOW may name it, and what is sent there is left to that one."""
    engine = new_node(secret_key=KEYS[0], webhook_allow="10.0.0.1").engine
    inside = engine.add_endpoint("http://10.0.0.1/eoi", actor=officer())
    engine.add_endpoint("https://council.example/eoi", actor=officer())
    engine.add_endpoint("a@council.example", via="smtp", actor=officer())
    assert list(forbidden(engine, Settings())) == [FORBIDDEN.format(inside.id)]
    assert list(forbidden(engine, Settings(webhook_allow="10.0.0.0/8"))) == []
