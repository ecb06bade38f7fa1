"""The content of an EOI as the exact bytes that its digest is taken over."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Never

from states.errors import BadInput
from states.text import refuse_unstorable

#: The greatest size of a manifest, in bytes of UTF-8.
LARGEST: Final = 256 * 1024
#: How deep lists and objects may be nested.
DEEPEST: Final = 64


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an EOI says, ready to be stored."""

    #: JSON: one object with `answers`; keys sorted, no white space, characters as themselves.
    text: str
    #: SHA-256 over the UTF-8 of `text`, in hex.
    digest: str


def manifest_of(answers: object) -> Manifest:
    """Return the manifest of a form's answers.

    Args:
        answers: an object as JSON knows it: names that are texts; values that are texts, finite numbers,
            booleans, None, lists and objects. An empty one is fine.

    Raises:
        BadInput: anything else; over 256 KiB; nested over 64 deep; a NUL or a lone surrogate.
    """
    if not isinstance(answers, Mapping):
        _refuse(f"answers must be an object with names, not {type(answers).__name__}.")
    _check(answers)
    try:
        text = json.dumps(
            {"answers": _plain(answers)},
            ensure_ascii=False,
            allow_nan=False,
            sort_keys=True,
            separators=(",", ":"),
        )
    except ValueError as exc:
        _refuse(f"answers hold a value that JSON cannot carry: {exc}.")
    data = text.encode()
    if len(data) > LARGEST:
        _refuse(f"answers take {len(data):,} bytes; at most {LARGEST:,} (256 KiB) are allowed.")
    return Manifest(text=text, digest=hashlib.sha256(data).hexdigest())


def _check(answers: Mapping[Any, Any]) -> None:
    for value in _walk(answers, depth=1):
        if isinstance(value, str):
            refuse_unstorable(value, field="answers")
        elif value is not None and not isinstance(value, bool | int | float):
            _refuse(f"answers hold a {type(value).__name__}, which JSON does not know.")


def _walk(value: object, *, depth: int) -> Iterator[object]:
    """Every name and every single value; not the lists and objects themselves."""
    if depth > DEEPEST:
        _refuse(f"answers are nested more than {DEEPEST} deep.")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str):
                _refuse(f"answers hold the name {name!r}; a name must be a text.")
            yield name
            yield from _walk(inner, depth=depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _walk(inner, depth=depth + 1)
    else:
        yield value


def _plain(value: Any) -> Any:  # noqa: ANN401 -- JSON's values
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _refuse(message: str) -> Never:
    raise BadInput(message, field="answers")
