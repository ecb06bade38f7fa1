"""A sheet's text as a reader of dates wants it: one kind of space, hyphen, quote and digit, no mark-up.

What a person sees decides what a sheet says: what looks the same is made the same here, and what may
look otherwise than it reads is found.
"""

import re
import unicodedata
from typing import Final

from adapters.inbound import closing_words

_LOOKS_LIKE: Final = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
    **dict.fromkeys("\u2018\u2019\u201b\u2032", "'"),
    **dict.fromkeys("\u201c\u201d", '"'),
    **dict.fromkeys("\u2044\u2215", "/"),
}
# **bold**, _slanted_, and what begins a quoted line or a heading.
_EMPHASIS: Final = re.compile(
    r"\*{1,3}(?=\S)|(?<=\S)\*{1,3}|(?<![A-Za-z0-9])_{1,3}(?=\S)|(?<=\S)_{1,3}(?![A-Za-z0-9])"
)
_LINE_MARKS: Final = re.compile(r"^[ \t]{0,3}(?:(?:>|#{1,6}(?= ))[ \t]{0,3}){1,5}", re.MULTILINE)
#: Marks of direction from right to left: what follows them is shown in another order than it stands.
TURNING: Final = "\u061c\u200f\u202b\u202e\u2067"
# Where the letters of Latin alphabets end, but for a block of accented ones (Welsh has some there).
_LAST_LATIN: Final = "\u024f"
_MORE_LATIN: Final = ("\u1e00", "\u1eff")


def unmarked(text: str) -> str:
    """Return the text without the signs of Markdown: **bold**, # heading, > quoted."""
    return _EMPHASIS.sub("", _LINE_MARKS.sub("", text))


def prepared(text: str) -> str:
    """Return the text as `places` wants it: plain spaces, hyphens and quotes, labels joined to values.

    Wide and mathematical letters and digits and ligatures, all of which look like plain ones, are plain.
    """
    plain = {ord(char): _plain(char) for char in set(text) if not char.isascii()}
    spaced = re.sub(r" ?\n ?", "\n", re.sub(r"[^\S\n]+", " ", text.translate(plain)))
    return closing_words.LABEL_ABOVE.sub(r"\1:\n", spaced)


def lookalike(text: str) -> str | None:
    """Return the name of a character that lets a person see another number than a program; None without one.

    That is a digit of another script, or, in a line with a number, a letter of another alphabet or a sign
    that turns the direction of reading.
    """
    odd = {char for char in set(text) if not char.isascii() and _is_odd(char)}
    for line in text.split("\n") if odd else ():
        found = next((char for char in line if char in odd), None)
        if found and any(char.isdecimal() for char in line):
            return unicodedata.name(found, f"U+{ord(found):04X}").lower()
    return None


def _plain(char: str) -> str:
    """Return what a character looks like; raised, ringed and broken numbers (category No) stay apart."""
    if char in _LOOKS_LIKE:
        return _LOOKS_LIKE[char]
    plain = unicodedata.normalize("NFKC", char)
    return plain if plain.isascii() and unicodedata.category(char) != "No" else char


def _is_odd(char: str) -> bool:
    if char in TURNING or unicodedata.category(char) == "Nd":
        return True
    is_latin = char <= _LAST_LATIN or _MORE_LATIN[0] <= char <= _MORE_LATIN[1]
    return not is_latin and unicodedata.category(char) in {"Lu", "Ll", "Lo"}
