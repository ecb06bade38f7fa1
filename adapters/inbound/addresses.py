"""Where a text says how to reach somebody: e-mail addresses, telephone numbers, links."""

import re
from typing import Final

_EMAIL: Final = re.compile(r"[A-Za-z0-9_]@[A-Za-z0-9-]{1,63}\.[A-Za-z]")
_PHONE: Final = re.compile(
    r"(?<![0-9/])(?:\+44 ?(?:\(0\) ?)?|\(?0)[1-9][0-9]{1,4}\)?[ -]?[0-9]{3,4}[ -]?[0-9]{3,4}(?![0-9/])"
)
_LINK: Final = re.compile(
    r"https?://[^\s/]|\bwww\.[a-z0-9]|[a-z0-9]\.(?:(?:gov|org|co|sch|ac|nhs)\.uk|org|com|net)\b",
    re.IGNORECASE,
)
_SHORTEST_PHONE: Final = 10


def has_address(text: str) -> bool:
    """Tell whether it holds an e-mail address, a British telephone number or a link."""
    return has_mail_or_phone(text) or has_link(text)


def has_mail_or_phone(text: str) -> bool:
    """Tell whether it holds an e-mail address or a British telephone number."""
    return bool(_EMAIL.search(text)) or any(_is_phone(found.group()) for found in _PHONE.finditer(text))


def has_link(text: str) -> bool:
    """Tell whether it holds a web address, with or without https:// before it."""
    return any(_LINK.search(word) for word in text.split() if "@" not in word or "://" in word)


def _is_phone(digits: str) -> bool:
    return sum(char.isdigit() for char in digits) >= _SHORTEST_PHONE
