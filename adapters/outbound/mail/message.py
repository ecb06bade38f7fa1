"""A letter as a message: text, HTML and the deadline for a calendar, under headers of one line each.

Source: RFC 5322; for what a program sends by itself, RFC 3834.
"""

import hashlib
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from typing import Final

from adapters.outbound.letters import Letter
from adapters.outbound.mail.mailboxes import Mailbox, Sender

#: Every mail server can carry what is written so: seven bits, short lines.
_PLAIN: Final = SMTP.clone(cte_type="7bit")
#: The longest text of a header that is written as it is: 78 characters make a line. Source: RFC 5322, 2.1.1.
_ONE_LINE: Final = 78 - len("Subject: ")


def message(letter: Letter, *, sender: Sender, to: Mailbox, event_id: str, at: datetime) -> bytes:
    """Return the bytes to send.

    Args:
        letter: what it says.
        sender: whom it comes from.
        to: whom it goes to.
        event_id: of the event it tells of.
        at: when it is sent.
    """
    # Not left to EmailMessage: that puts a long Message-ID on a second line, where some programs do not find
    # it, changes what looks encoded already, and loses spaces where it breaks lines.
    headers = {
        "Message-ID": message_id(event_id, to, sender),
        "Date": format_datetime(at),
        "From": _sender(sender),
        "To": to.address,
        "Subject": _words(letter.subject, header="Subject"),
        "Auto-Submitted": "auto-generated",
    }
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + _content(letter)


def message_id(event_id: str, to: Mailbox, sender: Sender) -> str:
    """Return what names this letter to this mailbox, the same at every attempt: twice is seen to be once."""
    digest = hashlib.sha256(to.address.encode()).hexdigest()[:16]
    return f"<{event_id.replace(':', '.')}.{digest}@{sender.mailbox.domain}>"


@lru_cache(maxsize=32)
def _content(letter: Letter) -> bytes:
    """Return all that comes after these headers: the same for a whole audience."""
    written = EmailMessage(_PLAIN)
    written.set_content(letter.text, cte="quoted-printable")
    written.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    if letter.calendar is not None:
        written.add_attachment(
            letter.calendar,
            maintype="text",
            subtype="calendar",
            filename="deadline.ics",
            params={"charset": "utf-8"},
        )
    return written.as_bytes()


def _sender(sender: Sender) -> str:
    """Return a sender as it stands in `From:`."""
    if not sender.shown_as or _fits(sender.shown_as):
        return str(sender.header)
    return f"{_words(sender.shown_as, header='From')}\r\n <{sender.mailbox.address}>"


def _words(text: str, *, header: str) -> str:
    """Return any text at all as it stands in a header. Source: RFC 2047."""
    return text if _fits(text) else Header(text, "utf-8", header_name=header).encode(linesep="\r\n")


def _fits(text: str) -> bool:
    return text.isascii() and len(text) <= _ONE_LINE and "=?" not in text
