"""What is sent is a CloudEvent 1.0 in structured mode, as the field's own library reads it."""

import json
from datetime import timedelta, timezone

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.v1.http import from_http

from tests.webhooks.making import AT, courier, delivery, event
from tests.webhooks.receivers import Receiver, Taken
from workflow import EventType
from workflow.ports import Delivered


def _taken(receiver: Receiver, **changes: object) -> Taken:
    sender = courier()
    told = event(**changes)
    assert sender.deliver(delivery(receiver.url(), event=told)) == Delivered(status=204)
    sender.close()
    return receiver.taken[-1]


@pytest.mark.parametrize("type_", EventType)
def test_every_type_of_event_is_read(receiver: Receiver, type_: EventType) -> None:
    """By the library's own check of every attribute."""
    taken = _taken(receiver, type=type_)
    found = http.from_structured(http.HTTPMessage(taken.named, taken.body), JSONFormat())
    assert (found.get_type(), found.get_id(), found.get_subject()) == (type_.value, "e-1:2", "e-1")
    assert (found.get_source(), found.get_specversion()) == ("/eoi-workflow/calls/c-1", "1.0")
    assert (found.get_time(), found.get_datacontenttype()) == (AT, "application/json")
    assert found.get_data() == json.loads(taken.body)["data"]


def test_an_event_of_a_call_is_read(receiver: Receiver) -> None:
    """Its subject is the call; what concerns no EOI is null."""
    taken = _taken(receiver, type=EventType.CALL_OPENED, eoi_id=None, applicant=None, source=None)
    found = http.from_http_event(http.HTTPMessage(taken.named, taken.body))
    assert found.get_subject() == "c-1"
    data = found.get_data()
    assert isinstance(data, dict)
    assert (data["eoi_id"], data["applicant"], data["source"]) == (None, None, None)


def test_the_librarys_older_reader_knows_it_too(receiver: Receiver) -> None:
    """It goes by the content type."""
    taken = _taken(receiver)
    found = from_http(taken.named, taken.body)
    assert (found["id"], found["type"], found.data["state"]) == ("e-1:2", "eoi.submitted", "submitted")


def test_instants_of_any_zone_are_read_as_the_same(receiver: Receiver) -> None:
    """The time attribute is in UTC, to the microsecond."""
    at = (AT + timedelta(microseconds=1)).astimezone(timezone(timedelta(hours=1)))
    taken = _taken(receiver, at=at)
    found = http.from_http_event(http.HTTPMessage(taken.named, taken.body))
    assert found.get_time() == at
