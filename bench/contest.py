"""The words of a race: who takes part, where, with what work, and what is to be reached."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Literal

#: Where a race is run.
Database = Literal["sqlite", "postgresql", "memory"]
SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
#: No database at all.
MEMORY: Final = "memory"

#: Our own distribution.
OURS: Final = "eoi-workflow"

#: Gets so many units of work ready, and returns what is timed: doing them. Where another process does them,
#: it returns what that one had in memory, in KiB.
Prepare = Callable[[int], Callable[[], object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one contender works; nobody else does, unless the workload only reads."""

    database: Database
    #: What `Engine(...)` takes; empty in memory.
    url: str
    #: The workload's N; 0 where it has none.
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One way of doing the work.

    `play` is entered once in a process of its own, and lends what prepares turn after turn.
    """

    #: What targets and the command line call it: `ours`, `floor`, `dbos`.
    name: str
    #: What it is, for people.
    title: str
    play: Callable[[Place], AbstractContextManager[Prepare]]
    #: The distribution whose version is told.
    package: str | None = None
    on: tuple[Database, ...] = (SQLITE, POSTGRESQL)
    #: The sizes that it is asked for; None: every size.
    sizes: tuple[int, ...] | None = None
    #: The part of a turn's units that is enough of it, for one that takes long.
    share: float = 1.0
    #: Whether it is a floor; the quickest one counts.
    floor: bool = False

    @property
    def peer(self) -> bool:
        """Whether it is somebody else's, and no floor."""
        return not self.floor and self.package != OURS


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is to be reached: how `of` compares to `to`."""

    #: In words: `at most 2.5 × the floor`.
    says: str
    of: str = "ours"
    #: The other one; `floor` is the quickest of the floors, `peers` the quickest peer.
    to: str = "floor"
    #: How great the quotient may be, or must be.
    at_most: float | None = None
    at_least: float | None = None
    on: tuple[Database, ...] = (SQLITE, POSTGRESQL)
    #: Which sizes are compared, as places in the workload's sizes; None: each size with itself.
    sizes: tuple[int, int] | None = None
    #: `seconds` a unit, seconds by `each` of N, or the `peak` of resident memory.
    measure: Literal["seconds", "each", "peak"] = "seconds"

    def is_met(self, quotient: float) -> bool:
        """Return whether that is enough."""
        most = float("inf") if self.at_most is None else self.at_most
        return (self.at_least or 0.0) <= quotient <= most


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One kind of work."""

    #: `W1`.
    name: str
    #: The module that holds it, by which a process of its own finds it again.
    module: str
    #: What is done, in words.
    title: str
    #: What one unit of it is: `a transition`.
    unit: str
    contenders: tuple[Contender, ...]
    targets: tuple[Target, ...]
    #: How many units are done in one turn.
    per_turn: int
    rounds: int
    #: N, one after the other; and the quick and the long run's.
    sizes: tuple[int, ...] = (0,)
    quick_sizes: tuple[int, ...] = (0,)
    stress_sizes: tuple[int, ...] = ()
    #: How many of what one unit concerns, for one of size N: a call with N drafts and N submitted has 2 N.
    each: int = 1
    on: tuple[Database, ...] = (SQLITE, POSTGRESQL)
    #: Fills a place that all contenders of that size read, and none writes.
    fill: Callable[[Place], None] | None = None
    #: Database -> the floor's statements, as they are sent.
    sql: Callable[[Database], tuple[str, ...]] = lambda _: ()
    #: Whether another process does the work, where our profiler does not look.
    elsewhere: bool = False
    #: Whether people think of it as so many a second.
    as_rate: bool = False
    #: What it means and leaves out, a paragraph for docs/performance.md.
    notes: str = ""
    #: What stands between us and a target that is missed: a paragraph, shown only then.
    between: str = ""
