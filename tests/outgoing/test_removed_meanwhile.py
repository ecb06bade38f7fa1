"""An endpoint that is removed while its deliveries are being made: nothing waits for it afterwards."""

from collections.abc import Callable
from concurrent.futures import Future

import pytest

from tests.databases.raw import RawDatabase
from tests.deadline.wire import SlowEngine
from tests.nodes import Nodes
from tests.outgoing.hand import Hand, webhook
from workflow import CallView, Engine
from workflow.testing import FrozenClock, officer


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
    """Neither sees what the other one is about to commit; what was made for it is parked, or never made."""
    endpoint_id = webhook(engine)
    hand.drafts(call.id, 1, 2)
    order: list[Callable[[Engine], object]] = [
        lambda node: node.events(),
        lambda node: node.remove_endpoint(endpoint_id, actor=officer()),
    ]
    earlier, later = order if first == "fan-out" else order[::-1]
    others = list[Future[object]]()
    with SlowEngine(database, clock) as slow:
        slow.wire.before_commit = lambda: others.append(nodes.start(later))
        earlier(slow)
    others[0].result()
    hand.deliver_all()
    assert [each.state for each in engine.deliveries(endpoint=endpoint_id) if each.state != "parked"] == []
    assert engine.outbox.oldest_waiting() is None
