"""Bodies: read whole, within limits, as JSON that means one thing only.

What is too large is swallowed up to a point, and then refused: whoever is still sending when a connection is
closed never reads why.
"""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

from starlette.requests import Request

from adapters.api.errors import JSON, BadBody, BodyTooLarge, BodyTooSlow, Overloaded, UnsupportedMediaType
from adapters.bounds import LARGEST_BODY
from workflow.manifest import LARGEST as LARGEST_ANSWERS

#: How long a body may take to come, in seconds.
PATIENCE_S: Final = 20.0
#: How many times the largest body is read, and thrown away, before the connection is closed.
SWALLOWED: Final = 4
#: How much of bodies that are still coming is held at once at the most, of everybody together, in bytes.
HELD: Final = 128 * LARGEST_BODY
#: How deep lists and objects may be nested: the deepest answers, and what stands around them.
DEEPEST: Final = 100
#: How many brackets, commas and colons a body may have, in its texts or between them. Each is a byte of
#: answers as they are kept: the largest have no more, and the longest texts beside them fewer than the rest.
MARKS: Final = LARGEST_ANSWERS + 32 * 1024
#: How many lists and objects a body may open; a bracket in a text counts as one.
OPENED: Final = 32 * 1024
#: How many names and values a body may have besides its answers.
MOST: Final = 1000
#: How many digits a number may have.
DIGITS: Final = 400
_MARKS: Final = b"[]{},:"
_OPENING: Final = b"[{"


class Held:
    """Counts what is held of bodies that are still coming; for one event loop.

    Nobody knows yet who sends them: without a bound, a thousand who never end could fill the memory.
    """

    def __init__(self, most: int = HELD) -> None:
        """Hold nothing yet, and so many bytes at the most."""
        self._most = most
        #: How many bytes are held.
        self.size = 0

    def take(self, size: int) -> None:
        """Count so many more.

        Raises:
            Overloaded: that would be too many.
        """
        if self.size + size > self._most:
            raise Overloaded(retry_after_s=1)
        self.size += size

    def give(self, size: int) -> None:
        """Count so many less."""
        self.size -= size


async def received(
    request: Request, *, held: Held, largest: int = LARGEST_BODY, patience_s: float = PATIENCE_S
) -> bytes:
    """Return the whole body.

    Raises:
        BodyTooLarge: it is larger than that, or says so.
        BodyTooSlow: it did not come in time.
        Overloaded: too much is coming at once.
        ClientDisconnect: whoever sent it has gone.
    """
    async with coming(request, held=held, largest=largest, patience_s=patience_s) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def swallow(request: Request, *, largest: int, patience_s: float) -> None:
    """Read a body to its end, and hold nothing of it: whoever is still sending never reads an answer.

    Raises:
        BodyTooLarge: as `received`.
        BodyTooSlow: as `received`.
        ClientDisconnect: as `received`.
    """
    held = Held(largest)  # counts this body alone
    async with coming(request, held=held, largest=largest, patience_s=patience_s) as chunks:
        async for _ in chunks:
            pass


@asynccontextmanager
async def coming(
    request: Request, *, held: Held, largest: int, patience_s: float
) -> AsyncIterator[AsyncGenerator[bytes]]:
    """Let a body be read piece by piece, as it comes.

    Raises:
        BodyTooLarge: as `received`, once what is too large has been swallowed.
        BodyTooSlow: as `received`.
        Overloaded: as `received`.
        ClientDisconnect: as `received`.
    """
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and int(said[:20]) > SWALLOWED * largest:
        raise _too_large(largest)
    try:
        async with asyncio.timeout(patience_s), aclosing(_pieces(request, largest, held)) as chunks:
            yield chunks
    except TimeoutError:
        msg = f"The body did not come within {patience_s:g} seconds."
        raise BodyTooSlow(msg) from None


async def _pieces(request: Request, largest: int, held: Held) -> AsyncGenerator[bytes]:
    size = taken = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size <= largest:
                held.take(len(chunk))
                taken = size
                yield chunk
            if size > SWALLOWED * largest:
                break
    finally:
        held.give(taken)
    if size > largest:
        raise _too_large(largest)


def parsed(body: bytes, content_type: str, *, encoding: str = "", kind: str = JSON) -> Any:  # noqa: ANN401 -- JSON's values
    """Return what a body says.

    Args:
        body: as it came.
        content_type: the header of that name.
        encoding: the header `Content-Encoding`; empty: there is none.
        kind: the type of JSON that it must be.

    Raises:
        UnsupportedMediaType: it is not said to be that, is compressed, or in another encoding than UTF-8.
        BodyTooLarge: it holds more than any answers can; told before it is read, which would take seconds.
        BadBody: it is none (RFC 8259); names a thing twice; nests too deeply; or holds a number that no
            computer can hold.
    """
    _require_json(content_type, encoding, kind)
    _require_simple(body)
    try:
        told = json.loads(
            body.decode(),
            object_pairs_hook=_once_each,
            parse_constant=_no_number,
            parse_int=_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        msg = "The body is not UTF-8."
        raise BadBody(msg) from None
    except json.JSONDecodeError as exc:
        msg = f"The body is no JSON: {exc.msg}, at line {exc.lineno}, column {exc.colno}."
        raise BadBody(msg) from None
    except RecursionError:
        raise _too_deep() from None
    if body.count(b"[") + body.count(b"{") > DEEPEST:
        _require_shallow(told)
    return told


def require_as_it_is(encoding: str) -> None:
    """Let pass a body that is not compressed: of such nobody knows how large it is before it is read.

    Args:
        encoding: the header `Content-Encoding`; empty: there is none.

    Raises:
        UnsupportedMediaType: it is compressed.
    """
    if encoding.strip().lower() not in ("", "identity"):
        msg = "Send the body as it is: what is compressed is not read."
        raise UnsupportedMediaType(msg)


def require_few(told: Any) -> None:  # noqa: ANN401 -- JSON's values
    """Let pass a body that says little besides `answers`: whatever is wrong there is told one by one.

    Raises:
        BodyTooLarge: it has too many names and values.
    """
    left, waiting = MOST, _containers([[told]])
    while waiting:
        each = waiting.pop()
        inside = [inner for name, inner in each.items() if name != "answers"] if type(each) is dict else each
        left -= len(inside)
        if left < 0:
            msg = f"A body has {MOST:,} names and values at the most, besides its answers."
            raise BodyTooLarge(msg)
        waiting += _containers([inside])


def _require_simple(body: bytes) -> None:
    """Let pass what is quickly read: a list costs a hundred times what a letter does."""
    if len(body) - len(body.translate(None, _MARKS)) > MARKS:
        msg = f"A body has {MARKS:,} brackets, commas and colons at the most."
        raise BodyTooLarge(msg)
    if len(body) - len(body.translate(None, _OPENING)) > OPENED:
        msg = f"A body opens {OPENED:,} lists and objects at the most."
        raise BodyTooLarge(msg)


def _require_shallow(told: Any) -> None:  # noqa: ANN401 -- JSON's values
    """Refuse what whoever reads it next might not get to the bottom of."""
    level = [[told]]
    for _ in range(DEEPEST + 1):
        level = _containers(level)
        if not level:
            return
    raise _too_deep()


def _containers(level: Sequence[Any]) -> list[Any]:
    """Return the lists and objects that stand right inside of these, which JSON has read."""
    return [
        inner
        for each in level
        for inner in (each.values() if type(each) is dict else each)
        if type(inner) is dict or type(inner) is list
    ]


def _require_json(content_type: str, encoding: str, kind: str) -> None:
    said, _, rest = content_type.partition(";")
    charset = rest.replace(" ", "").replace('"', "").lower()
    if said.strip().lower() != kind or charset not in ("", "charset=utf-8"):
        msg = f"Send the body as Content-Type: {kind}."
        raise UnsupportedMediaType(msg)
    require_as_it_is(encoding)


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "The body gives one thing twice."
        raise BadBody(msg)
    return found


def _integer(digits: str) -> int:
    if len(digits) > DIGITS:
        raise _unfit()
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits) if len(digits) <= DIGITS else math.inf
    if not math.isfinite(number):
        raise _unfit()
    return number


def _no_number(_: str) -> None:
    raise _unfit()


def _unfit() -> BadBody:
    return BadBody("The body holds a number that is none, or too large.")


def _too_deep() -> BadBody:
    return BadBody(f"The body nests more than {DEEPEST} deep.")


def _too_large(largest: int) -> BodyTooLarge:
    return BodyTooLarge(f"A body has {largest:,} bytes at the most.")
