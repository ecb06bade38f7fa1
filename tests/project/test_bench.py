"""`./run bench`: its arithmetic, its turns, its tables, its page."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import document, page, picture, report
from bench.__main__ import write_docs
from bench.contest import MEMORY, OURS, SQLITE, Contender, Place, Prepare, Target, Workload
from bench.figures import Spread, quotient, spread
from bench.places import MemoryGround
from bench.players import CannotPlay, Turn, in_this_process
from bench.profiling import by_part
from bench.race import Lane, Result, Scale, run
from bench.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[2]


# ---- the arithmetic


def test_median_and_quartiles() -> None:
    """The middle is the median, and half of all values lie between low and high; one value is all three."""
    assert spread([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(2.0, 3.0, 4.0)
    assert spread([1.0, 2.0, 3.0, 10.0]) == Spread(1.75, 2.5, 4.75)
    assert spread([7.0]) == Spread(7.0, 7.0, 7.0)


def test_quotients_are_taken_round_by_round() -> None:
    """A round in which the machine was slow for both says as much as any other."""
    assert quotient([2.0, 40.0, 3.0], [1.0, 20.0, 1.0]) == 2.0
    with pytest.raises(ValueError, match="shorter"):
        quotient([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("target", "just", "not_any_more"),
    [(Target(says="", at_most=2.5), 2.5, 2.51), (Target(says="", at_least=0.6), 0.6, 0.59)],
)
def test_target_is_reached_at_its_limit(target: Target, just: float, not_any_more: float) -> None:
    """What is demanded is enough, and less is not."""
    assert (target.is_met(just), target.is_met(not_any_more)) == (True, False)


def test_verdicts() -> None:
    """Ours is held against the quickest floor and peer, at each size; growth against the smallest size."""
    targets = (
        Target(says="floor", at_most=2.0),
        Target(says="peers", of="peers", to="ours", at_least=1.0),
        Target(says="each", to="ours", sizes=(-1, 0), measure="each", at_most=1.5),
        Target(says="peak", to="ours", sizes=(-1, 0), measure="peak", at_most=1.1),
        Target(says="elsewhere", at_most=0.0, on=("postgresql",)),
    )
    result = _result(
        targets,
        _lane("slow-floor", 9.0, floor=True),
        _lane("floor", 1.0, floor=True),
        _lane("ours", 2.0, package=OURS),
        _lane("near", 1.5, package="near"),
        _lane("far", 8.0, package="far"),
        _lane("floor", 10.0, size=10, floor=True),
        _lane("ours", 30.0, size=10, package=OURS, peak_kib=1200),
    )
    assert [(v.target.says, v.size, v.quotient, v.to, v.met) for v in result.verdicts()] == [
        ("floor", 1, 2.0, "floor", True),
        ("floor", 10, 3.0, "floor", False),
        ("peers", 1, 0.75, "near", False),
        ("each", 10, 1.5, "ours", True),
        ("peak", 10, 1.2, "ours", False),
    ]


@pytest.mark.parametrize(("scale", "judged"), [(Scale(), ["as quick"]), (Scale(quick=True), [])])
def test_quick_run_gives_no_verdicts(scale: Scale, judged: list[str]) -> None:
    """Whoever only sees whether it works is told of no target that it was reached, or missed."""
    diary = Diary()
    ours, floor = diary.contender("ours", package=OURS), diary.contender("floor", floor=True)
    workload = _workload((Target(says="as quick", on=(MEMORY,)),), floor, ours)
    result = run(workload, MemoryGround(), scale, start=in_this_process, tell=_say_nothing)
    told = document.document([result], command="c", machine="m")
    assert [says for says, _, _ in report.verdicts_of(told["races"][0])] == judged


def test_busy_machine_is_told_beside_the_verdicts() -> None:
    """Whoever measured beside other work reads so where it says what was reached, at over half the cores."""
    assert document.too_busy(1.0, 2) is None
    busy = document.too_busy(7.8, 2)
    assert busy == "load 7.8 on 2 cores before it began: measure again on a quiet machine"
    target = Target(says="at most 2.0 × the floor", at_most=2.0)
    lanes = _lane("floor", 1.0, floor=True), _lane("ours", 1.0, package=OURS)
    told = document.document([_result((target,), *lanes, name="W2")], command="c", machine="m", busy=busy)
    lines = [line.strip() for line in report.text(told).splitlines()]
    assert lines[lines.index("reached  at most 2.0 × the floor at N = 1: 1.00") - 1] == (
        f"THE MACHINE WAS BUSY, {busy}"
    )
    assert f"## Targets\n\n**The machine was busy, {busy}.**\n" in page.page(told)
    quiet = told | {"busy": None}
    assert "busy" not in (report.text(quiet) + page.page(quiet)).lower()


def test_parts_of_a_profile() -> None:
    """What is built into Python counts to its caller, the driver to the place that sends, ours by file."""
    ours, theirs = (str(ROOT / "workflow/calls.py"), 1, "close"), ("/x/sqlalchemy/pool.py", 1, "get")
    found = by_part(
        {
            ours: (1, 1, 0.25, 9.0, {}),
            theirs: (1, 1, 0.5, 9.0, {}),
            ("~", 0, "<len>"): (2, 2, 3.0, 3.0, {ours: (1, 1, 1.0, 1.0), theirs: (1, 1, 2.0, 2.0)}),
            ("~", 0, "<method 'execute' of 'sqlite3.Cursor'>"): (1, 1, 4.0, 4.0, {ours: (1, 1, 4.0, 4.0)}),
        }
    )
    assert found == {
        "workflow/calls.py": 1.25,
        "sqlalchemy": 2.5,
        "the driver, for workflow/calls.py: close": 4.0,
    }


# ---- the turns


class Diary:
    """Contenders that write down what they are asked."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, int]] = []

    def contender(self, name: str, *, raises: str = "", **more: Any) -> Contender:
        """Return one of them."""

        @contextmanager
        def play(_: Place) -> Iterator[Prepare]:
            if raises == "at once":
                raise ImportError(name)
            yield lambda count: lambda: self._write(name, count, raises)

        return Contender(name=name, title=name, play=play, on=more.pop("on", (MEMORY,)), **more)

    def _write(self, name: str, count: int, raises: str) -> None:
        self.entries.append((name, count))
        if raises == "in the third turn" and len(self.entries) > 4:
            raise CannotPlay("it has had enough")


def test_contenders_take_turns() -> None:
    """Each plays once a round with all its units, and each round is begun by another; the first warms up."""
    diary = Diary()
    workload = _workload((), diary.contender("a"), diary.contender("b", share=0.5), per_turn=10)
    result = run(workload, MemoryGround(), Scale(rounds=2), start=in_this_process, tell=_say_nothing)
    a, b = ("a", 10), ("b", 5)
    assert diary.entries == [a, b, b, a, a, b, ("a", 1), ("b", 1)]
    assert [len(lane.turns) for lane in result.lanes] == [2, 2]


def test_who_cannot_play_is_told_with_the_reason() -> None:
    """A peer that is not installed, or not for this database, stands in the table; the others play."""
    diary = Diary()
    workload = _workload(
        (), diary.contender("a"), diary.contender("b", raises="at once"), diary.contender("c", on=("sqlite",))
    )
    result = run(workload, MemoryGround(), Scale(rounds=1), start=in_this_process, tell=_say_nothing)
    assert [lane.failed for lane in result.lanes] == [None, "ImportError: b", "plays on sqlite only"]
    told = document.document([result], command="./run bench", machine="here")
    assert [row[2:4] for row in report.rows_of(told["races"][0])][1:] == [
        ("not run", "ImportError: b"),
        ("not run", "plays on sqlite only"),
    ]


def test_who_gives_up_is_out() -> None:
    """A contender that fails in the middle is asked no more, and nothing half-measured is told of it."""
    diary = Diary()
    workload = _workload((), diary.contender("a"), diary.contender("b", raises="in the third turn"))
    lanes = run(workload, MemoryGround(), Scale(rounds=3), start=in_this_process, tell=_say_nothing).lanes
    assert "".join(name for name, _ in diary.entries) == "abbaabaa"
    assert [(lane.failed, len(lane.turns)) for lane in lanes] == [(None, 3), ("it has had enough", 0)]


def test_sizes() -> None:
    """Quick and stress runs ask for their own sizes, and a contender only for those that it takes."""
    workload = _workload((), sizes=(1, 2), quick_sizes=(3,), stress_sizes=(4,))
    scales = (Scale(), Scale(quick=True), Scale(stress=True))
    assert [scale.sizes(workload) for scale in scales] == [(1, 2), (3,), (1, 2, 4)]
    diary = Diary()
    limited = _workload((), diary.contender("a"), diary.contender("b", sizes=(1,)), sizes=(1, 2))
    lanes = run(limited, MemoryGround(), Scale(rounds=1), start=in_this_process, tell=_say_nothing).lanes
    assert [(lane.contender.name, lane.size) for lane in lanes] == [("a", 1), ("b", 1), ("a", 2)]


# ---- what is told


@pytest.mark.slow
def test_command_line() -> None:
    """`--json` prints one document, from contenders in processes of their own; the rest goes to stderr."""
    command = [sys.executable, "-m", "bench", "w4", "--quick", "--json", "--rounds", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    (race,) = json.loads(done.stdout)["races"]
    lanes = {lane["contender"]: lane for lane in race["lanes"]}
    assert (race["workload"], race["rounds"], len(lanes["ours"]["seconds"])) == ("W4", 2, 2)
    assert lanes["floor"]["times_floor"] == 1.0
    assert lanes["ours"]["peak_kib"] > 1000 or sys.platform != "linux"
    assert done.stderr.startswith("[  0 s] W4 on in memory: floor gets ready\n")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["W9"], "argument W1: there is no workload 'W9': W1, W2, W3, W4, W5, W6, W7\n"),
        (["--profile", "W6"], "W6 is done by other processes, where no profiler looks\n"),
        (["--write-docs", "--quick"], "--write-docs takes the numbers of everything, in full\n"),
    ],
)
def test_wrong_usage(words: list[str], line: str) -> None:
    """A workload that does not exist is refused with those that do; half a run makes no page."""
    command = [sys.executable, "-m", "bench", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"./run bench: error: {line}")


def test_tables_for_people() -> None:
    """A lane is told with its version, its spread, its quotient and its rows; a rate is told as a rate."""
    target = Target(says="at most 2.0 × the floor", at_most=2.0)
    ours = _lane("ours", 0.0015, package=OURS)
    ours.rows = {"eoi_history": 1}
    peer = _lane("peer", 0.25, package="sqlalchemy")
    told = document.document(
        [_result((target,), _lane("floor", 0.0005, floor=True), ours, peer)], command="c", machine="m"
    )
    (race,) = told["races"]
    assert report.rows_of(race)[1] == (
        "eoi-workflow: ours",
        "1",
        "1.50 ms",
        "1.50 ms to 1.50 ms",
        "3.00",
        "history 1",
    )
    assert re.fullmatch(r"sqlalchemy \d+\.\d+\S*: peer", report.rows_of(race)[2][0])
    assert list(report.verdicts_of(race)) == [("at most 2.0 × the floor at N = 1", "3.00", False)]
    assert "MISSED   at most 2.0 × the floor at N = 1: 3.00" in report.text(told)
    assert report.rows_of(race | {"as_rate": True})[1][2:4] == ("667/s", "667 to 667")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0000012, "1.20 µs"),
        (0.00001, "10.0 µs"),
        (0.000999, "999 µs"),
        (0.0123, "12.3 ms"),
        (1.5, "1.50 s"),
        (1200.0, "1,200 s"),
    ],
)
def test_duration(seconds: float, told: str) -> None:
    """A span is told with three digits, in the unit that suits it."""
    assert report.duration(seconds) == told


def test_page_says_what_was_missed(tmp_path: Path) -> None:
    """The page and the picture are made of the numbers alone, and a missed target stands out."""
    target = Target(says="at most 2.0 × the floor", at_most=2.0)
    found = document.document(
        [_result((target,), _lane("floor", 1.0, floor=True), _lane("ours", 3.0, package=OURS), name="W2")],
        command="./run bench W2",
        machine="a machine",
    )
    write_docs(found, tmp_path)
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "| W2 | at most 2.0 × the floor at N = 1 | **3.00, missed** |" in text
    assert page.missed(found) == ["W2"]
    drawn = ET.parse(tmp_path / "performance.svg")  # noqa: S314 -- made by us
    lines = drawn.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 4  # time and memory, each of floor and ours
    assert json.loads((tmp_path / "performance.json").read_text(encoding="utf-8")) == found


def test_docs_are_made_of_their_numbers() -> None:
    """Nobody has edited the page or the picture: `./run bench --write-docs` makes them of its numbers."""
    docs = ROOT / "docs"
    found = json.loads((docs / "performance.json").read_text(encoding="utf-8"))
    assert found["form"] == document.FORM
    assert (docs / "performance.md").read_text(encoding="utf-8") == page.page(found)
    assert (docs / "performance.svg").read_text(encoding="utf-8") == picture.picture(found)
    assert {race["workload"] for race in found["races"]} == set(WORKLOADS)
    assert {race["database"] for race in found["races"]} == {"sqlite", "postgresql", "memory"}


def _say_nothing(_: str) -> None:
    pass


def _workload(targets: tuple[Target, ...], *contenders: Contender, **more: Any) -> Workload:
    fields: dict[str, Any] = {"name": "W0", "per_turn": 1, "rounds": 1, **more}
    return Workload(
        module=__name__, title="nothing", unit="a unit", contenders=contenders, targets=targets, **fields
    )


def _lane(name: str, seconds: float, *, size: int = 1, peak_kib: int = 1000, **more: Any) -> Lane:
    contender = Diary().contender(name, **more)
    return Lane(contender=contender, size=size, count=1, turns=[Turn(seconds, peak_kib)] * 3)


def _result(targets: tuple[Target, ...], *lanes: Lane, name: str = "W0") -> Result:
    contenders = [lane.contender for lane in lanes]
    workload = _workload(targets, *contenders, name=name)
    return Result(
        workload=workload, ground="here", settings="durable", database=SQLITE, rounds=3, lanes=list(lanes)
    )
