"""What was wrong with a last minute, by the clients' own clocks and the bare rows alone."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Final

from tests.clock import COARSE
from tests.databases.raw import RawDatabase
from tests.deadline.ledger import broken_promises
from tests.last_minute.schools import LOST, Asked, Try

#: Answers that may be right; which of them, is told by the client's clock.
KNOWN: Final = frozenset({"done", "call-closed", "closed-in-flight"})

#: How somebody who asked before the deadline may be refused for it, and in words.
#: Flagged: an officer can let them in.
#: Lost: their connection broke, and nothing of theirs need ever have come to a server that lives.
#: Put off: they were told to come again (503), since more waited than could be let in, and came to another
#: server, which had not put them off.
#: Otherwise: never.
REFUSED: Final = {
    "flagged": "flagged",
    "lost": "that lost a connection and came again after it",
    "put off": "told 503 that came again after it",
    "otherwise": "otherwise",
}

_SUBMITTED: Final = "SELECT id, submitted_at FROM eoi_eoi WHERE submitted_at IS NOT NULL"
_MOVES: Final = "SELECT subject_id, \"trigger\", at FROM eoi_history WHERE \"trigger\" IN ('save', 'submit')"
_TWICE: Final = (
    "SELECT e.call_id, e.applicant, count(*) FROM eoi_eoi e JOIN eoi_history h ON h.subject_id = e.id "
    "AND h.\"trigger\" = 'submit' GROUP BY e.call_id, e.applicant HAVING count(*) > 1"
)
_CLOSES: Final = (
    "SELECT c.id, c.state, c.closed_at, count(h.seq) FROM eoi_call c LEFT JOIN eoi_history h "
    "ON h.subject_id = c.id AND h.\"trigger\" = 'close' GROUP BY c.id, c.state, c.closed_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastMinute:
    """What was seen, and where its rows are."""

    asked: Sequence[Asked]
    #: How many jobs there were.
    jobs: int
    closes_at: datetime
    database: RawDatabase
    #: How long after its deadline the call is closed, and no sooner.
    settle: timedelta
    #: How far the clock that decides is ahead of the clients', at least and at the most.
    ahead: tuple[timedelta, timedelta] = (timedelta(), timedelta())
    #: Servers that end what is on its way when they are told to stop: whatever they did, they said.
    polite: frozenset[int] = frozenset()

    @property
    def tries(self) -> Iterator[tuple[Asked, Try]]:
        """Yield every time that anybody asked."""
        return ((asked, each) for asked in self.asked for each in asked.tries)

    def side(self, asked: Asked) -> str:
        """Return on which side of the deadline a job lies, by nothing but the client's own clock.

        What was first sent at the deadline or after it was late. What was answered before the deadline was in
        time; so was what lay with a server, which answered it, for longer than the settle time before it.
        """
        first, answer = asked.tries[0], asked.answer
        least, most = self.ahead
        if first.before + least >= self.closes_at:
            return "late"
        early = answer.before + self.settle + most < self.closes_at
        return "in time" if early or answer.after + most < self.closes_at else "either"

    def latencies_s(self) -> list[float]:
        """Return how long each answer took, in seconds."""
        return sorted(
            (each.after - each.before).total_seconds() for _, each in self.tries if each.code != LOST
        )

    def in_time(self, instant: datetime | None) -> bool:
        """Return whether an instant of the clients' clock was certainly before the deadline."""
        return instant is not None and instant + self.ahead[1] < self.closes_at

    def refused_early(self) -> dict[str, list[Asked]]:
        """Return who asked before the deadline and was refused for it, by how (`REFUSED`)."""
        early: dict[str, list[Asked]] = {how: [] for how in REFUSED}
        for each in self.asked:
            if how := self._refused(each):
                early[how].append(each)
        return early

    def _refused(self, asked: Asked) -> str | None:
        *before, answer = asked.tries
        came = self.in_time(answer.sent)
        lost = any(self.in_time(each.before) for each in before if each.code == LOST)
        put_off = any(self.in_time(each.sent) for each in before if each.code != LOST)
        if answer.code == "closed-in-flight" and (came or lost or put_off):
            return "flagged"
        if answer.code != "call-closed":
            return None
        return "otherwise" if came else "put off" if put_off else "lost" if lost else None

    def told(self) -> str:
        """Return what came of it, in words."""
        told = Counter((self.side(asked), asked.job.trigger, asked.answer.code) for asked in self.asked)
        again = Counter(each.code for asked in self.asked for each in asked.tries[:-1])
        lines = [f"{self.database.name}: {len(self.asked)} requests, {sum(again.values())} of them again"]
        lines += [
            f"  {side}: {trigger}: {code}: {many}" for (side, trigger, code), many in sorted(told.items())
        ]
        lines += [f"  sent again after {code}: {many}" for code, many in sorted(again.items())]
        lines.append(f"  {self._early()}")
        lines.append(f"  an answer: {_spread(self.latencies_s())}")
        lines.append(f"  until the last word: {_spread(sorted(each.took_s for each in self.asked))}")
        return "\n".join(lines)

    def _early(self) -> str:
        early = self.refused_early()
        ms = [
            (self.closes_at - each.tries[0].before) / timedelta(milliseconds=1) for each in early["flagged"]
        ]
        words = REFUSED | {"flagged": f"flagged ({max(ms, default=0):.0f} ms before it at the most)"}
        told = ", ".join(f"{len(early[how])} {words[how]}" for how in REFUSED)
        return f"asked before the deadline, and refused: {told}"


def wrongs(seen: LastMinute) -> dict[str, list[object]]:
    """Return everything that cannot be right, by what it is."""
    found = {name: list(look(seen)) for name, look in _LOOKS.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


def _spread(sorted_s: Sequence[float]) -> str:
    p50, p99, most = (sorted_s[math.ceil(share * len(sorted_s)) - 1] * 1000 for share in (0.5, 0.99, 1))
    return f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, at the most {most:.0f} ms"


def _accepted_late(seen: LastMinute) -> Iterable[object]:
    """Look for what was accepted although it was sent too late, or as of an instant of no try of its own."""
    for asked in seen.asked:
        at, (least, most) = asked.answer.at, seen.ahead
        if at is None:
            continue
        own = any(each.before + least <= at <= each.after + most for each in asked.tries)
        if at >= seen.closes_at or seen.side(asked) == "late" or not own:
            yield asked


def _refused_in_time(seen: LastMinute) -> Iterable[object]:
    return (each for each in seen.asked if seen.side(each) == "in time" and each.answer.code == "call-closed")


def _refused_unflagged(seen: LastMinute) -> Iterable[object]:
    """Look for what was answered by the server that it was sent to, in time, as if it had come late."""
    return seen.refused_early()["otherwise"]


def _flagged_late(seen: LastMinute) -> Iterable[object]:
    """Look for what is said to have been there in time, perhaps, and was late for certain.

    The kernel's clock is coarse; and what the question after a database's clock took, which is less than the
    whole of it took, it may have come earlier. Whom the same server has put off had come when it did so.
    """
    for each in seen.asked:
        *before, answer = each.tries
        if any(one.server == answer.server and seen.in_time(one.sent) and one.code != LOST for one in before):
            continue
        asking = timedelta() if seen.database.name == "sqlite" else answer.after - answer.before
        first_at = answer.before + seen.ahead[0] - COARSE - asking
        if answer.code == "closed-in-flight" and first_at >= seen.closes_at:
            yield each


def _unknown(seen: LastMinute) -> Iterable[object]:
    return (each for each in seen.asked if each.answer.code not in KNOWN)


def _unanswered(seen: LastMinute) -> Iterable[object]:
    return range(len(seen.asked), seen.jobs)


def _submissions(seen: LastMinute) -> Iterable[object]:
    """Compare what was acknowledged with the rows: nothing is lost, nothing there that nobody knows of."""
    rows = {(id_, _instant(at)) for id_, at in seen.database.ask(_SUBMITTED)}
    return rows ^ {(eoi_id, at) for trigger, eoi_id, at in _done(seen) if trigger == "submit"}


def _moves(seen: LastMinute) -> Iterable[object]:
    """Compare each acknowledgement with history: it is there once, as of the receipt's instant."""
    rows = Counter((trigger, id_, _instant(at)) for id_, trigger, at in seen.database.ask(_MOVES))
    told = Counter(_done(seen))
    return chain((rows - told).items(), (told - rows).items())


def _done(seen: LastMinute) -> Iterator[tuple[str, str, datetime | None]]:
    done = (asked for asked in seen.asked if asked.answer.code == "done")
    return ((each.job.trigger, each.job.eoi_id, each.answer.at) for each in done)


def _twice(seen: LastMinute) -> Iterable[object]:
    return seen.database.ask(_TWICE)


def _closings(seen: LastMinute) -> Iterable[object]:
    for row in seen.database.ask(_CLOSES):
        _, state, closed_at, many = row
        at = _instant(closed_at)
        if (state, many) != ("closed", 1) or at is None or at < seen.closes_at + seen.settle:
            yield row


def _cut_off(seen: LastMinute) -> Iterable[object]:
    """Look for what a server did that ends politely, and did not say."""
    least, most = seen.ahead
    for asked in seen.asked:
        at = asked.answer.at
        for each in asked.tries:
            by_then = at is not None and each.before + least <= at <= each.after + most
            if each.code == LOST and each.server in seen.polite and by_then:
                yield asked


_LOOKS: Final[dict[str, Callable[[LastMinute], Iterable[object]]]] = {
    "accepted late": _accepted_late,
    "refused in time": _refused_in_time,
    "sent in time, and refused unflagged": _refused_unflagged,
    "late, and told to have been in time": _flagged_late,
    "neither done nor refused for the deadline": _unknown,
    "not answered": _unanswered,
    "lost, or there though nobody was told": _submissions,
    "not there once, as acknowledged": _moves,
    "submitted twice": _twice,
    "closed": _closings,
    "done and not said": _cut_off,
    "promises": lambda seen: broken_promises(seen.database.place),
}


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)
