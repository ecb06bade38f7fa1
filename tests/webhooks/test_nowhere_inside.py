"""No webhook reaches a service inside, whatever trick is tried: a trap on 127.0.0.1 hears nothing."""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Any

import pytest

from adapters.outbound.addresses import Allow
from adapters.outbound.transport import PunctualTransport
from adapters.outbound.webhook import WebhookCourier
from tests.webhooks.certificates import Authority
from tests.webhooks.making import courier, delivery, trusting_nobody
from tests.webhooks.network import Network
from tests.webhooks.receivers import Receiver, Trap, says
from workflow.ports import Delayed, Delivered, Outcome, Undeliverable

#: What leads to this machine, or might, on one system or another.
HOSTS = [
    # in plain sight
    "127.0.0.1", "127.0.0.2", "127.1.2.3", "127.255.255.255", "0.0.0.0", "localhost", "LOCALHOST",  # noqa: S104 -- nothing is bound
    "LocalHost.", "a.localhost", "a.b.LOCALHOST.",
    # in fewer numbers, in octal, in hexadecimal, in decimal, padded, mixed, overflowing
    "127.1", "127.0.1", "0", "0.0", "0.0.0", "2130706433", "2130706434", "017700000001", "0177.1",
    "0177.0.0.1", "0177.0000.0000.0001", "00000000177.0.0.1", "0x7f.1", "0x7f.0.0.1", "0x7F000001",
    "0x7f000001", "0X7F.0X0.0X0.0X1", "127.0x0.0.1", "127.0.0.01", "127.000.000.001", "0127.0.0.1",
    "127.0.0.1.", "2130706433.", "0x7f000001.", "4294967295", "4294967296", "6425673729", "256.256.256.256",
    "127.0.0.257", "127.0.0.1.1", "0x", "0x.0x.0x.0x",
    # in IPv6, in its many forms, and with an IPv4 address inside
    "[::1]", "[0:0:0:0:0:0:0:1]", "[0000:0000:0000:0000:0000:0000:0000:0001]", "[::0001]", "[::]",
    "[::0.0.0.1]", "[::127.0.0.1]", "[::7f00:1]", "[::ffff:127.0.0.1]", "[::FFFF:7F00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:0.0.0.0]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:7f00:1::1]", "[2002:c0a8:101::1]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[2606:2800::5efe:7f00:1]", "[::1%25lo]", "[::1%lo]", "[::1%]",
    "[::ffff:127.1]", "[::1.]", "[1.1.1.1]", "[localhost]",
    # in other letters, which some libraries turn into these
    "①②⑦.⓪.⓪.①", "１２７.0.0.1", "127。0。0。1", "127．0．0．1", "ⓛocalhost", "localhoſt", "%31%32%37.0.0.1",  # noqa: RUF001 -- on purpose
    "127.0.0.1%00", "127%2e0.0.1",
    # elsewhere inside: private, shared, link-local, clouds' metadata, multicast, reserved
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.100.100.200",
    "169.254.169.254", "169.254.170.2", "0251.0376.0251.0376", "0xa9fea9fe", "2852039166", "192.0.0.192",
    "168.63.129.16", "192.88.99.1", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255", "[fd00:ec2::254]", "[fe80::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]",
    "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[2001:db8::1]",
]  # fmt: skip

#: URLs that one reader takes for one host, and another for another.
URLS = [
    "http://127.0.0.1:{port}/",
    "http://public.example:{port}/",
    "https://user@127.0.0.1:{port}/",
    "https://public.example@127.0.0.1:{port}/",
    "https://public.example:443@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}@public.example/",
    "https://public.example\\@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@public.example/",
    "https://127.0.0.1:{port}#@public.example/",
    "https://public.example#@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\t/",
    "https://127.0.0.1:{port}\r\nHost: public.example/",
    "https://127.0.0.1\n:{port}/",
    "https://public.example:{port}:{port}/",
    "https://public.example /@127.0.0.1:{port}/",
    "https:///127.0.0.1:{port}/",
    "https:/127.0.0.1:{port}/",
    "https:127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "https:\\\\127.0.0.1:{port}\\",
    "https://[::ffff:127.0.0.1:{port}/",
    "https://[127.0.0.1]:{port}/",
    "https://[::1]@127.0.0.1:{port}/",
    "https://127.0.0.1,public.example:{port}/",
    "https://127.0.0.1;public.example:{port}/",
    "https://127.0.0.1:0{port}0/",
    "https://public..example:{port}/",
    "gopher://127.0.0.1:{port}/_POST",
    "file://127.0.0.1:{port}/etc/passwd",
    "ftp://127.0.0.1:{port}/",
    "unix://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "HTTPS ://127.0.0.1:{port}/",
    " https://127.0.0.1:{port}/",
    "jar:https://127.0.0.1:{port}/!/",
    "url:https://127.0.0.1:{port}/",
]

#: What a resolver may be made to answer.
PUBLIC = "93.184.215.14"
ANSWERS = [
    ["127.0.0.1"], ["127.0.0.2"], ["0.0.0.0"], ["::1"], ["::"], ["::ffff:127.0.0.1"], ["64:ff9b::7f00:1"],  # noqa: S104 -- nothing is bound
    ["2002:7f00:1::1"], ["2001:0:4136:e378:8000:63bf:80ff:fffe"], ["10.0.0.1"], ["172.20.0.1"],
    ["192.168.1.1"], ["100.64.0.1"], ["169.254.169.254"], ["fe80::1%lo"], ["fd00:ec2::254"], ["224.0.0.1"],
    ["255.255.255.255"], ["192.0.0.192"], ["168.63.129.16"], ["198.18.0.1"], ["ff02::1"],
    [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], [PUBLIC, PUBLIC, "::1"],
    [PUBLIC, "2606:4700::1", "127.0.0.1"],
    [*[f"93.184.215.{number}" for number in range(1, 30)], "127.0.0.1"],
    ["127.1"], ["0x7f.0.0.1"], ["2130706433"], ["localhost"], ["127.0.0.01"], ["127.0.0.1%lo"],
    [PUBLIC, "localhost"],
]  # fmt: skip


def _leads_to(*answers: Sequence[str]) -> Callable[[str, int], Sequence[str]]:
    turn = cycle(answers)
    return lambda *_: next(turn)


def _near(trap: Trap, **more: object) -> WebhookCourier:
    """Return a courier to whom the trap's port is as good as 443, and from whom all ways lead to the trap."""
    transport = PunctualTransport(context=trusting_nobody(), network=Network({}, others=trap.port))
    return courier(Allow(ports=frozenset({trap.port})), timeout_s=5.0, transport=transport, **more)


def _refused(outcome: Outcome) -> None:
    """See that nothing was sent: for a person, or left to a node whose setting allows it."""
    match outcome:
        case Undeliverable():
            assert not outcome.gone
        case _:
            assert isinstance(outcome, Delayed)
            assert outcome.unable
            assert "EOI_WEBHOOK_ALLOW" in outcome.why
    assert (outcome.status, outcome.answer) == (None, "")


def test_there_are_a_hundred_tricks() -> None:
    """So many were promised, each another one."""
    tricks = [*HOSTS, *URLS, *map(str, ANSWERS)]
    assert len(set(tricks)) == len(tricks) >= 100


def test_the_trap_hears(trap: Trap) -> None:
    """What it could not hear would prove nothing: the way through to it is open, but for what is refused."""
    sender = _near(trap, resolve=_leads_to([PUBLIC]))
    assert isinstance(
        sender.deliver(delivery(f"https://council.example:{trap.port}/", timeout_s=0.1)), Delayed
    )
    assert trap.heard()


def test_the_trap_hears_by_the_network_of_this_machine(trap: Trap) -> None:
    """A name may lead into a network that the operator named, here to the trap itself."""
    allowed = Allow(networks=Allow.parse("127.0.0.1").networks, ports=frozenset({trap.port}))
    sender = courier(allowed, timeout_s=0.1, resolve=_leads_to(["127.0.0.1"]))
    assert isinstance(sender.deliver(delivery(f"https://council.example:{trap.port}/")), Delayed)
    assert trap.heard()


@pytest.mark.parametrize("host", HOSTS)
def test_no_spelling_of_an_address_inside_is_reached(trap: Trap, host: str) -> None:
    """By the system's own resolver, which knows many spellings."""
    sender = _near(trap)
    for scheme in ("https", "http"):
        _refused(sender.deliver(delivery(f"{scheme}://{host}:{trap.port}/latest/meta-data/")))
    assert not trap.heard()


@pytest.mark.parametrize("url", URLS)
def test_no_url_that_can_be_read_in_two_ways_is_used(trap: Trap, url: str) -> None:
    """Where one reader sees a public host, and another one this machine, nobody goes."""
    sender = _near(trap, resolve=_leads_to(["127.0.0.1"]))
    _refused(sender.deliver(delivery(url.format(port=trap.port))))
    assert not trap.heard()


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_no_answer_of_a_resolver_leads_inside(trap: Trap, answer: list[str]) -> None:
    """One bad address among good ones spoils them all: who answers so is up to something."""
    sender = _near(trap, resolve=_leads_to(answer))
    _refused(sender.deliver(delivery(f"https://council.example:{trap.port}/")))
    assert not trap.heard()


@pytest.mark.parametrize("port", [1, 22, 25, 80, 442, 444, 3306, 5432, 6379, 8080, 8442, 8444, 9200, 65535])
def test_no_other_service_of_a_public_host_is_reached(port: int) -> None:
    """A webhook is no way to a mail server or a database."""
    network = Network({})
    sender = courier(
        "",
        resolve=_leads_to([PUBLIC]),
        transport=PunctualTransport(context=trusting_nobody(), network=network),
    )
    _refused(sender.deliver(delivery(f"https://council.example:{port}/")))
    assert network.dialled == []


def test_a_name_that_leads_elsewhere_a_moment_later_is_not_followed(
    trap: Trap, authority: Authority, council: Receiver
) -> None:
    """The connection goes to the very address that was vetted; the second answer is vetted in its turn."""
    network = Network({PUBLIC: council.port, "127.0.0.1": trap.port})
    transport = PunctualTransport(context=authority.trusted(), network=network)
    sender = courier("", resolve=_leads_to([PUBLIC], ["127.0.0.1"]), transport=transport)
    there = delivery("https://council.example/")
    assert sender.deliver(there) == Delivered(status=204)
    _refused(sender.deliver(there))
    assert sender.deliver(there) == Delivered(status=204)
    assert set(network.addresses) == {PUBLIC}
    assert (len(council.taken), trap.heard()) == (2, False)
    sender.close()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("header", ["Location", "Refresh", "Content-Location", "Alt-Svc", "Link"])
def test_no_answer_of_a_receiver_leads_inside(
    trap: Trap, receiver: Receiver, status: int, header: str
) -> None:
    """A receiver on the public internet could send its callers anywhere."""
    headers: dict[str, Any] = {header.replace("-", "_"): f"http://127.0.0.1:{trap.port}/"}
    receiver.answer = says(status, **headers)
    sender = courier(f"127.0.0.1:{receiver.port}")
    assert isinstance(sender.deliver(delivery(receiver.url())), Delayed)
    assert not trap.heard()
    sender.close()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"])
def test_no_proxy_of_the_environment_is_used(
    trap: Trap, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What was vetted here would be looked up there anew."""
    monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    sender = courier(f"127.0.0.1:{receiver.port}")
    assert sender.deliver(delivery(receiver.url())) == Delivered(status=204)
    assert not trap.heard()
    sender.close()
