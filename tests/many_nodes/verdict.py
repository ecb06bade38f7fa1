"""What was wrong with what nodes did: by the bare rows, the receiver, and the clocks of the tests alone."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from tests.databases.raw import RawDatabase
from tests.deadline.detector import Race, ahead_of_us, wrongs
from tests.deadline.racer import Seen
from tests.many_nodes.fleet import Fleet
from tests.many_nodes.receiver import Came, Receiver
from tests.many_nodes.schools import Term
from tests.many_nodes.watch import Watch

_LATE: Final = "SELECT id, closes_at, closed_at FROM eoi_call WHERE closed_at IS NOT NULL"
_TOLD: Final = (
    "SELECT coalesce(eoi_id, call_id) || ':' || CAST(version AS TEXT), type FROM eoi_outbox ORDER BY position"
)
_CLOSES: Final = (
    "SELECT subject_id, count(*) FROM eoi_history WHERE \"trigger\" = 'close' GROUP BY subject_id"
)
_ENDPOINTS: Final = "SELECT url, events FROM eoi_endpoint"
_DELIVERIES: Final = (
    "SELECT d.id, e.url, coalesce(o.eoi_id, o.call_id) || ':' || CAST(o.version AS TEXT), d.state "
    "FROM eoi_delivery d JOIN eoi_endpoint e ON e.id = d.endpoint_id "
    "JOIN eoi_outbox o ON o.position = d.position"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """All that was seen of a term of calls."""

    database: RawDatabase
    term: Term
    fleet: Fleet
    receiver: Receiver
    watch: Watch
    settle_s: float
    #: How long the shortest leases last, in seconds.
    lease_s: float

    def due(self, call_id: str) -> datetime:
        """Return when a call was to be closed."""
        return self.term.deadlines[call_id] + timedelta(seconds=self.settle_s)

    def lags_s(self) -> list[float]:
        """Return how long after its deadline and settle each call was closed, by the rows, in seconds."""
        return sorted(
            (_instant(closed_at) - _instant(closes_at)).total_seconds() - self.settle_s
            for _, closes_at, closed_at in self.database.ask(_LATE)
        )

    def lines(self) -> dict[tuple[str, str], list[Came]]:
        """Return what came of each event to each endpoint, in the order of its coming."""
        found: dict[tuple[str, str], list[Came]] = defaultdict(list)
        for came in self.receiver.came:
            found[came.path, came.id].append(came)
        return found

    def duplicates(self) -> dict[str, list[Came]]:
        """Return what came although it had come before, by the reason why it was sent again."""
        numbers = {
            (_path(url), id_): str(id_number) for id_number, url, id_, _ in self.database.ask(_DELIVERIES)
        }
        found: dict[str, list[Came]] = defaultdict(list)
        for line, all_that_came in self.lines().items():
            for first, again in pairwise(all_that_came):
                found[self._why(first, again, numbers[line])].append(again)
        return found

    def _why(self, first: Came, again: Came, number: str) -> str:
        """Return why something was sent again: what became of whoever had sent it before."""
        node = self.fleet.sender(first)
        # It was lent out after it was written down, by a node that was there; nobody knows how long before
        # it came.
        written_at = (
            datetime.fromisoformat(first.event["data"]["recorded_at"]) - ahead_of_us(self.database)[1]
        )
        expired = again.at >= max(written_at, node.started_at) + timedelta(seconds=self.lease_s)
        if expired and any(each["delivery_id"] == number for each in node.logged("delivery.overtaken")):
            return "lease expired"
        done = any(each["delivery_id"] == number for each in node.logged("delivery.delivered"))
        killed = node.killed_at is not None and node.killed_at < again.at
        if killed and expired and not done:
            return "killed"
        return "no reason"


def all_wrongs(seen: Witness) -> dict[str, list[object]]:
    """Return everything that cannot be right, by what it is."""
    schools = Seen(seen.term.seen.answers, closed=list(seen.watch.closed_at))
    race = Race([schools], seen.term.deadlines, seen.database, ahead_of_us(seen.database))
    found = wrongs(race) | {name: list(look(seen)) for name, look in _LOOKS.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


def _kept(seen: Witness) -> Iterable[object]:
    """Compare what schools were told to be done with the rows."""
    done = {(each.eoi_id, each.job.eoi_id != "") for each in seen.term.seen.answers if each.code == "done"}
    rows = seen.database.ask("SELECT id, submitted_at FROM eoi_eoi")
    drafts, submits = {(id_, False) for id_, _ in rows}, {(id_, True) for id_, at in rows if at is not None}
    return done ^ (drafts | submits)


def _closings(seen: Witness) -> Iterable[object]:
    counts = dict(seen.database.ask(_CLOSES))
    return [call_id for call_id in seen.term.deadlines if counts.get(call_id) != 1]


def _early(seen: Witness) -> Iterable[object]:
    """Look at the rows' instants, and by the clock of the tests at when it was seen closed and told of."""
    yield from (lag for lag in seen.lags_s() if lag < 0)
    least, _ = ahead_of_us(seen.database)
    for call_id, closed_at in seen.watch.closed_at.items():
        due = seen.due(call_id)
        if closed_at + least < due:
            yield "seen", call_id, closed_at, due
        told = (came for came in seen.receiver.came if came.event["type"] == "call.closed")
        yield from (came for came in told if came.event["subject"] == call_id and came.at + least < due)


def _doubted(seen: Witness) -> Iterable[object]:
    """Compare the instants in the rows with when each call was seen open for the last time, and closed."""
    ahead = ahead_of_us(seen.database)
    for call_id, _, closed_at in seen.database.ask(_LATE):
        at = _instant(closed_at)
        if at > seen.watch.closed_at[call_id] + ahead[1]:
            yield call_id, at, seen.watch.closed_at[call_id]


def _not_told(seen: Witness) -> Iterable[object]:
    """Compare what came with what was to be told: each event to each endpoint that wants it, and no other."""
    wanted = set()
    told = seen.database.ask(_TOLD)
    for url, patterns in seen.database.ask(_ENDPOINTS):
        wanted |= {(_path(url), id_) for id_, type_ in told if _wants(patterns.split(), type_)}
    return wanted ^ seen.lines().keys()


def _out_of_order(seen: Witness) -> Iterable[object]:
    """Look at each line as its receiver saw it: a version comes after all that are lower."""
    lines: dict[tuple[str, str], list[int]] = defaultdict(list)
    for came in seen.receiver.came:
        lines[came.path, came.event["subject"]].append(came.event["data"]["version"])
    return [(line, versions) for line, versions in lines.items() if versions != sorted(versions)]


def _changed(seen: Witness) -> Iterable[object]:
    """Look whether anything came a second time with another id, or other words."""
    ids: dict[tuple[str, int], set[object]] = defaultdict(set)
    bodies: dict[str, set[object]] = defaultdict(set)
    for came in seen.receiver.came:
        ids[came.event["subject"], came.event["data"]["version"]].add(came.id)
        bodies[came.id].add(came.body)
    return [each for each in (*ids.values(), *bodies.values()) if len(each) > 1]


def _not_delivered(seen: Witness) -> Iterable[object]:
    return [row for row in seen.database.ask(_DELIVERIES) if row[3] != "delivered"]


def _unexplained(seen: Witness) -> Iterable[object]:
    """Look for what was sent again for no reason; and whether what must be sent again was."""
    again = {(came.path, came.id) for each in seen.duplicates().values() for came in each}
    return [
        *seen.duplicates().get("no reason", []),
        *(came for came in seen.fleet.ambushed if (came.path, came.id) not in again),
    ]


_LOOKS: Final[dict[str, Callable[[Witness], Iterable[object]]]] = {
    "lost, or there though nobody was told": _kept,
    "closed more than once, or never": _closings,
    "closed early": _early,
    "closed at another time than the rows say": _doubted,
    "told to nobody, or to somebody else": _not_told,
    "out of order": _out_of_order,
    "told otherwise the second time": _changed,
    "not delivered": _not_delivered,
    "sent again for no reason": _unexplained,
}


def _wants(patterns: list[str], type_: str) -> bool:
    return any(pattern in ("*", type_, f"{type_.partition('.')[0]}.*") for pattern in patterns)


def _path(url: str) -> str:
    return "/" + url.rpartition("/")[2]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
