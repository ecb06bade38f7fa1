"""How events are written for the outside: CloudEvents 1.0, and nothing about persons."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.documents import instant
from adapters.outbound.envelope import CONTENT_TYPE, body, envelope
from tests.told import submission
from workflow import Event, EventType

AT = datetime(2023, 3, 17, 23, 59, 59, 999_999, tzinfo=UTC)
#: Source: RFC 3339, 5.6; ours are in UTC.
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")


def _event(**changes: Any) -> Event:
    usual: dict[str, Any] = {
        "id": "e-1:3",
        "version": 3,
        "recorded_at": AT + timedelta(seconds=2),
        "closes_at": datetime(2023, 3, 18, tzinfo=UTC),
    }
    return submission(AT, **(usual | changes))


def _check(event: dict[str, Any]) -> None:
    """Hold it to the specification. Source: CloudEvents 1.0, 3; JSON event format, 2 and 3."""
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event)
    assert event["specversion"] == "1.0"
    for name in ("id", "source", "type", "subject"):
        assert isinstance(event[name], str)
        assert event[name]
    assert urlsplit(event["source"]).geturl() == event["source"]
    assert re.fullmatch(r"[!-~]+", event["source"])
    assert RFC3339.fullmatch(event["time"])
    assert event["datacontenttype"] == "application/json"
    assert isinstance(event["data"], dict)
    known = {"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"}
    assert event.keys() == known


def test_an_event_of_an_eoi_is_a_cloudevent() -> None:
    """Ids, states, version and instants, under the names that receivers were promised."""
    written = envelope(_event())
    _check(written)
    assert written == {
        "specversion": "1.0",
        "id": "e-1:3",
        "source": "/eoi-workflow/calls/c-1",
        "type": "eoi.submitted",
        "subject": "e-1",
        "time": "2023-03-17T23:59:59.999999Z",
        "datacontenttype": "application/json",
        "data": {
            "call_id": "c-1",
            "call_reference": "46/23",
            "eoi_id": "e-1",
            "applicant": "URN:121234",
            "source": "draft",
            "state": "submitted",
            "version": 3,
            "at": "2023-03-17T23:59:59.999999Z",
            "recorded_at": "2023-03-18T00:00:01.999999Z",
            "closes_at": "2023-03-18T00:00:00Z",
        },
    }


@pytest.mark.parametrize("type_", EventType)
def test_every_type_of_event_can_be_written(type_: EventType) -> None:
    """Events of a call have the call as their subject, and nobody who applies."""
    written = envelope(_event(type=type_, eoi_id=None, applicant=None, source=None))
    _check(written)
    assert (written["type"], written["subject"]) == (type_.value, "c-1")


def test_the_body_is_json_in_utf_8() -> None:
    """The bytes are the envelope and nothing else, as the content type says."""
    event = _event(applicant="Ysgol Gynradd Dŵr")
    assert CONTENT_TYPE == "application/cloudevents+json; charset=utf-8"
    assert json.loads(body(event).decode()) == envelope(event)
    assert "Dŵr" in body(event).decode()


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 -- the zone comes next
    st.integers(-23 * 60, 23 * 60),
)
def test_an_instant_is_told_in_utc(naive: datetime, minutes: int) -> None:
    """Whatever zone an instant is kept in, it is written in UTC, ending in Z, to the microsecond."""
    at = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert RFC3339.fullmatch(instant(at))
    assert datetime.fromisoformat(instant(at)) == at
