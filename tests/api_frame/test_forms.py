"""Forms with files: read piece by piece, in one way only, within limits; of what is none, nothing stays."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from adapters.api.bodies import SWALLOWED, Held
from adapters.api.errors import BodyTooLarge, BodyTooSlow, Overloaded, UnsupportedMediaType
from adapters.api.forms import IN_MEMORY, files_in
from states.errors import BadInput

KIND: Final = "multipart/form-data; boundary=x"
TABLE: Final = (
    b'--x\r\nContent-Disposition: form-data; name="table"; filename="a.csv"\r\n\r\n1\r\n--\r\n2\r\n'
)
REGISTER: Final = (
    b'--x\r\nContent-Disposition: form-data; name="register"; filename="b"\r\n'
    b"Content-Type: text/csv\r\n\r\n3\r\n"
)
END: Final = b"--x--\r\n"


def read(
    *pieces: bytes, kind: str = KIND, largest: int = 10_000, held: Held | None = None, then: str = ""
) -> dict[str, tuple[str, bytes, int]]:
    """Return what a form's files are: each one's type, what stands in it, and how long it is said to be.

    Args:
        pieces: the body, as it comes.
        kind: its type.
        largest: the most that it may have.
        held: counts what is held of it.
        then: what follows the last piece: nothing, `hangs`, or `goes` (the client).
    """
    return asyncio.run(_read(pieces, kind, largest, held or Held(), then))


async def _read(
    pieces: Sequence[bytes], kind: str, largest: int, held: Held, then: str
) -> dict[str, tuple[str, bytes, int]]:
    sent = [{"type": "http.request", "body": each, "more_body": True} for each in pieces]
    if not then:
        sent.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if sent:
            return sent.pop(0)
        if then == "hangs":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    headers = [(b"content-type", kind.encode("latin-1"))]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    files = await files_in(
        request, ("table", "register"), held=held, largest=largest, patience_s=0.05 if then else 60
    )
    told = {name: (each.kind, each.file.read(), each.size) for name, each in files.items()}
    files.close()
    return told


def test_files_are_read_to_the_letter_wherever_they_are_cut() -> None:
    """However a form comes in pieces, its files are the same, line ends and dashes in them among it."""
    body = TABLE + REGISTER + END
    expected = {"table": ("", b"1\r\n--\r\n2", 8), "register": ("text/csv", b"3", 1)}
    for size in range(1, len(body) + 1):
        cuts = pairwise([*range(0, len(body), size), len(body)])
        assert read(*(body[start:end] for start, end in cuts)) == expected


@given(st.binary(max_size=300), st.integers(1, 50))
def test_whatever_stands_in_a_file_comes_back(content: bytes, size: int) -> None:
    """Any bytes at all, in pieces of any length: what was written is read."""
    boundary = b"never-in-it-" + content.hex().encode()[:8] + b"-%d" % len(content)
    head = b'\r\nContent-Disposition: form-data; name="table"; filename=""\r\n\r\n'
    body = b"--" + boundary + head + content + b"\r\n--" + boundary + b"--\r\n"
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    kind = f'multipart/form-data; boundary="{boundary.decode()}"'
    assert read(*pieces, kind=kind) == {"table": ("", content, len(content))}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"applicant\r\nURN:1\r\n",
        END[2:],
        TABLE,
        TABLE + REGISTER,
        (TABLE + END)[:-5],
        TABLE + TABLE + END,
        TABLE.replace(b"table", b"tables") + END,
        TABLE.replace(b'name="table"; ', b"") + END,
        TABLE.replace(b'; filename="a.csv"', b"") + END,
        TABLE.replace(b"form-data", b"attachment") + END,
        TABLE.replace(b"Content-Disposition", b"X") + END,
        TABLE.replace(
            b"\r\n\r\n", b"\r\nContent-Disposition: form-data; name=register; filename=b\r\n\r\n", 1
        )
        + END,
        TABLE.replace(b"Content-Disposition", b"Content Disposition") + END,
        TABLE.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 9_000 + b"\r\n\r\n", 1) + END,
        TABLE.replace(b"\r\n\r\n", b"\r\n" + b"".join(b"X%d: y\r\n" % n for n in range(99)) + b"\r\n", 1)
        + END,
        TABLE.replace(b"--x", b"--y") + END.replace(b"x", b"y"),
    ],
)
def test_what_is_no_whole_form_of_these_files_is_refused(body: bytes) -> None:
    """No form, a part that is none of them or there twice, headers without end, no end: one sentence."""
    with pytest.raises(
        BadInput, match=r"Send a whole form .* of files, each at most once: table, register\."
    ):
        read(body)


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 2_000,
        "multipart/form-data; boundary*=utf-8''x%00",
    ],
)
def test_a_form_without_a_boundary_is_none(kind: str) -> None:
    """Where it is not said what stands between two parts, nothing can be read."""
    with pytest.raises(BadInput, match="Send a whole form"):
        read(TABLE + END, kind=kind)


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([TABLE, REGISTER, END, b"--x", b"\r\n"]))))
def test_nothing_that_is_sent_is_a_fault_of_ours(pieces: list[bytes]) -> None:
    """Whatever comes: files of these names, or a refusal."""
    try:
        found = read(*pieces)
    except BadInput:
        return
    assert found.keys() <= {"table", "register"}


@pytest.mark.parametrize("charset", ["utf-16", "idna", "cp1252", "hex", "\xff"])
def test_another_encoding_of_names_is_not_read(charset: str) -> None:
    """Names stand in UTF-8 and in nothing else."""
    with pytest.raises(UnsupportedMediaType):
        read(TABLE + END, kind=f"{KIND}; charset={charset}")
    assert read(TABLE + END, kind=f'{KIND}; charset="UTF-8"').keys() == {"table"}


@pytest.mark.parametrize(
    ("pieces", "then", "error"),
    [
        ([TABLE], "hangs", BodyTooSlow),
        ([TABLE], "goes", ClientDisconnect),
        ([TABLE, b"x" * 20_000], "", BodyTooLarge),
        ([TABLE, b"x" * 10_000 * SWALLOWED], "hangs", BodyTooLarge),
        ([TABLE, b"x" * 9_000], "", Overloaded),
    ],
)
def test_what_is_held_of_a_form_is_given_back(pieces: list[bytes], then: str, error: type[Exception]) -> None:
    """Too slow, gone, too large, too many at once: neither a file nor a count stays behind."""
    held = Held(8_000 if error is Overloaded else 10_000)
    with pytest.raises(error):
        read(*pieces, held=held, then=then)
    assert held.size == 0


def test_what_is_refused_is_read_to_its_end() -> None:
    """What is no form by its first bytes is told once all of it is there: who still sends reads no answer."""
    with pytest.raises(BodyTooSlow):
        read(b"no form", *[b"x" * 100] * 50, then="hangs")


def test_a_large_file_is_put_aside() -> None:
    """What is larger than a little stands on disk, and comes back whole."""
    content = bytes(range(256)) * (2 * IN_MEMORY // 256)
    body = TABLE.replace(b"2\r\n", content + b"\r\n") + END
    pieces = (body[at : at + 65_536] for at in range(0, len(body), 65_536))
    found = read(*pieces, largest=3 * IN_MEMORY)
    assert found["table"][1] == b"1\r\n--\r\n" + content
