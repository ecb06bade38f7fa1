"""What no client library sends, over a socket to a real `eoi serve`: each is refused, and nothing is kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.databases.raw import RawDatabase
from tests.databases.sqlite import SqliteFiles
from tests.serving.served import Served
from workflow import Engine
from workflow.testing import admin

pytestmark = pytest.mark.slow

HEAD: Final = (
    b"POST /v1/calls HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer KEY\r\nContent-Type: application/json\r\n"
)
BODY: Final = b'{"reference":"9/23","title":"x","closes_on":"2099-01-01"}'
LENGTH: Final = b"Content-Length: 57\r\n\r\n" + BODY
#: What is sent, and the code of the answer; None: none comes, for it never says that it is whole.
BYTES: Final[dict[str, tuple[bytes, str | None]]] = {
    "two lengths": (HEAD + b"Content-Length: 57\r\nContent-Length: 58\r\n\r\n" + BODY, "bad-request"),
    "a length with a sign": (HEAD + b"Content-Length: +57\r\n\r\n" + BODY, "bad-request"),
    "a negative length": (HEAD + b"Content-Length: -1\r\n\r\n" + BODY, "bad-request"),
    "a length in hex": (HEAD + b"Content-Length: 0x39\r\n\r\n" + BODY, "bad-request"),
    "a length of nothing": (HEAD + b"Content-Length: \r\n\r\n" + BODY, "bad-request"),
    "two lengths in one": (HEAD + b"Content-Length: 57, 57, 58\r\n\r\n" + BODY, "bad-request"),
    "an endless length": (HEAD + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n", None),
    "a length and chunks": (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 57\r\n\r\n0\r\n\r\n",
    "bad-request"),
    "chunks within chunks": (HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "bad-request"),
    "chunks that are none": (HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", None),
    "a chunk of minus one": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n", None),
    "another transfer": (HEAD + b"Transfer-Encoding: identity\r\n\r\n" + BODY, "bad-request"),
    "a transfer in disguise": (HEAD + b"Transfer-Encoding: xchunked\r\n\r\n" + BODY, "bad-request"),
    "a space before a colon": (HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "bad-request"),
    "a folded header": (HEAD + b"X: a\r\n b\r\n" + b"Content-Length: 2\r\n\r\n{}", "bad-input"),
    "a bare CR": (HEAD + b"X: a\rContent-Length: 57\r\n\r\n", "bad-request"),
    "a NUL in a header": (HEAD + b"X: a\x00b\r\n" + LENGTH, "bad-request"),
    "a NUL in a name": (HEAD + b"X\x00: a\r\n" + LENGTH, "bad-request"),
    "a name with a space": (HEAD + b"X Y: a\r\n" + LENGTH, "bad-request"),
    "no name": (HEAD + b": a\r\n" + LENGTH, "bad-request"),
    "two hosts": (HEAD + b"Host: b\r\n" + LENGTH, "bad-request"),
    "two keys": (HEAD + b"Authorization: Bearer KEY\r\n" + LENGTH, "unauthenticated"),
    "two keys in one": (HEAD.replace(b"KEY", b"KEY, Bearer KEY") + LENGTH, "unauthenticated"),
    "a key and a line end": (HEAD.replace(b"KEY", b"KEY\x0b") + LENGTH, "bad-request"),
    "another scheme": (HEAD.replace(b"Bearer", b"Basic") + LENGTH, "unauthenticated"),
    "no scheme": (HEAD.replace(b"Bearer ", b"") + LENGTH, "unauthenticated"),
    "a scheme of 9,000": (HEAD.replace(b"Bearer", b"B" * 9_000) + LENGTH, "unauthenticated"),
    "a space in the path": (b"GET /v1/calls x HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
    "a path that is none": (b"GET v1/calls HTTP/1.1\r\nHost: a\r\n\r\n", "no-such-path"),
    "a raw é in the path": (b"GET /v1/calls/\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
    "a version of none": (b"GET /v1/calls HTTP/9.9\r\nHost: a\r\n\r\n", "unauthenticated"),
    "HTTP/2's preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "no-such-path"),
    "a method with bytes": (b"G\xffT /v1/calls HTTP/1.1\r\nHost: a\r\n\r\n", "bad-request"),
    "a hundred thousand bytes of path": (b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "bad-request"),
    "a hundred thousand bytes of headers": (HEAD + b"X: a\r\n" * 17_000 + LENGTH, "bad-request"),
    "a line of nothing": (b"\x00" * 100 + b"\r\n\r\n", "bad-request"),
    "half a request": (HEAD + b"Content-Length: 57\r\n\r\n" + BODY[:20], None),
    "more than it says": (HEAD + b"Content-Length: 20\r\n\r\n" + BODY, "bad-json"),
    "an expectation": (HEAD + b"Expect: x\r\nContent-Length: 2\r\n\r\n{}", "bad-input"),
}  # fmt: skip


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[RawDatabase]:
    """Return a file with a call in it."""
    with SqliteFiles(tmp_path_factory.mktemp("odd"), sqlite_template) as files:
        yield files.new()


@pytest.fixture(scope="module")
def key(database: RawDatabase) -> bytes:
    """Return an officer's key."""
    with Engine(database.url) as engine:
        view = engine.create_key("team", roles={"officer"}, actor=admin())
    assert view.key is not None
    return view.key.encode()


@pytest.fixture(scope="module")
def served(database: RawDatabase, key: bytes) -> Iterator[Served]:
    """Return a process that serves it, with nothing in it that changes by itself."""
    folder = Path(database.place).parent
    words = ("--no-scheduler", "--no-delivery")
    with Served(folder, *words, EOI_API_FAILURES="1000", EOI_DATABASE_URL=database.url) as served:
        assert served.get("/v1/calls", Authorization=f"Bearer {key.decode()}")[0] == 200
        yield served


@pytest.mark.parametrize("what", BYTES)
def test_odd_bytes_change_nothing(what: str, served: Served, database: RawDatabase, key: bytes) -> None:
    """A problem and nothing else; or, of what is never whole, no answer; and every row is as it was."""
    sent, code = BYTES[what]
    before = database.tables()
    with served.line() as line:
        line.send(sent.replace(b"KEY", key))
        if code is not None:
            status, headers, body = line.answer()
            assert (headers["content-type"], json.loads(body)["code"]) == ("application/problem+json", code)
            assert 400 <= status < 500
    assert database.tables() == before
    assert served.get("/healthz")[0] == 200
