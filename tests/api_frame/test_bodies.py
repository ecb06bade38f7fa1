"""Bodies: what is not one JSON document, whole and in time, is told so, and the program lives on."""

import asyncio
import gzip
import json
from dataclasses import fields
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from adapters.api.bodies import (
    DEEPEST,
    MARKS,
    MOST,
    OPENED,
    SWALLOWED,
    Held,
    parsed,
    require_few,
)
from adapters.api.door import Door
from adapters.api.errors import BadBody, BodyTooLarge, UnsupportedMediaType
from adapters.api.route import through
from adapters.bounds import LARGEST_BODY
from adapters.settings import Settings
from tests.api_frame.asgi import JSON, ask, asked, key
from tests.api_frame.conftest import MakeApi
from workflow.manifest import LARGEST as LARGEST_ANSWERS
from workflow.manifest import manifest_of

OFFICER = key("officer-key")


def echoing(api: FastAPI) -> FastAPI:
    """Return the program with one more route of ours, which says what it was sent."""
    (ours,) = (route for route in _routes(api) if getattr(route, "path", "") == "/v1/calls/{call}")

    async def echo(request: Request) -> Response:
        return Response(json.dumps(await request.json()))

    route = through(ours.door)("/echo", echo, methods=["POST", "GET"])
    api.router.routes.append(route)
    return api


def _routes(api: FastAPI) -> list[Any]:
    """Return the routes, those of included routers among them."""
    found: list[Any] = []
    for route in api.router.routes:
        found += getattr(getattr(route, "original_router", None), "routes", [route])
    return found


@pytest.fixture
def echo(make_api: MakeApi) -> FastAPI:
    """Return a program that says what it was sent, and waits a moment for it."""
    return echoing(make_api(body_within_s=0.2, largest_body=2048))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b" ", "no JSON"),
        (b"{", "no JSON"),
        (b'{"a": 1,}', "no JSON"),
        (b"{'a': 1}", "no JSON"),
        (b'{"a": 1} {"b": 2}', "no JSON"),
        (b'{"a": 1}\x00', "no JSON"),
        (b'{"a": "\n"}', "no JSON"),
        (b'{"a": "\\x"}', "no JSON"),
        (b'{"a": 01}', "no JSON"),
        (b'{"a": +1}', "no JSON"),
        (b'{"a": .5}', "no JSON"),
        (b'{"a": 0x10}', "no JSON"),
        (b'{"a": undefined}', "no JSON"),
        (b"// a remark\n{}", "no JSON"),
        (b'{"a": 1, "a": 1}', "twice"),
        (b'{"a": {"b": 1, "b": 2}}', "twice"),
        (b'{"a": 1, "\\u0061": 2}', "twice"),
        (b'{"a": NaN}', "number"),
        (b'{"a": Infinity}', "number"),
        (b'{"a": -Infinity}', "number"),
        (b'{"a": 1e400}', "number"),
        (b'{"a": -1e999999999}', "number"),
        (b'{"a": ' + b"9" * 401 + b"}", "number"),
        (b'{"a": 0.' + b"9" * 401 + b"}", "number"),
        (b"\xef\xbb\xbf{}", "BOM"),
        ('{"a": "é"}'.encode("latin-1"), "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "no JSON"),
        ('{"a": 1}'.encode("utf-32"), "UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
        (b'{"a": "\xc0\xaf"}', "UTF-8"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "deep"),
        (b'{"a":' * (DEEPEST + 1) + b"1" + b"}" * (DEEPEST + 1), "deep"),
        (b"[" * 900 + b"]" * 900, "deep"),
        (b"[" * 30_000 + b"]" * 30_000, "deep"),
        (b"[" * OPENED, "deep"),
        (b'{"a":' * 30_000, "deep"),
    ],
)
def test_what_can_be_read_in_more_than_one_way_is_not_read(body: bytes, said: str) -> None:
    """What is no JSON, or not for every reader the same, is refused in words, and never overwhelms us."""
    with pytest.raises(BadBody) as caught:
        parsed(body, "application/json")
    assert said in caught.value.message
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"null", None),
        (b'{"a": [1, 2.5, "\\u00e9", true, null]}', {"a": [1, 2.5, "é", True, None]}),
        (b'{"a": ' + b"9" * 400 + b"}", {"a": int("9" * 400)}),
        (b'{"a": 1e-999}', {"a": 0.0}),
        (b"[" * DEEPEST + b"]" * DEEPEST, json.loads("[" * DEEPEST + "]" * DEEPEST)),
        (b"[" + b"[]," * 5000 + b"[]]", [[]] * 5001),
        ('"学校 \\ud800"'.encode(), "学校 \ud800"),
    ],
)
def test_what_means_one_thing_is_read(body: bytes, told: object) -> None:
    """What is large, wide and deep within the limits is read as it is; texts are the engine's to judge."""
    assert parsed(body, "application/json") == told


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"," * (MARKS + 1), "commas"),
        (b"[" * 1_000_000, "commas"),
        (b"[" + b"[]," * 700_000 + b"[]]", "commas"),
        (b'{"a":' * 300_000, "commas"),
        (b'"' + b":" * (MARKS + 1) + b'"', "commas"),
        (b"[" * (OPENED + 1), "lists"),
        (b'{"a":' * (OPENED + 1), "lists"),
        (b"[" + b"[],{}," * (OPENED // 2) + b"[]]", "lists"),
        (b"[" * 100_000 + b"]" * 100_000, "lists"),
    ],
)
def test_what_would_take_long_to_read_is_not_read(body: bytes, said: str) -> None:
    """A body of more parts than any answers have is refused unread, JSON or not: to read it costs seconds."""
    with pytest.raises(BodyTooLarge) as caught:
        parsed(body, "application/json")
    assert said in caught.value.message


@pytest.mark.parametrize("part", [1, "", ",[]{}:", "é\n", {}, {"a": [1.5]}])
def test_the_largest_answers_are_read(part: object) -> None:
    """Whatever they are made of: what the engine keeps comes in, to the last byte, with texts beside it."""
    size = len(json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode())
    opened = json.dumps(part).count("[") + json.dumps(part).count("{")
    many = min((LARGEST_ANSWERS - 40) // (1 + size), (OPENED - 7_000) // max(1, opened))
    answers: dict[str, Any] = {"parts": [part] * many, "rest": ""}
    answers["rest"] = "x" * (LARGEST_ANSWERS - len(manifest_of(answers).text.encode()))
    assert len(manifest_of(answers).text.encode()) == LARGEST_ANSWERS
    longest = ",[]{}:" * 1_600
    body = {"trigger": "save", "reason": longest, "data": {"reason": longest, "answers": answers}}
    told = parsed(json.dumps(body).encode(), "application/json")
    require_few(told)
    assert told == body


@pytest.mark.parametrize(
    "told",
    [
        1,
        "x" * (MOST + 1),
        [[]] * MOST,
        {f"{each}": each for each in range(MOST)},
        {"data": [0] * (MOST - 1)},
        {"answers": [0] * (MOST + 1)},
        {"data": {"answers": {f"{each}": each for each in range(MOST + 1)}}},
    ],
)
def test_a_body_says_little_besides_its_answers(told: object) -> None:
    """A thousand names and values will do for everything else; of answers there may be more."""
    require_few(told)


@pytest.mark.parametrize(
    "told",
    [
        [[]] * (MOST + 1),
        {f"{each}": each for each in range(MOST + 1)},
        {"data": [0] * MOST},
        [[{"a": [0] * (MOST - 2)}]],
        {"answers": 1, "a": [{"answers": 1, "b": 2}] * (MOST // 2)},
    ],
)
def test_what_is_wrong_in_a_thousand_places_is_not_told_place_by_place(told: object) -> None:
    """Of more names and values than any body has besides answers, none is looked at."""
    with pytest.raises(BodyTooLarge):
        require_few(told)


def test_a_body_of_too_many_parts_is_refused_by_the_program(make_api: MakeApi) -> None:
    """Too much to read is refused before it is read, too many names before they are looked at."""
    api = echoing(make_api())
    for body in (b"," * (MARKS + 1), json.dumps([0] * (MOST + 1)).encode()):
        answer = ask(api, "POST", "/echo", OFFICER, JSON, body=body)
        assert (answer.status, answer.code) == (413, "body-too-large")
    many = {"answers": [0] * (MOST + 1)}
    assert ask(api, "POST", "/echo", OFFICER, JSON, body=json.dumps(many).encode()).json == many


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("", ""),
        ("text/plain", ""),
        ("application/x-www-form-urlencoded", ""),
        ("multipart/form-data; boundary=x", ""),
        ("application/jsonp", ""),
        ("application/merge-patch+json", ""),
        ("application/json; charset=utf-16", ""),
        ("application/json; charset=latin-1", ""),
        ("application/json, text/plain", ""),
        ("application/json", "gzip"),
        ("application/json", "br"),
        ("application/json", "gzip, identity"),
    ],
)
def test_a_body_of_another_kind_is_refused(content_type: str, encoding: str) -> None:
    """A form that some page posts, another charset, or what is compressed (a bomb, perhaps) is not read."""
    with pytest.raises(UnsupportedMediaType):
        parsed(b"{}", content_type, encoding=encoding)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
    ],
)
def test_json_is_known_however_it_is_written(content_type: str) -> None:
    """The type's name has no case, and UTF-8 may be said; nothing is compressed where that is said."""
    assert parsed(b"{}", content_type, encoding="identity") == {}


def test_a_body_arrives_in_any_number_of_pieces(echo: FastAPI) -> None:
    """It is put together before it is read, however it comes."""
    pieces = [bytes([each]) for each in b'{"a": 1}']
    assert ask(echo, "POST", "/echo", OFFICER, JSON, body=pieces).json == {"a": 1}


def test_a_body_that_is_too_large_is_refused_once_it_is_there(echo: FastAPI) -> None:
    """Whoever sends a little too much reads why; the connection is not cut while they are still sending."""
    answer = ask(echo, "POST", "/echo", OFFICER, JSON, body=[b"x" * 1024] * 3)
    assert (answer.status, answer.code, answer.header("connection")) == (413, "body-too-large", "close")
    assert "2,048 bytes" in answer.json["detail"]


def test_a_body_without_end_is_not_swallowed_for_ever(echo: FastAPI) -> None:
    """What goes on and on is answered in the middle, and the connection closed."""
    answer = ask(echo, "POST", "/echo", OFFICER, JSON, body=[b"x" * 1024] * (2 * SWALLOWED + 1), then="hangs")
    assert (answer.status, answer.code) == (413, "body-too-large")


@pytest.mark.parametrize("said", [str(SWALLOWED * 2048 + 1), "9" * 19, "9" * 400])
def test_a_body_that_says_that_it_is_huge_is_not_even_read(echo: FastAPI, said: str) -> None:
    """The number alone is enough, however large it is."""
    answer = ask(echo, "POST", "/echo", OFFICER, JSON, ("Content-Length", said), then="hangs")
    assert (answer.status, answer.code) == (413, "body-too-large")


@pytest.mark.parametrize("pieces", [[b""], [b"{", b'"a"']])
def test_a_body_that_does_not_come_is_not_waited_for(echo: FastAPI, pieces: list[bytes]) -> None:
    """Whoever stops in the middle is told so in time, and holds no thread meanwhile."""
    answer = ask(echo, "POST", "/echo", OFFICER, JSON, body=pieces, then="hangs")
    assert (answer.status, answer.code, answer.header("connection")) == (408, "body-too-slow", "close")


def test_whoever_goes_in_the_middle_is_not_answered(echo: FastAPI) -> None:
    """A client that is gone is no fault of ours: nothing is sent, and nothing raised."""
    assert ask(echo, "POST", "/echo", OFFICER, JSON, body=[b"{", b'"a"'], then="goes").status == 0


def test_a_compressed_body_is_refused_by_the_program(echo: FastAPI) -> None:
    """Not only the reader knows of it: the header reaches it."""
    body = gzip.compress(b'{"a": 1}')
    answer = ask(echo, "POST", "/echo", OFFICER, JSON, ("Content-Encoding", "gzip"), body=body)
    assert (answer.status, answer.code) == (415, "unsupported-media-type")


@pytest.mark.parametrize(
    "name", ["Content-Length", "Content-Type", "Idempotency-Key", "Content-Encoding", "EOI-On-Behalf-Of"]
)
def test_a_header_that_counts_may_be_there_once(echo: FastAPI, name: str) -> None:
    """Of two, each reader might take another: neither is taken, not even where both say the same."""
    answer = ask(echo, "POST", "/echo", OFFICER, (name, "1"), (name, "1"), body=b"1")
    assert (answer.status, answer.code, name in answer.json["detail"]) == (400, "bad-header", True)


def test_what_a_get_carries_means_nothing(echo: FastAPI) -> None:
    """It is read, for the connection's sake, and not looked at (RFC 9110, 9.3.1)."""
    assert ask(echo, "GET", "/echo", OFFICER, body=b"no JSON").body == b"null"


def test_slow_bodies_keep_nobody_else_waiting(make_api: MakeApi) -> None:
    """A hundred that never end are open while another one is answered: they hold no thread and no place."""
    app = echoing(make_api())

    async def meanwhile() -> int:
        slow = [
            asyncio.create_task(asked(app, "POST", "/echo", OFFICER, JSON, body=b"{", then="hangs"))
            for _ in range(100)
        ]
        await asyncio.sleep(0)
        quick = await asked(app, "POST", "/echo", OFFICER, JSON, body=b"1")
        assert not any(each.done() for each in slow)
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return quick.status

    assert asyncio.run(meanwhile()) == 200


def test_bodies_that_never_end_fill_no_memory(make_api: MakeApi) -> None:
    """Past the bound on what is held of all of them one more is told to come back; what went is let go."""
    held = Held(1_000)
    app = echoing(make_api(held=held, largest_body=2_000, body_within_s=5.0))

    async def meanwhile() -> tuple[str, str, int, int]:
        slow = [
            asyncio.create_task(asked(app, "POST", "/echo", JSON, body=b"x" * 300, then="hangs"))
            for _ in range(3)
        ]
        for _ in range(100):
            await asyncio.sleep(0)
        assert held.size == 900
        refused = await asked(app, "POST", "/echo", OFFICER, JSON, body=b"1" * 101)
        small = await asked(app, "POST", "/echo", OFFICER, JSON, body=b"1" * 100)
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return refused.code, str(refused.header("retry-after")), small.status, held.size

    assert asyncio.run(meanwhile()) == ("overloaded", "1", 200, 0)


def test_what_is_too_large_is_not_held_either(make_api: MakeApi) -> None:
    """Once it is too large it is swallowed, and what was held of it given back."""
    held = Held(3_000)
    app = echoing(make_api(held=held, largest_body=2_000))
    assert ask(app, "POST", "/echo", OFFICER, JSON, body=[b"x" * 900] * 5).code == "body-too-large"
    assert held.size == 0


def test_the_largest_body_holds_the_largest_answers() -> None:
    """Answers of 256 KiB fit in, each letter of them written as its code, which takes six."""
    assert LARGEST_BODY > 1536 * 1024
    (door,) = (each.default for each in fields(Door) if each.name == "largest_body")
    assert (Settings().api_largest_body, door) == (LARGEST_BODY, LARGEST_BODY)
