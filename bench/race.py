"""A race: contenders take turns, round after round, so that what disturbs the machine disturbs them all."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

from bench.contest import Contender, Database, Place, Target, Workload
from bench.figures import Spread, quotient, spread
from bench.places import Ground
from bench.players import CannotPlay, Child, Player, Turn

#: Starts whoever plays for a contender of the workload in that module.
Start = Callable[[str, Contender, Place], Player]
#: Is told how far it has come.
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of it is done."""

    #: None: as many as the workload says.
    rounds: int | None = None
    #: The part of a turn's units that is done.
    share: float = 1.0
    quick: bool = False
    stress: bool = False

    def sizes(self, workload: Workload) -> tuple[int, ...]:
        """Return the sizes to ask for."""
        if self.quick:
            return workload.quick_sizes
        return workload.sizes + (workload.stress_sizes if self.stress else ())


@dataclass(slots=True, kw_only=True)
class Lane:
    """One contender with work of one size, and what was measured of it."""

    contender: Contender
    size: int
    count: int
    turns: list[Turn] = field(default_factory=list)
    #: Table -> the rows that one unit adds.
    rows: dict[str, int] = field(default_factory=dict)
    #: Why it does not play.
    failed: str | None = None

    @property
    def seconds(self) -> list[float]:
        """A unit's seconds, round by round."""
        return [turn.seconds for turn in self.turns]

    @property
    def spread(self) -> Spread:
        """Median and quartiles of a unit, in seconds."""
        return spread(self.seconds)

    @property
    def peak_kib(self) -> float:
        """The median of the most memory."""
        return spread([turn.peak_kib for turn in self.turns]).middle

    @property
    def version(self) -> str | None:
        """The version of what plays."""
        try:
            return version(self.contender.package) if self.contender.package else None
        except PackageNotFoundError:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One target, and whether it was reached."""

    target: Target
    #: At which size; for two of them, the greater one.
    size: int
    quotient: float
    #: What it was compared with in fact: the quickest floor, the quickest peer.
    to: str
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a race went."""

    workload: Workload
    ground: str
    settings: str
    database: Database
    rounds: int
    lanes: list[Lane]
    #: Whether it was long enough to be judged by.
    judged: bool = True

    def sizes(self) -> list[int]:
        """Return the sizes that were asked for."""
        return list(dict.fromkeys(lane.size for lane in self.lanes))

    def lane(self, name: str, size: int) -> Lane | None:
        """Return who played: by name, `floor` for the quickest floor, `peers` for the quickest peer."""
        played = [lane for lane in self.lanes if lane.size == size and lane.turns]
        match name:
            case "floor":
                played = [lane for lane in played if lane.contender.floor]
            case "peers":
                played = [lane for lane in played if lane.contender.peer]
            case _:
                played = [lane for lane in played if lane.contender.name == name]
        return min(played, key=lambda lane: lane.spread.middle, default=None)

    def times_floor(self, lane: Lane) -> float | None:
        """Return how many times the floor's time it takes."""
        floor = self.lane("floor", lane.size)
        return quotient(lane.seconds, floor.seconds) if floor and lane.turns else None

    def verdicts(self) -> Iterator[Verdict]:
        """Yield what became of each target, wherever both sides have played; of a quick run, nothing."""
        if not self.judged:
            return
        sizes = self.sizes()
        for target in self.workload.targets:
            if self.database not in target.on:
                continue
            pairs = [(size, size) for size in sizes]
            if target.sizes:
                pairs = [(sizes[target.sizes[0]], sizes[target.sizes[1]])]
            for of_size, to_size in pairs:
                of, to = self.lane(target.of, of_size), self.lane(target.to, to_size)
                if of is None or to is None:
                    continue
                value = compare(target, of, to)
                name = of.contender.name if target.of in ("floor", "peers") else to.contender.name
                yield Verdict(target=target, size=of_size, quotient=value, to=name, met=target.is_met(value))


def compare(target: Target, of: Lane, to: Lane) -> float:
    """Return the quotient that a target speaks of."""
    match target.measure:
        case "seconds":
            return quotient(of.seconds, to.seconds)
        case "each":
            return quotient([each / of.size for each in of.seconds], [each / to.size for each in to.seconds])
        case "peak":
            return of.peak_kib / to.peak_kib if to.peak_kib else 1.0


def run(workload: Workload, ground: Ground, scale: Scale, *, start: Start = Child, tell: Tell) -> Result:
    """Run a race to its end.

    - places are made, filled and dropped
    - one turn each is not counted: it warms up; then round after round, each begun by another
    - at last one unit each, of which the rows are counted
    """
    rounds = scale.rounds or workload.rounds
    result = Result(
        workload=workload,
        ground=ground.name,
        settings=ground.settings,
        database=ground.database,
        rounds=rounds,
        lanes=list(_lanes(workload, ground, scale)),
        judged=not scale.quick,
    )
    with _players(result.lanes, workload, ground, start, tell) as players:
        for number in range(rounds + 1):
            tell(f"{workload.name} on {ground.name}: round {number} of {rounds}")
            for lane, player in _in_order(players, number):
                _take_turn(lane, player, warm=number == 0)
        for lane, player in _in_order(players, 0):
            if workload.fill is None:
                _count_rows(lane, player)
    return result


def _in_order(players: list[tuple[Lane, Player]], number: int) -> list[tuple[Lane, Player]]:
    """Return who still plays, in the order of a round: each round is begun by another."""
    playing = [(lane, player) for lane, player in players if lane.failed is None]
    begun = number % len(playing) if playing else 0
    return playing[begun:] + playing[:begun]


def _lanes(workload: Workload, ground: Ground, scale: Scale) -> Iterator[Lane]:
    for size in scale.sizes(workload):
        for contender in workload.contenders:
            if contender.sizes is None or size in contender.sizes:
                count = max(1, round(workload.per_turn * contender.share * scale.share))
                lane = Lane(contender=contender, size=size, count=count)
                if ground.database not in contender.on:
                    lane.failed = f"plays on {' and '.join(contender.on)} only"
                yield lane


@contextmanager
def _players(
    lanes: list[Lane], workload: Workload, ground: Ground, start: Start, tell: Tell
) -> Iterator[list[tuple[Lane, Player]]]:
    with ExitStack() as ends:
        shared: dict[int, Place] = {}
        players = []
        for lane in lanes:
            if lane.failed is not None:
                continue
            tell(f"{workload.name} on {ground.name}: {lane.contender.name} gets ready")
            if workload.fill is None:
                place = ground.place(f"{workload.name}-{lane.contender.name}", lane.size)
                ends.callback(ground.drop, place)
            elif lane.size in shared:
                place = shared[lane.size]
            else:
                place = shared[lane.size] = ground.place(workload.name, lane.size)
                ends.callback(ground.drop, place)
                workload.fill(place)
            try:
                player = start(workload.module, lane.contender, place)
            except CannotPlay as exc:
                lane.failed = str(exc)
                continue
            ends.callback(player.stop)
            players.append((lane, player))
        yield players


def _take_turn(lane: Lane, player: Player, *, warm: bool) -> None:
    with _out_if_it_fails(lane):
        turn = player.turn(lane.count)
        if not warm:
            lane.turns.append(turn)


def _count_rows(lane: Lane, player: Player) -> None:
    with _out_if_it_fails(lane):
        lane.rows = player.rows()


@contextmanager
def _out_if_it_fails(lane: Lane) -> Iterator[None]:
    try:
        yield
    except CannotPlay as exc:
        lane.failed = str(exc)
        lane.turns.clear()
