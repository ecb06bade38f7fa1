"""Whom letters go to, and whom they come from."""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from typing import Final, Self

from states.errors import BadInput
from states.mailboxes import halves
from states.text import plain_text

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
        found = halves(text)
        if found is None:
            msg = "This is no e-mail address that can be used: give one, such as office@school.example."
            raise BadInput(msg, field=field)
        return cls(*found)


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
