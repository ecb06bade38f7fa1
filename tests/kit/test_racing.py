"""Threads that begin at the same instant, and of which none is left."""

import threading
from collections.abc import Callable

import pytest

from workflow import AlreadyApplied, BadInput, CallView, NotFound, Receipt
from workflow.testing import Crashed, Kit, race, results, school


def test_all_are_there_at_once(kit: Kit) -> None:
    """Each of ten is under way before any has ended, and what each came to stands in its place."""
    together = threading.Barrier(10, timeout=30)

    def run(number: int) -> int:
        together.wait()
        if number % 2:
            raise ValueError(number)
        return number

    before = set(threading.enumerate())
    ended = race(run, 10)
    assert [each for each in ended if not isinstance(each, Exception)] == [0, 2, 4, 6, 8]
    assert [str(each) for each in ended[1::2]] == ["1", "3", "5", "7", "9"]
    assert set(threading.enumerate()) == before


def test_nobody_begins_before_all_are_there() -> None:
    """The first of twenty that begins finds the other nineteen already started."""
    before, seen = set(threading.enumerate()), list[int]()
    race(lambda _: seen.append(len(set(threading.enumerate()) - before)), 20)
    assert seen[0] == 20


def test_of_eight_schools_heads_one_drafts(kit: Kit, call: CallView) -> None:
    """What a host wants to know: one wins, and the others are told why they did not."""
    ended = race(lambda _: kit.engine.draft(call.id, answers={}, actor=school()), 8)
    assert sorted(type(each).__name__ for each in ended) == ["AlreadyApplied"] * 7 + ["Receipt"]
    assert len(kit.engine.find()) == 1


def test_results_are_what_nobody_failed_to_bring() -> None:
    """Where nobody was to fail, the first failure is raised."""
    assert results(race(lambda number: number * 2, 3)) == [0, 2, 4]
    with pytest.raises(NotFound):
        results([1, NotFound("no"), AlreadyApplied("no")])


def raises(exc: BaseException) -> Callable[[int], None]:
    """Return what raises that in one of the threads."""

    def run(number: int) -> None:
        if number == 1:
            raise exc

    return run


@pytest.mark.parametrize("exc", [AssertionError("no"), SystemExit(3), pytest.fail.Exception("no")])
def test_what_is_the_tests_own_is_raised(exc: BaseException) -> None:
    """A failed assertion, or a test that gives up, is not taken for something that the engine said."""
    with pytest.raises(type(exc)):
        race(raises(exc), 3)


def test_a_crash_is_an_end_like_others() -> None:
    """Who dies in a race has died; that is what the test is about."""
    crashed = Crashed("The process died.")
    assert race(raises(crashed), 2) == [None, crashed]


def test_a_race_ends_in_time() -> None:
    """Who does not come back is named; a thread that waits for ever holds up nothing, and no process."""
    let_go, seen = threading.Event(), list[threading.Thread]()

    def hang(number: int) -> None:
        seen.append(threading.current_thread())
        if number:
            let_go.wait(30)

    with pytest.raises(TimeoutError, match=r"Of 3 .* within 0\.05 s: \[1, 2\]\."):
        race(hang, 3, within_s=0.05)
    assert [each.daemon for each in seen] == [True] * 3
    let_go.set()
    for each in seen:
        each.join(30)
    assert not any(each.is_alive() for each in seen)


@pytest.mark.parametrize("count", [0, -1])
def test_nobody_is_no_race(count: int) -> None:
    """A race of nobody would prove nothing."""
    with pytest.raises(BadInput):
        race(lambda _: None, count)


def test_more_than_there_are_connections_race_all_the_same(kit: Kit, call: CallView) -> None:
    """Twice as many as the pool has take their turn, and each has its own."""
    ended = race(lambda number: kit.engine.draft(call.id, answers={}, actor=school(number)), 20)
    assert {type(each) for each in ended} == {Receipt}
