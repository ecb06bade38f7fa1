"""What happens while the receivers are at their worst: calls that fill, and that the nodes close."""

from datetime import timedelta
from typing import Final, NamedTuple

import sqlalchemy
from sqlalchemy.orm import Session

from tests.clock import now
from tests.databases.raw import RawDatabase
from workflow import Engine, TransactionConflict
from workflow.testing import FrozenClock, new_call, officer, school

#: How long ago all of it happens: whoever sees a call finds it due, and lets its drafts lapse together.
AGO: Final = timedelta(hours=1)


class Terms(NamedTuple):
    """How much happens."""

    calls: int
    #: How many EOIs are drafted for each call, and how many of them are saved and handed in.
    drafts: int = 50
    submits: int = 20

    @property
    def events(self) -> int:
        """How many events that makes: opened, drafted, saved, submitted; closed, lapsed."""
        return self.calls * (1 + self.drafts + 2 * self.submits + 1 + self.drafts - self.submits)


def happen(database: RawDatabase, terms: Terms) -> None:
    """Let it all happen, a transaction for each call."""
    host, clock = database.host(), FrozenClock(now() - AGO)
    with Engine(host, clock=clock) as engine:
        for number in range(terms.calls):
            while not _is_filled(engine, host, number, terms):
                pass
    host.dispose()


def _is_filled(engine: Engine, host: sqlalchemy.Engine, number: int, terms: Terms) -> bool:
    """Return whether it could be done; a host gives up where a node holds SQLite's write lock."""
    with Session(host) as session:
        try:
            _fill(engine, session, number, terms)
        except TransactionConflict:
            return False
        session.commit()
    return True


def _fill(engine: Engine, session: Session, number: int, terms: Terms) -> None:
    closes_at = now() - AGO + timedelta(minutes=30)
    call = engine.open_call(
        new_call(reference=f"{number}", closes_at=closes_at), actor=officer(), session=session
    )
    for urn in range(terms.drafts):
        head = school(urn)
        eoi_id = engine.draft(call.id, answers={}, actor=head, session=session).eoi_id
        if urn < terms.submits:
            engine.save(eoi_id, answers={"places": urn}, actor=head, session=session)
            engine.submit(eoi_id, actor=head, session=session)
