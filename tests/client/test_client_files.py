"""Files on their way to a server and back: in pieces, whole or not at all, and under no odd name."""

import io
import json
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.client import Client
from adapters.client.errors import AnswerNotUnderstood, NotOurServer, OutcomeUnknown, ServerUnreachable
from adapters.jobs.words import LARGEST_TABLE
from states.errors import BadInput
from tests.client.conftest import KEY
from tests.client.receiver import Receiver, drips, hangs_up
from tests.client.told import refuses, tells
from tests.servers.answering import Fault, says
from workflow import NotFound

Asking = Callable[..., tuple[Client, Receiver]]
ID: Final = "0186e27e-7a80-7000-8000-0000000000b1"
JOB: Final[dict[str, Any]] = {
    "id": ID, "kind": "import", "state": "queued", "actor": "feeder", "on_behalf_of": None,
    "parameters": {"call": "46/23"}, "done": 0, "total": None, "refused": 0, "counts": {}, "attempt": 0,
    "created_at": "2023-03-16T12:00:00Z", "started_at": None, "finished_at": None, "code": None, "why": None,
    "result_bytes": None, "errors_bytes": None,
}  # fmt: skip
IMPORT: Final = {"call": "46/23"}
MIB: Final = 1024 * 1024
#: How an answer begins that is a file.
ATTACHED: Final = b'HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename="a"\r\n'


def attached(content: bytes, name: str = "rows.csv", **headers: str) -> Fault:
    """Return an answer that is a file."""
    head = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return says(200, content, **{**head, **headers})


class Watched(io.BytesIO):
    """A file that remembers how much was wanted of it at once."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.wanted = list[int]()

    def read(self, size: int | None = -1, /) -> bytes:
        """Read it."""
        self.wanted.append(LARGEST_TABLE if size is None or size < 0 else size)
        return super().read(size)


def test_a_file_goes_out_in_pieces(asking: Asking) -> None:
    """No more of it than a piece is ever asked for, its length is said before, and all of it arrives."""
    content = bytes(range(256)) * 4096 * 3
    client, server = asking(tells(JOB, 202))
    file = Watched(content)
    client.start_job("import", parameters=IMPORT, content=file)
    (heard,) = server.heard
    assert heard.body == content
    assert max(file.wanted) <= 64 * 1024
    assert (heard.headers["content-length"], "transfer-encoding" in heard.headers) == (
        str(len(content)),
        False,
    )
    assert heard.headers["content-type"] == "text/csv; charset=utf-8"
    assert heard.path == "/v1/imports?call=46%2F23"


def test_a_file_whose_answer_was_lost_goes_out_again_whole(asking: Asking) -> None:
    """From where it stood, under the same key, as often as it takes."""
    client, server = asking(hangs_up, refuses(503, "overloaded"), tells(JOB, 202))
    file = io.BytesIO(b"# before it\na,b\n")
    file.readline()
    assert client.start_job("import", parameters=IMPORT, content=file).id == ID
    assert [each.body for each in server.heard] == [b"a,b\n"] * 3
    assert len(set(server.keys)) == 1


def test_a_file_that_becomes_shorter_is_told_so(asking: Asking, tmp_path: Path) -> None:
    """What is cut off while it is sent is not half of a table: one clear error, and nothing is sent again."""

    class Cut(Watched):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(size) if size == 0 or self.tell() == 0 else b""

    client, _ = asking(tells(JOB, 202))
    with pytest.raises(BadInput, match="shorter") as caught:
        client.start_job("import", parameters=IMPORT, content=Cut(b"x" * MIB))
    assert caught.value.field == "content"


@pytest.mark.parametrize(
    ("kind", "parameters", "content", "field"),
    [
        ("dance", {}, b"", "kind"),
        ("import", None, b"x", "parameters"),
        ("import", {}, b"x", "call"),
        ("import", {"call": "46/23", "unheard": 1}, b"x", "parameters"),
        ("import", {"call": 5}, b"x", "call"),
        ("import", {"call": "46/23", "submit": 1}, b"x", "submit"),
        ("import", {"call": "46/23", "ignore": ["a,b"]}, b"x", "ignore"),
        ("import", {"call": "46/23", "as_json": [5]}, b"x", "as_json"),
        ("import", {"call": "46/23", "delimiter": "#"}, b"x", "delimiter"),
        ("import", {"call": "46/23", "encoding": "utf-16"}, b"x", "encoding"),
        ("import", {"rows": "moves"}, b"x", "rows"),
        ("import", IMPORT, "text", "content"),
        ("import", IMPORT, None, "content"),
        ("import", IMPORT, io.StringIO("text"), "content"),
        ("import", IMPORT, b"x" * (LARGEST_TABLE + 1), "content"),
        ("import", {"call": "46/23", "register_bytes": 2}, b"x", "register_bytes"),
        ("import", {"call": "46/23", "register_bytes": -1}, b"x", "register_bytes"),
        ("export", {"format": "pdf"}, b"", "format"),
        ("export", {"format": "360giving"}, b"", "awards"),
        ("export", {}, b"x", "content"),
        ("export", {"unheard": 1}, b"", "parameters"),
    ],
)
def test_what_no_job_may_have_is_not_sent(
    asking: Asking, kind: str, parameters: Any, content: Any, field: str
) -> None:
    """What shows here is told here, by its name, and the server hears nothing of it."""
    client, server = asking(tells(JOB, 202))
    with pytest.raises(BadInput) as caught:
        client.start_job(kind, parameters=parameters, content=content)
    assert (caught.value.field, server.heard) == (field, [])


def test_a_pipe_cannot_be_read_twice(asking: Asking) -> None:
    """What has no beginning to go back to is refused, before anything is sent."""

    class Pipe(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: Any) -> int:
            return 0

    client, server = asking(tells(JOB, 202))
    with pytest.raises(BadInput, match="read twice"):
        client.start_job("import", parameters=IMPORT, content=Pipe())  # type: ignore[arg-type] # no BinaryIO
    assert server.heard == []


def test_a_file_comes_in_pieces(asking: Asking) -> None:
    """Each is fetched when it is wanted; to read it again, it is fetched again."""
    content = bytes(range(256)) * 4096 * 2
    client, server = asking(attached(content))
    file = client.job_result(ID)
    assert (file.name, file.media_type, file.size) == ("rows.csv", "text/csv; charset=utf-8", len(content))
    pieces = list(file)
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= 64 * 1024
    assert b"".join(file) == content
    assert {each.path for each in server.heard} == {f"/v1/jobs/{ID}/result"}
    assert len(server.heard) == 3


def test_pieces_are_found_by_their_numbers(asking: Asking) -> None:
    """As with a database: the second, the first again, and one that there is not."""
    content = b"a" * 64 * 1024 + b"b" * 10
    client, _ = asking(attached(content))
    file = client.job_result(ID)
    assert file.read(2) == b"b" * 10
    assert file.read(1) == b"a" * 64 * 1024
    assert (file.read(3), file.read(4)) == (None, None)


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Give the beginning of a file, and go."""
    handler.send_response(200)
    handler.send_header("Content-Disposition", 'attachment; filename="rows.csv"')
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"row,status")
    handler.close_connection = True


def test_a_file_that_breaks_off_is_no_file(asking: Asking) -> None:
    """Whoever reads it is told so, and does not take what has come for all of it."""
    client, _ = asking(cut_off)
    file, came = client.job_result(ID), list[bytes]()
    with pytest.raises(ServerUnreachable, match="did not come whole"):
        came.extend(file)
    assert len(b"".join(came)) < file.size


def test_a_file_in_drops_ends_in_time(asking: Asking) -> None:
    """Each byte comes in time, and the first mebibyte never does."""
    client, _ = asking(drips(ATTACHED + b"Content-Length: 9999\r\n\r\n", b"x"), timeout_s=0.5)
    file, begun_s = client.job_result(ID), time.monotonic()
    with pytest.raises(ServerUnreachable, match="in time"):
        b"".join(file)
    assert time.monotonic() - begun_s < 4


def test_who_reads_slowly_is_given_the_time(asking: Asking) -> None:
    """What the reader takes for a piece is not charged to the next one."""
    client, _ = asking(attached(bytes(MIB)), timeout_s=1.0)
    file, came = client.job_result(ID), 0
    for piece in file:
        came += len(piece)
        if came <= 2 * 64 * 1024:
            client._wire._patience.begin(0)  # as if the reader had taken longer than a try may
    assert came == MIB


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (says(200, "<html>SECRET</html>", **{"Content-Type": "text/html"}), NotOurServer),
        (tells(JOB), NotOurServer),
        (says(302, "", Location="https://other.example/"), NotOurServer),
        (attached(b"x", Content_Encoding="gzip"), NotOurServer),
        (attached(b"x", "../../.ssh/authorized_keys"), AnswerNotUnderstood),
        (attached(b"x", ".bashrc"), AnswerNotUnderstood),
        (attached(b"x", "a" * 300), AnswerNotUnderstood),
        (attached(b"x", 'a"; filename*="b'), AnswerNotUnderstood),
        (refuses(404, "not-found"), NotFound),
        (drips(ATTACHED + b"\r\n", b""), AnswerNotUnderstood),
        (drips(ATTACHED + b"Content-Length: 99999999999\r\n\r\n", b""), AnswerNotUnderstood),
    ],
)  # fmt: skip
def test_what_is_no_file_of_ours_is_told_so(asking: Asking, fault: Fault, kind: type[Exception]) -> None:
    """Another program's pages, a name that leads elsewhere, no size or too much of it: one clear error."""
    client, _ = asking(fault)
    with pytest.raises(kind) as caught:
        client.job_result(ID)
    assert "SECRET" not in str(caught.value)


def test_a_file_that_went_between_is_told_so(asking: Asking) -> None:
    """It was there when it was asked about, and is forgotten when it is read."""
    client, _ = asking(attached(b"x"), refuses(404, "not-found"))
    file = client.job_result(ID)
    with pytest.raises(NotFound):
        b"".join(file)


ENDS: Final[Mapping[str, tuple[type[Exception] | None, int]]] = {
    "cancel": (None, 2),
    "forget": (OutcomeUnknown, 1),
}


@pytest.mark.parametrize("only", ENDS)
def test_only_what_may_be_sent_twice_is(asking: Asking, only: str) -> None:
    """To cancel is sent again where its answer is lost; to forget is not, for it would not be found."""
    error, times = ENDS[only]
    client, server = asking(hangs_up, tells(JOB))
    end = {"cancel": client.cancel_job, "forget": client.forget_job}[only]
    if error is None:
        assert end(ID).id == ID
    else:
        with pytest.raises(error):
            end(ID)
    assert [each.path for each in server.heard] == [f"/v1/jobs/{ID}?only={only}"] * times


def test_an_export_says_what_of_it(asking: Asking) -> None:
    """What is asked for goes out as JSON, under a key; what is as it would be anyway is left out."""
    client, server = asking(tells(JOB | {"kind": "export"}, 202))
    asked = {"format": "xlsx", "call": "46/23", "state": None}
    assert client.start_job("export", parameters=asked).kind == "export"
    (heard,) = server.heard
    assert json.loads(heard.body) == {"format": "xlsx", "call": "46/23"}
    assert heard.headers["idempotency-key"].startswith('"client-')
    assert KEY not in heard.path
