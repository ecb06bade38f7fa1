"""A command that is sent again under the same key is carried out once and answered alike."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workflow import (
    Actor,
    BadInput,
    Engine,
    KeyReused,
    NotFound,
    Receipt,
    Refused,
    StaleVersion,
    WrongState,
    applications,
)
from workflow.commands import Command
from workflow.connection import Connection
from workflow.dispatch import Order
from workflow.testing import FrozenClock, admin, new_call, officer, race, results, school

CLOSING = datetime(2023, 3, 18, tzinfo=UTC)
LATER = CLOSING + timedelta(days=7)
Tables = Callable[[], dict[str, list[dict[str, Any]]]]


def drafted(engine: Engine) -> str:
    """Open the real sheet's call and begin one EOI; return its id."""
    engine.open_call(new_call(), actor=officer())
    return engine.draft("46/23", answers={}, actor=school(1)).eoi_id


def test_a_replay_gives_the_first_answer(engine: Engine, clock: FrozenClock, tables: Tables) -> None:
    """Sent again later, from another state and after the close, each command has its first answer."""
    call = engine.open_call(new_call(), actor=officer(), idempotency_key="k")
    draft = engine.draft(call.id, answers={"a": 1, "b": 2}, actor=school(1), idempotency_key="k")
    save = engine.save(draft.eoi_id, answers={}, actor=school(1), idempotency_key="s")
    submit = engine.submit(draft.eoi_id, actor=school(1), idempotency_key="k", expected_version=2)
    extended = engine.extend_call(
        call.id, closes_at=LATER, actor=officer(), reason="Floods.", idempotency_key="k"
    )
    clock.move_to(LATER + timedelta(seconds=2))
    closed = engine.close_call(call.id, actor=officer(), idempotency_key="k")
    cancelled = engine.cancel_call(call.id, actor=admin(), reason="Over.", idempotency_key="k")
    clock.move_by(days=1)
    before = tables()
    told: list[object] = []
    engine.on("*", told.append)
    assert engine.open_call(new_call(), actor=officer(), idempotency_key="k") == call
    again = engine.draft(call.id, answers={"b": 2, "a": 1}, actor=school(1), idempotency_key="k")
    assert again == replace(draft, replayed=True)
    assert engine.save(draft.eoi_id, answers={}, actor=school(1), idempotency_key="s") == replace(
        save, replayed=True
    )
    assert engine.fire(
        draft.eoi_id, "submit", actor=school(1), idempotency_key=" k ", expected_version=2
    ) == replace(submit, replayed=True)
    assert (
        engine.extend_call(call.id, closes_at=LATER, actor=officer(), reason=" Floods.", idempotency_key="k")
        == extended
    )
    assert engine.close_call(call.id, actor=officer(), idempotency_key="k") == closed
    assert engine.cancel_call(call.id, actor=admin(), reason="Over.", idempotency_key="k") == cancelled
    assert tables() == before
    assert told == []


def test_a_call_is_the_same_by_id_and_by_reference(engine: Engine) -> None:
    """Whoever names the call by its reference first and by its id the second time has one answer."""
    call = engine.open_call(new_call(), actor=officer())
    first = engine.draft("46/23", answers={}, actor=school(1), idempotency_key="k")
    for name in (call.id, " 46/23", f"{call.id} "):
        again = engine.draft(name, answers={}, actor=school(1), idempotency_key="k")
        assert again == replace(first, replayed=True)
    extended = engine.extend_call(call.id, closes_at=LATER, actor=officer(), reason="x", idempotency_key="k")
    again_extended = engine.extend_call(
        "46/23", closes_at=LATER, actor=officer(), reason="x", idempotency_key="k"
    )
    assert again_extended == extended


def test_another_request_under_the_same_key_is_refused(engine: Engine, tables: Tables) -> None:
    """A key stands for one request, to the last word of it; whatever is changed is refused."""
    notice = new_call()
    call = engine.open_call(notice, actor=officer(), idempotency_key="k")
    draft = engine.draft(
        call.id, answers={"a": 1}, actor=school(1), applicant_name="Alder", idempotency_key="k"
    )
    engine.submit(draft.eoi_id, actor=school(1), reason="x", idempotency_key="k")
    engine.extend_call(call.id, closes_at=LATER, actor=officer(), reason="x", idempotency_key="k")
    before = tables()
    alder: dict[str, Any] = {"actor": school(1), "applicant_name": "Alder", "idempotency_key": "k"}
    others: list[Callable[[], object]] = [
        lambda: engine.draft(call.id, answers={"a": 2}, **alder),
        lambda: engine.draft(call.id, answers={"a": 1}, actor=school(1), idempotency_key="k"),
        lambda: engine.draft(call.id, answers={"a": True}, **alder),
        lambda: engine.draft(call.id, answers={"a": 1}, applicant="URN:2", **alder),
        lambda: engine.draft(call.id, answers={"a": 1}, expected_version=1, **alder),
        lambda: engine.submit(draft.eoi_id, actor=school(1), reason="y", idempotency_key="k"),
        lambda: engine.submit(draft.eoi_id, actor=school(1), idempotency_key="k"),
        lambda: engine.submit(
            draft.eoi_id, actor=school(1), reason="x", expected_version=1, idempotency_key="k"
        ),
        lambda: engine.extend_call(call.id, closes_at=None, actor=officer(), reason="x", idempotency_key="k"),
        *(
            lambda changes=changes: engine.open_call(
                new_call(**changes), actor=officer(), idempotency_key="k"
            )
            for changes in (
                {"reference": "47/23"},
                {"title": "Bases"},
                {"phase": None},
                {"phase": "None"},
                {"contact": "x"},
                {"audience": "None"},
                {"closing_words": "x"},
                {"closes_at": LATER},
                {"timezone": "Europe/Paris"},
                {"opens_at": datetime(2023, 3, 1, tzinfo=UTC)},
            )
        ),
    ]
    for other in others:
        with pytest.raises(KeyReused) as reused:
            other()
        assert reused.value.code == "key-reused"
    assert tables() == before
    assert engine.open_call(notice, actor=officer(), idempotency_key="k") == call


def test_a_key_belongs_to_who_asked_for_what(engine: Engine) -> None:
    """The same key of another person, or for another organisation, thing or kind of command, is another."""
    engine.open_call(new_call(), actor=officer(), idempotency_key="k")
    engine.open_call(new_call(reference="47/23"), actor=officer("other"), idempotency_key="k")
    both = Actor("trust", {"applicant"}, ["URN:1", "URN:2"])
    first = engine.draft("46/23", answers={}, actor=both, applicant="URN:1", idempotency_key="k")
    one = Actor("trust", {"applicant"}, ["URN:2"])
    second = engine.draft("46/23", answers={}, actor=one, idempotency_key="k")
    third = engine.draft("47/23", answers={}, actor=one, idempotency_key="k")
    assert len({first.eoi_id, second.eoi_id, third.eoi_id}) == 3
    for who in (one, Actor("trust", {"applicant"}, ["URN:2"], on_behalf_of="ann")):
        assert engine.save(second.eoi_id, answers={}, actor=who, idempotency_key="k").replayed is False
    bob = Actor("trust", {"applicant"}, ["URN:2"], on_behalf_of="bob")
    assert engine.submit(second.eoi_id, actor=bob, idempotency_key="k").replayed is False
    assert engine.submit(third.eoi_id, actor=one, idempotency_key="k").replayed is False


def test_a_key_belongs_to_one_move_of_an_eoi(engine: Engine, tables: Tables) -> None:
    """Another move of the same EOI under the key of the first one is refused, a made-up one too."""
    eoi_id = drafted(engine)
    other_id = engine.draft("46/23", answers={}, actor=school(2)).eoi_id
    saved = engine.save(eoi_id, answers={"a": 1}, actor=school(1), idempotency_key="k")
    engine.submit(other_id, actor=school(2), idempotency_key="k")
    before = tables()
    for trigger in ("submit", "withdraw", "draft", "lapse", "no-such-move"):
        with pytest.raises(KeyReused):
            engine.fire(eoi_id, trigger, actor=school(1), idempotency_key="k")
    for trigger, data in (("withdraw", None), ("save", {"answers": {}})):
        with pytest.raises(KeyReused):
            engine.fire(other_id, trigger, actor=school(2), data=data, idempotency_key="k")
    assert tables() == before
    again = engine.fire(eoi_id, "save", actor=school(1), data={"answers": {"a": 1}}, idempotency_key="k")
    assert again == replace(saved, replayed=True)


def test_roles_and_door_do_not_change_whose_key_it_is(engine: Engine) -> None:
    """The same person through another door, or with one role more, is answered as before."""
    eoi_id = drafted(engine)
    engine.submit(eoi_id, actor=Actor("head", {"applicant"}, ["URN:1"]), idempotency_key="k")
    again = engine.submit(
        eoi_id, actor=Actor("head", {"applicant", "reviewer"}, ["URN:1"], via="http"), idempotency_key="k"
    )
    assert again.replayed is True


def test_a_replay_is_no_way_round_the_role(engine: Engine) -> None:
    """Somebody who has no role any more is turned away, known key or not."""
    eoi_id = drafted(engine)
    engine.submit(eoi_id, actor=Actor("head", {"applicant"}, ["URN:1"]), idempotency_key="k")
    with pytest.raises(Refused):
        engine.submit(eoi_id, actor=Actor("head", organisations=["URN:1"]), idempotency_key="k")


def test_a_refusal_releases_the_key(engine: Engine, tables: Tables) -> None:
    """What was refused may be mended and sent again under the same key; only successes are kept."""
    eoi_id = drafted(engine)
    with pytest.raises(StaleVersion):
        engine.submit(eoi_id, actor=school(1), expected_version=9, idempotency_key="k")
    with pytest.raises(NotFound):
        engine.draft("47/23", answers={}, actor=school(1), idempotency_key="k")
    with pytest.raises(WrongState):
        engine.fire(eoi_id, "draft", actor=school(1), idempotency_key="k")
    assert tables()["eoi_key"] == []
    assert engine.submit(eoi_id, actor=school(1), idempotency_key="k").replayed is False
    assert len(tables()["eoi_key"]) == 1


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a\x00", "a\nb", "\ud800", 7, b"k", ["k"], True])
def test_what_cannot_be_a_key_is_refused(engine: Engine, tables: Tables, key: Any) -> None:
    """An empty, over-long, unprintable or non-text key is refused before anything happens."""
    eoi_id = drafted(engine)
    before = tables()
    with pytest.raises(BadInput) as refused:
        engine.submit(eoi_id, actor=school(1), idempotency_key=key)
    assert refused.value.field == "idempotency_key"
    assert tables() == before


@pytest.mark.parametrize(
    "key", ["x" * 200, "caf\u00e9 \u2013 \U0001f600", '"]],[["', "'; DROP TABLE eoi_key; --"]
)
def test_any_other_text_can_be_a_key(engine: Engine, key: str) -> None:
    """Long, foreign or nasty: what is a text is a key, and no other one's."""
    eoi_id = drafted(engine)
    assert engine.submit(eoi_id, actor=school(1), idempotency_key=key).replayed is False
    assert engine.submit(eoi_id, actor=school(1), idempotency_key=key).replayed is True
    with pytest.raises(WrongState):
        engine.submit(eoi_id, actor=school(1), idempotency_key=key[:-1])


def test_twins_at_the_same_time_have_one_result(engine: Engine) -> None:
    """Sixteen threads send the same draft: one is carried out, fifteen get its answer as a replay."""
    engine.open_call(new_call(), actor=officer())

    def send(_: int) -> Receipt:
        return engine.draft("46/23", answers={"a": 1}, actor=school(1), idempotency_key="k")

    receipts = results(race(send, 16))
    assert len({replace(each, replayed=True) for each in receipts}) == 1
    assert sorted(each.replayed for each in receipts) == [False] + [True] * 15
    assert len(engine.find()) == 1
    assert len(engine.history(receipts[0].eoi_id)) == 1


def test_a_twin_that_the_close_overtakes_is_answered_too(engine: Engine, clock: FrozenClock) -> None:
    """Its twin is carried out and the call closed while it is on its way: it has the twin's answer."""
    eoi_id = drafted(engine)

    def overtaken(key: str) -> Order[Receipt]:
        def glance(connection: Connection, command: Command, known_id: str) -> None:
            if key == "k":
                engine.submit(eoi_id, actor=school(1), idempotency_key="k")
            clock.move_to(CLOSING + timedelta(seconds=2))
            engine.close_due()
            applications.refuse_late_move(connection, command, known_id, "submit")

        return Order(
            asked=engine._asked(school(1), idempotency_key=key),
            name="eoi submit",
            kind="eoi move",
            subject=lambda _: eoi_id,
            answer=Receipt,
            glance=glance,
            do=lambda unit, command, known_id: applications.fire(unit, command, known_id, "submit"),
        )

    first = overtaken("k")
    assert engine._dispatcher.carry_out(first).replayed is True
    assert engine.get(eoi_id).version == 2
    with pytest.raises(Refused) as other:
        engine._dispatcher.carry_out(overtaken("other"))
    assert [each.code for each in other.value.reasons] == ["wrong-state", "call-closed"]
