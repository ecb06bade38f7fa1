"""Where a key may go, and what one is; what is wrong is never shown."""

from pathlib import Path

import pytest

from adapters.client import Client
from adapters.client.address import address_of
from adapters.client.errors import ServerUnreachable
from states.errors import BadInput
from tests.client.receiver import receiver
from tests.client.told import tells
from tests.webhooks.certificates import Authority

KEY = "eoi_abc_SECRETSECRETSECRET"


@pytest.mark.parametrize(
    ("said", "base"),
    [
        ("https://eoi.example", "https://eoi.example/v1"),
        (" https://EOI.example/ ", "https://eoi.example/v1"),
        ("https://eoi.example:8443/eoi/", "https://eoi.example:8443/eoi/v1"),
        ("https://eoi.example/v1", "https://eoi.example/v1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
        ("http://127.8.9.1", "http://127.8.9.1/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("http://localhost:8000", "http://localhost:8000/v1"),
    ],
)
def test_addresses_of_servers_are_taken(said: str, base: str) -> None:
    """A path before `/v1` stays, `/v1` may be said or not; by http only to this machine."""
    assert address_of(said, KEY).base == base


@pytest.mark.parametrize(
    "said",
    [
        "", "eoi.example", "ftp://eoi.example", "https://", "https:///v1", "https://eoi.example:x",
        "https://eoi.example:99999", "https://[::1", "https://u:SECRET@eoi.example", "https://eoi.example?k=SECRET",
        "https://eoi.example#SECRET", "https://eoi example", "https://eoi.example/a b", "https://éoi.example",
        "https://eoi.example/%2e%2e", "sqlite:///eoi.db", "http://eoi.example", "http://10.0.0.1:8000",
        "http://localhost.example", "http://127.0.0.1.example",
    ],
)  # fmt: skip
def test_what_is_no_address_for_a_key_is_refused_unseen(said: str) -> None:
    """No server, clear text to another machine, a secret where it is logged: refused, and not shown."""
    with pytest.raises(BadInput) as caught:
        address_of(said, KEY)
    assert caught.value.field == "server"
    assert "SECRET" not in f"{caught.value} {caught.value.facts}"


def test_clear_text_is_sent_where_somebody_insists() -> None:
    """With `insecure_http` any machine may be asked by http."""
    assert address_of("http://10.0.0.1:8000", KEY, insecure_http=True).base == "http://10.0.0.1:8000/v1"


@pytest.mark.parametrize("key", ["", " \n", "two SECRETS", "SECRET\r\nX-Evil: 1", "SÉCRET", "SECRET" * 4000])
def test_what_is_no_key_is_refused_unseen(key: str) -> None:
    """What could be no key, or would be two headers, is refused before anything is sent, and not shown."""
    with pytest.raises(BadInput) as caught:
        address_of("https://eoi.example", key)
    assert caught.value.field == "key"
    assert "SECRET" not in str(caught.value)


def test_no_key_is_shown_by_what_holds_it() -> None:
    """Whoever prints a client, or what it is made of, sees no key."""
    with Client("https://eoi.example/eoi", f" {KEY}\n") as client:
        assert repr(client) == "Client(eoi.example)"
        assert KEY not in repr(vars(client)) + repr(vars(client._wire))
        assert client._wire._address.key == KEY


@pytest.mark.parametrize("timeout_s", [0, -1, 3601, float("nan"), "5", True])
def test_a_span_that_nobody_means_is_refused(timeout_s: float) -> None:
    """A request takes some time, and no more than an hour."""
    with pytest.raises(BadInput):
        Client("https://eoi.example", KEY, timeout_s=timeout_s)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("HTTPS_PROXY", "nonsense://SECRET@proxy"),
        ("ALL_PROXY", "gopher://u:SECRET@proxy:1"),
        ("SSL_CERT_FILE", "/there/is/none.pem"),
    ],
)
def test_surroundings_that_cannot_be_used_are_told(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    """A proxy or certificates that are none: one clear error, and no password of a proxy in it."""
    monkeypatch.setenv(name, said)
    with pytest.raises(BadInput, match=name) as caught:
        Client("https://eoi.example", KEY)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "trusted", "why"),
    [
        (("localhost",), True, None),
        (("localhost",), False, "not trusted"),
        (("other.example",), True, "not trusted"),
    ],
)
def test_a_key_goes_only_to_who_proves_to_be_the_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, names: tuple[str, ...], trusted: bool, why: str | None
) -> None:
    """By a certificate for that name, from an authority that is trusted here: else nothing is sent at all."""
    authority = Authority(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    found = receiver(tells({"items": [], "next": None}), certified=authority.receiver(*names))
    with found as server, Client(server.url, KEY, pause=int) as client:
        if why is None:
            assert list(client.calls()) == []
            return
        with pytest.raises(ServerUnreachable, match=why):
            client.calls()
        assert server.heard == []
