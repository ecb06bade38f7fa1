"""Events from elsewhere fire what the table says, once, and as whoever gave them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy.orm import Session

from tests.databases.raw import RawDatabase
from tests.events_in.making import event, form
from tests.refusals import codes
from workflow import (
    Actor,
    BadInput,
    CallView,
    Engine,
    Handle,
    KeyReused,
    NotFound,
    Receipt,
    Refused,
    UnhandledView,
    UnknownEvent,
)
from workflow.testing import (
    FrozenClock,
    admin,
    auditor,
    decider,
    new_call,
    officer,
    reviewer,
    school,
    submitted,
)

HEAD: Final = school()
LONG_AGO: Final = "0024-03-24T17:00:00Z"
NewEngine = Callable[..., Engine]


def receipt(engine: Engine, told: dict[str, Any], actor: Actor = HEAD) -> Receipt:
    """Let an event in; return what it came to."""
    found = engine.handle(told, actor=actor)
    assert isinstance(found, Receipt)
    return found


def test_events_lead_an_eoi_through_its_life(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    """Forms, desk and panel speak of an EOI each in their own way; every move is made as by hand."""
    begun = receipt(engine, form("begun", "1", school="Sprowston Junior", form={"places": 8}))
    saved = receipt(engine, form("saved", "2", form={"places": 10}))
    handed_in = receipt(engine, form("submitted", "3"))
    assert [each.trigger for each in (begun, saved, handed_in)] == ["draft", "save", "submit"]
    assert {begun.eoi_id, saved.eoi_id, handed_in.eoi_id} == {begun.eoi_id}
    view = engine.get(begun.eoi_id)
    assert (view.applicant, view.applicant_name, view.answers) == (
        "URN:121234",
        "Sprowston Junior",
        {"places": 10},
    )
    clock.move_to(call.closes_at + timedelta(seconds=2))
    engine.close_due()
    receipt(engine, event("desk.read", "4", subject=begun.eoi_id), reviewer())
    chosen = event("panel.chosen", "5", data={"eoi": begun.eoi_id, "why": "Meets the need."})
    assert receipt(engine, chosen, decider()).state == "approved"
    told = [(each.trigger, each.actor, each.reason) for each in engine.history(begun.eoi_id)]
    assert told[2:] == [
        ("submit", "head-of-121234", None),
        ("review", "reviewer-1", None),
        ("approve", "panel-chair", "Meets the need."),
    ]


def test_by_the_beginning_of_a_type(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    """What is not chosen, in whatever words the panel says it, is declined."""
    eoi_id = submitted(engine, call.id, HEAD)
    clock.move_to(call.closes_at + timedelta(seconds=2))
    engine.close_due()
    engine.review(eoi_id, actor=reviewer())
    told = event("panel.not-this-time", data={"eoi": eoi_id, "why": "Too far."})
    assert receipt(engine, told, decider()).state == "declined"


def test_events_move_a_call(engine: Engine, call: CallView) -> None:
    """It is given more time, called off, closed early, as by an officer or an admin."""
    until = "2023-03-24T17:00:00+00:00"
    longer = event("desk.longer", "1", subject="46/23", data={"until": until, "why": "Snow."})
    found = engine.handle(longer, actor=officer())
    assert isinstance(found, CallView)
    assert (found.closes_at, found.version) == (datetime(2023, 3, 24, 17, tzinfo=UTC), 2)
    assert engine.handle(longer, actor=officer()) == replace(found)
    off = engine.handle(event("desk.off", "2", subject=call.id, data={"why": "Merged."}), actor=admin())
    assert isinstance(off, CallView)
    assert off.state == "cancelled"
    other = engine.open_call(new_call(reference="47/23"), actor=officer())
    closed = engine.handle(event("desk.closed", "3", subject=other.id), actor=officer())
    assert isinstance(closed, CallView)
    assert closed.state == "closed"


def test_an_officers_desk_lets_in_no_more_than_an_officer(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """To reinstate what was never in flight is refused, as by hand."""
    eoi_id = engine.draft(call.id, answers={}, actor=HEAD).eoi_id
    clock.move_to(call.closes_at + timedelta(seconds=2))
    engine.close_due()
    with pytest.raises(Refused) as caught:
        engine.handle(event("desk.let-in", subject=eoi_id, data={"why": "Queue."}), actor=officer())
    assert codes(caught) == ["not-in-flight"]


def test_an_event_acts_as_whoever_gave_it(engine: Engine, call: CallView) -> None:
    """Whatever its body says of actors, roles or schools, it opens nothing that its giver may not."""
    told = form("begun", urn=7, form={}, actor="head-of-7", roles=["admin"], on_behalf_of="head-of-7")
    told |= {"actor": "head-of-7", "roles": "admin", "authid": "head-of-7"}
    with pytest.raises(Refused) as caught:
        engine.handle(told, actor=HEAD)
    assert codes(caught) == ["not-your-organisation"]
    with pytest.raises(Refused) as caught:
        engine.handle(told, actor=Actor("nobody"))
    assert codes(caught) == ["role-missing"]
    assert engine.find(call=call.id).items == ()


def test_what_came_before_is_answered_alike(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    """Sent again, an event is carried out once: with other extensions, after the close, its EOI gone."""
    begun, back = form("begun", "1", form={}), form("taken-back", "2", why="Another year.")
    first, second = receipt(engine, begun), receipt(engine, back)
    assert engine.explain_event(back, actor=HEAD).replayed
    clock.move_by(days=9)
    engine.close_due()
    again = begun | {"time": "2023-03-17T00:00:00Z", "traceparent": "00-2"}
    assert receipt(engine, again) == replace(first, replayed=True)
    assert receipt(engine, back) == replace(second, replayed=True)
    assert [each.trigger for each in engine.history(first.eoi_id)] == ["draft", "withdraw"]


@pytest.mark.parametrize(
    "other", [{"data": {"call": "46/23", "urn": 121234, "form": {"a": 2}}}, {"subject": "x"}, {"type": "x"}]
)
def test_another_event_under_the_same_source_and_id_is_told(
    engine: Engine, call: CallView, other: dict[str, Any]
) -> None:
    """A sender that counts anew is not answered with what something else came to."""
    told = form("begun", form={"a": 1})
    receipt(engine, told)
    if "type" in other:
        assert isinstance(engine.handle(told | other, actor=HEAD), UnhandledView)
        with pytest.raises(KeyReused, match="Another event had that source and id"):
            engine.handle(told | other | {"type": "y"}, actor=HEAD)
        return
    for ask in (engine.handle, engine.explain_event):
        with pytest.raises(KeyReused, match="Another event had that source and id"):
            ask(told | other, actor=HEAD)


def test_another_source_or_sender_is_another_event(engine: Engine, call: CallView) -> None:
    """Nobody takes another's ids: the key is its giver's own, and of its source."""
    receipt(engine, form("begun", "1", form={}))
    receipt(engine, form("begun", "1", urn=7, form={}), school(7))
    receipt(engine, form("submitted", "1") | {"source": "/desk"})
    assert len(engine.find(call=call.id).items) == 2


def test_once_carried_out_it_fires_nothing_by_another_table(
    engine: Engine, call: CallView, new_engine: NewEngine
) -> None:
    """Whoever changes the table does not let what was done be done again, in another way."""
    told = form("begun", form={})
    first = receipt(engine, told)
    changed = new_engine(handles=[Handle(type="forms.*", trigger="withdraw", call="data.call")])
    assert receipt(changed, told) == replace(first, replayed=True)
    other = new_engine(handles=[Handle(type="forms.*", trigger="close", call="data.call")])
    with pytest.raises(KeyReused):
        other.handle(told, actor=HEAD)


def test_twins_are_carried_out_once(engine: Engine, call: CallView) -> None:
    """The same event many times at the same moment has one effect, and each of them gets its answer."""
    told = form("begun", form={})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: receipt(engine, told), range(8)))
    assert sorted(each.replayed for each in found) == [False, *[True] * 7]
    assert {each.eoi_id for each in found} == {each.id for each in engine.find(call=call.id)}


def test_a_refusal_is_kept_as_an_attempt(engine: Engine, call: CallView, clock: FrozenClock) -> None:
    """Too late, an event is refused as a person is, with every reason, and it is on record."""
    eoi_id = receipt(engine, form("begun", "1", form={})).eoi_id
    clock.move_to(call.closes_at)
    with pytest.raises(Refused) as caught:
        engine.handle(form("submitted", "2"), actor=HEAD)
    assert codes(caught) == ["call-closed"]
    (kept,) = engine.attempts(eoi_id)
    assert (kept.trigger, kept.code, kept.actor, kept.count) == ("submit", "call-closed", HEAD.id, 1)
    clock.move_to(call.closes_at - timedelta(hours=1))
    assert receipt(engine, form("submitted", "2")).state == "submitted"


def test_arrival_counts_and_not_the_events_own_time(
    engine: Engine, call: CallView, clock: FrozenClock
) -> None:
    """A form that says it was sent in time is late all the same; one that was there in time is not."""
    receipt(engine, form("begun", "1", form={}))
    arrival = engine.arrival()
    clock.move_to(call.closes_at)
    with pytest.raises(Refused):
        engine.handle(form("submitted", "2") | {"time": "2023-03-16T12:00:00Z"}, actor=HEAD)
    found = engine.handle(form("submitted", "3"), actor=HEAD, arrival=arrival)
    assert isinstance(found, Receipt)
    assert found.at == datetime(2023, 3, 16, 12, tzinfo=UTC)


def test_another_schools_live_eoi_is_none(engine: Engine, call: CallView) -> None:
    """Who asks for one by call and applicant learns no more than that there is none for them."""
    theirs = engine.draft(call.id, answers={}, actor=school(7)).eoi_id
    said = []
    for urn in (7, 8):
        with pytest.raises(NotFound) as caught:
            engine.handle(form("submitted", str(urn), urn=urn), actor=HEAD)
        said.append(caught.value.message.replace(f"URN:{urn}", "IT"))
        assert theirs not in str(caught.value.facts)
    assert said == ["IT has no live EOI for 46/23."] * 2


@pytest.mark.parametrize(
    ("told", "field"),
    [
        (form("begun", form=7), "data.form"),
        (form("begun", form={"a": "\x00"}), "data.form"),
        (form("begun", form={"a": "x" * 300_000}), "data.form"),
        (form("begun", form={}, school=7), "data.school"),
        (form("begun", form={}, school="\x1b[31m"), "data.school"),
        (form("begun", form={}, urn="\u202e1"), "URN:{data.urn}"),
        (form("taken-back", why="\x00"), "data.why"),
        (event("desk.longer", subject="46/23", data={"until": "2023-03-24", "why": "x"}), "data.until"),
        (event("desk.longer", subject="46/23", data={"until": LONG_AGO, "why": "x"}), "data.until"),
    ],
)  # fmt: skip
def test_what_the_engine_would_not_take_is_told_by_its_path(
    engine: Engine, call: CallView, told: dict[str, Any], field: str, database: RawDatabase
) -> None:
    """What is too large, unfit or no date is told by where it stands in the event; nothing is done."""
    before = database.tables()
    with pytest.raises(BadInput) as caught:
        engine.handle(told, actor=officer() if "desk" in told["type"] else HEAD)
    assert caught.value.field == field
    assert field in caught.value.message
    assert database.tables() == before


def test_what_there_is_no_rule_for_is_written_down_once(engine: Engine, database: RawDatabase) -> None:
    """That it came, when, from whom; nothing of its data; sent again it is the same one."""
    told = event("forms.printed", "7f", subject="121234", data={"name": "Ada Lovelace"})
    behalf = Actor("portal", {"officer"}, on_behalf_of="head-1")
    found = engine.handle(told, actor=behalf)
    assert isinstance(found, UnhandledView)
    assert replace(found, id="") == UnhandledView(
        id="",
        source="/forms",
        event_id="7f",
        type="forms.printed",
        subject="121234",
        actor="portal",
        on_behalf_of="head-1",
        at=engine.clock.now(),
    )
    assert engine.handle(told, actor=behalf) == found
    assert engine.unhandled().items == (found,)
    assert "Lovelace" not in str(database.tables())


def test_who_wants_no_unknown_events_refuses_them(new_engine: NewEngine, database: RawDatabase) -> None:
    """By a setting; nothing is written, not when it is only tried either."""
    engine, before = new_engine(unknown_events="refuse"), database.tables()
    for ask in (engine.handle, engine.explain_event):
        with pytest.raises(UnknownEvent, match=r"events of the type 'forms\.printed'"):
            ask(event("forms.printed"), actor=HEAD)
    assert database.tables() == before


def test_what_came_meanwhile_is_done_once_there_is_a_rule(
    new_engine: NewEngine, engine: Engine, call: CallView
) -> None:
    """An event that nothing was done for is not taken for one that was: sent again, it fires."""
    told = form("begun", form={})
    assert isinstance(new_engine().handle(told, actor=HEAD), UnhandledView)
    assert receipt(engine, told).state == "draft"


def test_unhandled_events_are_listed_in_pages(engine: Engine) -> None:
    """The newest first, to officers, admins and auditors; nobody else learns what others send."""
    for number in range(5):
        engine.handle(event("x", str(number)), actor=HEAD)
    first = engine.unhandled(limit=2, actor=auditor())
    second = engine.unhandled(limit=2, after=first.next, actor=officer())
    third = engine.unhandled(limit=2, after=second.next, actor=admin())
    pages = [[each.event_id for each in page] for page in (first, second, third)]
    assert (pages, third.next) == ([["4", "3"], ["2", "1"], ["0"]], None)
    for actor in (HEAD, reviewer(), decider()):
        with pytest.raises(Refused) as caught:
            engine.unhandled(actor=actor)
        assert codes(caught) == ["role-missing"]
    bads: list[dict[str, Any]] = [{"limit": 0}, {"limit": 1001}, {"after": "x"}]
    for bad in bads:
        with pytest.raises(BadInput):
            engine.unhandled(**bad)


def test_unhandled_events_are_forgotten_with_the_keys(engine: Engine, clock: FrozenClock) -> None:
    """As long as a key, no longer; what came since stays."""
    engine.handle(event("x", "1"), actor=HEAD)
    clock.move_by(days=30)
    engine.handle(event("x", "2"), actor=HEAD)
    engine.prune()
    assert len(engine.unhandled()) == 2
    clock.move_by(seconds=1)
    assert engine.prune() == 1
    assert [each.event_id for each in engine.unhandled()] == ["2"]


@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
def test_what_another_node_is_forgetting_is_left_to_it(
    engine: Engine, clock: FrozenClock, database: RawDatabase
) -> None:
    """Neither node waits for the other one, and both together forget them all."""
    engine.handle(event("x"), actor=HEAD)
    clock.move_by(days=31)
    with database.connect() as other:
        other.execute("BEGIN")
        other.execute("SELECT id FROM eoi_unhandled FOR UPDATE")
        engine.prune()
        assert len(engine.unhandled()) == 1
        other.execute("ROLLBACK")
    engine.prune()
    assert engine.unhandled().items == ()


def test_an_event_is_part_of_a_hosts_transaction(engine: Engine, call: CallView, session: Session) -> None:
    """With the host's session both commit or neither, of what fires something and of what does not."""
    engine.handle(form("begun", "1", form={}), actor=HEAD, session=session)
    engine.handle(event("x", "2"), actor=HEAD, session=session)
    session.rollback()
    assert (engine.find().items, engine.unhandled().items) == ((), ())
    first = engine.handle(form("begun", "1", form={}), actor=HEAD, session=session)
    again = engine.handle(form("begun", "1", form={}), actor=HEAD, session=session)
    engine.handle(event("x", "2"), actor=HEAD, session=session)
    session.commit()
    assert isinstance(first, Receipt)
    assert again == replace(first, replayed=True)
    assert (len(engine.find()), len(engine.unhandled())) == (1, 1)


def test_what_an_event_would_fire_is_told(engine: Engine, call: CallView, database: RawDatabase) -> None:
    """By which rule, on what, and what stands in the way; nothing changes."""
    eoi_id = receipt(engine, form("begun", "1", form={})).eoi_id
    before = database.tables()
    found = engine.explain_event(form("submitted", "2"), actor=HEAD)
    assert (found.rule, found.trigger, found.subject) == ("forms.eoi.submitted", "submit", eoi_id)
    assert found.option is not None
    assert found.option.ok
    found = engine.explain_event(event("panel.no", "3", data={"eoi": eoi_id, "why": "x"}), actor=HEAD)
    assert found.rule == "panel.*"
    assert found.option is not None
    assert found.option.reasons[0].code == "role-missing"
    begun = engine.explain_event(form("begun", "4", urn=7, form={}), actor=HEAD)
    assert (begun.trigger, begun.subject, begun.option) == ("draft", call.id, None)
    none = engine.explain_event(event("x", "5"), actor=HEAD)
    assert (none.type, none.rule, none.trigger) == ("x", None, None)
    with pytest.raises(NotFound):
        engine.explain_event(form("submitted", "6", call="99/99"), actor=HEAD)
    assert database.tables() == before
