"""The clock is moved, and whatever falls due on the way happens at its own instant, in order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.databases.raw import RawDatabase
from workflow import BadInput, CallView, Event
from workflow.outbox import PATIENCE_S
from workflow.ports import Delayed
from workflow.testing import FrozenClock, Kit, new_call, officer, school, submitted

A = "https://a.example/eoi"
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
DOWN = Delayed(why="It is down.", status=503)


def happened(kit: Kit) -> list[tuple[datetime, str]]:
    """Return what will have happened in this process: where the clock stood, and what it was."""
    told = list[tuple[datetime, str]]()

    def hear(event: Event) -> None:
        told.append((kit.now, f"{event.type} {event.call_reference}"))

    kit.engine.on("*", hear)
    return told


def test_each_call_closes_at_its_own_instant(kit: Kit) -> None:
    """Of calls on the way each is closed while the clock stands at its deadline and settle time, in order."""
    deadlines = {name: kit.now + days * DAY for name, days in (("c", 3), ("a", 1), ("b", 2), ("later", 9))}
    for name, closes_at in deadlines.items():
        kit.engine.open_call(new_call(reference=name, closes_at=closes_at), actor=officer())
    told, end = happened(kit), kit.now + 4 * DAY
    kit.move_to(end)
    assert told == [(deadlines[name] + 2 * SECOND, f"call.closed {name}") for name in "abc"]
    assert kit.engine.call("b").closed_at == deadlines["b"] + 2 * SECOND
    assert kit.now == kit.engine.clock.now() == end


@pytest.mark.parametrize("short", [0, 1])
def test_what_is_due_where_the_clock_stops_is_done(kit: Kit, call: CallView, short: int) -> None:
    """The last instant of a move counts; a microsecond before it the call is open."""
    kit.move_to(call.closes_at + 2 * SECOND - timedelta(microseconds=short))
    assert kit.engine.call(call.id).state == ("open" if short else "closed")


def test_what_was_due_before_is_done_before_the_clock_moves(kit: Kit, call: CallView) -> None:
    """Events that wait are delivered where the clock stands, and not at the end of the move."""
    begun = kit.now
    kit.move(hours=1)
    assert [(each.at, each.event.type) for each in kit.sent] == [(begun, "call.opened")]


def test_failed_deliveries_are_tried_again_at_their_own_instants(kit: Kit, call: CallView) -> None:
    """The gaps are the runner's, without its chance; in between, calls close as they should."""
    kit.tick()
    kit.engine.add_endpoint(A, actor=officer())
    kit.move_to(call.closes_at - SECOND)
    kit.engine.draft(call.id, answers={}, actor=school())
    kit.answer(DOWN, DOWN, of="eoi.drafted")
    kit.move(minutes=1)
    seconds = [(each.at - call.closes_at).total_seconds() for each in kit.sent[1:]]
    told = [f"{each.event.type} {type(each.outcome).__name__}" for each in kit.sent[1:]]
    assert list(zip(seconds, told, strict=True)) == [
        (-1.0, "eoi.drafted Delayed"),
        (2.0, "call.closed Delivered"),
        (2.75, "eoi.drafted Delayed"),
        (6.5, "eoi.drafted Delivered"),
        (6.5, "eoi.lapsed Delivered"),
    ]


def test_who_asks_for_time_gets_it(kit: Kit, call: CallView) -> None:
    """A receiver's Retry-After takes the place of a shorter gap."""
    begun = kit.now
    kit.answer(Delayed(why="Later.", retry_after_s=600))
    kit.move(hours=1)
    assert [each.at - begun for each in kit.sent] == [timedelta(0), timedelta(minutes=10)]


def test_a_lease_is_waited_for(kit: Kit, call: CallView) -> None:
    """What another pump has claimed and never told of is delivered the instant its lease ends."""
    begun = kit.now
    (theirs,) = kit.engine.outbox.claim(begun, limit=5, lease_s=90)
    kit.move(hours=1)
    assert [(each.at - begun, each.delivery.id, each.delivery.attempt) for each in kit.sent] == [
        (90 * SECOND, theirs.id, 2)
    ]


def test_what_a_courier_knows_to_wait_for_is_waited_for(kit: Kit, call: CallView) -> None:
    """A day's limit that is reached holds it back for longer than any receiver may ask."""
    begun = kit.now
    kit.answer(Delayed(why="The day's limit is reached.", wait_s=5 * 3600))
    kit.move(days=1)
    assert [each.at - begun for each in kit.sent] == [timedelta(0), timedelta(hours=5)]


def test_what_this_node_cannot_send_is_left_to_others_for_a_while(kit: Kit, call: CallView) -> None:
    """It is no attempt, another node may have it at once, and this one looks again after a minute."""
    begun = kit.now
    kit.answer(Delayed(why="No key here.", unable=True), Delayed(why="No key here.", unable=True))
    kit.tick()
    (waiting,) = kit.engine.deliveries()
    assert (waiting.state, waiting.attempts, waiting.last_error) == ("pending", 0, "No key here.")
    assert len(kit.engine.outbox.claim(begun, limit=5, lease_s=0)) == 1
    kit.move(minutes=10)
    assert [((each.at - begun).total_seconds(), each.delivery.attempt) for each in kit.sent] == [
        (0, 1),
        (60, 2),
        (120, 2),
    ]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)  # hundreds of attempts, the same on both
def test_a_receiver_that_is_gone_for_days_is_given_up(kit: Kit, call: CallView) -> None:
    """Its endpoint rests in between, it is tried as by the runner, and what waited is parked in the end."""
    kit.tick()
    kit.engine.add_endpoint(A, actor=officer())
    kit.engine.draft(call.id, answers={}, actor=school())
    kit.answer(DOWN, to=A, for_good=True)
    kit.move(days=4)
    (parked,) = kit.engine.deliveries(state="parked")
    tries = [each.at for each in kit.sent if each.event.type == "eoi.drafted"]
    assert len(tries) == parked.attempts < 100
    assert PATIENCE_S * 0.9 < (tries[-1] - tries[0]).total_seconds() < PATIENCE_S * 1.1
    assert tries == sorted(set(tries))


def test_what_waits_for_a_disabled_endpoint_holds_nothing_up(kit: Kit, call: CallView) -> None:
    """It waits for the person who enables the endpoint, and is delivered at the next look."""
    kit.tick()
    endpoint = kit.engine.add_endpoint(A, actor=officer())
    kit.engine.draft(call.id, answers={}, actor=school())
    kit.engine.disable_endpoint(endpoint.id, actor=officer())
    kit.move(hours=5)
    assert kit.delivered(to=endpoint.id) == []
    kit.engine.enable_endpoint(endpoint.id, actor=officer())
    kit.tick()
    assert [each.at for each in kit.delivered(to=endpoint.id)] == [kit.now]


def test_a_look_moves_no_clock(kit: Kit, call: CallView) -> None:
    """`tick` does what is due at this instant, and leaves the rest to its own."""
    begun = kit.now
    eoi_id = submitted(kit.engine, call.id, school())
    kit.tick()
    assert [each.event.id for each in kit.sent] == [f"{call.id}:1", f"{eoi_id}:1", f"{eoi_id}:2"]
    kit.tick()
    assert (len(kit.sent), kit.now) == (3, begun)


def test_what_a_hook_does_at_an_instant_is_of_that_instant(kit: Kit, call: CallView) -> None:
    """A host that opens the next call when one closes has it opened, and told of, then."""

    def go_on(event: Event) -> None:
        following = new_call(reference=f"after {event.call_reference}", closes_at=event.at + DAY)
        kit.engine.open_call(following, actor=officer())

    kit.engine.on("call.closed", go_on)
    kit.move_to(call.closes_at + DAY + 2 * SECOND)
    assert [(str(each.event.type), each.at - call.closes_at) for each in kit.sent[1:]] == [
        ("call.closed", 2 * SECOND),
        ("call.opened", 2 * SECOND),
        ("call.closed", DAY + 2 * SECOND),
        ("call.opened", DAY + 2 * SECOND),
    ]


def test_old_keys_are_forgotten_on_the_way(kit: Kit, call: CallView) -> None:
    """After a move of a month and more nothing is left for the runner to forget."""
    kit.engine.draft(call.id, answers={}, actor=school(), idempotency_key="k")
    kit.move(days=31)
    assert kit.engine.prune() == 0


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (datetime(2023, 3, 16, 11, 59, 59, 999_999, tzinfo=UTC), "bad-input"),
        (datetime(2023, 3, 20), "naive-datetime"),  # noqa: DTZ001 -- that is what is refused
        ("2023-03-20", "bad-deadline"),
        (None, "bad-deadline"),
    ],
)
def test_time_does_not_run_backwards(kit: Kit, call: CallView, at: Any, code: str) -> None:
    """An instant that is behind us, or none, is refused, and nothing has been done."""
    begun = kit.now
    with pytest.raises(BadInput) as refused:
        kit.move_to(at)
    assert (refused.value.code, refused.value.field, kit.now, kit.sent) == (code, "at", begun, [])
    with pytest.raises(BadInput, match="not moved back to 2023-03-16T11:59:59"):
        kit.move(seconds=-1)


def test_a_close_that_fails_is_the_tests_to_know(kit: Kit, call: CallView, database: RawDatabase) -> None:
    """Nothing goes on past a call that should be closed and cannot be; its fault is named."""
    database.plant("BEFORE UPDATE ON eoi_call", None)
    with pytest.raises(RuntimeError, match=f"{call.id}.*database-refused"):
        kit.move(days=3)
    assert kit.now == call.closes_at + 2 * SECOND


def test_a_database_that_is_in_use_is_not_taken(database: RawDatabase, kit: Kit, call: CallView) -> None:
    """Whoever names the wrong database is told, and no call of it is closed; who means it says so."""
    with pytest.raises(BadInput, match="in use"):
        Kit(database.url, clock=FrozenClock(call.closes_at + DAY))
    assert kit.engine.call(call.id).state == "open"
    with Kit(database.url, clock=FrozenClock(call.closes_at + DAY), used=True) as another:
        another.tick()
        assert another.engine.call(call.id).state == "closed"


def test_a_database_of_an_older_version_is_in_use(database: RawDatabase) -> None:
    """It is not brought up to date unawares."""
    database.run("UPDATE eoi_schema_version SET version_num = '0003'")
    with pytest.raises(BadInput, match="in use"):
        Kit(database.url)
    assert database.ask("SELECT version_num FROM eoi_schema_version") == [("0003",)]
