"""Bodies: read whole, within limits, as JSON that means one thing only."""

import asyncio
import json
import math
from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request

from adapters.api.errors import JSON, BadBody, BodyTooLarge, BodyTooSlow, UnsupportedMediaType

#: The largest body, in bytes: the largest answers, and room for what stands around them.
LARGEST: Final = 2 * 1024 * 1024
#: How long a body may take to come, in seconds.
PATIENCE_S: Final = 20.0
#: How many digits a number may have.
DIGITS: Final = 400


async def received(request: Request, *, largest: int = LARGEST, patience_s: float = PATIENCE_S) -> bytes:
    """Return the whole body.

    Raises:
        BodyTooLarge: it is larger than that, or says so.
        BodyTooSlow: it did not come in time.
    """
    said = request.headers.get("content-length", "")
    if said.isascii() and said.isdigit() and int(said[:20]) > largest:
        raise _too_large(largest)
    chunks, size = list[bytes](), 0
    try:
        async with asyncio.timeout(patience_s):
            async for chunk in request.stream():
                chunks.append(chunk)
                size += len(chunk)
                if size > largest:
                    raise _too_large(largest)
    except TimeoutError:
        msg = f"The body did not come within {patience_s:.0f} seconds."
        raise BodyTooSlow(msg) from None
    return b"".join(chunks)


def parsed(body: bytes, content_type: str) -> Any:  # noqa: ANN401 -- JSON's values
    """Return what a body says.

    Raises:
        UnsupportedMediaType: it is not said to be JSON, or in another encoding than UTF-8.
        BadBody: it is none (RFC 8259); names a thing twice; or holds a number that no computer can hold.
    """
    _require_json(content_type)
    try:
        return json.loads(
            body.decode(),
            object_pairs_hook=_once_each,
            parse_constant=_no_number,
            parse_int=_whole,
            parse_float=_finite,
        )
    except UnicodeDecodeError:
        msg = "The body is not UTF-8."
        raise BadBody(msg) from None
    except json.JSONDecodeError as exc:
        msg = f"The body is no JSON: {exc.msg}, at line {exc.lineno}, column {exc.colno}."
        raise BadBody(msg) from None
    except RecursionError:
        msg = "The body nests too deeply."
        raise BadBody(msg) from None


def _require_json(content_type: str) -> None:
    kind, _, rest = content_type.partition(";")
    charset = rest.replace(" ", "").replace('"', "").lower()
    if kind.strip().lower() != JSON or charset not in ("", "charset=utf-8"):
        msg = f"Send the body as Content-Type: {JSON}."
        raise UnsupportedMediaType(msg)


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        msg = "The body gives one thing twice."
        raise BadBody(msg)
    return found


def _whole(digits: str) -> int:
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


def _too_large(largest: int) -> BodyTooLarge:
    return BodyTooLarge(f"A body has {largest:,} bytes at the most.")
