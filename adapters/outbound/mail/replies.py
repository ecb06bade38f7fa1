"""What a mail server's replies mean.

In words of ours, for a person to read; and in its own, without anybody's address.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from adapters.outbound.mail.mailboxes import Mailbox
from workflow.ports import ANSWER

#: What stands where an address was.
HIDDEN: Final = "[address]"

# The class, subject and detail that begin a reply's text. Source: RFC 3463, 2.
_ENHANCED: Final = re.compile(r"[245]\.(\d{1,3}\.\d{1,3})\b", re.ASCII)
_ADDRESS: Final = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;]+|\"[^\"]*\"@\S+")
_UNFIT: Final = ("Cc", "Cf", "Zl", "Zp")

#: Subject and detail -> words. Source: RFC 3463, 3.
_BY_DETAIL: Final = {
    "1.1": "there is no such mailbox",
    "1.2": "there is no such domain",
    "1.3": "that is no address",
    "1.6": "the mailbox has moved",
    "1.10": "that domain takes no mail",
    "2.1": "the mailbox takes no mail",
    "2.2": "the mailbox is full",
    "2.3": "the letter is too large for the mailbox",
    "3.1": "the server has no space left",
    "3.2": "the server takes nothing now",
    "3.4": "the letter is too large",
    "4.1": "the recipient's server does not answer",
    "4.4": "nobody knows where that domain's mail goes",
    "4.5": "there is too much mail on its way",
    "7.0": "it is against the server's rules",
    "7.1": "we may not send to there",
    "7.8": "the name or the password is wrong",
}
#: Code -> words, where there is no such detail. Source: RFC 5321, 4.2.3; RFC 4954, 6.
_BY_CODE: Final = {
    421: "it is closing the connection",
    450: "the mailbox is not available now",
    451: "something went wrong there",
    452: "it has too little space now",
    454: "it cannot do so now",
    500: "it did not understand us",
    501: "it did not understand us",
    502: "it cannot do what was asked",
    503: "it did not expect that now",
    521: "it takes no mail",
    530: "one must sign in first",
    534: "it wants another way of signing in",
    535: "the name or the password is wrong",
    550: "the mailbox is not available",
    551: "the mailbox is not one of its own",
    552: "there is no space for it",
    553: "it does not allow that address",
    554: "it refuses the letter",
    556: "that domain takes no mail",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply."""

    #: Three digits; something else where it was no reply at all.
    code: int
    #: What the server said, as it came.
    text: bytes = b""

    @property
    def is_yes(self) -> bool:
        """Whether it has done what was asked."""
        return self.code // 100 == 2  # noqa: PLR2004 -- RFC 5321, 4.2.1

    @property
    def is_later(self) -> bool:
        """Whether it will perhaps do so later."""
        return self.code // 100 == 4  # noqa: PLR2004 -- as above

    @property
    def is_never(self) -> bool:
        """Whether it will never do so."""
        return self.code // 100 == 5  # noqa: PLR2004 -- as above

    @property
    def detail(self) -> str:
        """Subject and detail (`1.1`: no such mailbox), where it tells them."""
        found = _ENHANCED.match(self._words())
        return found[1] if found else ""

    @property
    def status(self) -> int | None:
        """The code, where it is one."""
        return self.code if 200 <= self.code <= 599 else None  # noqa: PLR2004 -- as above

    def why(self) -> str:
        """Return in a sentence what it means; nothing of what the server said, which may name persons."""
        if self.status is None:
            return "The mail server answered with something that is no reply."
        meaning = _BY_DETAIL.get(self.detail) or _BY_CODE.get(self.code)
        return f"The mail server answered {self.code}{f': {meaning}' if meaning else ''}."

    def answer(self, mailbox: Mailbox) -> str:
        """Return the beginning of what the server said, on one line, without any address."""
        text = _ADDRESS.sub(HIDDEN, self._words())
        # Many name the mailbox without its domain: "user jane.head unknown".
        name = re.compile(rf"(?<![\w.]){re.escape(mailbox.name)}(?![\w])", re.IGNORECASE)
        text = f"{self.code} {name.sub(HIDDEN, text)}".rstrip()
        return text.encode()[:ANSWER].decode(errors="ignore")

    def _words(self) -> str:
        text = self.text.decode(errors="replace")
        fit = "".join(" " if unicodedata.category(char) in _UNFIT else char for char in text)
        return " ".join(fit.split())
