"""What counts as plain text at the border. Imports only errors."""

import re
import unicodedata
from typing import Final

from states.errors import BadInput

#: Longest identifier of an actor or organisation, in characters.
ID_LENGTH: Final = 200

#: Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt): nothing is drawn for them.
UNSEEN: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# LEFT-TO-RIGHT OVERRIDE and RIGHT-TO-LEFT OVERRIDE: they show letters in another order than they stand.
_OVERRIDES: Final = "\u202d\u202e"
_LINE_ENDS: Final = re.compile("\r\n?")
# Categories of what ends a line or steers a terminal.
_STEERING: Final = ("Cc", "Zl", "Zp")


def plain_text(value: object, *, field: str, longest: int = ID_LENGTH, lines: bool = False) -> str:
    r"""Return `value` in Unicode normal form NFC, without surrounding white space.

    For people to read. Letters of every script are fine, and so are the joiners and marks of
    direction that some of them need.

    Args:
        value: what was given; anything but a text is refused.
        field: the name to use in the error.
        longest: the greatest length allowed, in characters, as given and in normal form.
        lines: whether it may have several lines (ended by \n in what is returned), and tabs.

    Raises:
        BadInput: not a text, with nothing in it to see, too long, with a control character, a line's
            end or an override of direction (they could steer the terminal of whoever reads it, or
            show it something else), with a NUL or with a lone surrogate (PostgreSQL stores neither, UTF-8
            cannot carry the second).
    """
    if not isinstance(value, str):
        msg = f"{field} must be a text, not {type(value).__name__}."
        raise BadInput(msg, field=field)
    # The length first: normal form takes quadratic time on hostile text. Then again: it may grow.
    given = _at_most(longest, value.strip(), field=field)
    if given and given.isascii() and given.isprintable():
        return given  # as most are: whatever is looked for below stands in no such text
    text = unicodedata.normalize("NFC", given)
    _at_most(longest, text, field=field)
    if not UNSEEN.sub("", text).strip():
        msg = f"{field} is empty."
        raise BadInput(msg, field=field)
    refuse_unstorable(text, field=field)
    if lines:
        text = _LINE_ENDS.sub("\n", text)
    allowed = "\n\t" if lines else ""
    for char in text:
        if char in _OVERRIDES or (unicodedata.category(char) in _STEERING and char not in allowed):
            msg = f"{field} holds a control character (U+{ord(char):04X})."
            raise BadInput(msg, field=field)
    return text


def plain_id(value: object, *, field: str) -> str:
    """Return an identifier in Unicode normal form NFC; two that look the same here are the same.

    Its form is not checked: any letter, digit or sign of any script will do, and single spaces as well.

    Raises:
        BadInput: what `plain_text` refuses; a character that nobody can see, such as a zero-width space
            or a soft hyphen; a space of another kind or width than the plain one.
    """
    text = plain_text(value, field=field)
    if text.isascii():
        return text
    for char in text:
        if UNSEEN.match(char) or (char != " " and unicodedata.category(char) == "Zs"):
            msg = (
                f"{field} holds a character that cannot be seen or told from a space (U+{ord(char):04X}): "
                "type it again instead of pasting it."
            )
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
    try:
        text.encode()
    except UnicodeEncodeError:
        msg = f"{field} holds half of a surrogate pair, which is no Unicode text."
        raise BadInput(msg, field=field) from None


def _at_most(longest: int, text: str, *, field: str) -> str:
    if len(text) > longest:
        msg = f"{field} has {len(text):,} characters; at most {longest:,} are allowed."
        raise BadInput(msg, field=field)
    return text
