"""What was wrong with what came: by what the receivers saw, the bare rows, and the nodes' logs alone."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import pairwise
from typing import Final, NamedTuple

from tests.chaos.pumps import FROZEN_S, LEASE_S, Pump
from tests.chaos.receiver import Came
from tests.databases.raw import RawDatabase
from workflow.backoff import GAPS

#: How much sooner than asked something may come again by our own clocks, in seconds.
EARLY_S: Final = 0.05
#: What is answered by a receiver that says yes too late.
YES: Final = 204

_EVENTS: Final = (
    "SELECT coalesce(eoi_id, call_id) || ':' || CAST(version AS TEXT), type FROM eoi_outbox ORDER BY position"
)
_DELIVERIES: Final = (
    "SELECT d.id, d.endpoint_id, coalesce(o.eoi_id, o.call_id) || ':' || CAST(o.version AS TEXT), d.state, "
    "d.attempt, d.last_status, d.last_error FROM eoi_delivery d JOIN eoi_outbox o ON o.position = d.position"
)
_TRIED: Final = "SELECT DISTINCT delivery_id, status FROM eoi_try"
_TIMED_OUT: Final = "SELECT delivery_id FROM eoi_try WHERE error LIKE 'The receiver did not answer in time%'"

#: A receiver's number, and an event's id.
Line = tuple[int, str]


class Wants(NamedTuple):
    """What a receiver is there for."""

    endpoint_id: str
    patterns: Sequence[str]
    ordered: bool = True


class Row(NamedTuple):
    """A delivery, as it was left."""

    id: int
    endpoint_id: str
    event_id: str
    state: str
    attempt: int
    status: int | None
    why: str | None


@dataclass(frozen=True, kw_only=True)
class Witness:
    """All that was seen."""

    wants: Sequence[Wants]
    came: Sequence[Came]
    unsigned: Sequence[Came]
    #: Receiver and event -> the status by which it is refused for good.
    poisons: Mapping[Line, int]
    #: Event -> its type.
    events: Mapping[str, str]
    rows: Mapping[Line, Row]
    #: Which deliveries were answered how, by the rows.
    tried: frozenset[tuple[int, int | None]]
    #: Deliveries of which an attempt ended for want of an answer, by the rows.
    timed_out: frozenset[int]
    nodes: Mapping[str, Pump]

    @cached_property
    def wanted(self) -> set[Line]:
        """Return what each receiver is to get."""
        return {
            (door, id_)
            for door, wants in enumerate(self.wants)
            for id_, type_ in self.events.items()
            if any(fnmatchcase(type_, pattern) for pattern in wants.patterns)
        }

    @cached_property
    def lines(self) -> dict[Line, list[Came]]:
        """Return what came of each event to each receiver, in its order."""
        found: dict[Line, list[Came]] = defaultdict(list)
        for came in self.came:
            found[came.door, came.id].append(came)
        return found

    @cached_property
    def again(self) -> dict[str, list[Came]]:
        """Return what came although it had come and was not refused, by the reason why it came again."""
        found: dict[str, list[Came]] = defaultdict(list)
        for came in self.lines.values():
            for before, again in pairwise(came):
                if not before.refused:
                    found[self._why(before, again)].append(again)
        return found

    def overslept(self, came: Came, by_s: float) -> bool:
        """Return whether its sender stood still about then, and its lease may have been over by then."""
        return any(
            at_s - LEASE_S < came.at_s < at_s + FROZEN_S + LEASE_S and at_s < by_s
            for at_s in self.nodes[came.sender].frozen_at_s
        )

    def heard(self, came: Came) -> bool:
        """Return whether it was said yes to, and heard: also too late, where its sender was slow to listen.

        A node that stands still, or waits for a busy machine, counts its time from when it listens.
        """
        if came.accepted:
            return True
        row = self.rows.get((came.door, came.id))
        return came.answered and came.fate.says_yes and row is not None and (row.id, YES) in self.tried

    def _why(self, before: Came, again: Came) -> str:
        node, row = self.nodes[before.sender], self.rows[before.door, before.id]
        killed = node.killed_at_s is not None and node.killed_at_s < again.at_s
        if killed and ("delivered", row.id) not in node.logged:
            return "killed"
        overslept = self.overslept(before, again.at_s) or self.overslept(again, again.at_s)
        if overslept or ("overtaken", row.id) in node.logged:
            return "lease"
        if before.fate.name == "too late" or row.id in self.timed_out:
            return "answered too late"
        return "no reason" if before.accepted else "dropped after the POST"


def witness(
    database: RawDatabase,
    *,
    wants: Sequence[Wants],
    came: Sequence[Came],
    unsigned: Sequence[Came],
    poisons: Mapping[Line, int],
    nodes: Mapping[str, Pump],
) -> Witness:
    """Return what the receivers saw together with what the rows say."""
    doors = {each.endpoint_id: door for door, each in enumerate(wants)}
    rows = [Row(*row) for row in database.ask(_DELIVERIES)]
    return Witness(
        wants=wants,
        came=came,
        unsigned=unsigned,
        poisons=poisons,
        events=dict(database.ask(_EVENTS)),
        rows={(doors[row.endpoint_id], row.event_id): row for row in rows},
        tried=frozenset(database.ask(_TRIED)),
        timed_out=frozenset(number for (number,) in database.ask(_TIMED_OUT)),
        nodes=nodes,
    )


def all_wrongs(seen: Witness) -> dict[str, list[object]]:
    """Return everything that cannot be right, by what it is."""
    found = {name: list(look(seen)) for name, look in _LOOKS.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


def _not_told(seen: Witness) -> Iterable[object]:
    """Look for what nobody said yes to, and what nobody was to get."""
    taken = {line for line, came in seen.lines.items() if any(map(seen.heard, came))}
    yield from seen.wanted - taken - seen.poisons.keys()
    yield from seen.lines.keys() - seen.wanted


def _not_delivered(seen: Witness) -> Iterable[object]:
    """Compare how each delivery was left with how it had to be."""
    yield from seen.wanted ^ seen.rows.keys()
    for line, row in seen.rows.items():
        if row.state != ("parked" if line in seen.poisons else "delivered"):
            yield row


def _believed(seen: Witness) -> Iterable[object]:
    """Look for what is called delivered although its receiver never said so, however late."""
    said_yes = {(each.door, each.id) for each in seen.came if each.answered and each.fate.says_yes}
    return [row for line, row in seen.rows.items() if row.state == "delivered" and line not in said_yes]


def _parked(seen: Witness) -> Iterable[object]:
    """Look whether all that is poison was tried often enough, and says why it was given up."""
    for line, status in seen.poisons.items():
        row = seen.rows[line]
        says_why = f"answered {status}" in (row.why or "") if row.status else "could not" in (row.why or "")
        if not says_why or (row.id, status) not in seen.tried or row.attempt <= GAPS:
            yield row


def _out_of_order(seen: Witness) -> Iterable[object]:
    """Look for what came before all that is earlier had arrived, or after something later for no reason."""
    earlier, arrived = _before(seen), set[Line]()
    latest = Counter[tuple[int, str]]()
    for came in seen.came:
        line, subject = (came.door, came.id), (came.door, came.subject)
        if not seen.wants[came.door].ordered:
            continue
        if missing := earlier.get(line, set()) - arrived - seen.poisons.keys():
            yield came, "before", missing
        if came.version < latest[subject] and not _is_left_over(seen, came):
            yield came, "after", latest[subject]
        latest[subject] = max(latest[subject], came.version)
        if not came.refused:
            arrived.add(line)


def _is_left_over(seen: Witness, came: Came) -> bool:
    """Return whether it may be late: its sender overslept its lease, or no longer waited when it was read."""
    return seen.overslept(came, came.at_s) or seen.rows[came.door, came.id].id in seen.timed_out


def _before(seen: Witness) -> dict[Line, set[Line]]:
    """Return what each receiver is to get before something else: all that is earlier of the same subject."""
    subjects: dict[tuple[int, str], list[tuple[int, str]]] = defaultdict(list)
    for door, id_ in seen.wanted:
        subject, _, version = id_.rpartition(":")
        subjects[door, subject].append((int(version), id_))
    return {
        (door, id_): {(door, other) for earlier, other in ids if earlier < version}
        for (door, _), ids in subjects.items()
        for version, id_ in ids
    }


def _changed(seen: Witness) -> Iterable[object]:
    """Look whether anything came a second time with another id, or other words."""
    ids: dict[tuple[str, int], set[object]] = defaultdict(set)
    bodies: dict[str, set[object]] = defaultdict(set)
    for came in seen.came:
        ids[came.subject, came.version].add(came.id)
        bodies[came.id].add(came.body)
    return [each for each in (*ids.values(), *bodies.values()) if len(each) > 1]


def _too_soon(seen: Witness) -> Iterable[object]:
    """Look for what came again before the time was over that its receiver had asked for."""
    for came in seen.lines.values():
        for before, again in pairwise(came):
            if before.answered and again.at_s < before.at_s + before.fate.asked_s - EARLY_S:
                yield before, again


_LOOKS: Final[dict[str, Callable[[Witness], Iterable[object]]]] = {
    "told to nobody, or to somebody else": _not_told,
    "not delivered, or not parked": _not_delivered,
    "called delivered by nobody but us": _believed,
    "poison without its reason": _parked,
    "out of order": _out_of_order,
    "told otherwise the second time": _changed,
    "sent again before its time": _too_soon,
    "sent again for no reason": lambda seen: seen.again.get("no reason", []),
    "not signed by us": lambda seen: seen.unsigned,
}
