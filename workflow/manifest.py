"""The content of an EOI as the exact bytes that its digest is taken over."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Never

from pydantic_core import from_json

from states.errors import BadInput
from states.text import refuse_unstorable

#: The greatest size of a manifest, in bytes of UTF-8.
LARGEST: Final = 256 * 1024
#: How deep lists and objects may be nested.
DEEPEST: Final = 64
#: The widest whole number, in bits: as far as the floating-point numbers reach that most readers have.
WIDEST: Final = 1023


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an EOI says, ready to be stored."""

    #: JSON: one object with `answers`; keys sorted, no white space, characters as themselves.
    text: str
    #: SHA-256 over the UTF-8 of `text`, in hex.
    digest: str


def answers_in(text: str) -> dict[str, Any]:
    """Return the answers that a manifest holds.

    Raises:
        ValueError: it is none.
    """
    answers: dict[str, Any] = from_json(text)["answers"]
    return answers


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
    text = json.dumps(
        {"answers": _Copy().of(answers)},
        ensure_ascii=False,
        allow_nan=False,
        sort_keys=True,
        separators=(",", ":"),
    )
    if len(text.encode()) > LARGEST:
        _refuse_size()
    return Manifest(text=text, digest=digest_of(text))


def digest_of(text: str) -> str:
    """Return the digest of a manifest's text: SHA-256 over its UTF-8, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


class _Copy:
    """Copies answers into what JSON can carry, and stops once they cannot fit any more.

    A list that holds itself, or a small one that holds the next twice, and so on, would else never end.
    """

    def __init__(self) -> None:
        self._room = LARGEST

    def of(self, value: object, *, depth: int = 1) -> object:
        """Return a copy of lists, objects and single values."""
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool | int | float):
            self._take(1)
            return _number(value) if value is not None else None
        self._take(2)
        if depth > DEEPEST:
            _refuse(f"answers are nested more than {DEEPEST} deep.")
        if isinstance(value, Mapping):
            return {self._name(name): self.of(inner, depth=depth + 1) for name, inner in value.items()}
        if not isinstance(value, list | tuple):
            _refuse(f"answers hold a value of the type {type(value).__name__}, which JSON does not know.")
        return [self.of(inner, depth=depth + 1) for inner in value]

    def _name(self, name: object) -> str:
        if not isinstance(name, str):
            _refuse(f"answers hold a name of type {type(name).__name__}; a name must be a text.")
        return self._text(name)

    def _text(self, value: str) -> str:
        text = str.__str__(value)
        self._take(1 + len(text))
        refuse_unstorable(text, field="answers")
        return text

    def _take(self, room: int) -> None:
        self._room -= room
        if self._room < 0:
            _refuse_size()


def _number(value: float) -> float:
    if isinstance(value, int) and value.bit_length() > WIDEST:
        _refuse(f"answers hold a whole number of over {WIDEST} bits, which few readers of JSON can take.")
    if not math.isfinite(value):
        _refuse("answers hold a number that is not finite, which JSON does not know.")
    return value


def _refuse_size() -> Never:
    _refuse(f"answers take over {LARGEST:,} bytes (256 KiB) as JSON.")


def _refuse(message: str) -> Never:
    raise BadInput(message, field="answers")
