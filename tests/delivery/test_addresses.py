"""Where webhooks may go: https on the public internet, and besides only what the operator has named."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.outbound.addresses import Allow, Receiver, vet, vet_resolved
from adapters.outbound.public import is_public
from workflow import BadInput

NOTHING = Allow()
SECRET = "s3cret-" * 3


def _refusal(url: str, allow: Allow = NOTHING) -> str:
    with pytest.raises(BadInput) as refused:
        vet(url, allow)
    assert refused.value.field == "url"
    return refused.value.message


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://council.example", "council.example", 443),
        ("https://council.example/eoi?key=1", "council.example", 443),
        ("HTTPS://Council.Example:8443/", "council.example", 8443),
        ("https://council.example.:443/", "council.example", 443),
        ("https://under_score.example/", "under_score.example", 443),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443),
    ],
)
def test_https_on_the_public_internet_is_let_through(url: str, host: str, port: int) -> None:
    """A public receiver needs no permission of the operator."""
    assert vet(url, NOTHING) == Receiver("https", host, port, named=False)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("93.184.215.14", "93.184.215.14"),
        ("[2606:2800:21f:cb07:6820:80da:af6b:8b2c]", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"),
        ("[2606:2800:021F::1]", "2606:2800:21f::1"),
        ("[64:ff9b::5db8:d70e]", "64:ff9b::5db8:d70e"),
    ],
)
def test_a_public_address_is_let_through_and_leads_to_itself(host: str, address: str) -> None:
    """No resolver is asked where an address leads."""
    written = host.strip("[]").lower()
    assert vet(f"https://{host}/", NOTHING) == Receiver("https", written, 443, named=False, known=(address,))


@pytest.mark.parametrize(
    ("allowed", "known"),
    [
        ("localhost", ("127.0.0.1", "::1")),
        ("127.0.0.0/8", ("127.0.0.1",)),
        ("::1", ("::1",)),
        ("a.localhost", ()),
    ],
)
def test_localhost_leads_to_what_is_allowed_of_this_machine(allowed: str, known: tuple[str, ...]) -> None:
    """No resolver is asked for it, which could know better; only a name that was named is looked up."""
    host = "a.localhost" if allowed == "a.localhost" else "localhost"
    assert vet(f"http://{host}/", Allow.parse(allowed)) == Receiver("http", host, 80, named=True, known=known)


@pytest.mark.parametrize(
    "url",
    [
        "", "council.example", "//council.example/", "ftp://council.example/", "file:///etc/passwd",
        "https://", "https:///path", "https://:443/", "https:council.example", "https:\\\\council.example",
        "https://council.example\\@evil.example/", "https://council example/", "https://council.example/a b",
        "https://council.example/\n", " https://council.example/", "https://council.example/\x00",
        "https://bücher.example/", "https://council。example/", "https://①②⑦.0.0.1/", "https://%31.example/",
        "https://xn--a.example/", "https://a.XN--A.example/", "https://xn--.example/", "https://xn--zzzzzz9.example/",
        "https://a..example/", "https://-a.example/", "https://a-.example/", "https://[::1", "https://::1/",
        "https://[1.1.1.1]/", "https://[council.example]/", "https://[fe80::1%25eth0]/", "https://[1:2]/",
        f"https://{'a' * 64}.example/", f"https://{'a.' * 127}aa/", "https://council.example:/",
        "https://council.example:0/", "https://council.example:65536/", "https://council.example:4 43/",
        "https://council.example:443:443/", "https://council.example#part", "https://council.example/#part",
    ],
)  # fmt: skip
def test_what_two_readers_could_read_differently_is_no_url(url: str) -> None:
    """Odd forms are refused as such, even for an operator who has allowed everything."""
    assert _refusal(url) == _refusal(url, Allow.parse("0.0.0.0/0, ::/0"))


@pytest.mark.parametrize(
    "url",
    [
        f"https://head:{SECRET}@council.example/",
        f"https://{SECRET}@council.example",
        f"https://a@{SECRET}@b/",
    ],
)
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    """Credentials in a URL end up in lists and logs, so they are refused without being shown."""
    message = _refusal(url, Allow.parse("council.example"))
    assert "must not hold a user name or a password" in message
    assert SECRET not in message


@pytest.mark.parametrize(
    "host",
    ["127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "1.1.1.1.1",
     "0x", "council.1", "127.0.0.01"],
)  # fmt: skip
def test_numbers_in_an_odd_spelling_are_refused(host: str) -> None:
    """What some resolvers read as an address and others as a name may not be reached under any setting."""
    assert "odd spelling" in _refusal(f"https://{host}/", Allow.parse("0.0.0.0/0, ::/0"))


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.255.0.9", "0.0.0.0",  # noqa: S104 -- nothing is bound
        "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "[::]", "[::1]", "[fe80::1]", "[fc00::1]", "[fd12::1]",
        "[ff02::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:8.8.8.8]", "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]",
        "[2002:7f00:1::]", "[2002:a00:1::1]", "[2001:0:7f00:1::]", "[2001:db8::1]", "[fec0::1]", "[3fff::1]",
        "[5f00::1]", "[4000::1]", "[100::1]", "192.0.0.192", "192.88.99.1", "168.63.129.16",
        "[64:ff9b::c000:c0]", "[2001:20::1]", "[2606:2800::5efe:a00:1]", "[2606:2800::200:5efe:7f00:1]",
    ],
)  # fmt: skip
def test_what_is_not_public_is_refused_in_every_spelling(host: str) -> None:
    """Loopback, private, link-local, reserved, and IPv6 addresses that stand for one, stay out of reach."""
    assert "is not on the public internet" in _refusal(f"https://{host}/eoi")


@pytest.mark.parametrize(("url", "why"), [
    ("http://council.example/", "clear text"),
    ("http://93.184.215.14/", "clear text"),
    ("https://council.example:80/", "Port 80"),
    ("https://council.example:22/", "Port 22"),
    ("https://council.example:8080/", "Port 8080"),
])  # fmt: skip
def test_a_public_receiver_is_reached_by_https_on_its_ports(url: str, why: str) -> None:
    """Clear text and other services' ports need the operator's word."""
    assert why in _refusal(url)


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("localhost", "http://localhost:8000/"),
        ("localhost", "http://127.0.0.1:8000/"),
        ("localhost", "http://[::1]:8000/"),
        ("LocalHost:8000", "http://localhost:8000/"),
        ("127.0.0.1", "http://127.0.0.1/"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000/"),
        ("127.0.0.0/8", "http://localhost/"),
        ("10.0.0.0/8", "http://10.1.2.3:9/"),
        ("10.0.0.9/8:81", "http://10.1.2.3:81/"),
        ("::1", "http://[::1]/"),
        ("[::1]:81", "http://[::1]:81/"),
        ("fd00::/8", "http://[fd12::1]/"),
        ("intranet", "http://intranet/"),
        ("eoi.council.example.", "http://eoi.council.example:8080/"),
        (" a.example ,, b.example:81 ", "http://b.example:81/"),
    ],
)
def test_what_the_operator_names_is_reached_by_http_and_on_any_port(allowed: str, url: str) -> None:
    """EOI_WEBHOOK_ALLOW opens exactly what it names: hosts, host:port, addresses, networks."""
    assert vet(url, Allow.parse(allowed)).named
    _refusal(url)


@pytest.mark.parametrize(
    ("allowed", "url"),
    [
        ("localhost:8000", "http://localhost:8001/"),
        ("localhost:8000", "http://127.0.0.1:80/"),
        ("127.0.0.1:8000", "http://127.0.0.1/"),
        ("127.0.0.1", "http://127.0.0.2/"),
        ("10.0.0.0/8", "http://11.0.0.1/"),
        ("10.0.0.0/8:81", "http://10.0.0.1:82/"),
        ("council.example", "http://eoi.council.example/"),
        ("eoi.council.example", "http://council.example/"),
        ("a.example:81", "http://a.example/"),
        ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
        ("intranet", "http://intranet.example/"),
    ],
)
def test_the_operators_word_opens_nothing_beside_it(allowed: str, url: str) -> None:
    """Another port, another address, a sub-domain or another spelling is not what was named."""
    _refusal(url, Allow.parse(allowed))


@pytest.mark.parametrize(
    "entry",
    ["http://localhost", "localhost/", "a b", "*", "*.example", "localhost:", ":80", "localhost:x",
     "localhost:0", "localhost:65536", "localhost:000080", "10.0.0.0/33", "10.0.0.0/8:", "[::1", "::1]",
     "::1]:80:80", "fd00::/8:99999", "a..b", "-a", "bücher.example", "127.1", "2130706433", "localhost:٨٠"],
)  # fmt: skip
def test_an_entry_that_names_nothing_is_refused(entry: str) -> None:
    """A slip in EOI_WEBHOOK_ALLOW is told at the start; it never opens more than was meant."""
    with pytest.raises(BadInput, match="EOI_WEBHOOK_ALLOW must hold hosts") as refused:
        Allow.parse(f"ok.example,{entry}")
    assert refused.value.field == "webhook_allow"


@pytest.mark.parametrize("text", ["", " ", ",", " , ,"])
def test_nothing_is_allowed_where_nothing_is_named(text: str) -> None:
    """An empty setting opens nothing."""
    assert Allow.parse(text) == NOTHING


@pytest.mark.parametrize("private", ["10.0.0.1", "127.0.0.1", "::1", "fe80::1%eth0", "169.254.169.254"])
def test_a_public_name_that_leads_somewhere_private_is_refused(private: str) -> None:
    """Every address of a name must be public, not only the first."""
    receiver = vet("https://council.example/", NOTHING)
    vet_resolved(receiver, ["93.184.215.14"], NOTHING)
    with pytest.raises(BadInput, match="EOI_WEBHOOK_ALLOW"):
        vet_resolved(receiver, ["93.184.215.14", private], NOTHING)


def test_a_network_that_the_operator_names_may_be_led_to() -> None:
    """By https, a name may lead into a named network; on a named port only by that port."""
    receiver = vet("https://intranet.example/", NOTHING)
    vet_resolved(receiver, ["10.1.2.3"], Allow.parse("10.0.0.0/8"))
    vet_resolved(receiver, ["10.1.2.3"], Allow.parse("10.0.0.0/8:443"))
    for other in ("10.0.0.0/8:8443", "11.0.0.0/8"):
        with pytest.raises(BadInput):
            vet_resolved(receiver, ["10.1.2.3"], Allow.parse(other))


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_public_only_if_it_is_so_itself(inner: IPv4Address) -> None:
    """A private IPv4 address does not become public by being written inside an IPv6 one."""
    nat64 = IPv6Address(int(IPv6Address("64:ff9b::")) | int(inner))
    six_to_four = IPv6Address((0x2002 << 112) | (int(inner) << 80))
    teredo = IPv6Address((0x20010000 << 96) | (int(inner) ^ 0xFFFFFFFF))
    mapped = IPv6Address((0xFFFF << 32) | int(inner))
    assert is_public(nat64) == is_public(inner)
    assert not any(is_public(each) for each in (six_to_four, teredo, mapped))


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_outside_the_public_part_is_public(address: IPv6Address) -> None:
    """Only 2000::/3 is given out on the public internet."""
    assert not is_public(address) or str(ip_address(address)).startswith(("2", "3", "64:ff9b::"))


@pytest.mark.parametrize("answer", ["127.1", "0x7f.1", "internal.example", "", "127.0.0.01", "::1::"])
def test_an_answer_that_is_no_address_is_refused_even_for_a_named_receiver(answer: str) -> None:
    """The system would look it up once more, and go to wherever that leads."""
    for receiver in (vet("https://a.example/", NOTHING), vet("http://b.example/", Allow.parse("b.example"))):
        with pytest.raises(BadInput, match="which is no address"):
            vet_resolved(receiver, [answer], NOTHING)


@pytest.mark.parametrize(
    "url",
    [
        f"https://council.example/hook/{SECRET}#part",
        f"https://council.example/hook/{SECRET}?key={SECRET}\n",
        f"https://council.example\\{SECRET}",
        f"https:/council.example/{SECRET}",
        f"https://bücher.example/?key={SECRET}",
        f"head:{SECRET}@council.example/",
        f"https://head:pass/{SECRET}@council.example/",
        f"https://head:{SECRET}\\@council.example/",
    ],
)
def test_what_may_be_secret_in_a_url_is_not_repeated(url: str) -> None:
    """Path, query and password stay out of messages, which are kept beside the delivery."""
    assert SECRET not in _refusal(url)


@given(st.text(max_size=60) | st.from_regex(r"https?://[!-~]{0,40}"))
def test_any_text_is_vetted_or_refused(url: str) -> None:
    """Whatever is given as a URL, it is let through or refused in words, never an error."""
    try:
        receiver = vet(url, NOTHING)
    except BadInput:
        return
    assert (receiver.scheme, receiver.named, receiver.port in (443, 8443)) == ("https", False, True)
