"""What an e-mail address may look like: one mailbox, in a spelling that no two readers read differently.

Stricter than RFC 5321 on purpose: no quoted names, no comments, no numbers in brackets, no lists.
"""

import re
import unicodedata
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Final, Self

from states.errors import BadInput
from states.text import plain_text

#: Longest address and name in it, in bytes. Source: RFC 5321, 4.5.3.1.1 and 4.5.3.1.3.
LONGEST: Final = 254
LONGEST_NAME: Final = 64

# Letters, marks and digits beyond ASCII may stand in both halves. Source: RFC 6531, 3.3.
_ATOM: Final = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", re.ASCII)
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", re.ASCII)
_LETTERS: Final = ("L", "M", "N")
_SHOWN: Final = re.compile(r"(?P<shown>[^<>]*)<(?P<address>[^<>]*)>")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Somebody's address, looked through."""

    #: What stands before the @.
    name: str
    #: What stands after it.
    domain: str

    @property
    def address(self) -> str:
        """The whole."""
        return f"{self.name}@{self.domain}"

    @property
    def is_plain(self) -> bool:
        """Whether every mail server can read it."""
        return self.address.isascii()

    @classmethod
    def parse(cls, text: str, *, field: str = "address") -> Self:
        """Read one address.

        Raises:
            BadInput: it is none, or more than one; the message does not repeat it.
        """
        address = unicodedata.normalize("NFC", text) if len(text) <= LONGEST else ""
        name, at, domain = address.partition("@")
        fits = (
            len(address.encode(errors="replace")) <= LONGEST
            and len(name.encode(errors="replace")) <= LONGEST_NAME
        )
        if not (at and fits and _is_name(name) and _is_domain(domain)):
            msg = "This is no e-mail address that can be used: give one, such as office@school.example."
            raise BadInput(msg, field=field)
        return cls(name, domain)


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom letters come from."""

    mailbox: Mailbox
    #: What a mail program shows instead of the address; empty: nothing.
    shown_as: str = ""

    @property
    def header(self) -> Address:
        """It as it stands in `From:`."""
        return Address(self.shown_as, self.mailbox.name, self.mailbox.domain)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `Norfolk County Council <bases@council.example>`, or the address alone.

        Raises:
            BadInput: it is neither, or has an address that not every mail server can read.
        """
        written = plain_text(text, field="sender")
        found = _SHOWN.fullmatch(written)
        mailbox = Mailbox.parse(found["address"] if found else written, field="sender")
        if not mailbox.is_plain:
            msg = "The sender's address must be written in ASCII: a domain beyond that as xn--…"
            raise BadInput(msg, field="sender")
        return cls(mailbox, found["shown"].strip().strip('"') if found else "")


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
