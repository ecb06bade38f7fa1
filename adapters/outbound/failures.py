"""What it means for the delivery when there is no answer at all.

Nothing that the receiver sent, and nothing of the request, is in the words: only what this machine says.
"""

from typing import Final

import httpx

from adapters.outbound.addresses import NotAllowedHere
from states.errors import BadInput
from workflow.errors import SecretUnreadable
from workflow.ports import Delayed, Outcome, Undeliverable

#: Longest text of an error that is kept, in characters.
LONGEST_WHY: Final = 300
#: What an attempt may end with.
FAILURES: Final = (BadInput, SecretUnreadable, httpx.InvalidURL, httpx.HTTPError, OSError)


def outcome(failure: Exception) -> Outcome:
    """Return how the delivery ended, given one of `FAILURES`."""
    match failure:
        case NotAllowedHere() | SecretUnreadable():
            return Delayed(why=failure.message, unable=True)  # here; another node may be let, or have the key
        case BadInput():
            return Undeliverable(why=failure.message)
        case httpx.InvalidURL():
            return Undeliverable(why=_words("The receiver's URL cannot be used", failure))
        case httpx.HTTPError():
            return Delayed(why=_of_the_way(failure))
        case _:
            said = getattr(failure, "strerror", None) or failure  # without the error's number
            return Delayed(why=f"The receiver's name could not be looked up ({said})"[:LONGEST_WHY])


def _of_the_way(failure: httpx.HTTPError) -> str:
    if isinstance(failure, httpx.ReadTimeout | httpx.WriteTimeout):
        return _words("The receiver did not answer in time", failure)
    if isinstance(failure, httpx.ProtocolError):  # Its own text shows what came, or what was sent.
        kind = type(failure).__name__
        return f"The receiver could not be reached ({kind}: it hung up, or its answer is no HTTP)"
    return _words("The receiver could not be reached", failure)


def _words(what: str, failure: Exception) -> str:
    return f"{what} ({type(failure).__name__}: {failure})"[:LONGEST_WHY]
