"""The feed: what has happened, each event once, in order, for whoever reads it by themselves."""

from typing import Any

import pytest

from tests.outgoing.hand import Hand, webhook
from workflow import BadInput, CallView, Engine
from workflow.testing import admin, auditor, school


def _read(engine: Engine, *, limit: int = 100, pattern: str = "*") -> list[tuple[int, str]]:
    """Read from the beginning, page by page, until one is empty; return place and type of each."""
    seen, after = list[tuple[int, str]](), 0
    while page := engine.events(after=after, limit=limit, pattern=pattern):
        seen += [(each.cursor, each.event.type.value) for each in page]
        after = int(str(page.next))
    return seen


def _move(engine: Engine, call: CallView) -> list[str]:
    """Let two schools draft, one save and submit; return the events' ids in order."""
    one, two = (engine.draft(call.id, answers={}, actor=school(n)) for n in (1, 2))
    saved = engine.save(one.eoi_id, answers={"places": 8}, actor=school(1))
    submitted = engine.submit(one.eoi_id, actor=school(1))
    return [f"{call.id}:1", *(each.event_id for each in (one, two, saved, submitted))]


def test_with_no_pump_and_no_endpoint_everything_is_read_in_order(engine: Engine, call: CallView) -> None:
    """The events are those that happened, with all that is known of them, and places without a gap."""
    ids = _move(engine, call)
    page = engine.events(actor=auditor())
    assert [each.event.id for each in page] == ids
    assert [each.cursor for each in page] == [1, 2, 3, 4, 5]
    submitted = page.items[-1].event
    assert (submitted.type, submitted.source, submitted.state) == ("eoi.submitted", "draft", "submitted")
    assert (submitted.version, submitted.applicant, submitted.call_reference) == (3, "URN:1", "46/23")


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 1000])
def test_however_small_the_pages_nothing_is_skipped_or_repeated(
    engine: Engine, call: CallView, limit: int
) -> None:
    """Going on from the last place leads through all of it."""
    _move(engine, call)
    kinds = ["call.opened", "eoi.drafted", "eoi.drafted", "eoi.saved", "eoi.submitted"]
    assert _read(engine, limit=limit) == list(enumerate(kinds, start=1))


def test_a_page_has_as_many_as_were_asked_for(engine: Engine, call: CallView) -> None:
    """And says where to go on."""
    _move(engine, call)
    page = engine.events(after=1, limit=2)
    assert ([each.cursor for each in page], page.next) == ([2, 3], "3")


def test_what_does_not_fit_moves_the_place_on(engine: Engine, call: CallView) -> None:
    """Who waits for rare events does not read all the others again and again, and misses none."""
    _move(engine, call)
    rare = engine.events(pattern="eoi.withdrawn")
    assert (rare.items, rare.next) == ((), "5")
    page = engine.events(pattern="eoi.drafted", limit=1)
    assert ([each.cursor for each in page], page.next) == ([2], "2")
    page = engine.events(pattern="eoi.drafted", after=2, limit=10)
    assert ([each.cursor for each in page], page.next) == ([3], "5")
    assert _read(engine, pattern="*.s*", limit=1) == [(4, "eoi.saved"), (5, "eoi.submitted")]


def test_whoever_has_seen_all_gets_what_comes_next(engine: Engine, call: CallView) -> None:
    """An empty page leads to the same place; what happens then is read from there."""
    empty = engine.events(after=1)
    assert (empty.items, empty.next) == ((), "1")
    receipt = engine.draft(call.id, answers={}, actor=school())
    assert [each.event.id for each in engine.events(after=1)] == [receipt.event_id]


def test_an_empty_feed_begins_at_nought(engine: Engine) -> None:
    """And nothing is there to be seen."""
    page = engine.events()
    assert (page.items, page.next) == ((), "0")


def test_reading_again_reads_the_same(engine: Engine, call: CallView, hand: Hand) -> None:
    """Whoever has delivered or read it in between: places are given once."""
    _move(engine, call)
    first = engine.events().items
    webhook(engine)
    hand.deliver_all()
    assert engine.events().items == first
    assert engine.events(after=2).items == first[2:]


def test_what_a_reader_has_placed_is_delivered_all_the_same(
    engine: Engine, call: CallView, hand: Hand
) -> None:
    """Reading takes nothing away from any receiver."""
    webhook(engine)
    hand.drafts(call.id, 1)
    assert len(engine.events()) == 2
    assert [kind for _, kind in hand.deliver_all()] == ["eoi.drafted"]


def test_a_place_that_nothing_has_yet_is_refused(engine: Engine, call: CallView) -> None:
    """Whoever comes with a place of another database is told, instead of hearing nothing for long."""
    assert engine.events(after=1).items == ()
    with pytest.raises(BadInput, match="last one is 1") as refused:
        engine.events(after=2)
    assert refused.value.field == "after"


BAD: list[tuple[str, Any]] = [
    *(("after", each) for each in (-1, 1.0, "1", None, True, 2**63)),
    *(("limit", each) for each in (0, -1, 1001, 1.5, "5", None, True)),
]


@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_place_or_limit_that_is_none_is_refused(
    engine: Engine, call: CallView, *, field: str, value: Any
) -> None:
    """It is told so, and not taken for the beginning."""
    with pytest.raises(BadInput) as refused:
        engine.events(**{field: value})
    assert refused.value.field == field


@pytest.mark.parametrize("pattern", ["", "eoi.lost", "EOI.*", 7, None, "eoi.* call.*"])
def test_a_pattern_that_fits_no_event_is_refused(engine: Engine, call: CallView, pattern: Any) -> None:
    """Whoever waits for what never comes should know."""
    with pytest.raises(BadInput, match="No event is called"):
        engine.events(pattern=pattern)


def test_a_call_and_its_eois_are_told_in_order_also_where_one_statement_moved_them_all(
    engine: Engine, call: CallView
) -> None:
    """Cancelled, with every live EOI; of each, the later version comes after the earlier."""
    _move(engine, call)
    engine.cancel_call(call.id, actor=admin(), reason="No money.")
    versions = dict[str, list[int]]()
    for each in engine.events():
        versions.setdefault(each.event.eoi_id or each.event.call_id, []).append(each.event.version)
    assert all(found == sorted(set(found)) for found in versions.values())
    assert [each.cursor for each in engine.events()] == [1, 2, 3, 4, 5, 6, 7, 8]
