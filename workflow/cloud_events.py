"""What an event from elsewhere must be: CloudEvents 1.0, as its JSON format has it. All of it is checked.

Little of it is kept: extensions and the event's own time change nothing here; what counts is arrival.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Never

from states.errors import BadInput
from workflow.columns import EVENT_SOURCE, EVENT_TEXT, EVENT_TYPE

SPECVERSION: Final = "1.0"
#: The greatest length of what is kept, in characters.
LONGEST: Final[Mapping[str, int]] = {
    "id": EVENT_TEXT,
    "source": EVENT_SOURCE,
    "type": EVENT_TYPE,
    "subject": EVENT_TEXT,
}

# Source: CloudEvents 1.0, "Naming Conventions".
_NAME: Final = re.compile("[a-z0-9]+")
# Source: CloudEvents 1.0, "Type System": what no String may hold. Half a surrogate pair is no character.
_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# Source: RFC 3986, appendix A. After an authority a path begins with a slash; a first segment with a colon
# would be a scheme.
_SIGN: Final = r"[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2}"
_HOST: Final = rf"//(?:{_SIGN}|\[[0-9A-Fa-f:.]+\])*(?=[/?#]|$)"
_REST: Final = rf"(?:{_HOST})?(?:{_SIGN}|/)*(?:\?(?:{_SIGN}|[/?])*)?(?:#(?:{_SIGN}|[/?])*)?"
_URI: Final = re.compile(rf"[A-Za-z][A-Za-z0-9+.\-]*:{_REST}")
_RELATIVE: Final = re.compile(rf"(?![^/?#]*:){_REST}")
# Source: RFC 3339, 5.6. A leap second is one; 24:00, which Python reads from 3.14 on, is none.
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]{1,30})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
# Source: CloudEvents 1.0, JSON format, 3.1: which types are JSON.
_JSON: Final = re.compile(r"(?i:[a-z0-9!#$&^_.+-]+/(?:[a-z0-9!#$&^_.+-]+\+)?json)")
#: Python's values -> what JSON calls them; true and false before numbers, which they are to Python.
_KINDS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "true or false",
    str: "a text",
    int: "a number",
    float: "a number",
    list: "a list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudEvent:
    """An event from elsewhere, as far as anything comes of it."""

    #: With `source`, what tells it from every other event.
    id: str
    #: Where it happened: a URI, or what is one below some other.
    source: str
    #: What happened: `forms.eoi.submitted`.
    type: str
    #: What it happened to; None: nothing is said.
    subject: str | None
    #: Values of JSON; None: there are none.
    data: object


def cloud_event_of(event: object) -> CloudEvent:
    """Return an event that was given as JSON has it, in structured mode.

    Raises:
        BadInput: no CloudEvent 1.0 with JSON in it; `field` names the attribute.
    """
    told = _attributes(event)
    if told.get("specversion") != SPECVERSION:
        _refuse("specversion", f"must be {SPECVERSION!r}: no other is read")
    if "data_base64" in told:
        _refuse("data_base64", "is not read: give the data as JSON, in data")
    for name, check in _CHECKS.items():
        if name in told:
            check(name, told[name])
        elif name in _NEEDED:
            _refuse(name, "is missing")
    return CloudEvent(
        id=told["id"],
        source=told["source"],
        type=told["type"],
        subject=told.get("subject"),
        data=told.get("data"),
    )


def in_words(value: object) -> str:
    """Return what JSON calls a value: who sends one has no need to know what Python does."""
    return next((word for kind, word in _KINDS.items() if isinstance(value, kind)), "an object")


def instant_of(words: str) -> datetime | None:
    """Return the instant that a text says as RFC 3339 has it; None where it says none."""
    try:
        # A leap second is told as the one before it: nothing here goes by less than a second.
        return datetime.fromisoformat(words.upper().replace(":60", ":59")) if _is_instant(words) else None
    except ValueError:
        return None  # a day or an hour that is in no calendar and on no clock


def _attributes(event: object) -> dict[str, str]:
    """Return what is said; what is null is not said."""
    if not isinstance(event, Mapping):
        msg = f"An event must be an object with its attributes, not {in_words(event)}."
        raise BadInput(msg, field="event")
    for name in event:
        if not isinstance(name, str) or (not _NAME.fullmatch(name) and name != "data_base64"):
            msg = f"Attributes have names of small letters and digits, not {ascii(name)[:60]}."
            raise BadInput(msg, field="event")
    return {name: value for name, value in event.items() if value is not None}


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        _refuse(name, f"must be a text, not {in_words(value)}")
    if not value:
        _refuse(name, "is empty")
    if len(value) > (longest := LONGEST.get(name, LONGEST["source"])):
        _refuse(name, f"has {len(value):,} characters; at most {longest:,} are read")
    if found := _UNFIT.search(value):
        _refuse(name, f"holds what no text of an event may (U+{ord(found[0]):04X})")
    return value


def _reference(name: str, value: object) -> None:
    said = _text(name, value)
    if not _URI.fullmatch(said) and not _RELATIVE.fullmatch(said):
        _refuse(name, "is no URI reference (RFC 3986), such as /forms/eoi or https://forms.example/eoi")


def _uri(name: str, value: object) -> None:
    if not _URI.fullmatch(_text(name, value)):
        _refuse(name, "is no URI (RFC 3986), such as https://forms.example/schema/1")


def _time(name: str, value: object) -> None:
    if instant_of(_text(name, value)) is None:
        _refuse(name, "is no instant (RFC 3339), such as 2023-03-17T14:05:09Z")


def _is_instant(words: str) -> bool:
    return _INSTANT.fullmatch(words) is not None


def _json_type(name: str, value: object) -> None:
    kind, _, rest = _text(name, value).partition(";")
    charset = rest.replace(" ", "").replace('"', "").lower()
    if not _JSON.fullmatch(kind.strip()) or charset not in ("", "charset=utf-8"):
        _refuse(name, "is no type of JSON in UTF-8, such as application/json, and nothing else is read")


def _data(name: str, value: object) -> None:
    try:
        json.dumps(value, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        _refuse(name, "holds what JSON does not know, or is nested too deep")


def _refuse(name: str, what: str) -> Never:
    msg = f"{name} {what}."
    raise BadInput(msg, field=name)


_NEEDED: Final = frozenset({"id", "source", "type"})
#: Attribute -> what is checked of it.
_CHECKS: Final[Mapping[str, Callable[[str, object], object]]] = {
    "id": _text,
    "source": _reference,
    "type": _text,
    "subject": _text,
    "time": _time,
    "datacontenttype": _json_type,
    "dataschema": _uri,
    "data": _data,
}
