"""What a command writes, to the row and the byte, and what a refusal writes."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workflow import (
    Actor,
    AlreadyApplied,
    Engine,
    EoiError,
    Event,
    HistoryView,
    NotFound,
    Refused,
    StaleVersion,
)
from workflow.testing import FrozenClock, decider, new_call, officer, reviewer, school, submitted

NOON = datetime(2023, 3, 16, 12, tzinfo=UTC)
SETTLED = datetime(2023, 3, 18, 0, 0, 2, tzinfo=UTC)
Tables = Callable[[], dict[str, list[dict[str, Any]]]]
#: What stays as it is in every command on an EOI.
QUIET = ("eoi_call", "eoi_attempt", "eoi_key", "eoi_endpoint", "eoi_delivery", "eoi_schema_version")


class SlowClock:
    """A clock that moves on by a second whenever it is asked."""

    def __init__(self) -> None:
        self.at = NOON

    def now(self) -> datetime:
        """Return the next second."""
        self.at += timedelta(seconds=1)
        return self.at


def test_a_command_writes_one_row_of_each(engine: Engine, clock: FrozenClock, tables: Tables) -> None:
    """State, history, note and outbox of a submission are there together; nothing else is touched."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    eoi_id = engine.draft(call_id, answers={"a": 1}, actor=school(1)).eoi_id
    clock.move_by(seconds=1)
    before = tables()
    head = Actor("deputy", {"applicant"}, ["URN:1"], on_behalf_of="head", via="http")
    receipt = engine.submit(eoi_id, actor=head, reason="Done.")
    after = tables()
    digest = before["eoi_eoi"][0]["digest"]
    at = "2023-03-16 12:00:01.000000"
    assert after["eoi_eoi"] == [
        before["eoi_eoi"][0] | {"state": "submitted", "version": 2, "updated_at": at, "submitted_at": at}
    ]
    (event,) = after["eoi_outbox"][2:]
    assert event == {
        "position": 3,
        "type": "eoi.submitted",
        "call_id": call_id,
        "eoi_id": eoi_id,
        "source": "draft",
        "state": "submitted",
        "version": 2,
        "at": at,
        "recorded_at": at,
        "closes_at": "2023-03-18 00:00:00.000000",
        "fanned_out": 0,
        "feed": None,
    }
    assert after["eoi_outbox"][:2] == before["eoi_outbox"]
    (row,) = [each for each in after["eoi_history"] if each not in before["eoi_history"]]
    assert row == {
        "subject_id": eoi_id,
        "seq": 2,
        "trigger": "submit",
        "source": "draft",
        "target": "submitted",
        "actor": "deputy",
        "on_behalf_of": "head",
        "via": "http",
        "at": at,
        "recorded_at": at,
        "digest": digest,
    }
    assert after["eoi_note"] == [{"subject_id": eoi_id, "seq": 2, "reason": "Done."}]
    assert after["eoi_revision"] == before["eoi_revision"]
    assert {name: after[name] for name in QUIET} == {name: before[name] for name in QUIET}
    assert receipt.event_id == f"{eoi_id}:2"


def test_history_tells_the_whole_life(engine: Engine, clock: FrozenClock) -> None:
    """Every change is there once, numbered by the version that it came to, with who, why and what content."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    eoi_id = engine.draft(call_id, answers={}, actor=school(1)).eoi_id
    engine.save(eoi_id, answers={"a": 1}, actor=school(1))
    engine.submit(eoi_id, actor=school(1))
    clock.move_to(SETTLED)
    engine.close_due()
    engine.review(eoi_id, actor=reviewer())
    engine.approve(eoi_id, actor=decider(), reason="Best.")
    empty, full = (
        hashlib.sha256(f'{{"answers":{{{inner}}}}}'.encode()).hexdigest() for inner in ("", '"a":1')
    )
    told = [
        (each.seq, each.trigger, each.source, each.target, each.actor, each.reason, each.at, each.digest)
        for each in engine.history(eoi_id)
    ]
    head = "head-of-1"
    assert told == [
        (1, "draft", None, "draft", head, None, NOON, empty),
        (2, "save", "draft", "draft", head, None, NOON, full),
        (3, "submit", "draft", "submitted", head, None, NOON, full),
        (4, "review", "submitted", "reviewed", "reviewer-1", None, SETTLED, full),
        (5, "approve", "reviewed", "approved", "panel-chair", "Best.", SETTLED, full),
    ]
    assert engine.history("46/23") == [
        HistoryView(
            seq=seq,
            trigger=trigger,
            source=source,
            target=target,
            actor=actor,
            on_behalf_of=None,
            via=via,
            reason=None,
            at=at,
            recorded_at=recorded_at,
            digest=None,
        )
        for seq, trigger, source, target, actor, via, at, recorded_at in [
            (1, "open", None, "open", "programme.team", "python", NOON, NOON),
            (2, "close", "open", "closed", "system", "sweep", SETTLED - timedelta(seconds=2), SETTLED),
        ]
    ]


def test_the_digest_is_over_the_stored_bytes(engine: Engine, tables: Tables) -> None:
    """Whoever hashes the stored manifest gets the digest of the EOI and of its history, for every save."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    first = {"z": "é \u2028 \U0001f600", "a": [1.5, -0.0, 10**300, None, True], "b": {"c": {}}}
    eoi_id = engine.draft(call_id, answers=first, actor=school(1)).eoi_id
    engine.save(eoi_id, answers={"b": 2, "a": "\\\"'"}, actor=school(1))
    rows = tables()
    digests = [hashlib.sha256(row["manifest"].encode()).hexdigest() for row in rows["eoi_revision"]]
    assert [row["version"] for row in rows["eoi_revision"]] == [1, 2]
    assert digests == [each.digest for each in engine.history(eoi_id)]
    assert digests[1] == engine.get(eoi_id).digest == rows["eoi_eoi"][0]["digest"]
    assert json.loads(rows["eoi_revision"][0]["manifest"]) == {"answers": first}
    assert rows["eoi_revision"][1]["manifest"] == '{"answers":{"a":"\\\\\\"\'","b":2}}'


def test_arrival_and_writing_down_are_two_instants(new_engine: Callable[..., Engine]) -> None:
    """What waits in a queue is dated by its arrival; when it was written down stands beside it."""
    engine = new_engine(clock=SlowClock())
    call_id = engine.open_call(new_call(), actor=officer()).id
    told: list[Event] = []
    engine.on("eoi.drafted", told.append)
    receipt = engine.draft(call_id, answers={}, actor=school(1))
    (row,) = engine.history(receipt.eoi_id)
    view = engine.get(receipt.eoi_id)
    at = NOON + timedelta(seconds=3)
    assert (receipt.at, row.at, view.created_at, told[0].at) == (at, at, at, at)
    later = at + timedelta(seconds=1)
    assert (row.recorded_at, view.updated_at, told[0].recorded_at) == (later, later, later)


def test_a_refusal_changes_the_attempts_alone(engine: Engine, clock: FrozenClock, tables: Tables) -> None:
    """Each refused command is counted once for its actor, subject, word and code, and nothing else moves."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    eoi_id = engine.draft(call_id, answers={}, actor=school(1)).eoi_id
    before = tables()
    refusals: list[tuple[Callable[[], object], tuple[str | None, str, str]]] = [
        (lambda: engine.submit(eoi_id, actor=officer()), (eoi_id, "submit", "role-missing")),
        (lambda: engine.save(eoi_id, answers={}, actor=officer()), (eoi_id, "save", "role-missing")),
        (lambda: engine.close_call(call_id, actor=officer()), (None, "close", "eois-exist")),
        (lambda: engine.cancel_call("46/23", actor=officer()), (None, "cancel", "role-missing")),
        (
            lambda: engine.extend_call(call_id, closes_at=SETTLED, actor=officer()),
            (None, "extend", "reason-missing"),
        ),
        (
            lambda: engine.draft(call_id, answers={}, actor=officer(), applicant="URN:9"),
            (None, "draft", "role-missing"),
        ),
    ]
    for command, _ in refusals:
        clock.move_by(seconds=1)
        with pytest.raises(Refused):
            command()
    after = tables()
    assert len(after.pop("eoi_attempt")) == len(refusals)
    assert after | {"eoi_attempt": []} == before
    kept = engine.attempts(call_id)
    assert [(each.eoi_id, each.trigger, each.code) for each in kept] == [expected for _, expected in refusals]
    assert {(each.call_id, each.actor, each.count) for each in kept} == {(call_id, "programme.team", 1)}
    assert [each.first_at for each in kept] == [NOON + timedelta(seconds=each) for each in range(1, 7)]
    assert engine.attempts(eoi_id) == kept[:2]


def test_attempts_are_counted(engine: Engine, clock: FrozenClock) -> None:
    """Trying again counts up and moves the last instant; another person, word or reason is another line."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    eoi_id = engine.draft(call_id, answers={}, actor=school(1)).eoi_id
    clock.move_to(SETTLED)
    for _ in range(3):
        clock.move_by(seconds=1)
        with pytest.raises(Refused):
            engine.submit(eoi_id, actor=school(1))
    with pytest.raises(Refused):
        engine.submit(eoi_id, actor=Actor("deputy", {"applicant"}, ["URN:1"], on_behalf_of="head"))
    first, other = engine.attempts(eoi_id, actor=school(1))
    assert (first.actor, first.on_behalf_of, first.count) == ("head-of-1", None, 3)
    assert (first.first_at, first.last_at) == (SETTLED + timedelta(seconds=1), SETTLED + timedelta(seconds=3))
    assert (other.actor, other.on_behalf_of, other.count) == ("deputy", "head", 1)


def test_no_attempt_is_kept_of_what_is_not_there(engine: Engine, tables: Tables) -> None:
    """What is not found, stale, taken or malformed leaves nothing behind at all."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    eoi_id = submitted(engine, call_id, school(1))
    before = tables()
    refusals: list[tuple[Callable[[], object], type[EoiError]]] = [
        (lambda: engine.submit(eoi_id, actor=school(2)), NotFound),
        (lambda: engine.submit(call_id, actor=school(1)), NotFound),
        (lambda: engine.submit(eoi_id, actor=school(1), expected_version=1), StaleVersion),
        (lambda: engine.draft(call_id, answers={}, actor=school(1)), AlreadyApplied),
        (lambda: engine.submit(eoi_id, actor=Actor("nobody")), Refused),
    ]
    for command, error in refusals:
        with pytest.raises(error):
            command()
    assert tables() == before
