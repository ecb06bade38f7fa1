"""Commands that stand in one another's way, given by several processes at the same moment."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import pytest

from tests.databases.lent import Broken
from tests.databases.raw import RawDatabase
from tests.races.crowd import PROCESSES, Crowd
from tests.races.faults import deferred_begin, never_again
from tests.races.turns import Told, Turn, take_turns, turn
from workflow import Actor, Engine
from workflow.testing import FrozenClock, decider, new_call, officer, reviewer, school, submitted

#: Returns the commands of one round, all given at once, by or about one school. Its EOI is a draft where the
#: race is run on an open call, and submitted where it is run on a closed one.
Round = Callable[[Engine, Actor, str], list[Turn]]
#: Says of the answers of one round whether they can be right.
Right = Callable[[Sequence[Told]], bool]


def submit_or_withdraw(engine: Engine, head: Actor, eoi: str) -> list[Turn]:
    """Submit a draft twice, and withdraw it twice."""
    return [turn(each, eoi, actor=head) for each in ("submit", "withdraw", "submit", "withdraw")]


def save_at_once(engine: Engine, head: Actor, eoi: str) -> list[Turn]:
    """Save one draft, from four windows."""
    return [turn("save", eoi, answers={"window": who}, actor=head) for who in range(PROCESSES)]


def draft_for_one(engine: Engine, head: Actor, eoi: str) -> list[Turn]:
    """Begin an EOI of one school that has none any more, as four of its people."""
    engine.withdraw(eoi, actor=head)
    return [
        turn("draft", "46/23", answers={}, actor=Actor(f"head-{who}", {"applicant"}, head.organisations))
        for who in range(PROCESSES)
    ]


def open_one_call(engine: Engine, head: Actor, eoi: str) -> list[Turn]:
    """Publish a call of one reference, as four officers."""
    new = new_call(reference=f"after {eoi}")
    return [turn("open_call", new, actor=officer(f"officer-{who}")) for who in range(PROCESSES)]


def two_reviewers(engine: Engine, head: Actor, eoi: str) -> list[Turn]:
    """Record an assessment, as four reviewers."""
    return [turn("review", eoi, actor=reviewer(f"reviewer-{who}")) for who in range(PROCESSES)]


def approve_or_decline(engine: Engine, head: Actor, eoi: str) -> list[Turn]:
    """Decide, as four people who do not agree."""
    engine.review(eoi, actor=reviewer())
    return [
        turn(("approve", "decline")[who % 2], eoi, actor=decider(f"panel-{who}"), reason="So.")
        for who in range(PROCESSES)
    ]


def review_or_withdraw(engine: Engine, head: Actor, eoi: str) -> list[Turn]:
    """Record an assessment twice, and withdraw twice."""
    return [turn("review", eoi, actor=reviewer()), turn("withdraw", eoi, actor=head)] * 2


def as_seen(made: Round, version: int) -> Round:
    """Do the same, each as somebody who has seen the EOI at that version."""
    return lambda *given: [
        each._replace(terms={**each.terms, "expected_version": version}) for each in made(*given)
    ]


def one_and(code: str) -> Right:
    """One was done, and everybody else was told that."""
    return lambda told: Counter(each.code for each in told) == {"done": 1, code: len(told) - 1}


def all_done(told: Sequence[Told]) -> bool:
    """All were done, one after the other."""
    return sorted(each.answer.version for each in told if each.answer) == [2, 3, 4, 5]


def withdrawn_once_perhaps_after(move: str) -> Right:
    """It was withdrawn once, and moved at the most once, before that."""

    def right(told: Sequence[Told]) -> bool:
        done = sorted((each.answer.version, str(each.answer.trigger)) for each in told if each.answer)
        others = {each.code for each in told if not each.answer}
        return [name for _, name in done] in (["withdraw"], [move, "withdraw"]) and others == {"wrong-state"}

    return right


def named_the_other(told: Sequence[Told]) -> bool:
    """One was done, and the others were told which EOI is there."""
    made = {each.answer.eoi_id for each in told if each.answer}
    named = {each.facts.get("eoi_id") for each in told if each.facts}
    return one_and("already-applied")(told) and named == made


#: Whether the call is open or closed -> races, each with what may be right.
RACES: Final[dict[str, dict[str, tuple[Round, Right]]]] = {
    "open": {
        "submit or withdraw": (submit_or_withdraw, withdrawn_once_perhaps_after("submit")),
        "submit or withdraw, as seen": (as_seen(submit_or_withdraw, 1), one_and("stale-version")),
        "save": (save_at_once, all_done),
        "save, as seen": (as_seen(save_at_once, 1), one_and("stale-version")),
        "draft for one": (draft_for_one, named_the_other),
        "open one call": (open_one_call, one_and("reference-taken")),
    },
    "closed": {
        "two reviewers": (two_reviewers, one_and("wrong-state")),
        "two reviewers, as seen": (as_seen(two_reviewers, 2), one_and("stale-version")),
        "approve or decline": (approve_or_decline, one_and("wrong-state")),
        "review or withdraw": (review_or_withdraw, withdrawn_once_perhaps_after("review")),
    },
}


class Rounds(NamedTuple):
    """Some rounds, and what everybody was told in each."""

    races: list[tuple[str, list[Turn], Right]]
    told: list[tuple[Told, ...]]

    def wrong(self) -> list[tuple[str, tuple[Told, ...]]]:
        """Return every round whose answers cannot be right."""
        both = zip(self.races, self.told, strict=True)
        return [(name, answers) for (name, _, right), answers in both if not right(answers)]

    def done(self) -> list[tuple[Turn, Any]]:
        """Return what was done, and the answer to it."""
        return [
            (turns[who], answer.answer)
            for (_, turns, _), answers in zip(self.races, self.told, strict=True)
            for who, answer in enumerate(answers)
            if answer.code == "done"
        ]


def prepared(engine: Engine, clock: FrozenClock, call: str, each: int) -> list[tuple[str, list[Turn], Right]]:
    """Return rounds of every race in turn, on an open or a closed call."""
    call_id = engine.open_call(new_call(), actor=officer()).id
    wanted = [race for _ in range(each) for race in RACES[call].items()]
    heads = [school(number) for number in range(len(wanted))]
    if call == "open":
        eois = [engine.draft(call_id, answers={}, actor=head).eoi_id for head in heads]
    else:
        eois = [submitted(engine, call_id, head) for head in heads]
        clock.move_by(days=7)
        engine.close_call(call_id, actor=officer())
    return [
        (name, made(engine, head, eoi), right)
        for (name, (made, right)), head, eoi in zip(wanted, heads, eois, strict=True)
    ]


def raced(crowd: Crowd, url: str, clock: FrozenClock, races: list[tuple[str, list[Turn], Right]]) -> Rounds:
    """Let the crowd take its turns."""
    shares = [(url, clock.now(), [turns[number] for _, turns, _ in races]) for number in range(crowd.size)]
    return Rounds(races, list(zip(*crowd.do(take_turns, *shares), strict=True)))


@pytest.mark.slow
@pytest.mark.parametrize("call", RACES)
def test_of_commands_in_one_anothers_way_each_is_done_or_told_why_not(
    *,
    database: RawDatabase,
    engine: Engine,
    clock: FrozenClock,
    crowd: Crowd,
    broken: Broken,
    call: str,
    long: bool,
    tell: Callable[[str], None],
) -> None:
    """One reviewer, one decision, one draft, one call; who was overtaken hears what now is the case."""
    rounds = raced(crowd, database.url, clock, prepared(engine, clock, call, 500 if long else 10))
    assert rounds.wrong() == []
    assert broken() == []
    acknowledged = {
        (answer.id, 1, "open", each.terms["actor"].id)
        if each.method == "open_call"
        else (answer.eoi_id, answer.version, each.method, each.terms["actor"].id)
        for each, answer in rounds.done()
    }
    assert acknowledged <= set(database.ask("SELECT subject_id, seq, trigger, actor FROM eoi_history"))
    assert len(acknowledged) == len(rounds.done())
    tell(f"{database.name}: {len(rounds.told)} rounds of {crowd.size}: {len(acknowledged)} done")


@pytest.mark.slow
@pytest.mark.parametrize("call", RACES)
def test_that_race_catches_a_broken_engine(
    database: RawDatabase, engine: Engine, clock: FrozenClock, call: str, tell: Callable[[str], None]
) -> None:
    """Where a lost race is not run again, or a lock comes late, people hear of what is no fault of theirs."""
    races = prepared(engine, clock, call, 10)
    fault = {"sqlite": deferred_begin, "postgresql": never_again}[database.name]
    with Crowd(first=fault) as crowd:
        wrong = raced(crowd, database.url, clock, races).wrong()
    tell(f"{database.name}, {fault.__name__}: {Counter(name for name, _ in wrong)} of {len(races)}")
    assert wrong
