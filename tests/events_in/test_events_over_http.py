"""Events over HTTP, sent by the CloudEvents SDK in both modes, and by hand where that would not send them."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import httpx
import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from fastapi import FastAPI
from starlette.requests import Request

from adapters.api.app import build_api
from adapters.api.door import Door
from adapters.api.event_messages import STRUCTURED, event_in
from adapters.documents import document
from adapters.inbound.event_signature import Signatures
from tests.api.routes.around import AROUND
from tests.api.routes.asking import Answer, document_of, hold_against
from tests.api.routes.conftest import by_token
from tests.api.routes.shared import shared
from tests.events_in.making import RULES, event, form
from tests.events_in.test_event_signature import SECRET, signed
from workflow import Actor, CallView, Engine
from workflow.testing import FrozenClock, auditor, officer, school

SCHOOL: Final = {"urn": 121234, "call": "46/23"}
BINARY: Final = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/forms",
    "ce-type": "forms.eoi.begun",
    "Content-Type": "application/json",
}
DATA: Final = json.dumps({**SCHOOL, "form": {"places": 8}}).encode()


@dataclass
class Sender:
    """Sends with a key."""

    api: FastAPI
    token: str | None = "school"

    def send(
        self, headers: dict[str, str] | list[tuple[str, str]], body: bytes, path: str = "/v1/events"
    ) -> Answer:
        """Send; hold the answer against openapi.json."""
        said = [*(headers.items() if isinstance(headers, dict) else headers)]
        if self.token:
            said.append(("Authorization", f"Bearer {self.token}"))
        sent = [(name.encode(), value.encode("latin-1")) for name, value in said]

        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.api)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request("POST", path, content=body, headers=sent)

        raw = asyncio.run(ask())
        answer = Answer(raw.status_code, raw.headers, raw.json())
        hold_against(document_of(self.api), "POST", path, answer)
        return answer

    def structured(self, told: dict[str, Any]) -> Answer:
        """Send a document."""
        return self.send({"Content-Type": STRUCTURED}, json.dumps(told).encode())


def built(engine: Engine, **changes: Any) -> FastAPI:
    """Return a program on an engine, with other settings of its door."""
    return build_api(Door(engine=engine, authenticate=by_token, **changes), AROUND)


@pytest.fixture
def new_api(engine: Engine) -> Callable[..., FastAPI]:
    """Return what makes a program on the engine, with other settings of its door."""
    return partial(built, engine)


@pytest.fixture
def forms(engine: Engine, call: CallView) -> Sender:
    """Return who sends what a school's form says."""
    return Sender(shared(built, engine))


def sdk(type_: str, id_: str, **data: Any) -> CloudEvent:
    """Return an event as the SDK has it."""
    said = {
        "type": type_,
        "id": id_,
        "source": "https://forms.example/eoi?a=%20",
        "subject": 'Prüfung 100% "x"',
    }
    return CloudEvent({**said, "datacontenttype": "application/json", "priority": "high"}, {**SCHOOL, **data})


@pytest.mark.parametrize("write", [http.to_binary, http.to_structured])
def test_the_sdk_sends_in_either_mode(
    forms: Sender, engine: Engine, write: Callable[..., http.HTTPMessage]
) -> None:
    """A form begins an EOI and hands it in; what is of no rule is on record, letter by letter."""
    for type_, id_, state in (("begun", "1", "draft"), ("submitted", "2", "submitted")):
        message = write(sdk(f"forms.eoi.{type_}", id_, form={"places": 8}), JSONFormat())
        answer = forms.send(message.headers, message.body)
        assert (answer.status, answer.body["state"], answer.etag) == (200, state, f'"{id_}"')
        assert not answer.body["replayed"]
        assert forms.send(message.headers, message.body).body == answer.body | {"replayed": True}
    message = write(sdk("forms.printed", "3"), JSONFormat())
    answer = forms.send(message.headers, message.body)
    (kept,) = engine.unhandled()
    assert (answer.status, answer.body["id"]) == (202, kept.id)
    assert (kept.source, kept.subject) == ("https://forms.example/eoi?a=%20", 'Prüfung 100% "x"')
    (change, *_) = engine.history(engine.find().items[0].id)
    assert (change.actor, change.via) == ("head-of-121234", "http")


def test_either_mode_is_the_same_event(forms: Sender) -> None:
    """What came in one mode is a replay in the other: by its source and id."""
    first = forms.send(BINARY, DATA)
    again = forms.structured(form("begun", form={"places": 8}))
    assert again.body == first.body | {"replayed": True}


def test_a_call_is_answered_as_a_call(forms: Sender, call: CallView, engine: Engine) -> None:
    """With its version as the ETag; whoever may not learns so, with every reason, as a problem."""
    told = event("desk.closed", subject=call.id)
    assert forms.structured(told).code == "role-missing"
    desk = Sender(forms.api, "officer")
    answer = desk.structured(told)
    assert (answer.status, answer.body["state"], answer.etag) == (200, "closed", '"2"')


@pytest.mark.parametrize(
    ("value", "is_"),
    [
        ("Pr%C3%BCfung", "Prüfung"), ("%50r", "Pr"), ("a%2520b", "a%20b"), ('"a \\"b\\" %41"', 'a "b" A'),
        ("a b", "a b"), ("%F0%9F%98%80", "\U0001f600"), ("%c3%bc", "ü"),
    ],
)  # fmt: skip
def test_headers_are_decoded_once(forms: Sender, engine: Engine, value: str, is_: str) -> None:
    """Percent-encoding is undone one time, quotes before it, in whichever case."""
    answer = forms.send(BINARY | {"ce-type": "x", "ce-subject": value}, b"")
    assert (answer.status, answer.body["subject"]) == (202, is_)


@pytest.mark.parametrize("value", ["%C0%A0", "%FF", "%ED%A0%80", "100%", "%zz", "Prüfung", "\t", "a\tb"])
def test_headers_that_cannot_be_decoded_are_refused(forms: Sender, engine: Engine, value: str) -> None:
    """No UTF-8, a stray percent sign, bytes that nobody encoded: nothing is guessed."""
    answer = forms.send(BINARY | {"ce-type": "x", "ce-subject": value}, b"")
    assert (answer.status, answer.code) in ((400, "bad-header"), (422, "bad-input"))
    assert engine.unhandled().items == ()


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"Content-Type": "application/cloudevents-batch+json"}, b"[]", "unsupported-media-type"),
        ({**BINARY, "Content-Type": "application/cloudevents-batch+json"}, b"[]", "unsupported-media-type"),
        ({**BINARY, "Content-Type": "application/cloudevents+avro"}, b"x", "unsupported-media-type"),
        ({"Content-Type": "application/json"}, json.dumps(event("x")).encode(), "unsupported-media-type"),
        ({}, b"", "unsupported-media-type"),
        ({**BINARY, "Content-Type": "text/plain"}, b"x", "unsupported-media-type"),
        ({**BINARY, "Content-Type": "text/plain"}, b"", "bad-input"),
        ({**BINARY, "Content-Type": ""}, b"{}", "unsupported-media-type"),
        ({**BINARY, "Content-Encoding": "gzip"}, b"{}", "unsupported-media-type"),
        ({"Content-Type": STRUCTURED + "; charset=utf-16"}, b"{}", "unsupported-media-type"),
        ({"Content-Type": STRUCTURED}, b"", "bad-json"),
        ({"Content-Type": STRUCTURED}, b"\xff", "bad-json"),
        ({"Content-Type": STRUCTURED}, b'{"id": "1", "id": "2"}', "bad-json"),
        ({"Content-Type": STRUCTURED}, b"[]", "bad-input"),
        ({"Content-Type": STRUCTURED}, b"null", "bad-input"),
        ({"Content-Type": STRUCTURED}, b"{}", "bad-input"),
        (BINARY, b"{", "bad-json"),
        (BINARY, b"7", "bad-input"),
        ({**BINARY, "ce-specversion": "0.3"}, DATA, "bad-input"),
        ({**BINARY, "ce-id": ""}, DATA, "bad-input"),
        ({**BINARY, "ce-time": "now"}, DATA, "bad-input"),
        ({**BINARY, "ce-a_b": "x"}, DATA, "bad-input"),
        ({**BINARY, "ce-": "x"}, DATA, "bad-input"),
        ({**BINARY, "ce-data": "x"}, DATA, "bad-header"),
        ({**BINARY, "ce-datacontenttype": "application/json"}, DATA, "bad-header"),
        ([*BINARY.items(), ("ce-id", "1")], DATA, "bad-header"),
        ({**BINARY, "Idempotency-Key": '"a"'}, DATA, "bad-header"),
        ({**BINARY, "If-Match": '"1"'}, DATA, "bad-header"),
    ],
)
def test_what_is_no_event_is_told_so(
    forms: Sender, engine: Engine, headers: dict[str, str], body: bytes, code: str
) -> None:
    """Batches, other formats, bad JSON, bad attributes, two of a kind: a problem, and nothing is done."""
    answer = forms.send(headers, body)
    assert answer.code == code
    assert (engine.find().items, engine.unhandled().items) == ((), ())


def test_a_batch_is_refused_in_words(forms: Sender) -> None:
    """A sender learns that events go one at a time."""
    answer = forms.send({"Content-Type": "application/cloudevents-batch+json"}, b"[]")
    assert answer.body["detail"] == "Events are taken one at a time: send each of the batch by itself."


def test_json_of_another_name_is_read(forms: Sender) -> None:
    """`application/vnd.form+json` is JSON; charset in capitals is as good."""
    kind = "application/vnd.form+json; charset=UTF-8"
    assert forms.send({**BINARY, "Content-Type": kind}, DATA).status == 200


def test_signed_events_only(new_api: Callable[..., FastAPI], call: CallView, engine: Engine) -> None:
    """With a secret, an unsigned or changed event does nothing, whoever's key comes with it."""
    forms = Sender(new_api(verify=Signatures([SECRET])))
    told = json.dumps(form("begun", form={"places": 8})).encode()
    plain, good = {"Content-Type": STRUCTURED}, {"Content-Type": STRUCTURED, **signed(body=told)}
    assert (forms.send(plain, told).status, forms.send(plain, told).code) == (401, "bad-signature")
    assert forms.send(good, told + b" ").code == "bad-signature"
    assert forms.send([*good.items(), ("webhook-id", "2")], told).code == "bad-header"
    assert Sender(forms.api, None).send(good, told).code == "unauthenticated"
    assert engine.find().items == ()
    assert forms.send(good, told).status == 200
    again = forms.send(plain | signed(body=told, id_="msg_2"), told)
    assert again.body["replayed"]


def test_what_a_signature_does_not_cover_is_not_taken(
    new_api: Callable[..., FastAPI], call: CallView, engine: Engine
) -> None:
    """In binary mode type, subject and id stand in headers, which anybody on the way could change."""
    forms = Sender(new_api(verify=Signatures([SECRET])))
    answer = forms.send(BINARY | signed(body=DATA), DATA)
    assert (answer.status, answer.code) == (415, "unsupported-media-type")
    assert engine.find().items == ()


def test_an_event_is_given_in_somebodys_name(forms: Sender, engine: Engine, call: CallView) -> None:
    """An officer's key acts on behalf of who is named in the header, as by every route; never by the body."""
    desk = Sender(forms.api, "officer")
    assert desk.send(BINARY, DATA).code == "role-missing"
    answer = desk.send(BINARY | {"EOI-On-Behalf-Of": "head-1"}, DATA)
    assert answer.status == 200
    (change,) = engine.history(answer.body["eoi_id"])
    assert (change.actor, change.on_behalf_of) == (officer().id, "head-1")


def test_what_came_too_late_says_when(forms: Sender, call: CallView, clock: FrozenClock) -> None:
    """A late form is answered as a late school is: with the deadline and the time."""
    forms.send(BINARY, DATA)
    clock.move_to(call.closes_at)
    answer = forms.structured(form("submitted", "2"))
    assert (answer.status, answer.code, answer.body["closes_at"]) == (
        409,
        "call-closed",
        "2023-03-18T00:00:00Z",
    )


def test_unhandled_events_are_listed(forms: Sender, engine: Engine) -> None:
    """In pages, as every list."""
    for number in range(3):
        engine.handle(event("x", str(number)), actor=school())
    from_api = Actor("reader", {"auditor"})
    assert len(engine.unhandled(actor=from_api)) == 3

    async def ask(path: str, token: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=forms.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers={"Authorization": f"Bearer {token}"})

    first = asyncio.run(ask("/v1/events/unhandled?limit=2", "auditor"))
    assert [each["event_id"] for each in first.json()["items"]] == ["2", "1"]
    rest = asyncio.run(ask(f"/v1/events/unhandled?limit=2&cursor={first.json()['next']}", "auditor"))
    assert ([each["event_id"] for each in rest.json()["items"]], rest.json()["next"]) == (["0"], None)
    assert asyncio.run(ask("/v1/events/unhandled?cursor=x", "auditor")).json()["code"] == "bad-cursor"
    assert asyncio.run(ask("/v1/events/unhandled", "school")).status_code == 403
    assert auditor().id == "auditor-1"


def test_unknown_events_can_be_refused(new_engine: Callable[..., Engine]) -> None:
    """By a setting: 422, and nothing is kept."""
    engine = new_engine(handles=RULES, unknown_events="refuse")
    sender = Sender(build_api(Door(engine=engine, authenticate=by_token), AROUND))
    answer = sender.structured(event("x"))
    assert (answer.status, answer.code) == (422, "unknown-event")


def test_what_it_would_fire_is_told_and_not_done(forms: Sender, engine: Engine) -> None:
    """By the table, as whoever asks, in both modes; then it is carried out, and told as carried out."""
    path = "/v1/events/explain"
    told = form("begun", form={"places": 8})
    body = json.dumps(told).encode()
    foreseen = forms.send({"Content-Type": STRUCTURED}, body, path)
    assert foreseen.body == document(engine.explain_event(told, actor=school()))
    assert (foreseen.body["trigger"], foreseen.body["replayed"]) == ("draft", False)
    assert forms.send(BINARY, DATA, path).body["trigger"] == "draft"
    assert engine.find().items == ()
    assert forms.send({"Content-Type": STRUCTURED}, body).status == 200
    assert forms.send({"Content-Type": STRUCTURED}, body, path).body["replayed"] is True
    unknown = json.dumps(event("forms.printed")).encode()
    assert forms.send({"Content-Type": STRUCTURED}, unknown, path).body["rule"] is None
    assert engine.unhandled().items == ()


def test_unsigned_nothing_is_foretold_either(new_api: Callable[..., FastAPI], call: CallView) -> None:
    """Where events must be signed, so must be what asks of one: else anybody could try the table."""
    api = new_api(verify=Signatures([SECRET]))
    body = json.dumps(form("begun", form={"places": 8})).encode()
    sender, path = Sender(api), "/v1/events/explain"
    assert sender.send({"Content-Type": STRUCTURED}, body, path).code == "bad-signature"
    assert sender.send({"Content-Type": STRUCTURED, **signed(body=body)}, body, path).status == 200


def _lines_run(count: int) -> int:
    """Return how many lines of Python are run to read an event with so many attributes in headers."""
    lines, headers = [0], [(f"ce-a{each}".encode(), b"x") for each in range(count)]

    def trace(_frame: object, event: str, _: object) -> Any:
        lines[0] += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        event_in(Request({"type": "http", "headers": headers}), b"")
    finally:
        sys.settrace(before)
    return lines[0]


def test_many_attributes_cost_no_more_than_each_of_them() -> None:
    """Twice as many take twice as long, not four times: a head has room for thousands."""
    assert _lines_run(800) < 2.5 * _lines_run(400)
