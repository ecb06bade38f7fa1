"""The proxy of examples/deploy says what `eoi serve` needs of it."""

from typing import Final

from adapters.api.bodies import PATIENCE_S
from adapters.api.tables_in import LARGEST_FORM
from adapters.settings import Settings
from tests.deploy.machine import DEPLOY
from tests.deploy.recipes import nginx

FOUND: Final = nginx((DEPLOY / "nginx.conf").read_text(encoding="utf-8"))


def _said(*path: str) -> list[tuple[str, ...]]:
    """Return what is said of a directive in its block."""
    return [each[len(path) :] for each in FOUND if each[: len(path)] == path]


def test_it_ends_tls() -> None:
    """No version of TLS that is given up; by http one is only led to https, on IPv4 and IPv6."""
    assert _said("server", "listen") == [("443", "ssl"), ("[::]:443", "ssl"), ("80",), ("[::]:80",)]
    assert _said("server", "ssl_protocols") == [("TLSv1.2", "TLSv1.3")]
    assert len(_said("server", "ssl_certificate")) == len(_said("server", "ssl_certificate_key")) == 1
    assert _said("server", "return") == [("301", "https://eoi.council.example$request_uri")]


def test_it_says_who_asks_and_how() -> None:
    """The address is the connection's, in place of whatever the client has said, and so is the scheme."""
    assert _said("server", "location /", "proxy_set_header") == [
        ("Host", "$host"),
        ("Connection", ""),
        ("X-Forwarded-For", "$remote_addr"),
        ("X-Forwarded-Proto", "$scheme"),
    ]
    assert _said("server", "location /", "proxy_pass") == [("http://127.0.0.1:8000",)]


def test_it_bounds_what_comes() -> None:
    """A body is as large as ours may be; slow ones and too many of one address end there."""
    largest = Settings.model_fields["api_largest_body"].default
    assert _said("server", "client_max_body_size") == [(f"{largest // 1024**2}m",)]
    for name in ("client_header_timeout", "client_body_timeout"):
        ((said,),) = _said("server", name)
        assert 0 < int(said.removesuffix("s")) <= PATIENCE_S
    assert _said("limit_conn_zone") == [("$binary_remote_addr", "zone=eoi:10m")]
    assert _said("server", "limit_conn") == [("eoi", "50")]
    assert _said("server", "location /", "proxy_request_buffering") == [("on",)]


def test_tables_may_be_larger() -> None:
    """A table goes through with the register of schools, and no more than ours takes."""
    ((said,),) = _said("server", "location = /v1/imports", "client_max_body_size")
    assert 0 <= int(said.removesuffix("m")) * 1024**2 - LARGEST_FORM < 1024**2


def test_the_metrics_stay_inside() -> None:
    """Who wants to see them asks behind the proxy."""
    assert _said("server", "location = /metrics", "deny") == [("all",)]
