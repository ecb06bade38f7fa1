"""Rows are decisions: made once, by whoever may, on the EOI that every column of the row means."""

from collections.abc import Callable
from datetime import date

import pytest

from adapters.bulk.decisions import Decisions
from adapters.inbound.table_file import BadTable
from states.errors import RoleMissing
from states.facts import Actor
from tests.bulk.tables import checked, decisions, done
from tests.databases.raw import RawDatabase
from workflow import CallView, Engine
from workflow.testing import FrozenClock, decider, new_call, officer, reviewer, school, submitted

NewEngine = Callable[..., Engine]
BOTH = Actor("both", {"officer", "decider"})


@pytest.fixture
def engine(new_engine: NewEngine) -> Engine:
    """Return an engine on each database."""
    return new_engine()


@pytest.fixture(autouse=True)
def call(engine: Engine) -> CallView:
    """Open the call."""
    return engine.open_call(new_call(), actor=officer())


@pytest.fixture
def ids(engine: Engine, call: CallView, clock: FrozenClock) -> list[str]:
    """Let three schools submit, and the call close."""
    found = [submitted(engine, call.id, school(urn)) for urn in (1, 2, 3)]
    clock.move_by(days=2)
    engine.close_due()
    return found


def reviewed(engine: Engine, ids: list[str]) -> list[str]:
    """Have all of them reviewed."""
    for each in ids:
        engine.review(each, actor=reviewer())
    return ids


def test_decisions_are_made_once(engine: Engine, ids: list[str], database: RawDatabase) -> None:
    """In people's words or the engine's; a second time, under its key or long after, nothing is done."""
    a, b, c = reviewed(engine, ids)
    text = f"eoi,Decision,reason\n{a},Approved,Need\n{b},decline,No room\n{c},approve,\n"
    given = decisions(engine, decider(), text)
    assert checked(given) == [(2, "would", None), (3, "would", None), (4, "refused", "bad-row")]
    assert {each.state for each in engine.find()} == {"reviewed"}
    assert done(given) == [(2, "made", None), (3, "made", None), (4, "refused", "reason-missing")]
    assert [each.state for each in engine.find()] == ["approved", "declined", "reviewed"]
    assert engine.history(a)[-1].reason == "Need"
    assert checked(given)[:2] == done(given)[:2] == [(2, "already", None), (3, "already", None)]
    database.run("DELETE FROM eoi_key")
    assert done(given)[:2] == [(2, "already", None), (3, "already", None)]
    other = decisions(engine, decider("another"), text)
    assert checked(other)[0] == done(other)[0] == (2, "refused", "wrong-state")
    mended = decisions(engine, decider(), text.replace("Need", "Need in the north"))
    assert checked(mended)[0] == done(mended)[0] == (2, "refused", "wrong-state")


def test_an_eoi_may_be_named_by_its_applicant(engine: Engine, ids: list[str]) -> None:
    """With the call of the row, or that of all rows; who has none is not found."""
    reviewed(engine, ids)
    text = "applicant,call,decision,reason\nURN:1,46/23,approve,Need\nURN:2,,decline,No\nURN:9,,decline,No\n"
    given = decisions(engine, decider(), text, call="46/23")
    assert checked(given) == [(2, "would", None), (3, "would", None), (4, "refused", "not-found")]
    assert done(given) == [(2, "made", None), (3, "made", None), (4, "refused", "not-found")]
    assert checked(decisions(engine, decider(), text))[1] == (3, "refused", "bad-row")


def test_the_eoi_that_stands_is_found_behind_many_that_do_not(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """Fifty that were taken back fill a page; the one that came after them is meant all the same."""
    for _ in range(50):
        engine.withdraw(engine.draft(call.id, answers={}, actor=school(1)).eoi_id, actor=school(1))
    eoi_id = submitted(engine, call.id, school(1))
    clock.move_by(days=2)
    engine.close_due()
    reviewed(engine, [eoi_id])
    text = "applicant,call,decision,reason\nURN:1,46/23,approve,Need\n"
    assert done(decisions(engine, decider(), text)) == [(2, "made", None)]
    assert engine.get(eoi_id).state == "approved"


def test_columns_that_contradict_each_other_are_refused(
    engine: Engine, ids: list[str], call: CallView
) -> None:
    """A column that was sorted alone would approve the wrong school: id, applicant and call must agree."""
    a, b, _ = reviewed(engine, ids)
    other = engine.open_call(new_call(reference="1/1", closes_on=date(2024, 3, 17)), actor=officer())
    text = (
        "id,applicant,call,decision,reason\n"
        f"{a},URN:2,,approve,x\n{b},URN:2,1/1,approve,x\n{b},URN:2,46/23,approve,x\n"
    )
    assert [code for _, _, code in checked(decisions(engine, decider(), text))] == [
        "bad-row",
        "bad-row",
        "row-twice",
    ]
    alone = f"id,decision,reason\n{a},approve,x\n"
    assert checked(decisions(engine, decider(), alone, call=other.id)) == [(2, "refused", "bad-row")]
    assert {each.state for each in engine.find(call="46/23")} == {"reviewed"}


def test_a_review_and_what_follows_it_may_stand_in_one_table(engine: Engine, ids: list[str]) -> None:
    """What follows an earlier row of its EOI is looked at when that is done; it is not held against it."""
    text = f"eoi,trigger,reason\n{ids[0]},review,\n{ids[0]},decline,No room\n"
    given = decisions(engine, BOTH, text)
    assert checked(given) == [(2, "would", None), (3, "would", None)]
    assert done(given) == [(2, "made", None), (3, "refused", "reviewed-by-you")]


def test_an_eoi_is_decided_once_in_a_table(engine: Engine, ids: list[str]) -> None:
    """Approved in one row and declined in another: which one counts, the table does not say."""
    (a, *_) = reviewed(engine, ids)
    text = f"eoi,trigger,reason\n{a},approve,x\n{a},decline,x\n{a},approve,x\n{a},approve,y\n"
    assert [code for _, _, code in checked(decisions(engine, decider(), text))] == [
        None,
        "row-twice",
        "same-row",
        "row-twice",
    ]


def test_what_was_decided_on_another_version_is_refused(engine: Engine, ids: list[str]) -> None:
    """Whoever says which version they saw decides on no other."""
    a, b, c = reviewed(engine, ids)
    text = f"eoi,trigger,reason,expected_version\n{a},approve,x,3\n{b},approve,x,2\n{c},approve,x,two\n"
    given = decisions(engine, decider(), text)
    assert checked(given) == [
        (2, "would", None),
        (3, "refused", "stale-version"),
        (4, "refused", "bad-input"),
    ]
    assert done(given)[:2] == [(2, "made", None), (3, "refused", "stale-version")]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",,approve,x", "It does not say which EOI it is about. It does not say of which call."),
        ("x,,,", "It does not say what is decided."),
        ("x,,maybe,", "must be one of: submit, review, approve, decline, withdraw, reinstate."),
        ("x,,lapse,", "must be one of"),
        (",URN:1,approve,x", "It does not say of which call."),
        ("x,,approve,x", "Nothing has the id 'x'"),
        ("0186e27e-7a80-7000-8000-0000000000e1,,approve,x", "There is no EOI"),
        ("x,,approve,a\x1bb", "reason holds a control character"),
    ],
)
def test_a_row_that_decides_nothing_says_why(engine: Engine, row: str, said: str) -> None:
    """Each fault in a sentence; an empty decision is a slip, not a wish for nothing."""
    importer, found = decisions(engine, decider(), f"eoi,applicant,decision,reason\n{row}\n")
    (result,) = importer.check(found.rows())
    assert result.status == "refused"
    assert said in (result.message or "")
    (result,) = importer.carry_out(found.rows())
    assert result.status == "refused"


def test_columns_must_be_there(engine: Engine) -> None:
    """Which EOI and what is decided; more columns are passed over, and named."""
    for head, said in [
        ("decision", "eoi or applicant"),
        ("eoi,reason", "named trigger"),
        ("eoi,trigger,decision", "Two columns of the table are named 'trigger'"),
    ]:
        with pytest.raises(BadTable, match=said):
            decisions(engine, decider(), f"{head}\n")
    kind = Decisions(engine, decider(), ["eoi", "decision", "Score", "answers.places"])
    assert kind.unread == ("Score",)


def test_whoever_has_no_role_is_told_once(engine: Engine, ids: list[str]) -> None:
    """Without any role it ends at the first row; with another one, each row is refused for itself."""
    text = f"eoi,decision,reason\n{ids[0]},approve,x\n"
    with pytest.raises(RoleMissing):
        checked(decisions(engine, Actor("nobody"), text))
    assert checked(decisions(engine, officer(), text)) == [(2, "refused", "role-missing")]
