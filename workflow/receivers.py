"""What a receiver of events may be called: a URL, an e-mail address, a word that stands for people."""

from typing import Final
from urllib.parse import urlsplit

from states.errors import BadInput
from states.mailboxes import halves
from states.text import plain_id, plain_text
from workflow.ids import shown
from workflow.store.people import whom_of

#: The couriers that an endpoint may have.
COURIERS: Final = ("webhook", "smtp", "notify")
#: Longest URL, in characters.
URL: Final = 2000
#: The words that stand for people.
_WORDS: Final = "applicant, audience, officers, list:NAME"
#: Another word for a list.
_OFFICERS: Final = {"officers": "list:officers"}


def courier(via: object) -> str:
    """Return the name of a courier.

    Raises:
        BadInput: there is none of that name.
    """
    if not isinstance(via, str) or via not in COURIERS:
        msg = f"There is no courier {shown(via)}. Couriers are: {', '.join(COURIERS)}."
        raise BadInput(msg, field="via")
    return via


def web_address(url: object) -> str:
    """Return where a webhook goes; whether it may go there, its courier decides.

    Raises:
        BadInput: no http(s) URL with a host, or one with credentials.
    """
    address, usable, signs_in = plain_text(url, field="url", longest=URL), False, False
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
        signs_in = "@" in parts.netloc
    except ValueError:  # A port that is no number, a bracket left open.
        pass
    # Not shown: what is in it may be secret.
    if not usable or not address.isprintable() or " " in address:
        msg = "That is no address of a receiver: give one such as https://example.org/hook."
        raise BadInput(msg, field="url")
    if signs_in:
        msg = "A receiver's URL must not hold a user name or a password: leave out what stands before the @."
        raise BadInput(msg, field="url")
    return address


def mail_receiver(url: object, via: str) -> str:
    """Return an e-mail address, or the word for those whose addresses are on a list.

    Raises:
        BadInput: it is neither.
    """
    text = plain_text(url, field="url", longest=URL)
    text = _OFFICERS.get(text, text)
    if text.startswith("list:"):
        return f"list:{list_name(text.removeprefix('list:'))}"
    if whom_of(via, text)[0]:
        return text
    return mail_address(text, field="url", else_=f", and none of the words {_WORDS}")


def list_name(name: object) -> str:
    """Return the name of a list of contacts."""
    return plain_id(name, field="list")


def mail_address(address: object, *, field: str, else_: str = "") -> str:
    """Return an e-mail address to which a letter can go.

    Args:
        address: what was given; no message shows it.
        field: the name to use in the error.
        else_: what it is not, either.

    Raises:
        BadInput: it is not one mailbox, or in a spelling that could be read in two ways.
    """
    text = plain_id(address, field=field)
    if halves(text) is None:
        msg = f"That is no e-mail address{else_}: give one such as office@school.example."
        raise BadInput(msg, field=field)
    return text
