"""What a server may answer with, and what goes out to it: never more than was meant, nor for long in vain."""

import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from adapters.cli.door import Door
from adapters.client import Client
from adapters.client.errors import (
    AnswerNotUnderstood,
    NeedsDatabase,
    NotOurServer,
    OutcomeUnknown,
    ServerUnreachable,
)
from adapters.client.wire import LONGEST_ANSWER
from states.errors import BadInput, EoiError
from tests.client.conftest import KEY
from tests.client.receiver import drips, hangs_up, receiver
from tests.client.told import CALL, ENDPOINT, EOI, RECEIPT, refuses, tells
from tests.servers.answering import Fault, says
from workflow import Actor, Arrival, NotFound

Asking = Callable[..., tuple[Client, Any]]
HEAD: Final = Actor("head", {"applicant"}, ["URN:1"], on_behalf_of="frau-müller")


@pytest.mark.parametrize(
    "fault",
    [
        says(200, "<html>SECRET</html>", **{"Content-Type": "text/html"}),
        says(200, "SECRET", **{"Content-Type": "text/plain"}),
        says(404, "<html>SECRET</html>", **{"Content-Type": "text/html"}),
        says(404, '{"message": "SECRET"}'),
        says(404, '{"detail": "SECRET"}', **{"Content-Type": "application/problem+json"}),
        says(404, "[5]", **{"Content-Type": "application/problem+json"}),
        says(404, "{", **{"Content-Type": "application/problem+json"}),
        says(404, "[" * 100_000, **{"Content-Type": "application/problem+json"}),
        says(401, ""),
        says(204, "", **{"Content-Type": "text/plain"}),
        says(304, ""),
        says(200, b"\x1f\x8b", Content_Encoding="gzip"),
    ],
)
def test_another_program_is_told_as_one(asking: Asking, fault: Fault) -> None:
    """HTML, another's problems, an empty or a compressed answer: one clear error, without what it says."""
    client, _ = asking(fault)
    with pytest.raises(NotOurServer) as caught:
        client.submit(EOI, actor=HEAD)
    assert "127.0.0.1" in caught.value.message
    assert "SECRET" not in caught.value.message


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_key_follows_a_redirect(asking: Asking, status: int) -> None:
    """Where it leads to is named, but asked nothing; of its address only the host is shown."""
    with receiver(tells(RECEIPT)) as other:
        client, _ = asking(says(status, "", Location=f"{other.url}/v1/eois?token=SECRET"))
        with pytest.raises(EoiError) as caught:
            client.get(EOI)
        assert other.heard == []
    assert isinstance(caught.value, NotOurServer)
    assert "redirects to 127.0.0.1" in caught.value.message
    assert "SECRET" not in caught.value.message


@pytest.mark.parametrize(
    "changed",
    [
        {"unheard": 1}, {"state": "enlightened"}, {"version": "2"}, {"version": None}, {"at": "soon"},
        {"at": "2023-03-16T12:00:00"}, {"at": 5}, {"replayed": "no"}, {"source": 7},
    ],
)  # fmt: skip
def test_another_version_is_not_half_understood(asking: Asking, changed: dict[str, Any]) -> None:
    """A name, a state or a type that this version does not know: one clear error, that says which."""
    client, _ = asking(tells(RECEIPT | changed))
    with pytest.raises(AnswerNotUnderstood, match="another version") as caught:
        client.submit(EOI, actor=HEAD)
    (name,) = changed
    assert name in caught.value.message or "zone" in caught.value.message


@pytest.mark.parametrize("body", ["", "{", "null", "[]", '"x"', "5", b"\xff", "[" * 100_000])
def test_what_is_no_document_is_told_so(asking: Asking, body: str | bytes) -> None:
    """What calls itself JSON and is none, or not ours."""
    client, _ = asking(says(200, body))
    with pytest.raises(AnswerNotUnderstood):
        client.submit(EOI, actor=HEAD)


def test_a_huge_answer_is_not_read_to_its_end(asking: Asking) -> None:
    """Over 64 MiB nothing more is read, and the error says so."""
    client, _ = asking(says(200, b" " * (LONGEST_ANSWER + 1)))
    with pytest.raises(NotOurServer, match="over 64 MiB"):
        client.get(EOI)


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n", b" "),
        (b"", b""),
    ],
)
def test_an_answer_in_drops_ends_in_time(asking: Asking, head: bytes, drop: bytes) -> None:
    """Each byte comes in time, and the whole never does: all tries together end when they should."""
    client, server = asking(drips(head, drop), timeout_s=0.3)
    begun_s = time.monotonic()
    with pytest.raises(ServerUnreachable, match="in time"):
        client.get(EOI)
    assert len(server.heard) == 4
    assert time.monotonic() - begun_s < 10


@pytest.mark.parametrize(
    "fault",
    [
        hangs_up,
        says(200, "<html>", **{"Content-Type": "text/html"}),
        says(200, "{}"),
        says(302, "", Location="x"),
        refuses(401, "unauthenticated"),
        refuses(422, "from-the-future"),
        tells(ENDPOINT),
    ],
)
def test_no_key_gets_into_a_log_or_an_error(
    asking: Asking, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """With every log open, httpx's and its transport's too, the key is in none, nor in what is raised."""
    caplog.set_level(logging.DEBUG)
    client, server = asking(fault)
    with pytest.raises(EoiError) as caught:
        client.submit(EOI, actor=HEAD)
    assert server.heard[0].headers["authorization"] == f"Bearer {KEY}"
    told = caplog.text
    raised: BaseException | None = caught.value
    while raised is not None:
        told += f"{raised} {raised!r} {vars(raised)}"
        raised = raised.__cause__
    assert KEY not in told


def test_only_whom_it_is_done_for_goes_out_of_an_actor(asking: Asking) -> None:
    """The key says who asks: of an actor its id, roles and organisations stay here."""
    client, server = asking(tells(RECEIPT))
    client.submit(EOI, actor=HEAD, expected_version=7, reason=" Because ")
    (heard,) = server.heard
    assert heard.headers["eoi-on-behalf-of"].encode("latin-1").decode() == "frau-müller"
    assert heard.headers["if-match"] == '"7"'
    assert json.loads(heard.body) == {"trigger": "submit", "reason": "Because"}
    assert "URN:1" not in str(heard)


def test_what_goes_into_an_address_stays_one_part_of_it(asking: Asking) -> None:
    """What is no id is not found without asking; a reference is a part of the query."""
    client, server = asking(tells({"items": [], "next": None}))
    for odd in ("../keys", "a/b", "", "x" * 500, f"{EOI}?x=1"):
        with pytest.raises(NotFound):
            client.get(odd)
    assert server.heard == []
    with pytest.raises(NotFound):
        client.call("46/23&state=open")
    assert server.heard[0].path == "/v1/calls?reference=46%2F23%26state%3Dopen&limit=1"


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.submit(EOI, actor=HEAD, idempotency_key="schlüssel"),
        lambda client: client.submit(EOI, actor=HEAD, idempotency_key=""),
        lambda client: client.submit(EOI, actor=HEAD, idempotency_key="x" * 201),
        lambda client: client.submit(EOI, actor=HEAD, expected_version="7"),
        lambda client: client.save(EOI, answers={"a": float("nan")}, actor=HEAD),
        lambda client: client.save(EOI, answers=[], actor=HEAD),
        lambda client: client.fire(EOI, 5, actor=HEAD),
        lambda client: client.fire(EOI, "submit", data={"odd": 1}, actor=HEAD),
        lambda client: client.find(limit=0),
        lambda client: client.find(limit=1001),
        lambda client: client.find(after=""),
        lambda client: client.find(after="a b"),
        lambda client: client.delivery("7"),
        lambda client: client.drop_delivery("7"),
        lambda client: client.allowed(EOI, HEAD, at="tomorrow"),
        lambda client: client.explain(EOI, "submit", HEAD, at=datetime(2023, 3, 18)),  # noqa: DTZ001 -- that is what is wrong
        lambda client: client.explain(EOI, "submit", HEAD, data={"odd": 1}),
        lambda client: client.explain(EOI, 5, HEAD),
        lambda client: client.extend_call(CALL, closes_at="tomorrow", actor=HEAD),
    ],
)
def test_what_can_be_no_request_is_refused_here(asking: Asking, ask: Callable[[Client], object]) -> None:
    """What an engine would refuse as it is given, and what no header can hold, is refused without asking."""
    client, server = asking(tells(RECEIPT))
    with pytest.raises(BadInput):
        ask(client)
    assert server.heard == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.contact_lists(),
        lambda client: client.deliveries(before=7),
        lambda client: client.draft(CALL, answers={}, expected_version=1),
        lambda client: client.submit(EOI, session=object()),
        lambda client: client.submit(EOI, arrival=Arrival(0.0, None)),
    ],
)
def test_what_no_server_is_asked_says_so(asking: Asking, ask: Callable[[Client], object]) -> None:
    """What has no route is one clear error, without asking."""
    client, server = asking(tells(RECEIPT))
    with pytest.raises(NeedsDatabase):
        ask(client)
    assert server.heard == []


def test_no_reason_goes_into_an_address(asking: Asking) -> None:
    """Addresses are kept by proxies: what a move would be given goes out in a body, in one zone."""
    client, server = asking(tells(OPTION))
    data = {"reason": " Frau Müller ", "answers": {"a": 1}}
    client.explain(
        EOI, "submit", HEAD, data=data, at=datetime(2023, 3, 18, 1, tzinfo=ZoneInfo("Europe/Paris"))
    )
    (heard,) = server.heard
    assert (heard.method, heard.path) == ("POST", f"/v1/eois/{EOI}/options")
    told = {"trigger": "submit", "reason": "Frau Müller", "at": "2023-03-18T00:00:00Z"}
    assert json.loads(heard.body) == told


def test_who_asks_is_whom_the_server_knows(asking: Asking) -> None:
    """Roles and organisations come from the server; a role that this version does not know is told so."""
    known = {"id": "head", "roles": ["officer"], "organisations": ["URN:1"], "on_behalf_of": None}
    client, _ = asking(tells(known), tells(known | {"roles": ["enlightened"]}))
    assert client.who_asks() == Actor("head", {"officer"}, ["URN:1"], via="http")
    with pytest.raises(AnswerNotUnderstood):
        client.who_asks()


def test_the_command_line_imports_as_whom_the_key_stands_for(asking: Asking) -> None:
    """Whoever imports must know its roles: an officer applies on behalf of each applicant."""
    known = {"id": "off", "roles": ["officer"], "organisations": [], "on_behalf_of": None}
    client, server = asking(tells(known))
    door = Door(server=server.url, server_key=KEY)
    assert door.asker(client) == Actor("off", {"officer"}, via="http")


def test_all_that_is_parked_is_dropped_only_by_saying_so(asking: Asking) -> None:
    """One is named by its place, all by a null that is there; and what may be done is not done again."""
    client, server = asking(tells({"dropped": 1}), tells({"dropped": 2}), hangs_up)
    assert client.drop_delivery(7, endpoint="a/b", actor=HEAD) == 1
    assert client.drop_delivery(actor=HEAD) == 2
    with pytest.raises(OutcomeUnknown, match="look whether it is"):
        client.drop_delivery(actor=HEAD)
    asked = [(each.method, each.path, each.body) for each in server.heard]
    everything = ("POST", "/v1/outbox/drop", b'{"endpoint": null}')
    assert asked == [("DELETE", "/v1/deliveries/7?endpoint=a%2Fb", b""), everything, everything]


def test_pages_are_followed_to_the_length_that_is_wanted(asking: Asking) -> None:
    """A server gives a hundred at once: a longer page is made of several, and leads on as the last does."""
    full = tells({"items": [UNHANDLED] * 100, "next": "abc"})
    client, server = asking(full, tells({"items": [UNHANDLED] * 20, "next": "def"}))
    found = client.unhandled(limit=120)
    assert (len(found), found.next) == (120, "def")
    assert [each.path.partition("?")[2] for each in server.heard] == ["limit=100", "limit=20&cursor=abc"]


def test_a_list_that_does_not_end_is_not_followed_for_ever(asking: Asking) -> None:
    """A page with nothing on it that leads on, or one that leads to itself, is no list."""
    for page in ({"items": [], "next": "abc"}, {"items": [UNHANDLED], "next": "abc"}):
        client, server = asking(tells(page))
        with pytest.raises(AnswerNotUnderstood, match="does not end"):
            client.unhandled(limit=1000)
        assert len(server.heard) <= 2


def test_this_machine_is_asked_past_every_proxy(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    """In clear text a key goes to this machine only, and so not by a proxy that the environment names."""
    with receiver(hangs_up) as proxy:
        for name in ("HTTP_PROXY", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        client, server = asking(tells(RECEIPT))
        with suppress(EoiError):  # the proxy's, if it is asked
            client.submit(EOI, actor=HEAD)
        assert (len(server.heard), proxy.heard) == (1, [])


def test_by_a_proxy_no_key_is_told(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    """Another machine is asked through the environment's proxy, by a tunnel: the proxy sees no key."""
    with receiver(says(403, "")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//u:SECRET@"))
        client = Client("https://eoi.example", KEY, pause=waits.append)
        with client, pytest.raises(ServerUnreachable, match="the proxy does not let it through") as caught:
            client.get(EOI)
        assert {each.method for each in proxy.heard} == {"CONNECT"}
        assert KEY not in str(proxy.heard)
        assert "SECRET" not in str(caught.value)


OPTION: Final = {
    "trigger": "submit",
    "label": "Submit",
    "to": "submitted",
    "ok": True,
    "needs": [],
    "reasons": [],
}
UNHANDLED: Final = {
    "id": EOI,
    "source": "/forms",
    "event_id": "1",
    "type": "x",
    "subject": None,
    "actor": "forms",
    "on_behalf_of": None,
    "at": "2023-03-16T12:00:00Z",
}
