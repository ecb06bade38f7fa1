"""The verdict of the last minute: it finds nothing in what is right, and each wrong that is planted."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from tests.clock import COARSE
from tests.databases.raw import RawDatabase
from tests.last_minute.schools import LOST, Asked, Job, Try
from tests.last_minute.verdict import LastMinute, wrongs
from workflow.testing import FrozenClock, Kit, new_call, officer, school

SECOND: Final = timedelta(seconds=1)
TICK: Final = timedelta(microseconds=1)
SETTLE: Final = timedelta(seconds=2)
_COLUMNS: Final = "subject_id, seq, trigger, source, target, actor, via, at, recorded_at, digest"
#: What is done to what was seen.
Fault = Callable[[LastMinute], LastMinute]


@pytest.fixture
def right(database: RawDatabase, clock: FrozenClock) -> LastMinute:
    """Return what was seen of a call: one saved and submitted, two were late, one was overtaken."""
    with Kit(database.url, clock=clock, settle_s=SETTLE.total_seconds()) as kit:
        engine = kit.engine
        call = engine.open_call(new_call(), actor=officer())
        eois = [engine.draft(call.id, answers={}, actor=school(urn)).eoi_id for urn in range(3)]
        kit.move_to(call.closes_at - 9 * SECOND)
        saved = engine.save(eois[0], answers={"places": 8}, actor=school(0))
        kit.move_to(call.closes_at - SECOND)
        submitted = engine.submit(eois[0], actor=school(0))
        kit.move_to(call.closes_at + SETTLE)
    closes_at = call.closes_at
    return LastMinute(
        asked=[
            asked("save", eois[0], "done", saved.at),
            # It was done by the server that was killed, and is told when asked for again.
            asked("submit", eois[0], "done", submitted.at, lost_at=submitted.at, told_at=closes_at),
            asked("submit", eois[1], "call-closed", None, told_at=closes_at + SECOND),
            asked("submit", eois[2], "closed-in-flight", None, told_at=closes_at - SECOND / 5),
            # It lost its connection before the deadline, and came again after it.
            asked(
                "save", eois[1], "call-closed", None, lost_at=closes_at - SECOND, told_at=closes_at + SECOND
            ),
        ],
        jobs=5,
        closes_at=closes_at,
        database=database,
        settle=SETTLE,
    )


def asked(
    trigger: str,
    eoi_id: str,
    code: str,
    at: datetime | None,
    *,
    told_at: datetime | None = None,
    lost_at: datetime | None = None,
) -> Asked:
    """Return a request whose last try was around an instant; one before it got no answer."""
    when = told_at or at
    assert when is not None
    tries = [Try(when - SECOND / 10, when + SECOND / 10, 1, code, at, sent=when)]
    if lost_at:
        tries.insert(0, Try(lost_at - SECOND / 10, lost_at + SECOND / 10, 0, LOST, sent=lost_at))
    return Asked(Job(when, eoi_id, "", trigger), tries)


def test_what_is_right_is_right(right: LastMinute) -> None:
    """To be answered after the deadline, having come before it, is no wrong; nor is a flagged refusal."""
    assert wrongs(right) == {}
    assert [right.side(each) for each in right.asked] == ["in time", "either", "late", "in time", "either"]
    assert "5 requests, 2 of them again" in right.told()
    assert refused(right) == {"flagged": right.asked[3:4], "lost": right.asked[4:]}
    assert (
        "asked before the deadline, and refused: 1 flagged (300 ms before it at the most), "
        "1 that lost a connection and came again after it, 0 told 503 that came again after it, 0 otherwise"
    ) in right.told()


def refused(seen: LastMinute) -> dict[str, list[Asked]]:
    """Return who was refused though they had asked before the deadline, by how."""
    return {how: asked for how, asked in seen.refused_early().items() if asked}


@pytest.mark.parametrize("sent", [None, timedelta(), SECOND])
def test_what_had_not_been_sent_by_the_deadline_was_late(right: LastMinute, sent: timedelta | None) -> None:
    """What was sent from before it until it, or never whole, was not in time: its own queue is its own."""
    when = None if sent is None else right.closes_at + sent
    times = {"before": right.closes_at - SECOND / 10, "after": right.closes_at + 2 * SECOND, "sent": when}
    found = but(3, code="call-closed", **times)(right)
    assert wrongs(found) == {}
    assert refused(found) == {"lost": right.asked[4:]}


def test_whoever_is_told_to_come_again_is_counted_apart(right: LastMinute) -> None:
    """Another server said that more waited than could be let in: no word on the deadline; but it is told."""
    lost, last = right.asked[4].tries
    again = replace(right.asked[4], tries=[lost._replace(code="overloaded", wait_s=1.0), last])
    found = replace(right, asked=[*right.asked[:4], again])
    assert wrongs(found) == {}
    assert refused(found) == {"flagged": right.asked[3:4], "put off": [again]}


@pytest.mark.parametrize(("server", "wrong"), [(1, []), (0, ["late, and told to have been in time"])])
def test_whom_a_server_has_put_off_it_may_flag(right: LastMinute, server: int, wrong: list[str]) -> None:
    """It knows that they came in time; another server does not."""
    lost, last = right.asked[4].tries
    put_off = lost._replace(code="overloaded", wait_s=1.0, server=server)
    after = last._replace(code="closed-in-flight", before=right.closes_at + SECOND, sent=None)
    again = replace(right.asked[4], tries=[put_off, after])
    found = replace(right, asked=[*right.asked[:4], again])
    assert list(wrongs(found)) == wrong
    assert refused(found) == {"flagged": [right.asked[3], again]}


def test_what_came_a_moment_too_late_may_be_flagged(right: LastMinute) -> None:
    """The clocks of kernels and databases are no better; whoever is flagged is not let in for that."""
    found = but(
        3, before=right.closes_at + COARSE / 2, sent=right.closes_at + COARSE, after=right.closes_at + SECOND
    )(right)
    assert wrongs(found) == {}
    assert refused(found) == {"lost": right.asked[4:]}


def but(number: int, **changes: Any) -> Fault:
    """Return what changes the last try of one request."""

    def change(seen: LastMinute) -> LastMinute:
        all_asked = list(seen.asked)
        *before, last = all_asked[number].tries
        all_asked[number] = replace(all_asked[number], tries=[*before, last._replace(**changes)])
        return replace(seen, asked=all_asked)

    return change


def accepted_late(seen: LastMinute) -> LastMinute:
    """Let somebody be acknowledged who first came at the deadline."""
    return but(2, code="done", at=seen.closes_at)(seen)


def dated_back(seen: LastMinute) -> LastMinute:
    """Let somebody be acknowledged as of an instant at which they had not come yet."""
    return but(0, before=seen.closes_at - 8 * SECOND, after=seen.closes_at - 7 * SECOND)(seen)


def held_up(seen: LastMinute) -> LastMinute:
    """Let one lie with a server for longer than settle before the deadline, and be told that it was late."""
    times = {"before": seen.closes_at - SETTLE - SECOND, "after": seen.closes_at + SECOND}
    return but(3, code="call-closed", **times)(seen)


def read_late(seen: LastMinute) -> LastMinute:
    """Let one be sent just before the deadline, and be told that it was late, though a server answers."""
    times = {"before": seen.closes_at - SECOND / 10, "after": seen.closes_at + SECOND}
    return but(3, code="call-closed", sent=seen.closes_at - TICK, **times)(seen)


def not_told(seen: LastMinute) -> LastMinute:
    """Let a submission be there of which its school never heard."""
    return but(1, code=LOST, at=None)(seen)


def never_answered(seen: LastMinute) -> LastMinute:
    """Let a client end without having asked for everything."""
    return replace(seen, asked=seen.asked[:4])


def closed_early(seen: LastMinute) -> LastMinute:
    """Let the call have been closed before it had settled."""
    return replace(seen, settle=SETTLE + SECOND)


def cut_off(seen: LastMinute) -> LastMinute:
    """Let the server that did it and did not say it be one that was told to stop."""
    return replace(seen, polite=frozenset({0}))


def saved_and_gone(seen: LastMinute) -> LastMinute:
    """Let a save be acknowledged that is in no history."""
    return replace(seen, asked=[*seen.asked, seen.asked[0]], jobs=6)


def submitted_twice(seen: LastMinute) -> LastMinute:
    """Let somebody have written a second submission into history."""
    eoi_id = seen.asked[0].job.eoi_id
    seen.database.unseen(
        f"INSERT INTO eoi_history ({_COLUMNS}) SELECT {_COLUMNS.replace('seq', 'seq + 1')} "  # noqa: S608 -- the test's own words
        f"FROM eoi_history WHERE subject_id = '{eoi_id}' AND trigger = 'submit'"
    )
    return seen


@pytest.mark.parametrize(
    ("fault", "harm"),
    [
        (accepted_late, "accepted late"),
        (dated_back, "accepted late"),
        (but(3, code="call-closed"), "refused in time"),
        (held_up, "refused in time"),
        (read_late, "sent in time, and refused unflagged"),
        (but(2, code="closed-in-flight"), "late, and told to have been in time"),
        (but(2, code="internal"), "neither done nor refused for the deadline"),
        (not_told, "neither done nor refused for the deadline"),
        (never_answered, "not answered"),
        (but(3, code="done"), "lost, or there though nobody was told"),
        (not_told, "lost, or there though nobody was told"),
        (saved_and_gone, "not there once, as acknowledged"),
        (submitted_twice, "submitted twice"),
        (submitted_twice, "promises"),
        (closed_early, "closed"),
        (cut_off, "done and not said"),
    ],
)
def test_each_wrong_is_found(right: LastMinute, fault: Fault, harm: str) -> None:
    """Whatever is planted, the verdict says it."""
    assert harm in wrongs(fault(right))
