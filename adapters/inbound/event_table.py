"""The table of which event from elsewhere fires what, out of a TOML file, read strictly.

[[handle]]
type = "forms.eoi.submitted"
trigger = "submit"
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Never

from adapters.inbound.files import MOST, file_bytes
from states.errors import BadInput
from workflow import Handle

#: What the table's file is called in an error.
_WHAT: Final = "table of events"
_KNOWN: Final = tuple(field.name for field in fields(Handle))
_NEEDED: Final = ("type", "trigger")
# The line that begins a rule.
_HEAD: Final = re.compile(r"^[ \t]*\[\[[ \t]*handle[ \t]*\]\]", re.MULTILINE)


def handles_in(path: str) -> tuple[Handle, ...]:
    """Return the rules of a file; none where none is named.

    Raises:
        BadInput: it cannot be read, or holds no such table; the message says which rule, and on which line.
    """
    # As a place, so that no name stands for the standard input.
    return handles_from(file_bytes(Path(path).absolute(), what=_WHAT)) if path else ()


def handles_from(data: bytes) -> tuple[Handle, ...]:
    """Return the rules that a TOML file holds: its `[[handle]]`s.

    Raises:
        BadInput: as `handles_in`.
    """
    told, text = _told(data)
    unknown = [name for name in told if name != "handle"]
    rules = told.get("handle", [])
    if unknown or not isinstance(rules, list) or not rules:
        what = f"holds {unknown[0]!r}, which is nothing here" if unknown else "holds no rule"
        _refuse(f"The {_WHAT} {what}: each rule begins with a line [[handle]].")
    lines = [text.count("\n", 0, found.start()) + 1 for found in _HEAD.finditer(text)]
    places = lines if len(lines) == len(rules) else [None] * len(rules)
    found = tuple(
        _handle(rule, _name(number, line, rule))
        for number, (line, rule) in enumerate(zip(places, rules, strict=True), start=1)
    )
    _require_one_each(found)
    return found


def _told(data: bytes) -> tuple[dict[str, Any], str]:
    if len(data) > MOST:
        _refuse(f"The {_WHAT} has more than {MOST // 1024**2} MB: is it the right file?")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
        return tomllib.loads(text), text
    except UnicodeDecodeError:
        _refuse(f"The {_WHAT} is not in UTF-8.")
    except tomllib.TOMLDecodeError as exc:
        _refuse(f"The {_WHAT} is no TOML: {exc}.")
    except RecursionError:
        _refuse(f"The {_WHAT} is nested too deep.")


def _name(number: int, line: int | None, rule: object) -> str:
    """Return what a rule is called in an error: by its place, and by its type."""
    type_ = rule.get("type") if isinstance(rule, Mapping) else None
    called = f" ({type_[:60]})" if isinstance(type_, str) else ""
    return f"rule {number}{called}{'' if line is None else f', line {line}'}"


def _handle(rule: object, name: str) -> Handle:
    if not isinstance(rule, Mapping):
        _refuse(f"The {_WHAT}, {name}: it must be a table, [[handle]].")
    for key in rule:
        if key not in _KNOWN:
            meant = "".join(f" Was {each} meant?" for each in get_close_matches(key, _KNOWN, n=1))
            _refuse(f"The {_WHAT}, {name}: there is no {key[:60]!r}.{meant} Known are: {', '.join(_KNOWN)}.")
    for key in _NEEDED:
        if key not in rule:
            _refuse(f"The {_WHAT}, {name}: its {key} is missing.")
    try:
        return Handle(**rule)
    except BadInput as exc:
        _refuse(f"The {_WHAT}, {name}, {exc.field}: {exc.message}")


def _require_one_each(found: tuple[Handle, ...]) -> None:
    types = [each.type for each in found]
    for number, type_ in enumerate(types, start=1):
        if types.index(type_) + 1 != number:
            _refuse(
                f"The {_WHAT}, rule {number} ({type_}): rule {types.index(type_) + 1} is for that type, too."
            )


def _refuse(message: str) -> Never:
    raise BadInput(message, field="events")
