"""Faults to plant in a process of a race, to see that the race catches them."""

from collections.abc import Callable
from dataclasses import replace as but
from datetime import UTC, datetime
from typing import Any, Final

from states.facts import CallFacts
from states.names import CallState
from tests.races.faults import no_transaction, replace
from workflow import applications
from workflow.commands import call_facts
from workflow.connection import Connection
from workflow.store import calls, eois


def arrival_ignored() -> None:
    """Let the deadline never be compared with the arrival: only a closed call refuses."""

    def never_closing(*of: Any, **more: Any) -> CallFacts:
        facts = call_facts(*of, **more)
        never = datetime.max.replace(tzinfo=UTC)
        return but(facts, closes_at=never) if facts.state == CallState.OPEN else facts

    replace(applications, "call_facts", never_closing)


def no_lock() -> None:
    """Let those who move EOIs read the call without sharing it: neither their turn nor the row's lock."""
    replace(eois, "_LOCK", eois._LOAD)
    replace(calls, "_LOCK_SHARED", calls._BY_ID)


def state_before_lock() -> None:
    """Decide under the lock on what was read before it."""
    _remember(calls, "by_id", "lock_shared")
    _remember(eois, "load", "lock")


#: Which guard is taken away -> how, on each database, and the harm that is seen by then.
FAULTS: Final[dict[str, dict[str, tuple[Callable[[], None], str]]]] = {
    "arrival": {
        "sqlite": (arrival_ignored, "accepted late"),
        "postgresql": (arrival_ignored, "accepted late"),
    },
    "state under the lock": {
        "sqlite": (state_before_lock, "counted at the close"),
        "postgresql": (state_before_lock, "counted at the close"),
    },
    "lock": {
        "sqlite": (no_transaction, "counted at the close"),
        "postgresql": (no_lock, "counted at the close"),
    },
}


def _remember(module: Any, read: str, locked_read: str) -> None:
    plainly, seen = getattr(module, read), dict[str, Any]()

    def first(connection: Connection, an_id: str) -> Any:
        seen[an_id] = plainly(connection, an_id)
        return seen[an_id]

    replace(module, read, first)
    replace(module, locked_read, lambda _, an_id: seen[an_id])
