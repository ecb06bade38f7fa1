"""A host's functions hear of events in its own process, after the commit."""

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.databases.raw import RawDatabase
from workflow import BadInput, Engine, Event, EventType, Refused, closing
from workflow.testing import (
    FrozenClock,
    admin,
    new_call,
    officer,
    race,
    results,
    reviewer,
    school,
    submitted,
)

NOON = datetime(2023, 3, 16, 12, tzinfo=UTC)
CLOSING = datetime(2023, 3, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("pattern", "heard"),
    [
        ("eoi.submitted", ["eoi.submitted"]),
        ("eoi.*", ["eoi.drafted", "eoi.submitted"]),
        ("*", ["call.opened", "eoi.drafted", "eoi.submitted"]),
        ("*.opened", ["call.opened"]),
        ("eoi.??????d", ["eoi.drafted"]),
        ("call.closed", []),
    ],
)
def test_a_hook_hears_what_fits_its_pattern(engine: Engine, pattern: str, heard: list[str]) -> None:
    """One type, a group of them or everything, in the order in which it happens."""
    told: list[str] = []
    engine.on(pattern, lambda event: told.append(event.type))
    call = engine.open_call(new_call(), actor=officer())
    submitted(engine, call.id, school(1))
    assert told == heard


def test_a_hook_gets_the_whole_event(engine: Engine, clock: FrozenClock) -> None:
    """Ids, state, version and instants are in it; answers, reasons and people are not."""
    told: list[Event] = []
    call = engine.open_call(new_call(), actor=officer())
    eoi_id = submitted(engine, call.id, school(1))
    engine.on("*", told.append)
    clock.move_to(CLOSING + timedelta(seconds=2))
    engine.close_due()
    engine.review(eoi_id, actor=reviewer())
    assert told == [
        Event(
            id=f"{call.id}:2",
            type=EventType.CALL_CLOSED,
            call_id=call.id,
            call_reference="46/23",
            eoi_id=None,
            applicant=None,
            source="open",
            state="closed",
            version=2,
            at=CLOSING,
            recorded_at=CLOSING + timedelta(seconds=2),
            closes_at=CLOSING,
        ),
        Event(
            id=f"{eoi_id}:3",
            type=EventType.EOI_REVIEWED,
            call_id=call.id,
            call_reference="46/23",
            eoi_id=eoi_id,
            applicant="URN:1",
            source="submitted",
            state="reviewed",
            version=3,
            at=CLOSING + timedelta(seconds=2),
            recorded_at=CLOSING + timedelta(seconds=2),
            closes_at=CLOSING,
        ),
    ]


def test_each_lapsed_draft_is_told(engine: Engine, clock: FrozenClock) -> None:
    """What the close did to every draft is heard one by one, like any other event, before the close."""
    call = engine.open_call(new_call(), actor=officer())
    ids = [engine.draft(call.id, answers={}, actor=school(urn)).eoi_id for urn in range(3)]
    submitted(engine, call.id, school(9))
    told: list[Event] = []
    engine.on("*", told.append)
    clock.move_to(CLOSING + timedelta(seconds=2))
    engine.close_due()
    assert [(event.type.value, event.eoi_id) for event in told] == [
        *(("eoi.lapsed", eoi_id) for eoi_id in ids),
        ("call.closed", None),
    ]
    assert told[1] == Event(
        id=f"{ids[1]}:2",
        type=EventType.EOI_LAPSED,
        call_id=call.id,
        call_reference="46/23",
        eoi_id=ids[1],
        applicant="URN:1",
        source="draft",
        state="lapsed",
        version=2,
        at=CLOSING,
        recorded_at=CLOSING + timedelta(seconds=2),
        closes_at=CLOSING,
    )


def test_a_hook_that_raises_stops_nobody(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """The commit stands, other hooks are called, the caller has its answer; the log says which event."""
    told: list[str] = []

    def fail(event: Event) -> None:
        told.append("first")
        msg = "no mail server"
        raise OSError(msg)

    engine.on("call.*", fail)
    engine.on("call.*", lambda _: told.append("second"))
    with caplog.at_level(logging.INFO, logger="eoi"):
        call = engine.open_call(new_call(), actor=officer())
    assert told == ["first", "second"]
    assert engine.call(call.id) == call
    (record,) = [each for each in caplog.records if each.name == "eoi.hooks"]
    assert (record.msg, record.__dict__["event_id"], record.levelname) == (
        "hook.failed",
        f"{call.id}:1",
        "ERROR",
    )
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], OSError)


def test_hooks_are_called_in_the_order_of_their_adding(engine: Engine) -> None:
    """First come, first told, whatever their patterns; one added twice is called twice."""
    told: list[str] = []
    hooks = {name: lambda _, name=name: told.append(name) for name in "abc"}
    for pattern, name in (("*", "a"), ("call.opened", "b"), ("call.*", "c"), ("*", "a")):
        engine.on(pattern, hooks[name])
    engine.open_call(new_call(), actor=officer())
    assert told == ["a", "b", "c", "a"]


def test_a_hook_sees_what_it_is_told_of(engine: Engine) -> None:
    """It comes after the commit, so it may read, and even command, and what it causes is told too."""
    seen: list[Any] = []
    engine.open_call(new_call(), actor=officer())

    def submit_at_once(event: Event) -> None:
        assert event.eoi_id is not None
        seen.append(engine.get(event.eoi_id).state)
        engine.submit(event.eoi_id, actor=school(1))

    engine.on("eoi.drafted", submit_at_once)
    engine.on("eoi.submitted", lambda event: seen.append(event.version))
    receipt = engine.draft("46/23", answers={}, actor=school(1))
    assert (receipt.state, seen, engine.get(receipt.eoi_id).state) == ("draft", ["draft", 2], "submitted")


def test_a_refusal_is_not_told(engine: Engine) -> None:
    """What did not happen is no event; the word of the refusal is in the log, with ids and nothing else."""
    told: list[Event] = []
    engine.on("*", told.append)
    with pytest.raises(Refused):
        engine.open_call(new_call(), actor=school(1))
    call = engine.open_call(new_call(), actor=officer())
    with pytest.raises(Refused):
        engine.cancel_call(call.id, actor=officer())
    assert [event.type for event in told] == ["call.opened"]


def test_a_hook_can_be_taken_back(engine: Engine) -> None:
    """What `on` returns ends it, twice is harmless, and the same function added elsewhere stays."""
    told: list[Event] = []
    end = engine.on("call.*", told.append)
    engine.on("call.opened", told.append)
    end()
    end()
    engine.open_call(new_call(), actor=officer())
    engine.cancel_call("46/23", actor=admin(), reason="x")
    assert [event.type for event in told] == ["call.opened"]


class Slow(dict[EventType, Any]):
    """A dict that gives way to other threads in the middle of whatever it is read for."""

    def get(self, key: EventType, default: Any = None) -> Any:
        """Return what is there, a moment later."""
        found = super().get(key, default)
        time.sleep(0.001)
        return found


def test_threads_lose_no_hook(engine: Engine) -> None:
    """Threads that add hooks at the same time have all of them called."""
    told: list[int] = []
    vars(engine._hooks)["_by_type"] = Slow()

    def add(number: int) -> None:
        for each in range(3):
            engine.on("call.opened", lambda _, each=each: told.append(number * 10 + each))  # type: ignore[misc]  # mypy infers no default

    results(race(add, 8))
    engine.open_call(new_call(), actor=officer())
    assert sorted(told) == [number * 10 + each for number in range(8) for each in range(3)]


@pytest.mark.parametrize(
    "pattern",
    ["", "eoi", "EOI.*", "eoi.submited", "eoi. *", "eoi.*\n", "[a-z]*", "*" * 65, None, 5, ["*"]],
)
def test_a_pattern_that_fits_nothing_is_refused(engine: Engine, pattern: Any) -> None:
    """A slip of the pen would never be called, so it is refused at once, with the events that there are."""
    with pytest.raises(BadInput, match=r"eoi\.submitted") as refused:
        engine.on(pattern, print)
    assert refused.value.field == "events"
    with pytest.raises(BadInput):
        engine.add_endpoint("https://example.org/hook", events=[pattern], actor=officer())
    assert engine.endpoints() == []


@pytest.mark.parametrize("hook", [None, "print", 5])
def test_what_cannot_be_called_is_no_hook(engine: Engine, hook: Any) -> None:
    """It is refused when it is added, not when the first event comes."""
    with pytest.raises(BadInput) as refused:
        engine.on("*", hook)
    assert refused.value.field == "hook"


def test_many_that_cannot_be_read_stop_nothing(
    engine: Engine, database: RawDatabase, clock: FrozenClock, caplog: pytest.LogCaptureFixture
) -> None:
    """If they are gone before the hooks are told, the close stands, and the log says what was not told."""
    call = engine.open_call(new_call(), actor=officer())
    engine.draft(call.id, answers={}, actor=school(1))
    told: list[str] = []
    engine.on("eoi.lapsed", lambda event: told.append(event.type))
    engine.on("call.closed", lambda event: told.append(event.type))
    clock.move_to(CLOSING + timedelta(seconds=2))
    with engine._database.connect() as connection:
        report, events = closing.close_due(connection, clock, timedelta(seconds=2))
    database.run("ALTER TABLE eoi_outbox RENAME TO moved")
    with caplog.at_level(logging.WARNING, logger="eoi"):
        engine._dispatcher.tell(events)
    assert (report.lapsed, told) == (1, ["call.closed"])
    assert [(each.msg, each.__dict__["type"]) for each in caplog.records] == [("hook.failed", "eoi.lapsed")]
