"""Headers that an endpoint wants to get with each webhook: which names and values will do. Pure.

Values are often secrets (`Authorization: Bearer …`), so that no message shows one, nor a name that is none.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from states.errors import BadInput

#: The most headers of one endpoint.
MOST: Final = 20
#: The greatest size of their names and values together, in bytes.
LARGEST: Final = 4096
#: The longest JSON that they can stand in: each byte written as `\u00ff`, and some white space.
_LONGEST_JSON: Final = 8 * LARGEST

#: Source: RFC 9110, 5.6.2.
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: What can be seen in ISO-8859-1, and blanks. Source: RFC 9110, 5.5; without the C1 control characters.
_VALUE: Final = re.compile(r"[\t -~\xa0-\xff]*")
#: What is ours to say: where the request goes, and how the connection is used. Source: RFC 9110, 7.6.1.
_OURS: Final = frozenset(
    {
        "host",
        "connection",
        "proxy-connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
    }
)
#: What speaks of the body, of the signature, or of the event (CloudEvents 1.0, HTTP binding, 3.1.3.1).
_OURS_BEGIN: Final = ("content-", "webhook-", "ce-")


def header_map(given: object) -> dict[str, str]:
    """Return headers by name, the values without surrounding blanks.

    Args:
        given: a mapping of names to texts, or a JSON object of them as text; an empty text: none.

    Raises:
        BadInput: more than 20, larger than 4 kB in all, twice the same name, no name or value that HTTP knows
            (a line's end, a control character, a letter beyond ISO-8859-1), or one that is ours to set.
    """
    named = _mapping(given)
    if len(named) > MOST:
        _refuse(f"There may be {MOST} headers at the most, not {len(named)}.")
    found: dict[str, str] = {}
    for number, (name, value) in enumerate(named.items(), start=1):
        found[_name(name, number)] = _value(value, name)
    if len({name.lower() for name in found}) < len(found):
        _refuse("Two headers have the same name: capital and small letters count as the same.")
    if sum(len(name) + len(value) for name, value in found.items()) > LARGEST:
        _refuse(f"The headers may have {LARGEST:,} bytes at the most, names and values together.")
    return found


def _mapping(given: object) -> Mapping[Any, Any]:
    if isinstance(given, str):
        given = _from_json(given) if given.strip() else {}
    if not isinstance(given, Mapping):
        _refuse(f"headers must be names with their values, such as {{'X-Team': 'eoi'}}, {_not_a(given)}.")
    return given


def _from_json(text: str) -> object:
    if len(text) > _LONGEST_JSON:
        _refuse(f"The headers may have {LARGEST:,} bytes at the most, names and values together.")
    try:
        return json.loads(text, object_pairs_hook=_once_each)
    except (ValueError, RecursionError):  # Its message would show a part of the text.
        _refuse('The headers are no JSON object, such as {"X-Team": "eoi"}.')


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        _refuse("Two headers have the same name.")
    return dict(pairs)


def _name(name: object, number: int) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        _refuse(f"Header number {number} has no name that HTTP knows: letters, digits and hyphens, no blank.")
    # CGI and WSGI show `Webhook_Id` and `Webhook-Id` to a receiver as the same.
    meant = name.lower().replace("_", "-")
    if meant in _OURS or meant.startswith(_OURS_BEGIN):
        _refuse(f"The header {name[:60]} is set by the engine itself: leave it out.")
    return name


def _value(value: object, name: str) -> str:
    if not isinstance(value, str):
        _refuse(f"The header {name[:60]} must be a text, {_not_a(value)}.")
    text = value.strip(" \t")
    if not _VALUE.fullmatch(text):
        _refuse(
            f"The header {name[:60]} holds a line's end, a control character or a letter beyond ISO-8859-1, "
            "which HTTP does not carry."
        )
    return text


def _not_a(value: object) -> str:
    return f"not {type(value).__name__}"


def _refuse(message: str) -> NoReturn:
    raise BadInput(message, field="headers")
