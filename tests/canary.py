"""A canary in the log of the whole suite: no line of it may hold a secret, an address or a person's name.

Tests name people after those below, and give addresses in example domains; whatever any of them makes the
engine write is looked at here, at every level that `eoi serve` may be set to. So is what programs beside the
tests write to stderr: whoever starts them hands each line to `hear`.
"""

import logging
import re
import traceback
from typing import Final

#: What no line may hold: a webhook's secret, a key, an e-mail address, whom the tests' answers and letters
#: speak of.
KEPT_OUT: Final = re.compile(
    r"whsec_[A-Za-z0-9+/]{16}|eoi_[a-z0-9]{8}_[\w-]{43}|"
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.example\b|Ada Lovelace|Grace Hopper"
)

#: The lines of programs beside the tests that hold what is to be kept out, since they were last looked at.
said_by_programs: list[str] = []


def hear(lines: str | bytes) -> None:
    """Look at what a program has written to stderr."""
    text = lines.decode(errors="replace") if isinstance(lines, bytes) else lines
    said_by_programs.extend(line for line in text.splitlines() if KEPT_OUT.search(line))


class Canary(logging.Handler):
    """Hears every line of ours, and remembers what should not have been said."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        super().__init__(logging.DEBUG)
        #: The lines that hold what is to be kept out.
        self.said: list[str] = []
        #: How many lines there were.
        self.heard = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Look at all that a line holds, and at the exception that comes with it."""
        self.heard += 1
        _, exc, _ = record.exc_info or (None, None, None)
        told = [str(vars(record)), *(traceback.format_exception(exc) if exc else ())]
        if any(KEPT_OUT.search(text) for text in told):
            self.said.append(f"{record.name}: {record.getMessage()} {told}")
