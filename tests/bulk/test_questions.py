"""A check asks little: of a few rows one by one; of many, it reads the call's EOIs once, and knows them."""

import gc
import tracemalloc
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any, cast

import pytest

from adapters.bulk.face import Face
from adapters.bulk.of_call import QUESTIONS, EoisOfCall
from adapters.outbound.export.selection import PAGE
from states.facts import Actor
from tests.bulk.tables import checked, decisions, done, eois, told
from workflow import CallView, Engine, EoiView
from workflow.testing import FrozenClock, decider, new_call, officer, reviewer, school

#: How many rows the tables have: far more than the questions after which all is known.
ROWS = 60
TABLE = "applicant,answers.a\n" + "".join(f"URN:{number},x\n" for number in range(ROWS))
#: Of so many rows the EOIs are asked for one by one, where they fill one page.
FIRST = QUESTIONS


class _Counting:
    """The engine's face; counts what it is asked."""

    def __init__(self, engine: Engine, asked: Counter[str]) -> None:
        self._engine, self._asked = engine, asked

    def __getattr__(self, name: str) -> Any:
        def ask(*named: Any, **given: Any) -> Any:
            self._asked["page" if name == "find" and "applicant" not in given else name] += 1
            return getattr(self._engine, name)(*named, **given)

        return ask


def counting(engine: Engine) -> tuple[Face, Counter[str]]:
    """Return the engine's face, and what counts what it is asked: `page` is a `find` of no one applicant."""
    asked = Counter[str]()
    return cast("Face", _Counting(engine, asked)), asked


@pytest.fixture
def engine(new_engine: Callable[..., Engine]) -> Engine:
    """Return an engine on each database."""
    return new_engine()


@pytest.fixture(autouse=True)
def call(engine: Engine) -> CallView:
    """Open the call."""
    return engine.open_call(new_call(), actor=officer())


def asked_of(engine: Engine, actor: Actor, text: str) -> tuple[Counter[str], Counter[str]]:
    """Check a table; return how its rows stand, and what was asked for that."""
    face, asked = counting(engine)
    return Counter(status for _, status, _ in checked(eois(face, actor, text))), asked


def test_many_rows_ask_no_more_than_all_eois_take(engine: Engine) -> None:
    """After the first few nothing is asked, whether their EOIs are there or not."""
    assert asked_of(engine, officer(), TABLE) == ({"would": ROWS}, {"call": 1, "find": FIRST, "page": 1})
    done(eois(engine, officer(), TABLE))
    assert asked_of(engine, officer(), TABLE) == ({"already": ROWS}, {"call": 1, "find": FIRST, "page": 1})


def test_few_rows_are_asked_for_one_by_one(engine: Engine) -> None:
    """No page of EOIs is read for them: a call may have tens of thousands."""
    few = "".join(TABLE.splitlines(keepends=True)[:FIRST])
    assert asked_of(engine, officer(), few) == ({"would": FIRST - 1}, {"call": 1, "find": FIRST - 1})


def test_who_imports_knows_their_own_eois(engine: Engine) -> None:
    """An applicant's walk is through those of its organisations; others' tell it nothing."""
    done(eois(engine, officer(), TABLE))
    trust = Actor("trust", {"applicant"}, {f"URN:{number}" for number in range(ROWS // 2)})
    ended, asked = asked_of(engine, trust, TABLE)
    assert ended == {"already": ROWS // 2, "refused": ROWS // 2}
    assert asked == {"call": 1, "find": FIRST, "page": 1}


def test_what_would_be_refused_is_asked_for_once_more(engine: Engine, call: CallView) -> None:
    """What hindered a row when all was read, and does no more, is not held against it."""
    for number in (ROWS - 2, ROWS - 1):
        engine.draft(call.id, answers={"a": "ours"}, actor=school(number))
    importer, found = eois(engine, officer(), TABLE)
    results = importer.check(found.rows())
    first = [next(results).status for _ in range(FIRST + 1)]
    engine.withdraw(engine.find(applicant=f"URN:{ROWS - 1}").items[0].id, actor=school(ROWS - 1))
    assert {*first} == {"would"}
    assert told(results)[-2:] == [(ROWS, "refused", "already-applied"), (ROWS + 1, "would", None)]


def test_what_comes_after_the_walk_is_found_by_carrying_out(engine: Engine, call: CallView) -> None:
    """A school begins its own while the table is checked: its row is refused, and its EOI stays."""
    importer, found = eois(engine, officer(), TABLE)
    results = importer.check(found.rows())
    for _ in range(FIRST + 1):
        next(results)
    engine.draft(call.id, answers={"a": "ours"}, actor=school(ROWS - 1))
    assert told(results)[-1] == (ROWS + 1, "would", None)
    assert told(importer.carry_out(found.rows()))[-1] == (ROWS + 1, "refused", "already-applied")
    assert [each.answers for each in engine.find(applicant=f"URN:{ROWS - 1}")] == [{"a": "ours"}]


def test_where_many_eois_are_and_few_rows_little_is_read_in_vain(engine: Engine) -> None:
    """One page to ten rows at the most; once the walk is at its end, what stood on each page is known."""
    everyone = "applicant,answers.a\n" + "".join(f"URN:{number},x\n" for number in range(2 * PAGE + 1))
    done(eois(engine, officer(), everyone))
    some = "".join(everyone.splitlines(keepends=True)[: 2 * QUESTIONS + 1])
    assert asked_of(engine, officer(), some)[1] == {"call": 1, "find": 2 * QUESTIONS, "page": 2}
    ended, asked = asked_of(engine, officer(), everyone)
    assert ended == {"already": 2 * PAGE + 1}
    assert asked == {"call": 1, "find": 3 * QUESTIONS, "page": 3}


@pytest.fixture
def submitted(engine: Engine, call: CallView, clock: FrozenClock) -> list[EoiView]:
    """Return EOIs of a call that has closed."""
    done(eois(engine, officer(), TABLE, submit=True))
    clock.move_by(days=2)
    engine.close_due()
    return list(engine.find(call=call.id, limit=ROWS))


@pytest.mark.parametrize("by_id", [True, False])
def test_decisions_know_the_eois_of_their_call(
    engine: Engine, submitted: list[EoiView], *, by_id: bool
) -> None:
    """By its id or by its applicant: after a few rows no EOI is looked for, only what it allows."""
    rows = "".join(f"{each.id if by_id else ''},{each.applicant},46/23,review\n" for each in submitted)
    face, asked = counting(engine)
    given = decisions(face, reviewer(), f"eoi,applicant,call,decision\n{rows}")
    assert {status for _, status, _ in checked(given)} == {"would"}
    assert asked == {"call": 1, "get" if by_id else "find": FIRST, "page": 1, "explain": ROWS}


def test_decisions_on_another_version_are_asked_for_once_more(
    engine: Engine, submitted: list[EoiView]
) -> None:
    """What was read at another version than a row decides on may have come to that one since."""
    for each in submitted[:-1]:
        engine.review(each.id, actor=reviewer())
    rows = "".join(f"{each.id},46/23,approve,x,3\n" for each in submitted)
    importer, found = decisions(engine, decider(), f"eoi,call,decision,reason,expected_version\n{rows}")
    results = importer.check(found.rows())
    first = [next(results).status for _ in range(FIRST + 1)]
    engine.review(submitted[-1].id, actor=reviewer())
    assert {*first, *(each.status for each in results)} == {"would"}


def test_an_eoi_of_another_call_is_not_taken_for_one_of_this(
    engine: Engine, call: CallView, submitted: list[EoiView]
) -> None:
    """Long after all of the named call's are known: an id that is none of them is asked for, and told."""
    other = engine.open_call(new_call(reference="1/1", closes_on=date(2090, 3, 17)), actor=officer())
    theirs = engine.draft(other.id, answers={}, actor=school(1)).eoi_id
    nobodys = "0186e27e-7a80-7000-8000-0000000000e1"
    rows = "".join(f"{each},review\n" for each in [*(each.id for each in submitted), theirs, nobodys])
    found = checked(decisions(engine, reviewer(), f"eoi,decision\n{rows}", call=call.id))
    assert [code for _, _, code in found] == [*[None] * ROWS, "bad-row", "not-found"]
    # Where no row names a call there is none to walk through, however many rows there are.
    alone = checked(decisions(engine, reviewer(), f"eoi,decision\n{rows}"))
    assert [code for _, _, code in alone] == [*[None] * ROWS, "wrong-state", "not-found"]


def test_a_call_of_too_many_eois_is_asked_on(engine: Engine, call: CallView) -> None:
    """More than are to be remembered: each is asked for, and what was remembered is let go."""
    done(eois(engine, officer(), TABLE))
    face, asked = counting(engine)
    known = EoisOfCall(face, officer(), call.id, most=ROWS - 1)
    for number in range(ROWS):
        (each,) = known.of(f"URN:{number}", will_do=lambda _: True)
        assert each.applicant == f"URN:{number}"
    assert asked == {"find": ROWS, "page": 1}


def test_what_is_remembered_is_small(engine: Engine, call: CallView) -> None:
    """A kilobyte of each EOI at the most, however much it answers."""
    done(eois(engine, officer(), TABLE.replace(",x", f",{'x' * 20_000}")))
    known = EoisOfCall(engine, officer(), call.id)
    tracemalloc.start()
    try:
        for _ in range(2 * QUESTIONS + 1):  # a page holds a million letters of answers
            known.of("URN:1", will_do=lambda _: True)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(known.of(f"URN:{ROWS - 1}", will_do=lambda _: True)) == 1
    assert held < ROWS * 1024 + 64 * 1024
