"""What counts as plain text at the border. Imports only errors."""

import unicodedata
from typing import Final

from states.errors import BadInput

#: Longest identifier of an actor or organisation, in characters.
ID_LENGTH: Final = 200


def plain_text(value: object, *, field: str, longest: int = ID_LENGTH, lines: bool = False) -> str:
    """Return `value` in Unicode normal form NFC, without surrounding white space.

    Args:
        value: what was given; anything but a text is refused.
        field: the name to use in the error.
        longest: the greatest length allowed, in characters.
        lines: whether it may have several lines, and tabs.

    Raises:
        BadInput: not a text, empty, too long, with a control character (it could steer the terminal of
            whoever reads it), with a NUL or with a lone surrogate (PostgreSQL stores neither, UTF-8 cannot
            carry the second).
    """
    if not isinstance(value, str):
        msg = f"{field} must be a text, not {type(value).__name__}."
        raise BadInput(msg, field=field)
    text = unicodedata.normalize("NFC", value).strip()
    if not text:
        msg = f"{field} is empty."
        raise BadInput(msg, field=field)
    if len(text) > longest:
        msg = f"{field} has {len(text):,} characters; at most {longest:,} are allowed."
        raise BadInput(msg, field=field)
    refuse_unstorable(text, field=field)
    allowed = "\n\r\t" if lines else ""
    if any(unicodedata.category(char) == "Cc" and char not in allowed for char in text):
        msg = f"{field} holds a control character."
        raise BadInput(msg, field=field)
    return text


def refuse_unstorable(text: str, *, field: str) -> None:
    """Refuse characters that a database or UTF-8 cannot hold.

    Raises:
        BadInput: it holds a NUL or a lone surrogate.
    """
    if "\x00" in text:
        msg = f"{field} holds a NUL character, which cannot be stored."
        raise BadInput(msg, field=field)
    if any("\ud800" <= char <= "\udfff" for char in text):
        msg = f"{field} holds half of a surrogate pair, which is no Unicode text."
        raise BadInput(msg, field=field)
