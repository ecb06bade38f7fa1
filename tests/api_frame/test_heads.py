"""What a request's head may be, whichever server has read it."""

import pytest
from fastapi import FastAPI

from adapters.api.heads import LONGEST_HEAD, LONGEST_LINE, MOST_SAID
from tests.api_frame.asgi import ask

#: What the head holds besides the header that is long: `/healthz`, and around the header.
REST = len("/healthz") + len("a: \r\n")


def test_a_head_is_so_long_and_no_longer(api: FastAPI) -> None:
    """To the byte; and what stands in the address counts like what stands in headers."""
    assert ask(api, "GET", "/healthz", ("A", "x" * (LONGEST_HEAD - REST))).status == 200
    for refused in (
        ask(api, "GET", "/healthz", ("A", "x" * (LONGEST_HEAD - REST + 1))),
        ask(api, "GET", "/healthz", query=b"x" * LONGEST_HEAD),
        ask(api, "GET", "/" + "x" * LONGEST_HEAD),
        ask(api, "GET", "/healthz", *[("A", "b")] * (LONGEST_HEAD // len("a: b\r\n"))),
    ):
        assert (refused.status, refused.code, refused.header("connection")) == (400, "bad-request", "close")
        assert refused.header("x-content-type-options") == "nosniff"
        assert "32,768 bytes" in refused.json["detail"]


def test_a_path_and_query_are_so_long_and_no_longer(api: FastAPI) -> None:
    """To the byte, together: every route is held against a path, for whoever asks."""
    room = LONGEST_LINE - len("/nowhere/")
    assert ask(api, "OPTIONS", f"/nowhere/{'x' * room}").status == 404
    for refused in (
        ask(api, "OPTIONS", f"/nowhere/{'x' * (room + 1)}"),
        ask(api, "GET", f"/nowhere/{'x' * room}", query=b"y"),
    ):
        assert (refused.status, refused.code) == (400, "bad-request")
        assert "8,192 bytes" in refused.json["detail"]


def test_a_query_says_a_hundred_things_and_no_more(api: FastAPI) -> None:
    """Thousands of them, of a letter each, would be read for as long as a hundred requests take."""
    assert ask(api, "GET", "/healthz", query=b"&".join([b"a"] * MOST_SAID)).status == 200
    refused = ask(api, "GET", "/healthz", query=b"&".join([b"a"] * (MOST_SAID + 1)))
    assert (refused.status, refused.code) == (400, "bad-request")
    assert "100 things" in refused.json["detail"]


@pytest.mark.parametrize(
    "names", [("Content-Length", "Transfer-Encoding"), ("Transfer-Encoding", "Content-Length")]
)
def test_a_body_that_ends_in_two_places_is_none(api: FastAPI, names: tuple[str, ...]) -> None:
    """Of a length and chunks one reader might go by the one, and the next by the other: nobody does here."""
    said = {"Content-Length": "2", "Transfer-Encoding": "chunked"}
    refused = ask(api, "POST", "/v1/calls", *[(name, said[name]) for name in names], body=b"{}")
    assert (refused.status, refused.code, refused.header("connection")) == (400, "bad-request", "close")
    assert all(name in refused.json["detail"] for name in said)
    for name, value in said.items():
        assert ask(api, "POST", "/v1/calls", (name, value), body=b"{}").status == 401
