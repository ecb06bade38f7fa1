"""The detector: what went wrong in a race, by the clients' own clocks and the bare rows alone."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.clock import now
from tests.databases.raw import RawDatabase
from tests.deadline.ledger import broken_promises
from tests.deadline.racer import Answer, Seen

#: An attempt so near to its deadline tells something of the race.
NEAR: Final = timedelta(milliseconds=100)
#: So many of all attempts must be near, on each side, or the race is none.
SHARE: Final = 0.05
#: What anybody may be told; which of it may be right is told by the client's clock.
KNOWN: Final = frozenset({"done", "closed-in-flight", "call-closed"})


@dataclass(frozen=True, slots=True)
class Race:
    """What was seen of a race, and where its rows are."""

    seen: Sequence[Seen]
    deadlines: Mapping[str, datetime]
    database: RawDatabase
    #: How far the clock that decides is ahead of the clients', at least and at the most.
    ahead: tuple[timedelta, timedelta]
    #: How long after its deadline a call is closed, and no sooner.
    settle: timedelta = timedelta()

    @property
    def answers(self) -> list[Answer]:
        """Return what every client was told."""
        return [answer for each in self.seen for answer in each.answers]

    def side(self, answer: Answer) -> str:
        """Return on which side of the deadline an attempt lies, by nothing but the client's own clock.

        The arrival lies somewhere between the two readings. What began at the deadline was late for certain;
        what ended before it was in time; of what lies around it nobody can say.
        """
        closes_at = self.deadlines[answer.job.call_id]
        least, most = self.ahead
        if answer.before + least >= closes_at:
            return "late"
        return "in time" if answer.after + most < closes_at else "either"

    def unsure(self, answer: Answer) -> timedelta:
        """Return by how much an attempt may be told to have arrived earlier than it was made.

        Whoever asks a server's clock learns what it showed at some instant of the question.
        """
        return timedelta() if self.database.name == "sqlite" else answer.after - answer.before

    def near(self, answer: Answer) -> bool:
        """Return whether it lies within 100 ms of its deadline."""
        closes_at = self.deadlines[answer.job.call_id]
        return closes_at - NEAR <= answer.after and answer.before <= closes_at + NEAR

    def shares(self) -> dict[str, float]:
        """Return the share of all attempts that was near, on each side."""
        near = Counter(self.side(answer) for answer in self.answers if self.near(answer))
        return {side: near[side] / len(self.answers) for side in ("in time", "late")}

    @property
    def counts(self) -> bool:
        """Whether enough was attempted on either side, near to a deadline."""
        return all(share >= SHARE for share in self.shares().values())

    def many(self, side: str, code: str) -> int:
        """Return how many on one side of the deadline were told so."""
        return sum((self.side(answer), answer.code) == (side, code) for answer in self.answers)

    def told(self) -> str:
        """Return what came of it, in words."""
        told = Counter((self.side(answer), answer.code) for answer in self.answers)
        lines = [f"{len(self.answers)} attempts on {len(self.deadlines)} calls, {len(self.seen)} processes"]
        lines += [f"  {side}: {code}: {many}" for (side, code), many in sorted(told.items())]
        shares = ", ".join(f"{side} {share:.0%}" for side, share in self.shares().items())
        lines.append(f"  within {NEAR / timedelta(milliseconds=1):.0f} ms: {shares}")
        lines.append(f"  closed by each: {[len(each.closed) for each in self.seen]}")
        return "\n".join(lines)


def ahead_of_us(database: RawDatabase) -> tuple[timedelta, timedelta]:
    """Return how far a server's clock is ahead of this machine's, at least and at the most."""
    here = timedelta(), timedelta()
    if database.name == "sqlite":
        return here
    looks = []
    for _ in range(20):
        before = now()
        told = _instant(database.ask("SELECT clock_timestamp()")[0][0])
        assert told is not None
        looks.append((told - now(), told - before))
    least, most = min(looks, key=lambda look: look[1] - look[0])
    return here if least <= timedelta() <= most else (least, most)


def wrongs(race: Race) -> dict[str, list[object]]:
    """Return everything that cannot be right, by what it is."""
    found = {name: list(look(race)) for name, look in _LOOKS.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


def _answered(side: str, right: frozenset[str]) -> Callable[[Race], Iterable[object]]:
    return lambda race: (
        answer for answer in race.answers if race.side(answer) == side and answer.code in KNOWN - right
    )


def _flagged_late(race: Race) -> Iterable[object]:
    """Look whether anybody was late for certain, and heard that they may have come in time."""
    for answer in race.answers:
        first_at = answer.before + race.ahead[0] - race.unsure(answer)
        if answer.code == "closed-in-flight" and first_at >= race.deadlines[answer.job.call_id]:
            yield answer


def _not_overtaken(race: Race) -> Iterable[object]:
    """Look whether anybody heard of a close before there was one, though nobody can have seen them late."""
    closed = dict(race.database.ask("SELECT id, closed_at FROM eoi_call"))
    for answer in race.answers:
        closed_at = _instant(closed[answer.job.call_id])
        still_ahead = closed_at is None or answer.after + race.ahead[1] < closed_at
        across = answer.after + race.ahead[1] >= race.deadlines[answer.job.call_id]
        perhaps_in_time = across and race.unsure(answer)
        if answer.code == "closed-in-flight" and still_ahead and not perhaps_in_time:
            yield answer, closed_at


def _unknown(race: Race) -> Iterable[object]:
    return (answer for answer in race.answers if answer.code not in KNOWN)


def _kept(race: Race) -> Iterable[object]:
    """Compare what was acknowledged with the rows: nothing is lost, nothing there that nobody knows of."""
    submitted = dict(race.database.ask("SELECT id, submitted_at FROM eoi_eoi WHERE submitted_at IS NOT NULL"))
    drafted = dict(race.database.ask("SELECT id, created_at FROM eoi_eoi"))
    done = [answer for answer in race.answers if answer.code == "done"]
    acknowledged = {answer.eoi_id: answer.at for answer in done if answer.job.eoi_id}
    begun = {answer.eoi_id: answer.at for answer in done if not answer.job.eoi_id}
    for answer in race.answers:
        drafted.pop(answer.job.eoi_id, None)  # It was drafted before the race.
    return [
        *(_instants(submitted).items() ^ acknowledged.items()),
        *(_instants(drafted).items() ^ begun.items()),
    ]


def _refusals(race: Race) -> Iterable[object]:
    """Compare the attempts that were kept with the refusals that clients have heard."""
    kept = race.database.ask('SELECT "trigger", code, sum(count) FROM eoi_attempt GROUP BY "trigger", code')
    heard = Counter(
        ("submit" if answer.job.eoi_id else "draft", answer.code)
        for answer in race.answers
        if answer.code != "done"
    )
    return {((trigger, code), int(many)) for trigger, code, many in kept} ^ heard.items()


def _counts(race: Race) -> Iterable[object]:
    """Compare what each close has counted with what is found ever after."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for call_id, state, many in race.database.ask(
        "SELECT call_id, state, count(*) FROM eoi_eoi GROUP BY call_id, state"
    ):
        found[call_id][state] = many
    calls = race.database.ask("SELECT id, counts_at_close FROM eoi_call")
    return ((id_, counts, found[id_]) for id_, counts in calls if json.loads(counts or "{}") != found[id_])


def _closings(race: Race) -> Iterable[object]:
    """Look whether each call was closed once, by one, not early; and whether a sweep has failed."""
    events = race.database.ask(
        "SELECT c.id, c.closed_at, count(o.position) FROM eoi_call c LEFT JOIN eoi_outbox o "
        "ON o.call_id = c.id AND o.type = 'call.closed' GROUP BY c.id, c.closed_at"
    )
    by = Counter(call_id for each in race.seen for call_id in each.closed)
    wrong: list[object] = [failed for each in race.seen for failed in each.failed]
    for call_id, closed_at, many in events:
        at = _instant(closed_at)
        if (many, by[call_id]) != (1, 1) or at is None or at < race.deadlines[call_id] + race.settle:
            wrong.append((call_id, closed_at, many, by[call_id]))
    return wrong


_LOOKS: Final[dict[str, Callable[[Race], Iterable[object]]]] = {
    "accepted late": _answered("late", frozenset({"call-closed", "closed-in-flight"})),
    "refused in time": _answered("in time", frozenset({"done", "closed-in-flight"})),
    "late, and told to have been in time": _flagged_late,
    "told of a close that was still ahead": _not_overtaken,
    "neither done nor refused for the deadline": _unknown,
    "lost, or there though nobody was told": _kept,
    "refusals": _refusals,
    "counted at the close": _counts,
    "closed": _closings,
    "promises": lambda race: broken_promises(race.database.place),
}


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _instants(rows: Mapping[str, str]) -> dict[str, datetime | None]:
    return {name: _instant(text) for name, text in rows.items()}
