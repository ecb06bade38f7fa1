"""The outbox: who gets which event, in which order, under whose lease."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.databases.copies import copy_eoi
from tests.databases.raw import RawDatabase
from workflow import BadInput, CallView, DatabaseLocked, Engine, NotFound
from workflow.outbox import Attempted
from workflow.ports import Delayed, Delivered, Delivery, Undeliverable
from workflow.store import outbox
from workflow.testing import FrozenClock, admin, new_call, officer, school

LEASE_S = 60.0
#: The statements with which a pump looks for work.
LOOKS = ("_ANY_WAITING", "_WAITING_UP_TO", "_FANNED_OUT", "_OLDEST")
A, B = "https://a.example/eoi", "https://b.example/eoi"


LONG_AGO = datetime(2023, 1, 1, tzinfo=UTC)


def no_rest(_: int) -> float:
    """Let no endpoint rest."""
    return 0.0


def _claim(engine: Engine, *, limit: int = 100) -> list[Delivery]:
    return engine.outbox.claim(engine.clock.now(), limit=limit, lease_s=LEASE_S)


def _told(deliveries: list[Delivery]) -> list[tuple[str, str]]:
    return [(each.address, each.event.type.value) for each in deliveries]


def _arrive(engine: Engine, *deliveries: Delivery) -> list[bool]:
    attempts = [
        Attempted(begun_at=LONG_AGO, delivery=each, outcome=Delivered(status=204)) for each in deliveries
    ]
    return engine.outbox.record(attempts, engine.clock.now(), rest_s=no_rest)


def _park(engine: Engine, delivery: Delivery) -> None:
    attempt = Attempted(
        begun_at=LONG_AGO, delivery=delivery, outcome=Undeliverable(why="No such place.", status=410)
    )
    assert engine.outbox.record([attempt], engine.clock.now(), rest_s=no_rest) == [True]


def _deliver_all(engine: Engine) -> list[tuple[str, str]]:
    """Let everything arrive that is due; return it in order."""
    told = []
    while taken := _claim(engine):
        told += _told(taken)
        _arrive(engine, *taken)
    return told


def test_each_endpoint_gets_the_events_that_happen_after_it_was_added(engine: Engine, call: CallView) -> None:
    """One delivery for each endpoint that was there at the event, even where the pump had not run by then."""
    engine.add_endpoint(A, actor=officer())
    head = school()
    receipt = engine.draft(call.id, answers={}, actor=head)
    engine.add_endpoint(B, actor=officer())
    engine.submit(receipt.eoi_id, actor=head)
    assert sorted(_deliver_all(engine)) == [
        ("", "call.opened"),
        (A, "eoi.drafted"),
        (A, "eoi.submitted"),
        (B, "eoi.submitted"),
    ]


def test_an_endpoint_gets_only_what_it_asked_for(engine: Engine, call: CallView) -> None:
    """Patterns choose events; what a present endpoint did not ask for is not sent to the log instead."""
    engine.add_endpoint(A, events=["eoi.sub*", "eoi.submitted", "call.closed"], actor=officer())
    _deliver_all(engine)
    head = school()
    receipt = engine.draft(call.id, answers={}, actor=head)
    engine.submit(receipt.eoi_id, actor=head)
    assert _deliver_all(engine) == [(A, "eoi.submitted")]


def test_what_nobody_was_there_to_receive_goes_to_the_log(engine: Engine, call: CallView) -> None:
    """Without an endpoint the log's courier is the receiver, so that the outbox is never silently empty."""
    (delivery,) = _claim(engine)
    assert (delivery.courier, delivery.address, delivery.event.call_id) == ("log", "", call.id)
    assert [(each.endpoint, each.address) for each in engine.deliveries()] == [("log", "")]


def test_a_claimed_delivery_is_nobody_elses_until_its_lease_ends(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """A second pump gets nothing while the lease lasts; then it gets the same event, one attempt later."""
    (first,) = _claim(engine)
    clock.move_by(seconds=LEASE_S - 0.001)
    assert _claim(engine) == []
    clock.move_by(seconds=0.001)
    (second,) = _claim(engine)
    assert (first.attempt, second.attempt, first.event == second.event) == (1, 2, True)
    assert first.leased_until == clock.now()
    assert second.leased_until == clock.now() + timedelta(seconds=LEASE_S)


@pytest.mark.parametrize("late", [Delivered(), Delayed(why="late"), Undeliverable(why="late")])
def test_the_late_outcome_of_an_old_lease_does_not_count(
    engine: Engine, call: CallView, clock: FrozenClock, late: Delivered | Delayed | Undeliverable
) -> None:
    """Who took too long changes nothing, whatever it says; the one that has the delivery now decides."""
    (first,) = _claim(engine)
    clock.move_by(seconds=LEASE_S)
    (second,) = _claim(engine)
    before = engine.deliveries()
    attempt = Attempted(begun_at=LONG_AGO, delivery=first, outcome=late, retry_at=clock.now())
    assert engine.outbox.record([attempt], clock.now(), rest_s=no_rest) == [False]
    assert engine.deliveries() == before
    assert _arrive(engine, second) == [True]


def test_a_lease_from_before_a_retry_by_hand_does_not_count_either(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """A person's retry counts attempts from 1 again; that of the very first one is still too late."""
    (old,) = _claim(engine)
    clock.move_by(seconds=LEASE_S)
    (second,) = _claim(engine)
    _park(engine, second)
    engine.retry(actor=officer())
    (new,) = _claim(engine)
    assert (old.id, old.attempt) == (new.id, new.attempt)
    assert _arrive(engine, old) == [False]
    assert _arrive(engine, new) == [True]


def test_an_outcome_counts_once(engine: Engine, call: CallView) -> None:
    """What has arrived stays so, whatever is said of it afterwards."""
    (delivery,) = _claim(engine)
    assert _arrive(engine, delivery) == [True]
    assert _arrive(engine, delivery) == [False]
    failed = Attempted(begun_at=LONG_AGO, delivery=delivery, outcome=Undeliverable(why="no"))
    assert engine.outbox.record([failed], engine.clock.now(), rest_s=no_rest) == [False]
    assert [each.state for each in engine.deliveries()] == ["delivered"]


def test_the_events_of_an_eoi_wait_for_the_one_before(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """One EOI's events go one after the other, to each endpoint in its own time; other EOIs do not wait."""
    for url in (A, B):
        engine.add_endpoint(url, actor=officer())
    _deliver_all(engine)
    one, two = school(1), school(2)
    first = engine.draft(call.id, answers={}, actor=one)
    engine.submit(first.eoi_id, actor=one)
    engine.draft(call.id, answers={}, actor=two)
    taken = _claim(engine)
    assert sorted(_told(taken)) == [(url, "eoi.drafted") for url in (A, A, B, B)]
    to_a, to_b = (
        next(each for each in taken if (each.address, each.event.eoi_id) == (url, first.eoi_id))
        for url in (A, B)
    )
    _arrive(engine, to_b)
    retry_at = clock.now() + timedelta(seconds=5)
    delayed = Attempted(
        begun_at=LONG_AGO, delivery=to_a, outcome=Delayed(why="down", status=503), retry_at=retry_at
    )
    engine.outbox.record([delayed], clock.now(), rest_s=no_rest)
    assert _told(_claim(engine)) == [(B, "eoi.submitted")]
    clock.move_to(retry_at)
    (again,) = _claim(engine)
    assert (again.id, again.attempt, again.event) == (to_a.id, 2, to_a.event)
    _arrive(engine, again)
    assert _told(_claim(engine)) == [(A, "eoi.submitted")]


def test_a_parked_delivery_is_seen_and_its_line_goes_on(engine: Engine, call: CallView) -> None:
    """What cannot be delivered waits for a person with all that is known of it, and holds up nothing else."""
    engine.add_endpoint(A, actor=officer())
    _deliver_all(engine)
    head = school()
    receipt = engine.draft(call.id, answers={}, actor=head)
    engine.submit(receipt.eoi_id, actor=head)
    (drafted,) = _claim(engine)
    _park(engine, drafted)
    (parked,) = engine.deliveries(state="parked")
    assert (parked.event_id, parked.type, parked.address) == (f"{receipt.eoi_id}:1", "eoi.drafted", A)
    assert (parked.attempts, parked.due_at, parked.delivered_at) == (1, None, None)
    assert (parked.last_status, parked.last_error) == (410, "No such place.")
    assert _deliver_all(engine) == [(A, "eoi.submitted")]


def test_deliveries_are_paged_from_the_newest(engine: Engine, call: CallView) -> None:
    """Whoever goes on before the last one that they saw sees each once."""
    engine.add_endpoint(A, actor=officer())
    for urn in range(4):
        engine.draft(call.id, answers={}, actor=school(urn))
    _claim(engine)
    every = [each.id for each in engine.deliveries()]
    assert every == sorted(every, reverse=True)
    assert [each.id for each in engine.deliveries(before=every[1], limit=2)] == every[2:4]
    assert engine.deliveries(before=every[-1]) == engine.deliveries(before=0) == []
    for bad in (-1, "5", True, 2**63):
        with pytest.raises(BadInput):
            engine.deliveries(before=bad)  # type: ignore[arg-type]  # what a door may hand on


def test_what_a_person_sends_again_comes_before_what_still_waits(engine: Engine, call: CallView) -> None:
    """After a retry the line is in order again, but for what it delivered while the one was parked."""
    engine.add_endpoint(A, actor=officer())
    _deliver_all(engine)
    head = school()
    receipt = engine.draft(call.id, answers={}, actor=head)
    engine.save(receipt.eoi_id, answers={"places": 8}, actor=head)
    engine.submit(receipt.eoi_id, actor=head)
    (drafted,) = _claim(engine)
    _park(engine, drafted)
    (saved,) = _claim(engine)
    _arrive(engine, saved)
    assert engine.retry(drafted.id, actor=admin()) == 1
    assert _deliver_all(engine) == [(A, "eoi.drafted"), (A, "eoi.submitted")]
    assert engine.deliveries(state="parked") == []


def test_all_that_is_parked_can_be_sent_again_at_once(engine: Engine, call: CallView) -> None:
    """`retry()` puts back every parked delivery and nothing else, and says how many there were."""
    head = school()
    receipt = engine.draft(call.id, answers={}, actor=head)
    opened, drafted = _claim(engine)
    for each in (opened, drafted):
        _park(engine, each)
    engine.submit(receipt.eoi_id, actor=head)
    assert _told(_claim(engine)) == [("", "eoi.submitted")]
    assert engine.retry(actor=officer()) == 2
    assert engine.retry(actor=officer()) == 0
    again = _claim(engine)
    assert [(each.id, each.attempt) for each in again] == [(opened.id, 1), (drafted.id, 1)]


@pytest.mark.parametrize("state", ["pending", "delivered"])
def test_only_a_parked_delivery_can_be_sent_again(engine: Engine, call: CallView, state: str) -> None:
    """What is under way, or has arrived, is not sent again by hand."""
    (delivery,) = _claim(engine)
    if state == "delivered":
        _arrive(engine, delivery)
    before = engine.deliveries()
    with pytest.raises(NotFound):
        engine.retry(delivery.id, actor=officer())
    assert engine.deliveries() == before
    assert [each.state for each in before] == [state]


@pytest.mark.parametrize(
    "asked",
    [{"state": "lost"}, {"limit": 0}, {"limit": -1}, {"limit": 2**70}, {"limit": 1.5}, {"limit": True}],
)
def test_a_list_of_deliveries_that_makes_no_sense_is_refused(
    engine: Engine, call: CallView, asked: dict[str, Any]
) -> None:
    """A state that there is none of, or an absurd limit, is told so, not answered with an empty list."""
    with pytest.raises(BadInput) as refused:
        engine.deliveries(**asked)
    assert refused.value.field == next(iter(asked))


def test_while_the_head_of_a_line_waits_nobody_is_locked_out(
    engine: Engine, call: CallView, clock: FrozenClock, database: RawDatabase
) -> None:
    """Looking for work that cannot be taken yet takes no write lock: a school's submission has it instead."""
    head = school()
    receipt = engine.draft(call.id, answers={}, actor=head)
    engine.submit(receipt.eoi_id, actor=head)
    opened, drafted = _claim(engine)
    _arrive(engine, opened)
    later = clock.now() + timedelta(hours=1)
    delayed = Attempted(begun_at=LONG_AGO, delivery=drafted, outcome=Delayed(why="down"), retry_at=later)
    engine.outbox.record([delayed], clock.now(), rest_s=no_rest)
    with database.locked():
        assert _claim(engine) == []
        clock.move_to(later)
        with pytest.raises(DatabaseLocked):
            _claim(engine)


def test_a_claim_that_fails_takes_nothing(engine: Engine, call: CallView, database: RawDatabase) -> None:
    """Where the database is locked, the claim says so, and everything is still there for the next one."""
    with database.locked(), pytest.raises(DatabaseLocked):
        _claim(engine)
    (delivery,) = _claim(engine)
    assert delivery.attempt == 1


def test_the_oldest_event_that_waits_is_known(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    """An event waits from when it was written down until it is at all its receivers, or parked."""
    begun = clock.now()
    assert engine.outbox.oldest_waiting() == begun
    clock.move_by(hours=1)
    engine.open_call(new_call(reference="47/23"), actor=officer())
    first, second = _claim(engine)
    assert engine.outbox.oldest_waiting() == begun
    _arrive(engine, first)
    assert engine.outbox.oldest_waiting() == clock.now()
    _park(engine, second)
    assert engine.outbox.oldest_waiting() is None


def test_endpoints_take_turns(engine: Engine, call: CallView) -> None:
    """However much is due to one that hangs, the next worker who is free goes to another."""
    engine.add_endpoint(A, events=["eoi.*"], actor=officer())
    engine.add_endpoint(B, events=["call.*"], actor=officer())
    for urn in range(8):
        engine.draft(call.id, answers={}, actor=school(urn))
    _arrive(engine, *(each for each in _claim(engine, limit=4) if each.address != A))
    engine.open_call(new_call(reference="47/23"), actor=officer())
    engine.open_call(new_call(reference="48/23"), actor=officer())
    assert [each.address for each in _claim(engine, limit=1)] == [B]
    assert [each.address for each in _claim(engine, limit=1)] == [B]
    assert [each.address for each in _claim(engine)] == [A] * 5


def test_an_event_that_means_nothing_here_bars_no_other(
    engine: Engine, call: CallView, database: RawDatabase
) -> None:
    """One of a newer version, say, is parked for a person to see; everything else goes out."""
    engine.draft(call.id, answers={}, actor=school())
    database.run("UPDATE eoi_outbox SET type = 'call.reopened' WHERE type = 'call.opened'")
    assert _told(_claim(engine)) == [("", "eoi.drafted")]
    assert _claim(engine) == []
    (parked,) = engine.deliveries(state="parked")
    assert (parked.type, parked.attempts) == ("call.reopened", 1)
    assert parked.last_error == "Its event cannot be read: it is of a newer version, or damaged."


def _plan(engine: Engine, name: str, explain: str) -> list[str]:
    """Return how the database would go about one of the pump's statements."""
    statement, dialect = getattr(outbox, name), engine._database.connection.dialect
    given = statement.bind(dialect, {"now": engine.clock.now(), "upto": 1_000_000, "fed": 0})
    with engine._database.core() as connection:
        parameters = given if isinstance(given, dict) else tuple(given)
        rows = connection.exec_driver_sql(f"{explain} {statement.sql(dialect)}", parameters)
        return [row[-1] for row in rows]


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", LOOKS)
def test_an_outbox_that_has_been_told_costs_a_pump_nothing_on_sqlite(engine: Engine, name: str) -> None:
    """However many events lie behind it, a pump that looks for work goes by the index of what waits."""
    steps = _plan(engine, name, "EXPLAIN QUERY PLAN")
    assert [step for step in steps if "INDEX ix_eoi_outbox_waiting" in step] != []
    assert [step for step in steps if step == "SCAN eoi_outbox"] == []


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("name", LOOKS)
def test_an_outbox_that_has_been_told_costs_a_pump_nothing_on_postgresql(
    engine: Engine, database: RawDatabase, call: CallView, name: str
) -> None:
    """The same there, where 10,000 events have been told and one waits."""
    copy_eoi(database, engine.draft(call.id, answers={}, actor=school()).eoi_id, 10_000)
    database.run(
        "UPDATE eoi_outbox SET fanned_out = position > 1, feed = nullif(position, 1)",
        "ANALYZE eoi_outbox, eoi_delivery",
    )
    steps = _plan(engine, name, "EXPLAIN")
    assert [step for step in steps if "ix_eoi_outbox_waiting" in step] != []
    assert [step for step in steps if "Seq Scan on eoi_outbox" in step] == []


def test_what_is_given_back_twice_takes_nothing_from_who_has_it_now(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """A pump that does not know whether it was written down says it again: another one has it by then."""
    (taken,) = _claim(engine)
    back = Attempted(delivery=taken, outcome=Delayed(why="back"), begun_at=None)
    assert engine.outbox.record([back], clock.now(), rest_s=no_rest) == [True]
    clock.move_by(seconds=1)
    (again,) = _claim(engine)
    assert again.attempt == taken.attempt
    assert engine.outbox.record([back], clock.now(), rest_s=no_rest) == [False]
    assert _arrive(engine, again) == [True]
