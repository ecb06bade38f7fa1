"""Closing what is due: each call in a transaction of its own, so that one that fails bars no other."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from states.errors import EoiError, Refused
from states.events import Event
from states.facts import Actor
from states.names import Role
from workflow.calls import close
from workflow.commands import Command
from workflow.connection import BRIEFLY_S, Connection
from workflow.errors import CommitUnknown, ConnectionLost, DatabaseLocked
from workflow.log import get_log
from workflow.ports import Clock
from workflow.store import calls
from workflow.unit_of_work import Many, own_transaction
from workflow.views import CallView, CloseReport

#: The engine itself, when it closes what is due.
SWEEP: Final = Actor("system", roles={Role.SYSTEM}, via="sweep")

#: How long a sweep waits for a call's lock, in seconds, once the others are closed, until it has waited in
#: vain: the next sweep looks again. Before that it waits briefly, since the others are due too.
WAIT_S: Final = 1.0

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
    sweep = _Sweep(connection, command)
    sweep.close_each(calls.due(connection, now - settle), wait_s=BRIEFLY_S)
    # Who holds a call may hang: it is waited for when all the others are closed.
    sweep.close_each(sweep.held(), wait_s=WAIT_S)
    sweep.log_failures()
    return sweep.report(), sweep.events


class _Sweep:
    """Closes calls one by one, and keeps account of it."""

    def __init__(self, connection: Connection, command: Command) -> None:
        self._connection, self._command = connection, command
        self._closed, self._lapsed = list[CallView](), 0
        self._failed = dict[str, EoiError]()
        self.events = list[Event | Many]()

    def close_each(self, call_ids: Sequence[str], *, wait_s: float) -> None:
        """Close these; wait so long for the first that somebody holds, and for the next ones no more."""
        for call_id in call_ids:
            try:
                with own_transaction(self._connection, wait_s=wait_s) as unit:
                    call, count = close(unit, self._command, call_id)
            except Refused:
                self._failed.pop(call_id, None)
                continue  # Somebody was quicker: another node closed it, an officer extended it.
            except EoiError as exc:
                self._failed[call_id] = exc
                if isinstance(exc, DatabaseLocked):
                    wait_s = BRIEFLY_S
                if isinstance(exc, ConnectionLost | CommitUnknown):
                    break  # The next sweep has another one.
                continue
            self._failed.pop(call_id, None)
            self._closed.append(call)
            self._lapsed += count
            self.events += unit.events

    def held(self) -> list[str]:
        """Return which of them somebody held; none where there is no connection to close them by."""
        if any(isinstance(exc, ConnectionLost | CommitUnknown) for exc in self._failed.values()):
            return []
        return [call_id for call_id, exc in self._failed.items() if isinstance(exc, DatabaseLocked)]

    def log_failures(self) -> None:
        """Say which could not be closed, and why."""
        for call_id, exc in self._failed.items():
            _log.warning("sweep.failed", call_id=call_id, code=exc.code, why=exc.message)

    def report(self) -> CloseReport:
        """Return what was done."""
        codes = {call_id: exc.code for call_id, exc in self._failed.items()}
        return CloseReport(closed=tuple(self._closed), lapsed=self._lapsed, failed=codes)


def next_due(connection: Connection, settle: timedelta) -> datetime | None:
    """Return the earliest instant at which there will be something to close."""
    closing = calls.next_closing(connection)
    return None if closing is None else closing + settle
