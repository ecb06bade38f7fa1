"""Closing what is due: each call in a transaction of its own, so that one that fails bars no other."""

from datetime import datetime, timedelta
from typing import Final

from states.errors import EoiError, Refused
from states.events import Event
from states.facts import Actor
from states.names import Role
from workflow.calls import close
from workflow.commands import Command
from workflow.connection import Connection
from workflow.errors import CommitUnknown, ConnectionLost, DatabaseLocked
from workflow.log import get_log
from workflow.ports import Clock
from workflow.store import calls
from workflow.unit_of_work import Many, own_transaction
from workflow.views import CloseReport

#: The engine itself, when it closes what is due.
SWEEP: Final = Actor("system", roles={Role.SYSTEM}, via="sweep")

#: How long a sweep waits for a call's lock, in seconds. Who holds it may hang, and the others are due too.
WAIT_S: Final = 1.0
#: And once it has waited in vain; the next sweep looks again.
WAIT_NO_MORE_S: Final = 0.05

_log = get_log("sweep")


def close_due(
    connection: Connection, clock: Clock, settle: timedelta
) -> tuple[CloseReport, list[Event | Many]]:
    """Close every call whose deadline plus settle has come; twice, or on two nodes, is harmless.

    - for each: the call, its drafts, history, outbox and counts, in one transaction

    Returns:
        What was done, and the events to tell of.
    """
    now = clock.now()
    command = Command(actor=SWEEP, arrived_at=now, clock=clock, settle=settle)
    closed, events, lapsed, failed = [], list[Event | Many](), 0, dict[str, str]()
    wait_s = WAIT_S
    for call_id in calls.due(connection, now - settle):
        try:
            with own_transaction(connection, wait_s=wait_s) as unit:
                call, count = close(unit, command, call_id)
        except Refused:
            continue  # Somebody was quicker: another node closed it, an officer extended it.
        except EoiError as exc:
            failed[call_id] = exc.code
            _log.warning("sweep.failed", call_id=call_id, code=exc.code)
            if isinstance(exc, DatabaseLocked):
                wait_s = WAIT_NO_MORE_S
            if isinstance(exc, ConnectionLost | CommitUnknown):
                break  # The next sweep has another one.
            continue
        closed.append(call)
        lapsed += count
        events += unit.events
    return CloseReport(closed=tuple(closed), lapsed=lapsed, failed=failed), events


def next_due(connection: Connection, settle: timedelta) -> datetime | None:
    """Return the earliest instant at which there will be something to close."""
    closing = calls.next_closing(connection)
    return None if closing is None else closing + settle
