"""What is sent again, how often, after how long; and what is said where that did not help."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from adapters.client import Client
from adapters.client.errors import OutcomeUnknown, ServerUnreachable
from states.errors import EoiError
from tests.client.conftest import KEY
from tests.client.receiver import hangs_up, receiver
from tests.client.told import ENDPOINT, EOI, RECEIPT, cut_off, refuses, tells
from tests.servers.answering import Fault, says
from workflow import Actor, Receipt

Asking = Callable[..., tuple[Client, Any]]
HEAD: Final = Actor("head", {"applicant"})
BUSY: Final = refuses(503, "overloaded", Retry_After="3")


@pytest.mark.parametrize(
    "fault",
    [
        hangs_up,
        cut_off,
        BUSY,
        refuses(503, "database-locked"),
        refuses(503, "commit-unknown"),
        refuses(408, "body-too-slow"),
        refuses(429, "too-many-requests"),
        says(502, "<html>", **{"Content-Type": "text/html"}),
        says(503, ""),
        says(504, "{}"),
    ],
)
def test_a_command_goes_again_under_its_key_until_it_is_answered(asking: Asking, fault: Fault) -> None:
    """Whatever became of the first three tries, the fourth one's answer counts, and all had one key."""
    client, server = asking(fault, fault, fault, tells(RECEIPT))
    assert client.submit(EOI, actor=HEAD).version == 2
    (key,) = set(server.keys)
    assert len(server.heard) == 4
    assert key.startswith('"client-')


def test_the_callers_own_key_goes_out(asking: Asking) -> None:
    """A key that is given is sent, each letter of it; another command made up without one has its own."""
    client, server = asking(hangs_up, tells(RECEIPT))
    client.submit(EOI, actor=HEAD, idempotency_key='a "b" \\c')
    client.submit(EOI, actor=HEAD)
    client.submit(EOI, actor=HEAD)
    assert server.keys[:2] == ['"a \\"b\\" \\\\c"'] * 2
    assert len(set(server.keys)) == 3


def test_a_server_is_waited_for_as_it_says(asking: Asking, waits: list[float]) -> None:
    """Retry-After counts, and what is spread comes on top; else each wait is twice as long."""
    client, _ = asking(BUSY, hangs_up, hangs_up, tells(RECEIPT))
    client.submit(EOI, actor=HEAD)
    assert waits == [3.5, 1.0, 2.0]


def test_who_is_to_wait_for_too_long_is_told_so_at_once(asking: Asking, waits: list[float]) -> None:
    """A wait of more than a minute is the caller's business: it knows how long."""
    client, server = asking(refuses(429, "too-many-requests", Retry_After="61"))
    with pytest.raises(EoiError) as caught:
        client.submit(EOI, actor=HEAD)
    assert (caught.value.code, caught.value.facts) == ("too-many-requests", {"retry_after_s": 61})
    assert (len(server.heard), waits) == (1, [])


@pytest.mark.parametrize(
    "fault", [refuses(503, "database-full"), refuses(500, "internal"), refuses(412, "stale-version")]
)
def test_what_does_not_pass_is_told_at_once(asking: Asking, fault: Fault) -> None:
    """A full disk, a fault and a refusal are not helped by asking again."""
    client, server = asking(fault)
    with pytest.raises(EoiError):
        client.submit(EOI, actor=HEAD)
    assert len(server.heard) == 1


@pytest.mark.parametrize("fault", [hangs_up, cut_off, says(502, "x")])
def test_a_command_that_is_never_answered_may_be_done(asking: Asking, fault: Fault) -> None:
    """After four tries it is said that it may be done, and how to send it again so that it is done once."""
    client, server = asking(fault)
    with pytest.raises(OutcomeUnknown) as caught:
        client.submit(EOI, actor=HEAD)
    assert len(server.heard) == 4
    assert f'"{caught.value.facts["idempotency_key"]}"' == server.keys[0]
    assert str(caught.value.facts["idempotency_key"]) in caught.value.message


def test_what_may_be_done_is_not_forgotten_by_a_later_try() -> None:
    """The first try's answer was lost, then the server was gone: it may be done all the same."""
    with receiver(hangs_up) as server, Client(server.url, KEY, pause=lambda _: server.close()) as client:
        with pytest.raises(EoiError, match="no connection came about") as caught:
            client.submit(EOI, actor=HEAD)
        assert isinstance(caught.value, OutcomeUnknown)
        assert len(server.heard) == 1


def test_a_question_that_is_never_answered_changed_nothing(asking: Asking) -> None:
    """A read is asked again as a command is, and may not have done anything."""
    client, server = asking(hangs_up)
    with pytest.raises(ServerUnreachable, match="Nothing was done"):
        client.get(EOI)
    assert len(server.heard) == 4


def test_a_server_that_is_not_there_has_done_nothing(waits: list[float]) -> None:
    """No connection comes about: it is tried again, and then it is said that nothing was done."""
    with Client("http://127.0.0.1:1", KEY, pause=waits.append) as client, pytest.raises(ServerUnreachable):
        client.submit(EOI, actor=HEAD)
    assert len(waits) == 3


#: Commands that take no key, and that are not the same when they are done twice.
ONCE: Final[dict[str, Callable[[Client], object]]] = {
    "add": lambda client: client.add_endpoint("https://council.example/eoi"),
    "rotate": lambda client: client.rotate_endpoint(EOI),
    "remove": lambda client: client.remove_endpoint(EOI),
    "test": lambda client: client.try_endpoint(EOI),
    "retry": lambda client: client.retry(7),
    "redrive": lambda client: client.redrive(endpoint=EOI),
}


@pytest.mark.parametrize("fault", [hangs_up, cut_off, says(502, "x"), says(503, "x")])
@pytest.mark.parametrize("what", ONCE)
def test_what_takes_no_key_is_not_done_twice(asking: Asking, what: str, fault: Fault) -> None:
    """Where it may be done, it is not sent again: the caller looks."""
    client, server = asking(fault)
    with pytest.raises(OutcomeUnknown, match="look whether it is"):
        ONCE[what](client)
    assert (len(server.heard), server.keys) == (1, [None])


def test_a_commit_that_nobody_knows_of_is_not_done_twice(asking: Asking) -> None:
    """The server itself does not know: the caller is told that, and nothing is sent again."""
    client, server = asking(refuses(503, "commit-unknown"))
    with pytest.raises(EoiError) as caught:
        client.add_endpoint("https://council.example/eoi")
    assert (caught.value.code, len(server.heard)) == ("commit-unknown", 1)


def test_what_takes_no_key_goes_again_where_nothing_was_done(asking: Asking) -> None:
    """A server that says that it did nothing is asked again."""
    client, server = asking(BUSY, refuses(429, "too-many-requests"), tells(ENDPOINT, 201))
    assert client.add_endpoint("https://council.example/eoi").secret == "whsec_SECRET"
    assert len(server.heard) == 3


@pytest.mark.parametrize("what", ["disable_endpoint", "enable_endpoint"])
def test_what_is_the_same_twice_goes_again(asking: Asking, what: str) -> None:
    """To disable what is disabled changes nothing, so that it may be sent again without a key."""
    client, server = asking(hangs_up, tells(ENDPOINT))
    getattr(client, what)(EOI)
    assert len(server.heard) == 2


def test_an_event_goes_again_under_its_own_id(asking: Asking) -> None:
    """An event's source and id are its key: it needs no other, and may be sent again."""
    client, server = asking(hangs_up, tells(RECEIPT))
    found = client.handle({"specversion": "1.0", "id": "1", "source": "/forms", "type": "x"})
    assert isinstance(found, Receipt)
    assert server.keys == [None, None]
    assert {each.headers["content-type"] for each in server.heard} == {"application/cloudevents+json"}
