"""A command is done whole or not at all: where its event cannot be written, nothing of it is there."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.answers import answer
from tests.databases.raw import RawDatabase
from workflow import CallView, Engine, Receipt
from workflow.testing import FrozenClock, admin, new_call, officer, school

#: A command on a call in which school 1 has a draft.
COMMANDS: Final[dict[str, Callable[[Engine, str], Receipt | CallView]]] = {
    "open": lambda engine, _: engine.open_call(new_call(reference="2"), actor=officer()),
    "draft": lambda engine, _: engine.draft("46/23", answers={}, actor=school(2)),
    "save": lambda engine, eoi: engine.save(eoi, answers={"places": 2}, actor=school(1)),
    "submit": lambda engine, eoi: engine.submit(eoi, actor=school(1), idempotency_key="k"),
    "withdraw": lambda engine, eoi: engine.withdraw(eoi, actor=school(1)),
    "cancel": lambda engine, _: engine.cancel_call(engine.call("46/23").id, actor=admin(), reason="no money"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_whose_event_cannot_be_written_has_not_happened(
    engine: Engine, database: RawDatabase, name: str
) -> None:
    """State, history, answers, key and event are committed together, or none of them."""
    eoi, before = _draft(engine, database)
    database.plant("BEFORE INSERT ON eoi_outbox", None)
    assert answer(lambda: COMMANDS[name](engine, eoi)) == "database-refused"
    assert database.tables() == before


def test_a_close_whose_event_cannot_be_written_has_not_happened(
    engine: Engine, database: RawDatabase, clock: FrozenClock
) -> None:
    """The sweep says which call it could not close, and nothing of it has changed."""
    _, before = _draft(engine, database)
    call = engine.call("46/23")
    clock.move_to(call.closes_at.replace(second=2))
    database.plant("BEFORE INSERT ON eoi_outbox", None)
    report = engine.close_due()
    assert (report.closed, report.failed) == ((), {call.id: "database-refused"})
    assert database.tables() == before


def _draft(engine: Engine, database: RawDatabase) -> tuple[str, dict[str, Any]]:
    call = engine.open_call(new_call(), actor=officer())
    eoi = engine.draft(call.id, answers={}, actor=school(1)).eoi_id
    return eoi, database.tables()
