"""What an e-mail address may look like: one mailbox, in a spelling that no two readers read differently.

Stricter than RFC 5321 on purpose: no quoted names, no comments, no numbers in brackets, no lists.
"""

import re
import unicodedata
from typing import Final

#: Longest address and name in it, in bytes. Source: RFC 5321, 4.5.3.1.1 and 4.5.3.1.3.
LONGEST: Final = 254
LONGEST_NAME: Final = 64

# Letters, marks and digits beyond ASCII may stand in both halves. Source: RFC 6531, 3.3.
_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", re.ASCII)
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", re.ASCII)
_LETTERS: Final = ("L", "M", "N")


def halves(text: str) -> tuple[str, str] | None:
    """Return what stands before and after the @ of an address, in normal form NFC; None: it is not one."""
    address = unicodedata.normalize("NFC", text) if len(text) <= LONGEST else ""
    name, at, domain = address.partition("@")
    fits = (
        len(address.encode(errors="replace")) <= LONGEST
        and len(name.encode(errors="replace")) <= LONGEST_NAME
    )
    return (name, domain) if at and fits and _is_name(name) and _is_domain(domain) else None


def _is_name(text: str) -> bool:
    return all(_ATOM.fullmatch(_plain(atom)) for atom in text.split("."))


def _is_domain(text: str) -> bool:
    labels = text.split(".")
    # A last label of digits alone is an address in numbers.
    return (
        len(labels) > 1
        and all(_LABEL.fullmatch(_plain(each)) for each in labels)
        and not labels[-1].isdigit()
    )


def _plain(text: str) -> str:
    """Return it with an `x` for each letter, mark or digit beyond ASCII."""
    return "".join(
        "x" if not char.isascii() and unicodedata.category(char).startswith(_LETTERS) else char
        for char in text
    )
