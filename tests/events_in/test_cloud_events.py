"""What is no CloudEvent 1.0 is told by the attribute at fault; what is one is taken, whoever wrote it."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent as Theirs

from states.errors import BadInput
from tests.events_in.making import event
from workflow.cloud_events import CloudEvent, cloud_event_of, instant_of

BAD: Final[list[tuple[str, Any]]] = [
    ("specversion", "0.3"), ("specversion", "1"), ("specversion", 1.0), ("specversion", None),
    ("id", None), ("id", ""), ("id", 7), ("id", "x" * 501), ("id", "a\nb"), ("id", "\ud800"),
    ("id", "\ufffe"),
    ("source", None), ("source", ""), ("source", ["/forms"]), ("source", "forms are here"),
    ("source", "/a%2"),
    ("source", "/\u00e9"), ("source", "1a:b"), ("source", "a#b#c"), ("source", "/" + "a" * 2000),
    ("source", "http://[::1"), ("source", "/a[1]"), ("source", "/a\\b"), ("source", "<>"),
    ("type", None), ("type", ""), ("type", True), ("type", "x" * 201), ("type", "a\x7f"),
    ("subject", ""), ("subject", 121234), ("subject", "x" * 501), ("subject", "\x00"),
    ("time", ""), ("time", "yesterday"), ("time", "2023-03-17"), ("time", "2023-03-17T14:05:09"),
    ("time", "2023-02-30T14:05:09Z"), ("time", "2023-03-17T24:05:09Z"), ("time", "2023-03-17T14:60:09Z"),
    ("time", "2023-03-17T24:00:00Z"), ("time", "2023-03-17T14:05:09+24:00"),
    ("time", "2023-03-17 14:05:09Z"), ("time", 1679061909),
    ("datacontenttype", "text/plain"), ("datacontenttype", "application/xml"), ("datacontenttype", "json"),
    ("datacontenttype", "application/json; charset=utf-16"), ("datacontenttype", ""), ("datacontenttype", 1),
    ("dataschema", ""), ("dataschema", "/schema"), ("dataschema", "no schema"),
    ("data_base64", "e30="),
    ("data", {1, 2}), ("data", float("nan")), ("data", {"a": {"b": object()}}),
]  # fmt: skip
GOOD: Final[list[tuple[str, Any]]] = [
    ("id", "\U0001f600 é"), ("source", "urn:uuid:0186e27e-7a80-7000-8000-0000000000e1"), ("source", "?q"),
    ("source", "https://user@forms.example:8443/a/b;c?d=%20#e"), ("source", "//[2001:db8::1]/a"),
    ("source", "mailto:forms"), ("source", "a/b:c"), ("source", "#x"),
    ("time", "2023-03-17t14:05:09.123456789z"),
    ("time", "2016-12-31T23:59:60Z"), ("time", "2023-03-17T14:05:09-00:00"), ("time", None),
    ("subject", None),
    ("datacontenttype", "application/json; charset=UTF-8"), ("datacontenttype", "application/vnd.form+json"),
    ("datacontenttype", "text/json"), ("dataschema", "https://forms.example/1"), ("data", None),
    ("data", [1, "a"]), ("data", False), ("comexampleextension", {"is": "passed over"}),
    ("traceparent", "00-1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_what_is_none_is_told_by_the_attribute(name: str, value: object) -> None:
    """A sender learns which attribute is at fault, and why, in one sentence."""
    with pytest.raises(BadInput, match=rf"^{name} .*\.$") as caught:
        cloud_event_of(event("x") | {name: value})
    assert caught.value.field == name


@pytest.mark.parametrize(("name", "value"), GOOD)
def test_what_the_specification_allows_is_taken(name: str, value: object) -> None:
    """Other schemes, leap seconds, other types of JSON, extensions; null is as not said."""
    told = cloud_event_of(event("x") | {name: value})
    kept = {"id": told.id, "source": told.source, "subject": told.subject, "data": told.data}
    assert kept.get(name, value) == value


@pytest.mark.parametrize("given", [None, "x", [], 7, [("specversion", "1.0")]])
def test_what_is_no_object_is_no_event(given: object) -> None:
    """Whatever else a caller has, it is told what it should be."""
    with pytest.raises(BadInput, match=r"must be an object with its attributes, not (null|a \w+)\.$"):
        cloud_event_of(given)


@pytest.mark.parametrize(
    ("value", "words"),
    [(7, "a number"), (1.5, "a number"), (True, "true or false"), (["x"], "a list"), ({}, "an object")],
)
def test_a_value_is_told_as_json_calls_it(value: object, words: str) -> None:
    """A sender reads its own language's words, and none of Python's."""
    with pytest.raises(BadInput, match=rf"^id must be a text, not {words}\.$"):
        cloud_event_of(event("x") | {"id": value})


@pytest.mark.parametrize("name", ["dataContentType", "x-y", "x_y", "", "é", 1])
def test_names_that_no_attribute_has_are_refused(name: object) -> None:
    """A misspelt attribute is not passed over as an extension."""
    told: dict[Any, object] = {**event("x"), name: "application/json"}
    with pytest.raises(BadInput, match="small letters and digits"):
        cloud_event_of(told)


def test_what_is_nested_beyond_reading_is_refused() -> None:
    """Data that would end the process in a stack of its own are bad input."""
    data: list[Any] = []
    for _ in range(100_000):
        data = [data]
    with pytest.raises(BadInput, match=r"^data "):
        cloud_event_of(event("x", data=data))


def test_the_fields_own_writer_is_understood() -> None:
    """What the CloudEvents SDK writes is read as it was meant."""
    theirs = Theirs(
        {
            "type": "forms.eoi.submitted",
            "source": "https://forms.example/eoi",
            "subject": "é",
            "time": datetime(2023, 3, 17, tzinfo=UTC),
            "datacontenttype": "application/json",
            "priority": "high",
        },
        {"urn": 121234},
    )
    assert cloud_event_of(json.loads(JSONFormat().write(theirs))) == CloudEvent(
        id=theirs.get_id(),
        source="https://forms.example/eoi",
        type="forms.eoi.submitted",
        subject="é",
        data={"urn": 121234},
    )


def test_an_instant_is_the_one_that_was_said() -> None:
    """In the offset that it was given with; what is none is None."""
    assert instant_of("2023-03-24T18:00:00+01:00") == datetime(2023, 3, 24, 17, tzinfo=UTC)
    assert instant_of("2023-03-24T17:00:00") is None
