"""Column types, constraints and words that the tables share."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import CheckConstraint

#: Longest id: a UUID in its text form.
ID: Final = 36
#: Longest word: a state, trigger, code, role.
WORD: Final = 32

#: Longest type, subject and id of an event from elsewhere, and its source.
EVENT_TYPE: Final = 200
EVENT_TEXT: Final = 500
EVENT_SOURCE: Final = 2000
#: Longest name of a list of contacts.
LIST: Final = 200
#: Length of that part of an API key by which it is recognised.
PREFIX: Final = 8

# A CHECK cannot be widened in SQLite without rebuilding its table, so the states that the lifecycle will
# grow stand in it from the beginning. Nothing writes them yet.
CALL_STATES: Final = ("draft", "scheduled", "open", "closed", "decided", "archived", "cancelled")
EOI_STATES: Final = (
    "draft", "submitted", "returned", "reviewed", "reserved", "approved",
    "declined", "withdrawn", "lapsed", "rescinded", "cancelled",
)  # fmt: skip
DELIVERY_STATES: Final = ("pending", "delivered", "parked")
#: States of a job: the first two of what is still to be done.
JOB_OPEN: Final = ("queued", "running")
JOB_ENDED: Final = ("done", "failed", "cancelled")
JOB_STATES: Final = (*JOB_OPEN, *JOB_ENDED)
#: What a job has of bytes.
JOB_FILES: Final = ("input", "result", "errors")


def one_of(column: str, words: Iterable[str]) -> CheckConstraint:
    """Return a CHECK that `column` holds one of `words`."""
    return CheckConstraint(f"{column} IN ({_quoted(words)})", name=f"{column}_known")


def implies(name: str, states: Iterable[str], fact: str) -> CheckConstraint:
    """Return a CHECK that whatever is in one of `states` also has `fact`."""
    return CheckConstraint(f"state NOT IN ({_quoted(states)}) OR ({fact})", name=name)


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
