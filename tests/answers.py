"""What a command comes to in one word, whichever way it goes: so that a test says all that it expects."""

from collections.abc import Callable

from states.errors import EoiError
from workflow import CallView, Receipt


def answer(ask: Callable[[], Receipt | CallView]) -> str:
    """Return the state that a command leads to, or the code of what it is refused with."""
    try:
        return str(ask().state)
    except EoiError as refused:
        return refused.code
