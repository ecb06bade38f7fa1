"""Connections go to the addresses that were vetted, under the receiver's own name.

And they are used again only while they lead to one of those.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpcore
import httpx
import pytest

from adapters.outbound.transport import TRIED, WAY, PunctualTransport, Way
from adapters.outbound.webhook import WebhookCourier
from tests.webhooks.certificates import Authority
from tests.webhooks.making import courier, delivery, trusting_nobody
from tests.webhooks.network import Network
from tests.webhooks.receivers import Receiver
from workflow.ports import Delayed, Delivered

A, B, C = "93.184.215.14", "93.184.215.15", "2606:4700::6810:84e5"
THERE = delivery("https://council.example/eoi")
ARRIVED = Delivered(status=204)
LONG_S = 30.0


def _courier(
    network: Network, authority: Authority, *answers: Sequence[str], timeout_s: float = 10.0
) -> WebhookCourier:
    """Return a courier whose resolver gives these answers, one after the other."""
    left = list(answers)
    resolve: Callable[[str, int], Sequence[str]] = lambda *_: left.pop(0) if len(left) > 1 else left[0]  # noqa: E731
    transport = PunctualTransport(context=authority.trusted(), network=network)
    return courier("", resolve=resolve, transport=transport, timeout_s=timeout_s)


@pytest.mark.parametrize("host", ["council.example", "COUNCIL.example.", "council.example."])
def test_the_name_stays_in_the_handshake_and_in_the_request(
    council: Receiver, authority: Authority, host: str
) -> None:
    """Only the address is dialled; certificate and virtual host go by the name, without a dot at its end."""
    network = Network({A: council.port})
    sender = _courier(network, authority, [A])
    assert sender.deliver(delivery(f"https://{host}/eoi?key=1")) == ARRIVED
    (taken,) = council.taken
    assert (taken.header("host"), taken.path) == ("council.example", "/eoi?key=1")
    assert council.asked_for == ["council.example"]
    assert [(each.address, each.port) for each in network.dialled] == [(A, 443)]
    sender.close()


def test_another_port_stands_in_the_host_header(council: Receiver, authority: Authority) -> None:
    """8443 is a port of public receivers, too."""
    network = Network({A: council.port})
    sender = _courier(network, authority, [A])
    assert sender.deliver(delivery("https://council.example:8443/")) == ARRIVED
    assert council.taken[0].header("host") == "council.example:8443"
    assert network.dialled[0].port == 8443
    sender.close()


@pytest.mark.parametrize(
    ("name", "trusted", "expired"),
    [("other.example", True, False), ("council.example", False, False), ("council.example", True, True)],
)
def test_a_certificate_that_does_not_hold_gets_nothing(
    authority: Authority, name: str, trusted: bool, expired: bool
) -> None:
    """Another name, an authority that is not trusted, a day that is over: nothing of the event leaves."""
    context = authority.receiver(name, expired=expired)
    with Receiver(context) as receiver:
        network = Network({A: receiver.port})
        transport = PunctualTransport(context=authority.trusted() if trusted else None, network=network)
        with closing(courier("", resolve=lambda *_: [A], transport=transport)) as sender:
            outcome = sender.deliver(THERE)
    assert isinstance(outcome, Delayed)
    assert outcome.why.startswith("The receiver could not be reached (ConnectError: ")
    assert "CERTIFICATE_VERIFY_FAILED" in outcome.why
    assert (outcome.of_receiver, receiver.taken) == (True, [])


def test_an_authority_of_the_councils_own_is_trusted_where_the_machine_trusts_it(
    council: Receiver, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver inside is certified by nobody whom all the world trusts; no other trust is lost by it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    transport = PunctualTransport(network=Network({A: council.port}))
    with closing(courier("", resolve=lambda *_: [A], transport=transport)) as sender:
        assert sender.deliver(THERE) == ARRIVED
    public = httpx.create_ssl_context(trust_env=False).get_ca_certs(binary_form=True)
    context = transport._pool._ssl_context
    assert context is not None
    assert {*public} < {*context.get_ca_certs(binary_form=True)}


def test_each_address_is_tried_until_one_answers(council: Receiver, authority: Authority) -> None:
    """What time there is for connecting, they share: one that hangs leaves enough for the others."""
    hangs = httpcore.ConnectTimeout("timed out")
    network = Network({A: hangs, B: httpcore.ConnectError("refused"), C: council.port})
    sender = _courier(network, authority, [A, B, C, "93.184.215.16"], timeout_s=40.0)
    assert sender.deliver(THERE) == ARRIVED
    assert network.addresses == [A, B, C]
    shares = [each.timeout_s for each in network.dialled]
    assert [round(share) for share in shares if share] == [10, 13, 20]
    sender.close()


def test_addresses_that_all_fail_are_told_by_the_last(authority: Authority) -> None:
    """The delivery is tried again; of very many addresses only the first few are tried at a time."""
    network = Network({})
    many = [f"93.184.215.{number}" for number in range(1, 60)]
    outcome = _courier(network, authority, many).deliver(THERE)
    assert outcome == Delayed(why="The receiver could not be reached (ConnectError: no route to host)")
    assert network.addresses == many[:TRIED]


def test_an_address_that_is_given_twice_is_tried_once(authority: Authority) -> None:
    """Resolvers repeat themselves."""
    network = Network({})
    _courier(network, authority, [A, B, A]).deliver(THERE)
    assert network.addresses == [A, B]


@pytest.mark.parametrize(
    ("answers", "dialled"),
    [
        ([[A], [A], [A]], [A]),
        ([[A], [A, B], [B, A]], [A]),
        ([[A], [B], [B]], [A, B]),
        ([[A], [B], [A]], [A, B, A]),
    ],
    ids=["same", "among others", "moved", "moved and back"],
)
def test_a_connection_is_used_again_only_where_its_address_is_still_among_the_vetted(
    council: Receiver, authority: Authority, answers: list[list[str]], dialled: list[str]
) -> None:
    """Once a name has moved away, nothing is sent to where it led before, though the line is still open."""
    network = Network({A: council.port, B: council.port})
    sender = _courier(network, authority, *answers)
    assert [sender.deliver(THERE) for _ in answers] == [ARRIVED] * len(answers)
    assert network.addresses == dialled
    assert len(council.taken) == len(answers)
    assert len({each.peer for each in council.taken}) == len(dialled)
    sender.close()


def test_two_names_at_one_address_have_a_connection_each(authority: Authority) -> None:
    """One that was made under another name's certificate would be trusted for no reason."""
    context = authority.receiver("council.example", "school.example")
    with Receiver(context) as receiver:
        network = Network({A: receiver.port})
        with closing(_courier(network, authority, [A])) as sender:
            for host in ("council.example", "school.example", "council.example"):
                assert sender.deliver(delivery(f"https://{host}/")) == ARRIVED
    assert receiver.asked_for == ["council.example", "school.example"]
    assert network.addresses == [A, A]


def test_threads_keep_to_their_own_ways(receiver: Receiver) -> None:
    """They share lines to one name that leads to two places; nothing goes to the place of another one."""
    with Receiver() as other:
        network = Network({A: receiver.port, B: other.port})
        transport = PunctualTransport(context=trusting_nobody(), network=network)

        def send(number: int) -> None:
            address = (A, B)[number // 3 % 2]
            request = httpx.Request(
                "POST",
                "http://council.example/",
                headers={"X-To": address},
                extensions={WAY: Way((address,), time.monotonic() + LONG_S)},
            )
            response = transport.handle_request(request)
            response.read()
            response.close()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(send, range(240)))
        transport.close()
    assert {each.header("x-to") for each in receiver.taken} == {A}
    assert {each.header("x-to") for each in other.taken} == {B}
    assert len(receiver.taken) == len(other.taken) == 120


def test_without_a_way_a_request_goes_nowhere() -> None:
    """Whoever forgets to vet does not reach anything."""
    network = Network({A: 1})
    transport = PunctualTransport(network=network)
    with pytest.raises(httpx.ConnectTimeout):
        transport.handle_request(httpx.Request("POST", f"https://{A}/"))
    assert network.dialled == []


def test_a_named_receiver_is_looked_up_and_pinned_too(receiver: Receiver) -> None:
    """What the operator named may be private; it is dialled by number all the same."""
    network = Network({"10.1.2.3": receiver.port})
    sender = courier(
        "intranet",
        resolve=lambda *_: ["10.1.2.3"],
        transport=PunctualTransport(network=network),
    )
    assert sender.deliver(delivery("http://intranet:8080/")) == ARRIVED
    assert network.addresses == ["10.1.2.3"]
    assert receiver.taken[0].header("host") == "intranet:8080"
    sender.close()


def test_no_resolver_is_asked_for_an_address_or_for_this_machine(receiver: Receiver) -> None:
    """A resolver could know better."""

    def fail(host: str, port: int) -> Sequence[str]:
        raise AssertionError(host)

    sender = courier("localhost", resolve=fail)
    for host in ("127.0.0.1", "localhost", "LOCALHOST."):
        assert sender.deliver(delivery(receiver.url(host))) == ARRIVED
    sender.close()
