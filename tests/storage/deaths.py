"""Victims from the outside: started, heard, killed; and what all of them were told, held against the rows."""

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from typing import Final

from scheduler.pump import AHEAD, Pump
from tests.databases.raw import RawDatabase
from tests.deadline.ledger import broken_promises
from tests.races.crowd import CONTEXT
from tests.races.turns import Turn
from tests.storage.victim import Change, Said, Terms, carried_out, live
from workflow import Engine
from workflow.testing import FrozenClock, RecordingCourier

#: How long a victim may keep silent, in seconds.
SILENCE_S: Final = 60
#: How far each had come, by the last word that it said.
MOMENTS: Final = {
    "ready": "before it wrote",
    "try": "before it wrote",
    "write": "between BEGIN and COMMIT",
    "stop": "between BEGIN and COMMIT",
    "commit": "committing",
    "answer": "answered",
    "deliver": "delivering",
    "hang": "delivering",
}
#: How much later everything that waits is due, and every lease of the dead has ended.
LATER: Final = timedelta(days=365)


class Victim:
    """A program that writes into a database until it is killed."""

    def __init__(self, terms: Terms) -> None:
        """Start it; come back when it is about to write, or stands where it was told to stop."""
        self._pipe, theirs = CONTEXT.Pipe(duplex=False)
        self._process: BaseProcess = CONTEXT.Process(target=live, args=(terms, theirs), daemon=True)
        self._process.start()
        theirs.close()
        self.said: list[Said] = []
        self.hear_until("stop" if terms.stop_at else "hang" if terms.hang_at else "ready")

    def hear_until(self, *words: str) -> None:
        """Wait until it says one of these."""
        while not any(said.word in words for said in self.said):
            self._hear()

    def hear_on(self) -> None:
        """Wait until it says something that it had not said yet."""
        while self._pipe.poll(0):
            self._hear()
        self._hear()

    def _hear(self) -> None:
        assert self._pipe.poll(SILENCE_S), "it says nothing any more"
        self.said.append(self._pipe.recv())

    def die(self) -> list[Said]:
        """Kill it, and return all that it said."""
        self._process.kill()
        self._process.join()
        assert self._process.exitcode == -9
        with suppress(EOFError):
            while True:
                self.said.append(self._pipe.recv())
        return self.said


@dataclass
class Told:
    """What the victims on one database were told before they died."""

    acknowledged: list[Change] = field(default_factory=list)
    #: What was on its way, and when it was asked.
    unanswered: list[tuple[Turn, datetime]] = field(default_factory=list)
    #: What has arrived at the receiver, in order: the subject, and its version.
    delivered: list[tuple[str, int]] = field(default_factory=list)
    #: How far each had come.
    moments: Counter[str] = field(default_factory=Counter)
    #: Errors that they were told of.
    errors: list[str] = field(default_factory=list)

    def add(self, said: Iterable[Said]) -> None:
        """Take the last words of a victim."""
        tried, last = None, "ready"
        for word, what, at in said:
            last = last if word == "fail" or last == "hang" else word
            if word == "try":
                assert at is not None
                tried = (what, at)
            elif word == "answer":
                tried = None
                self.acknowledged += what
            elif word == "deliver":
                self.delivered.append(what)
            elif word == "fail":
                self.errors.append(what)
        self.moments[MOMENTS[last]] += 1
        self.unanswered += [tried] if tried else []


def verify(database: RawDatabase, told: Told) -> None:
    """Hold the rows against what was acknowledged, and every row against the others."""
    assert broken_promises(database.place) == []
    history = {Change(*row) for row in database.ask("SELECT subject_id, seq, target FROM eoi_history")}
    assert len(set(told.acknowledged)) == len(told.acknowledged), "acknowledged twice"
    assert set(told.acknowledged) <= history, "acknowledged, and lost"
    if database.name == "sqlite":
        assert database.ask("PRAGMA integrity_check") == [("ok",)]


def send_again(database: RawDatabase, told: Told) -> None:
    """Send what was on its way once more: it is done once, whether it had been done or not.

    Then every change in history was acknowledged, but for those that nobody has asked for: drafts that lapse,
    and calls that a sweep closes.
    """
    for wanted, at in told.unanswered:
        with Engine(database.url, clock=FrozenClock(at)) as engine:
            told.acknowledged += carried_out(engine, wanted)
    told.unanswered.clear()
    verify(database, told)
    rows = database.ask("SELECT subject_id, seq, target, actor FROM eoi_history WHERE target <> 'lapsed'")
    asked = {Change(*row) for *row, actor in rows if actor != "system"}
    assert asked <= set(told.acknowledged), "done, and nobody asked for it"


def deliver_the_rest(database: RawDatabase, told: Told) -> None:
    """Deliver what still waits: each event has then arrived, in order, and twice only where a sender died."""
    (last,) = database.ask("SELECT max(recorded_at) FROM eoi_outbox")
    later = FrozenClock(datetime.fromisoformat(f"{last[0]}+00:00") + LATER)
    courier = RecordingCourier()
    with Engine(database.url, clock=later) as engine:
        Pump(engine.outbox, {"log": courier}, clock=later, workers=2).once()
    told.delivered += [(event.subject, event.version) for event in courier.delivered]
    firsts = list(dict.fromkeys(told.delivered))
    assert set(firsts) == set(database.ask("SELECT coalesce(eoi_id, call_id), version FROM eoi_outbox")), (
        "each event arrives"
    )
    latest: dict[str, int] = {}
    for subject, version in firsts:
        assert version == latest.get(subject, 0) + 1, "in order"
        latest[subject] = version
    claimed = 2 * AHEAD  # by a victim with two workers
    assert len(told.delivered) - len(firsts) <= claimed * sum(told.moments.values()), (
        "what was claimed, at the most"
    )
