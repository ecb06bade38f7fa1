"""What has happened, in pages: each change and each refused attempt once, in order, and for whom it is."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from workflow import Actor, BadInput, Engine, EoiError, NotFound, Page
from workflow.testing import FrozenClock, auditor, new_call, officer, school

Find = Callable[..., Page[Any]]


def walked(find: Find, name: str, limit: int) -> list[Any]:
    """Follow the pages from the first to the last; return all that is on them."""
    found, after = list[Any](), None
    while True:
        page = find(name, after=after, limit=limit)
        found += page.items
        assert len(page) == limit or page.next is None
        if page.next is None:
            return found
        assert page.items != ()
        after = page.next


@pytest.fixture
def call_id(engine: Engine) -> str:
    """Return the id of a call that is open."""
    return engine.open_call(new_call(), actor=officer()).id


@pytest.fixture
def eoi_id(engine: Engine, call_id: str, clock: FrozenClock) -> str:
    """Return the id of an EOI that was saved six times, and on which much was refused."""
    eoi_id = engine.draft(call_id, answers={}, actor=school(1)).eoi_id
    for places in range(6):
        engine.save(eoi_id, answers={"places": places}, actor=school(1))
    # Five kinds at one instant, three at another, one each at two more.
    for moment, names in enumerate(("abcde", "fgh", "i", "j")):
        for name in names:
            with pytest.raises(EoiError):
                engine.review(eoi_id, actor=Actor(name, {"officer"}))
        clock.move_by(seconds=moment + 1)
    return eoi_id


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 6, 7, 8, 1000])
def test_pages_of_changes_hold_each_once(engine: Engine, eoi_id: str, call_id: str, limit: int) -> None:
    """Whatever their size, put together they are the history, of an EOI as of a call."""
    assert walked(engine.find_history, eoi_id, limit) == engine.history(eoi_id)
    assert len(engine.history(eoi_id)) == 7
    assert walked(engine.find_history, call_id, limit) == engine.history(call_id)
    assert walked(engine.find_history, "46/23", limit) == engine.history(call_id)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 9, 10, 11, 1000])
def test_pages_of_attempts_hold_each_once(
    engine: Engine, eoi_id: str, call_id: str, clock: FrozenClock, limit: int
) -> None:
    """Though many are of one instant, on one EOI as on a call with all of its EOIs."""
    with pytest.raises(EoiError):
        engine.close_call(call_id, actor=school(2))
    assert walked(engine.find_attempts, eoi_id, limit) == engine.attempts(eoi_id)
    assert walked(engine.find_attempts, call_id, limit) == engine.attempts(call_id)
    assert (len(engine.attempts(eoi_id)), len(engine.attempts(call_id))) == (10, 11)


def test_what_comes_meanwhile_comes_later(engine: Engine, eoi_id: str, clock: FrozenClock) -> None:
    """A page after a place holds what happened since, and nothing that was seen before."""
    first = engine.find_history(eoi_id, limit=6)
    tried = engine.find_attempts(eoi_id, limit=9)
    clock.move_by(seconds=60)
    engine.save(eoi_id, answers={}, actor=school(1))
    with pytest.raises(EoiError):
        engine.review(eoi_id, actor=Actor("k", {"officer"}))
    assert [each.seq for each in engine.find_history(eoi_id, after=first.next, limit=9)] == [7, 8]
    later = engine.find_attempts(eoi_id, after=tried.next, limit=9)
    assert ([each.actor for each in later], later.next) == (["j", "k"], None)


def test_pages_of_the_past_are_for_whom_it_is(engine: Engine, eoi_id: str, call_id: str) -> None:
    """As the whole of it: what is not theirs is not found, and attempts on a call are for staff."""
    for find in (engine.find_history, engine.find_attempts):
        for who in (school(2), Actor("head-of-1", {"applicant"})):
            with pytest.raises(NotFound):
                find(eoi_id, actor=who)
        with pytest.raises(NotFound):
            find("nothing", actor=auditor())
    assert engine.find_attempts(call_id, actor=school(1)) == Page(items=(), next=None)
    assert len(engine.find_attempts(eoi_id, actor=school(1))) == 10
    assert len(engine.find_attempts(call_id, actor=auditor())) == 10


ODD: Final = ["", "x", "-1", "1.0", "\u0665", 1, b"1", "1" * 10, "1\n", " 1"]


@pytest.mark.parametrize("after", [*ODD, "1-1", "2023-03-17T00:00:00Z"])
def test_a_place_that_is_of_no_page_of_changes_is_refused(engine: Engine, eoi_id: str, after: Any) -> None:
    """A place is what another page gave; anything else is named."""
    with pytest.raises(BadInput) as caught:
        engine.find_history(eoi_id, after=after)
    assert caught.value.field == "after"


@pytest.mark.parametrize("after", [*ODD, "1", "1-", "-1", "1-1-1", "1" * 18 + "-1", "1-" + "1" * 10])
def test_a_place_that_is_of_no_page_of_attempts_is_refused(engine: Engine, eoi_id: str, after: Any) -> None:
    """As for changes."""
    with pytest.raises(BadInput) as caught:
        engine.find_attempts(eoi_id, after=after)
    assert caught.value.field == "after"


@pytest.mark.parametrize("limit", [0, -1, 1001, "3", 2.0, True, None])
def test_a_page_of_the_past_has_a_size(engine: Engine, eoi_id: str, limit: Any) -> None:
    """1 to 1000."""
    for find in (engine.find_history, engine.find_attempts):
        with pytest.raises(BadInput) as caught:
            find(eoi_id, limit=limit)
        assert caught.value.field == "limit"


def test_a_place_beyond_everything_has_nothing_after_it(engine: Engine, eoi_id: str) -> None:
    """The greatest that there can be, as whoever makes one up might."""
    assert engine.find_history(eoi_id, after="9" * 9) == Page(items=(), next=None)
    for after in ("9" * 17 + "-" + "9" * 9, "0-" + "9" * 9):
        assert engine.find_attempts(eoi_id, after=after) == Page(items=(), next=None)
    assert len(engine.find_attempts(eoi_id, after="0-0")) == 10
