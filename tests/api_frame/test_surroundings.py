"""What surrounds every request: security headers, CORS, HEAD, OPTIONS, what is not there, faults, the log."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from tests.api_frame.asgi import JSON, ask, asked, key
from tests.api_frame.conftest import MakeApi
from workflow import CallView

OFFICER = key("officer-key")
HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
}


@pytest.fixture
def broken(make_api: MakeApi) -> FastAPI:
    """Return a program with routes that fail in every way."""
    api = make_api()

    async def raises(_: Request) -> Response:
        raise LookupError("the secret of Alder Primary")

    async def breaks(_: Request) -> Response:
        async def pieces() -> Any:
            yield b"half"
            raise LookupError

        return StreamingResponse(pieces())

    async def teapot(request: Request) -> Response:
        raise HTTPException(int(request.query_params["status"]), "the secret of Alder Primary")

    for path, answer in (("/raises", raises), ("/breaks", breaks), ("/says", teapot)):
        api.add_route(path, answer)
    return api


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/v1/calls/x", 401),
        ("GET", "/nowhere", 404),
        ("PATCH", "/healthz", 405),
        ("GET", "/openapi.json", 200),
        ("GET", "/raises", 500),
        ("OPTIONS", "/healthz", 204),
    ],
)
def test_every_answer_has_the_headers(broken: FastAPI, method: str, path: str, status: int) -> None:
    """Whatever the answer: browsers run, keep, guess and frame nothing of it; no server is named."""
    answer = ask(broken, method, path)
    assert answer.status == status
    assert {name: answer.header(name) for name in HEADERS} == HEADERS
    assert [answer.header(name) for name in ("server", "strict-transport-security")] == [None, None]


def test_a_refusal_of_what_never_reached_a_route_has_them_too(api: FastAPI) -> None:
    """A body that is too large, over https."""
    answer = ask(api, "GET", "/v1/calls/x", ("Content-Length", "9" * 19), scheme="https")
    assert (answer.status, answer.header("x-frame-options")) == (413, "DENY")


def test_https_is_held_to_once_it_was_used(api: FastAPI) -> None:
    """Only who came by https is told to stay with it; over http it means nothing (RFC 6797, 7.2)."""
    assert (
        ask(api, "GET", "/healthz", scheme="https").header("strict-transport-security") == "max-age=63072000"
    )


def test_without_a_setting_no_page_elsewhere_may_ask(api: FastAPI) -> None:
    """CORS is off: no header allows anything, and a preflight is an OPTIONS as any other."""
    asks = [("Origin", "https://council.example"), ("Access-Control-Request-Method", "POST")]
    for method in ("GET", "OPTIONS"):
        answer = ask(api, method, "/healthz", *asks)
        assert [name for name, _ in answer.headers if name.startswith("access-control")] == []


def test_an_origin_that_is_named_may_ask(make_api: MakeApi) -> None:
    """It may send keys and conditions and read versions; no other origin may, nor with cookies."""
    api = make_api(origins=("https://council.example",))
    ours = ("Origin", "https://council.example")
    preflight = ask(
        api,
        "OPTIONS",
        "/v1/calls/x",
        ours,
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "authorization, if-match, idempotency-key"),
    )
    assert (preflight.status, preflight.body) == (204, b"")
    assert str(preflight.header("vary")).startswith("Origin, ")
    assert preflight.header("access-control-allow-origin") == ours[1]
    assert preflight.header("access-control-allow-credentials") is None
    answer = ask(api, "GET", "/v1/calls/x", ours)
    assert (answer.status, answer.header("access-control-allow-origin")) == (401, ours[1])
    read = "Content-Disposition, ETag, Link, Location, Retry-After, X-Request-Id"
    assert answer.header("access-control-expose-headers") == read
    for other in (
        "https://council.example.evil.example",
        "https://evil.example",
        "null",
        "http://council.example",
    ):
        assert ask(api, "GET", "/healthz", ("Origin", other)).header("access-control-allow-origin") is None


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://evil.example", "PUT", "authorization"),
        ("null", "GET", ""),
        ("https://council.example", "TRACE", "authorization"),
        ("https://council.example", "PUT", "x-forwarded-for"),
    ],
)
def test_a_browser_that_may_not_is_given_no_leave(
    make_api: MakeApi, caplog: pytest.LogCaptureFixture, origin: str, method: str, headers: str
) -> None:
    """A page elsewhere, another method or header: nothing is allowed, and it is logged as any request is."""
    api = make_api(origins=("https://council.example",))
    asks = [("Origin", origin), ("Access-Control-Request-Method", method)]
    asks.append(("Access-Control-Request-Headers", headers))
    with caplog.at_level(logging.INFO):
        answer = ask(api, "OPTIONS", "/v1/calls/x", *asks)
    assert (answer.status, answer.body, answer.header("content-type")) == (204, b"", None)
    assert [name for name, _ in answer.headers if name.startswith("access-control")] == []
    assert str(answer.header("vary")).startswith("Origin, ")
    assert {name: answer.header(name) for name in HEADERS} == HEADERS
    (line,) = (vars(each) for each in caplog.records if each.getMessage() == "request.answered")
    assert (line["method"], line["status"]) == ("OPTIONS", 204)


def test_a_preflight_is_one_line_of_log(make_api: MakeApi, caplog: pytest.LogCaptureFixture) -> None:
    """One that is granted is logged, too."""
    api = make_api(origins=("https://council.example",))
    with caplog.at_level(logging.INFO):
        asks = [("Origin", "https://council.example"), ("Access-Control-Request-Method", "POST")]
        assert ask(api, "OPTIONS", "/v1/calls", *asks).header("access-control-allow-methods")
    assert [vars(each)["method"] for each in caplog.records if hasattr(each, "took_s")] == ["OPTIONS"]


def test_a_program_elsewhere_can_read_that_it_is_our_fault(make_api: MakeApi) -> None:
    """An answer that nobody else made has the headers of CORS, so that a browser hands it over."""
    api = make_api(origins=("https://council.example",))

    async def raises(_: Request) -> Response:
        raise LookupError

    api.add_route("/raises", raises)
    answer = ask(api, "GET", "/raises", ("Origin", "https://council.example"))
    assert (answer.code, answer.header("access-control-allow-origin")) == (
        "internal",
        "https://council.example",
    )


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v2/calls",
        "/v1/calls/x/",
        "/v1/calls/x/y/z",
        "//v1/calls/x",
        "/V1/calls/x",
        "/healthz/",
        "/v1/../healthz",
        "/docs/../../etc/passwd",
        "/docs/swagger-ui.css/..",
        "/docs/redoc.standalone.js",
        "/.env",
        "*",
        "/\x00",
        "/" + "x" * 8_000,
        "/v1/calls\r\nSet-Cookie: a=b/x/y",
    ],
)
def test_what_is_not_there_is_a_problem(api: FastAPI, path: str) -> None:
    """No path but a route's own is answered; none is redirected to the host that was asked for."""
    answer = ask(api, "GET", path, OFFICER, ("Host", "evil.example"))
    assert (answer.status, answer.header("location")) == (404, None)
    assert answer.code == "no-such-path"
    assert "evil.example" not in f"{answer.headers}{answer.body!r}"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW", "get"])
def test_another_method_is_told_which_there_are(api: FastAPI, method: str) -> None:
    """405 with all that the path is asked by (RFC 9110, 15.5.6), with a key and without."""
    answer = ask(api, method, "/v1/calls/x")
    assert (answer.status, answer.code, answer.header("allow")) == (
        405,
        "method-not-allowed",
        "GET, HEAD, OPTIONS",
    )


def test_methods_of_several_routes_are_told_together(make_api: MakeApi) -> None:
    """A path that two routes answer, each by its own method, is asked by both."""
    api = make_api()
    for method in ("GET", "POST"):
        api.add_route("/both", lambda _: Response(), methods=[method])
    assert ask(api, "DELETE", "/both").header("allow") == "GET, HEAD, OPTIONS, POST"


def test_options_are_told_without_a_key(api: FastAPI) -> None:
    """Which methods there are is in the documentation, too."""
    answer = ask(api, "OPTIONS", "/v1/calls/x")
    assert (answer.status, answer.header("allow"), answer.body) == (204, "GET, HEAD, OPTIONS", b"")


def test_head_is_get_without_the_body(api: FastAPI, call: CallView) -> None:
    """The same status and headers, its length among them, and nothing behind them (RFC 9110, 9.3.2)."""
    for path, headers in (
        (f"/v1/calls/{call.id}", [OFFICER]),
        ("/v1/calls/x", []),
        ("/healthz", []),
        ("/x", []),
    ):
        get, head = (ask(api, method, path, *headers) for method in ("GET", "HEAD"))
        assert (head.status, head.said, head.body) == (get.status, get.said, b"")
        assert int(str(head.header("content-length"))) == len(get.body) > 0


def test_a_fault_of_ours_tells_nothing(broken: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """What was raised stands in the log, with where it was; the answer only says that it is our fault."""
    answer = ask(broken, "GET", "/raises")
    assert (answer.status, answer.code) == (500, "internal")
    assert re.search("Alder|Lookup|Traceback|py", answer.body.decode()) is None
    (record,) = (each for each in caplog.records if each.getMessage() == "request.failed")
    assert record.exc_info is not None
    assert record.exc_info[0] is LookupError


def test_a_fault_in_the_middle_of_an_answer_cuts_it_off(broken: FastAPI) -> None:
    """What was begun cannot be taken back: the server must not end it as if it were whole."""
    with pytest.raises(LookupError):
        ask(broken, "GET", "/breaks")


@pytest.mark.parametrize(("status", "code"), [(400, "bad-request"), (418, "bad-request"), (500, "internal")])
def test_what_the_framework_says_by_itself_is_a_problem(broken: FastAPI, status: int, code: str) -> None:
    """In our words, with nothing of what it said."""
    answer = ask(broken, "GET", "/says", query=f"status={status}".encode())
    assert (answer.json["code"], b"Alder" in answer.body) == (code, False)


def test_each_request_is_one_line(api: FastAPI, call: CallView, caplog: pytest.LogCaptureFixture) -> None:
    """Method, template of the route, status, time and who asked; no id, query, header or body."""
    with caplog.at_level(logging.INFO):
        ask(api, "GET", f"/v1/calls/{call.id}", OFFICER, query=b"name=Alder")
        ask(api, "GET", f"/v1/calls/{call.id}", OFFICER, ("If-None-Match", "3"))
        ask(api, "HEAD", f"/v1/calls/{call.id}")
        ask(api, "POST", "/somewhere/Alder", JSON, body=b'{"name": "Alder"}')
        ask(api, "BREW\x1b", f"/v1/calls/{call.id}")
        ask(api, "GET", "/healthz")
    lines = [vars(each) for each in caplog.records if each.getMessage() == "request.answered"]
    assert [tuple(each[name] for name in ("method", "route", "status", "actor")) for each in lines] == [
        ("GET", "/v1/calls/{call}", 422, "programme.team"),
        ("GET", "/v1/calls/{call}", 400, "programme.team"),
        ("HEAD", "/v1/calls/{call}", 401, None),
        ("POST", "none", 404, None),
        ("other", "/v1/calls/{call}", 405, None),
    ]
    assert all(0 <= each["took_s"] < 60 for each in lines)
    assert [each for each in lines if re.search("Alder|officer-key|" + call.id, str(each))] == []


def test_whoever_went_is_logged_as_gone(api: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody was answered, and the line says so."""
    with caplog.at_level(logging.INFO):
        assert ask(api, "GET", "/v1/calls/x", body=b"x", then="goes").status == 0
    assert [vars(each)["status"] for each in caplog.records if hasattr(each, "took_s")] == ["gone"]


def test_what_is_no_request_is_left_alone(api: FastAPI) -> None:
    """A websocket is closed by the framework, and a server's lifespan goes through."""
    import asyncio  # noqa: PLC0415 -- only here

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message["type"])

    async def talk(kind: str, *messages: str) -> None:
        left = [{"type": each} for each in messages]

        async def receive() -> Any:
            return left.pop(0)

        scope: Callable[..., Any] = dict
        await api(
            scope(type=kind, path="/v1/calls/x", headers=[], query_string=b"", scheme="ws", method=""),
            receive,
            send,
        )

    asyncio.run(talk("websocket", "websocket.connect"))
    asyncio.run(talk("lifespan", "lifespan.startup", "lifespan.shutdown"))
    assert sent == ["websocket.close", "lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_errors_are_told_while_others_are_answered(broken: FastAPI) -> None:
    """Faults of one request are none of another's."""
    import asyncio  # noqa: PLC0415 -- only here

    async def both() -> list[int]:
        answers = await asyncio.gather(*(asked(broken, "GET", path) for path in ("/raises", "/healthz") * 10))
        return [each.status for each in answers]

    assert asyncio.run(both()) == [500, 200] * 10
