"""Every workload of `./run bench` still runs, on both databases, and its floor does the whole work."""

import re
import socket
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from bench.contest import SQLITE, Place
from bench.places import Ground, MemoryGround, PostgresGround, SqliteGround, file_system, on_disk
from bench.players import CannotPlay, Child, Here, in_this_process
from bench.race import Scale, run
from bench.raw import raw
from bench.receiver import receiver
from bench.workloads import WORKLOADS
from tests.servers.databases import Postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Ground:
    """Return where races are run: files, and then databases of a server."""
    if request.param == SQLITE:
        return SqliteGround(tmp_path)
    server: Postgres = request.getfixturevalue("postgres")
    return PostgresGround(server, tmp_path)


@pytest.mark.slow
def test_child_that_fails_says_why() -> None:
    """A contender that raises in its own process ends there, and its reason comes back in one line."""
    place = Place(database=SQLITE, url="sqlite:////nowhere/at/all.db", size=0)
    floor = WORKLOADS["W1"].contenders[0]
    with pytest.raises(CannotPlay, match=r"^DatabaseUnopened: "):
        Child("bench.w1_fire", floor, place)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["W1", "W2", "W3", "W5", "W6"])
def test_workload_runs(name: str, ground: Ground) -> None:
    """Floors and our own side of each workload still do its work; peers play in processes of their own."""
    scale = Scale(rounds=1, share=0.02, quick=True)
    ours = tuple(each for each in WORKLOADS[name].contenders if not each.peer)
    workload = replace(WORKLOADS[name], contenders=ours)
    result = run(workload, ground, scale, start=in_this_process, tell=_say_nothing)
    assert {lane.contender.name for lane in result.lanes if lane.turns} == {each.name for each in ours}
    assert all(turn.seconds > 0 for lane in result.lanes for turn in lane.turns)


def test_decisions_run() -> None:
    """The workload in memory still does its work: bare trigger, decision, refusal."""
    scale = Scale(rounds=1, share=0.001)
    result = run(WORKLOADS["W4"], MemoryGround(), scale, start=in_this_process, tell=_say_nothing)
    assert {lane.contender.name for lane in result.lanes if lane.turns} >= {"floor", "ours", "refused"}


@pytest.mark.slow
def test_starts_run() -> None:
    """The workload of starts still does its work: Typer alone, and our own help."""
    result = run(
        WORKLOADS["W7"], MemoryGround(), Scale(rounds=1, share=0.1), start=in_this_process, tell=_say_nothing
    )
    assert {lane.contender.name for lane in result.lanes if lane.turns} == {
        "floor",
        "ours",
        "bare",
        "serve",
    }


@pytest.mark.slow
@pytest.mark.parametrize(("name", "added"), [("W1", 2), ("W2", 42)])
def test_floor_writes_the_same_rows(name: str, added: int, ground: Ground) -> None:
    """The floor is no cheaper than the work: to the last column it leaves behind what the engine does."""
    left = []
    for contender in WORKLOADS[name].contenders[:2]:
        place = ground.place(contender.name, 20)
        player = Here(contender, place)
        player.turn(1)
        assert sum(player.rows().values()) == added
        player.stop()
        left.append(_everything(place))
    assert {table for table, rows in left[0].items() if rows} >= {"eoi_eoi", "eoi_history", "eoi_outbox"}
    assert left[0] == left[1]


def test_receiver_counts_what_comes_in_pieces() -> None:
    """A POST that comes in two pieces counts once, and two that come in one count twice."""
    post = b"POST /events HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    with receiver() as taken:
        port = int(taken.url.rpartition(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(post[:-1])
            assert taken.count() == 0
            connection.sendall(post[-1:] + post)
            answers = b""
            while answers.count(b"204 No Content") < 2:
                answers += connection.recv(1000)
        assert taken.count() == 2


def test_disk(tmp_path: Path) -> None:
    """Whoever measures on a disk in memory is told so: a commit costs nothing there."""
    memory = Path("/dev/shm")  # noqa: S108 -- asked for what it is, not used
    assert file_system(tmp_path) != "an unknown file system"
    if memory.is_dir():
        assert on_disk(memory) == "IN MEMORY (tmpfs): commits cost nothing here"


def _say_nothing(_: str) -> None:
    pass


def _everything(place: Place) -> dict[str, list[tuple[str, ...]]]:
    """Return every row of the engine's tables, with ids and instants told only as such."""
    tables = ("eoi_call", "eoi_eoi", "eoi_revision", "eoi_history", "eoi_note", "eoi_outbox", "eoi_attempt")
    with raw(place) as opened:
        return {
            table: sorted(tuple(map(_masked, row)) for row in opened.run(f"SELECT * FROM {table}"))  # noqa: S608 -- names written here
            for table in tables
        }


def _masked(value: object) -> str:
    if isinstance(value, datetime) or re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", str(value)):
        return "an instant"
    return "an id" if re.match(r"[0-9a-f]{8}-[0-9a-f]{4}", str(value)) else str(value)
