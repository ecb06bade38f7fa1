"""The rules of a table: which one is for a type, and which are none."""

from typing import Any, Final

import pytest

from states.errors import BadInput
from states.names import EoiTrigger
from tests.events_in.making import event
from workflow import Engine, Handle
from workflow.cloud_events import cloud_event_of
from workflow.handles import TRIGGERS, Handles, places_of, said_to

BAD: Final[list[tuple[dict[str, Any], str]]] = [
    ({"type": ""}, "type"), ({"type": "*"}, "type"), ({"type": ".*"}, "type"), ({"type": "a*"}, "type"),
    ({"type": "a.*.b"}, "type"), ({"type": "a b"}, "type"), ({"type": 7}, "type"),
    ({"type": "x" * 201}, "type"),
    ({"trigger": "lapse"}, "trigger"), ({"trigger": "open"}, "trigger"), ({"trigger": None}, "trigger"),
    ({"trigger": ["submit"]}, "trigger"),
    ({"eoi": ""}, "eoi"), ({"eoi": "id"}, "eoi"), ({"eoi": "data."}, "eoi"), ({"eoi": "data..x"}, "eoi"),
    ({"eoi": "subject.x"}, "eoi"), ({"eoi": 7}, "eoi"), ({"eoi": "{data.x"}, "eoi"), ({"eoi": "{}"}, "eoi"),
    ({"eoi": "x{data.y?}"}, "eoi"), ({"eoi": "{data.x}}"}, "eoi"), ({"eoi": "data.x??"}, "eoi"),
    ({"eoi": "data.x", "call": "data.y"}, "eoi"), ({"applicant": "data.x"}, "applicant"),
    ({"answers": "data"}, "answers"), ({"closes_at": "data.x"}, "closes_at"),
    ({"applicant_name": "data.x"}, "applicant_name"),
    ({"trigger": "save"}, "answers"), ({"trigger": "save", "answers": "{data.x}"}, "answers"),
    ({"trigger": "extend"}, "closes_at"), ({"trigger": "close", "eoi": "subject"}, "eoi"),
    ({"trigger": "draft", "reason": "data.x"}, "reason"),
    ({"eoi": "data.x?"}, "eoi"), ({"eoi": "subject?"}, "eoi"), ({"call": "data.x?"}, "call"),
    ({"trigger": "draft", "call": "data.x?"}, "call"), ({"trigger": "close", "call": "subject?"}, "call"),
    ({"trigger": "save", "answers": "data.x?"}, "answers"),
    ({"trigger": "extend", "closes_at": "data.x?"}, "closes_at"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field"), BAD)
def test_a_rule_that_makes_no_sense_is_told_when_it_is_made(changes: dict[str, Any], field: str) -> None:
    """Whoever writes the table learns what is wrong before any event comes."""
    with pytest.raises(BadInput) as caught:
        Handle(**({"type": "x", "trigger": "submit"} | changes))
    assert caught.value.field == field


def test_every_move_but_the_engines_own_can_be_fired() -> None:
    """Of an EOI all but what a close or a cancelled call does; no call is opened by an event."""
    assert TRIGGERS.keys() == {*EoiTrigger} - {"lapse"} | {"extend", "close"}


def test_the_nearest_rule_counts() -> None:
    """A type's own rule before one for all that begin so; of these the longest; a beginning ends at a dot."""
    table = Handles(Handle(type=type_, trigger="submit") for type_ in ("a.b.c", "a.b.*", "a.*", "b.*"))
    found = {
        type_: getattr(table.rule_for(type_), "type", None)
        for type_ in ("a.b.c", "a.b.d", "a.b.d.e", "a.c", "a", "a.b", "ab.c", "b.", "c.a.b", "")
    }
    assert found == {
        "a.b.c": "a.b.c", "a.b.d": "a.b.*", "a.b.d.e": "a.b.*", "a.c": "a.*", "a": None, "a.b": "a.*",
        "ab.c": None, "b.": "b.*", "c.a.b": None, "": None,
    }  # fmt: skip


def test_two_rules_for_one_type_are_none() -> None:
    """An event fires one thing; which of two, nobody could say."""
    twice = [Handle(type="a.*", trigger="submit"), Handle(type="a.*", trigger="withdraw")]
    with pytest.raises(BadInput, match="two rules for a"):
        Engine("sqlite:///never.db", handles=twice)
    with pytest.raises(BadInput, match="no dict"):
        Engine("sqlite:///never.db", handles=[{"type": "a"}])  # type: ignore[list-item] # as a host might
    with pytest.raises(BadInput, match="'record' or 'refuse'"):
        Engine("sqlite:///never.db", unknown_events="ignore")


def test_a_thing_is_looked_for_where_the_rule_says_else_in_the_subject() -> None:
    """Of a move the EOI, of a call or a new EOI the call."""
    assert [places_of(Handle(type="x", trigger=trigger)) for trigger in ("submit", "draft", "close")] == [
        {"eoi": "subject"},
        {"call": "subject"},
        {"call": "subject"},
    ]


def test_places_are_read() -> None:
    """Names may be any but for dots, braces and question marks; texts with holes are filled in."""
    rule = Handle(
        type="x", trigger="withdraw", call="data.the call", applicant="URN:{data.school.urn}/{subject}",
        reason="data.why?",
    )  # fmt: skip
    told = event("x", subject="s", data={"the call": "46/23", "school": {"urn": 7}, "why": None})
    assert said_to(rule, cloud_event_of(told)) == {"call": "46/23", "applicant": "URN:7/s", "reason": None}
    begins = Handle(type="x", trigger="draft", answers="data.form?", applicant_name="data.name?")
    assert said_to(begins, cloud_event_of(told)) == {"call": "s", "answers": {}, "applicant_name": None}


@pytest.mark.parametrize(
    ("data", "path", "says"),
    [
        (None, "data.call", "The event has no data.call."),
        ([], "data.call", "The event has no data.call."),
        ({"call": None}, "data.call", "The event has no data.call."),
        ({"call": 46}, "data.call", "data.call must be a text, not a number."),
        ({"call": ["46/23"]}, "data.call", "data.call must be a text, not a list."),
        ({"call": "x"}, "data.urn", "The event has no data.urn."),
        (
            {"call": "x", "urn": True},
            "data.urn",
            "data.urn must be a text or a whole number, not true or false.",
        ),
        ({"call": "x", "urn": 1.5}, "data.urn", "data.urn must be a text or a whole number, not a number."),
        ({"call": "x", "urn": {}}, "data.urn", "data.urn must be a text or a whole number, not an object."),
        ({"call": "x", "urn": 1}, "data.form", "The event has no data.form."),
        ({"call": "x", "urn": 1, "form": [1]}, "data.form", "data.form must be an object, not a list."),
    ],
)
def test_what_does_not_fit_is_told_by_its_path(data: object, path: str, says: str) -> None:
    """A sender learns where in its event something is missing, or is something else than the rule takes."""
    rule = Handle(type="x", trigger="save", call="data.call", applicant="URN:{data.urn}", answers="data.form")
    with pytest.raises(BadInput) as caught:
        said_to(rule, cloud_event_of(event("x", data=data)))
    assert (caught.value.field, caught.value.message) == (path, says)
