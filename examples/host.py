"""What a host writes that has rows of its own: one transaction for them and for a transition of ours.

Run it by `./run python examples/host.py`, or with the URL of an empty database: postgresql+psycopg://host/name
"""

import sys
from datetime import UTC, datetime, timedelta

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from workflow import Actor, Engine, NewCall, Refused, TransactionConflict


class Base(DeclarativeBase):
    """The host's own metadata; ours stays out of it."""


class Booking(Base):
    """A row of the host's own: the rooms that are kept for an EOI."""

    __tablename__ = "booking"
    eoi_id: Mapped[str] = mapped_column(primary_key=True)
    rooms: Mapped[int]


host = create_engine(sys.argv[1] if len(sys.argv) > 1 else "sqlite://")
Base.metadata.create_all(host)
engine = Engine(host)  # the host's pool and settings, as they are
engine.migrate()
engine.on("eoi.*", lambda event: print(f"  {event.type} is committed"))


def show(eoi_id: str) -> None:
    """Print what both have committed."""
    with Session(host) as session:
        booking = session.get(Booking, eoi_id)
        print(engine.get(eoi_id).state, "with", booking.rooms if booking else "no", "rooms")


officer = Actor("programme.team", roles={"officer"})
head = Actor("user-8f21", roles={"applicant"}, organisations={"URN:121234"})
closes_at = datetime.now(UTC) + timedelta(days=14)  # noqa: TID251 -- a host has a clock of its own
call = engine.open_call(
    NewCall(reference="46/23", title="Resource Bases", closes_at=closes_at), actor=officer
)

print("both are committed:")
with Session(host) as session, session.begin():
    eoi = engine.draft(call.id, answers={"places": 18}, actor=head, session=session).eoi_id
    session.add(Booking(eoi_id=eoi, rooms=2))
    engine.submit(eoi, actor=head, session=session)
show(eoi)

print("neither is:")
with Session(host) as session:
    engine.withdraw(eoi, actor=head, session=session)
    session.delete(session.get_one(Booking, eoi))
    session.rollback()  # as it is for whatever goes wrong in the host
show(eoi)

print("a refusal leaves the host's work alone:")
with Session(host) as session, session.begin():
    session.get_one(Booking, eoi).rooms = 3
    try:
        engine.submit(eoi, actor=head, session=session)
    except Refused as refusal:
        print("  refused:", refusal.code)
show(eoi)

print("a savepoint of the host's takes ours along:")
with Session(host) as session, session.begin():
    with session.begin_nested() as savepoint:
        engine.withdraw(eoi, actor=head, session=session)
        savepoint.rollback()
    session.get_one(Booking, eoi).rooms = 4
show(eoi)

print("another isolation level: where somebody was quicker, all of it is done again:")
strict = host.execution_options(isolation_level="SERIALIZABLE")
for tries_left in range(4, -1, -1):
    try:
        with Session(strict) as session, session.begin():
            print("  at", session.connection().get_isolation_level())
            session.get_one(Booking, eoi).rooms = 0
            engine.withdraw(eoi, actor=head, session=session)
        break
    except (TransactionConflict, OperationalError):  # said by our statement, or by the host's own
        if not tries_left:
            raise
show(eoi)
host.dispose()
