"""An endpoint that is removed while its deliveries are being made: nothing waits for it afterwards."""

from concurrent.futures import Future
from itertools import count

import pytest

from tests.databases.raw import RawDatabase
from tests.deadline.wire import SlowEngine
from tests.nodes import Nodes
from tests.outgoing.hand import Hand, webhook
from workflow import CallView, Engine
from workflow.testing import FrozenClock, officer, school


@pytest.mark.parametrize("first", ["fan-out", "removal"])
def test_nothing_waits_for_an_endpoint_that_is_removed_during_a_fan_out(
    engine: Engine,
    call: CallView,
    hand: Hand,
    *,
    database: RawDatabase,
    nodes: Nodes,
    clock: FrozenClock,
    first: str,
) -> None:
    """Neither sees what the other one is about to commit; what was made for it is parked, or never made.

    A removal makes deliveries of all that waits, first, in a transaction of its own: here nothing waits, and
    what is made meanwhile is of what happens meanwhile.
    """
    endpoint_id, urns = webhook(engine), count(3)
    hand.drafts(call.id, 1, 2)

    def fan_out(node: Engine) -> object:
        return node.events()

    def fan_out_another(node: Engine) -> object:
        node.draft(call.id, answers={}, actor=school(next(urns)))
        return node.events()

    def remove(node: Engine) -> object:
        return node.remove_endpoint(endpoint_id, actor=officer())

    if first == "removal":
        fan_out(engine)
    earlier, later = (fan_out, remove) if first == "fan-out" else (remove, fan_out_another)
    others = list[Future[object]]()
    with SlowEngine(database, clock) as slow:
        slow.wire.before_commit = lambda: others.append(nodes.start(later))
        earlier(slow)
    for other in others:
        other.result()
    hand.deliver_all()
    assert [each.state for each in engine.deliveries(endpoint=endpoint_id) if each.state != "parked"] == []
    assert engine.outbox.oldest_waiting() is None
