"""Twins: the same command under one idempotency key, from several processes at the same moment."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from typing import Final

import pytest

from tests.databases.lent import Broken
from tests.databases.raw import RawDatabase
from tests.races.crowd import Crowd
from tests.races.faults import key_unclaimed, never_again
from tests.races.turns import Told, Turn, first_answers, take_turns, turn
from workflow import Engine, Receipt
from workflow.testing import FrozenClock, new_call, officer, school

HOUR: Final = timedelta(hours=1)


def commands(engine: Engine, clock: FrozenClock) -> Iterator[Turn]:
    """Yield commands without end, each under a key of its own, and each possible whatever came before."""
    call = engine.open_call(new_call(reference="extended"), actor=officer())
    number = 0
    while True:
        number += 1
        head, key = school(number), {"idempotency_key": f"key-{number}"}
        eoi = engine.draft(call.id, answers={}, actor=head).eoi_id
        yield turn("submit", eoi, actor=head, **key)
        # Another move of the same EOI is another request: it has a key of its own.
        yield turn("withdraw", eoi, actor=head, idempotency_key=f"key-{number}-back")
        yield turn("draft", call.id, answers={"places": number}, actor=head, **key)
        later = call.closes_at + number * HOUR
        yield turn("extend_call", call.id, closes_at=later, actor=officer(), reason="Floods.", **key)
        yield turn("open_call", new_call(reference=f"{number}"), actor=officer(), **key)
        other = school(f"other-{number}")
        eoi = engine.draft(call.id, answers={}, actor=other).eoi_id
        yield turn("save", eoi, answers={"places": number}, actor=other, **key)


def wrong_rounds(turns: Sequence[Turn], told: Sequence[Sequence[Told | None]]) -> list[object]:
    """Return every round in which not one was carried out and all the others were its replays."""
    wrong: list[object] = []
    for each, answers in zip(turns, zip(*told, strict=True), strict=True):
        codes = {answer and answer.code for answer in answers}
        given = first_answers(answers)
        receipts = [answer.answer for answer in answers if answer and isinstance(answer.answer, Receipt)]
        originals = [receipt for receipt in receipts if not receipt.replayed]
        if codes != {"done"} or any(other != given[0] for other in given) or len(originals) != bool(receipts):
            wrong.append((each.method, answers))
    return wrong


def row_counts(database: RawDatabase) -> dict[str, int]:
    """Return how often each move was made."""
    return dict(database.ask("SELECT trigger, count(*) FROM eoi_history GROUP BY trigger"))


def expected_counts(turns: Sequence[Turn], before: dict[str, int]) -> dict[str, int]:
    """Return how often each move must have been made, if each command was carried out once."""
    counts = dict(before)
    for each in turns:
        trigger = each.method.partition("_")[0]
        counts[trigger] = counts.get(trigger, 0) + 1
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("hosted", [False, True], ids=["own", "hosted"])
def test_of_twins_one_is_carried_out_and_the_others_are_its_replays(
    *,
    database: RawDatabase,
    engine: Engine,
    clock: FrozenClock,
    crowd: Crowd,
    broken: Broken,
    hosted: bool,
    long: bool,
    tell: Callable[[str], None],
) -> None:
    """Whatever the command, also in hosts' transactions: one result, one change, the same answer for all."""
    turns = list(islice(commands(engine, clock), 3000 if long else 60))
    database.run("CREATE TABLE host (note TEXT)")
    before = row_counts(database)
    told = crowd.all_do(take_turns, database.url, clock.now(), turns, hosted)
    assert wrong_rounds(turns, told) == []
    assert row_counts(database) == expected_counts(turns, before)
    assert broken() == []
    many = crowd.size * len(turns) if hosted else 0
    assert database.ask("SELECT count(*) FROM host") == [(many,)]
    tell(f"{database.name}: {len(turns)} commands from {crowd.size} each, hosted: {hosted}")


@pytest.mark.slow
@pytest.mark.parametrize("fault", [key_unclaimed, never_again])
def test_the_race_of_twins_catches_a_broken_engine(
    database: RawDatabase,
    engine: Engine,
    clock: FrozenClock,
    fault: Callable[[], None],
    tell: Callable[[str], None],
) -> None:
    """With keys that nobody claims, or a twin that does not look again, some of them are told of an error."""
    turns = list(islice(commands(engine, clock), 60))
    with Crowd(first=fault) as crowd:
        told = crowd.all_do(take_turns, database.url, clock.now(), turns)
    wrong = wrong_rounds(turns, told)
    tell(f"{database.name}, {fault.__name__}: {len(wrong)} of {len(turns)} are wrong")
    assert wrong
