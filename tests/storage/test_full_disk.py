"""No room: by SQLite's own limit, by a limit of the process, and on a disk that really is full."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.storage.small_disk import fill, mounted
from workflow import CallClosed, DatabaseFull, DatabaseUnavailable, Engine, Receipt
from workflow.testing import FrozenClock, engine_in, new_call, officer, school, submitted

LARGE = {"why": "Because we have the room. " * 5000}
ROOM = 2**30

# Drafts until no file may grow, then until they may again; says how each ended.
LIMITED = """
import json, resource, sys
from pathlib import Path
from workflow import EoiError
from workflow.testing import engine_in, new_call, officer, school
engine = engine_in(Path(sys.argv[1]))
call = engine.open_call(new_call(), actor=officer())
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), hard))
kept, code = [], None
for urn in range(1000):
    try:
        kept.append(engine.draft(call.id, answers={"why": "x" * 3000}, actor=school(urn)).eoi_id)
    except EoiError as exc:
        code, message = exc.code, exc.message
        break
read = len(engine.find(limit=200).items)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
kept.append(engine.draft(call.id, answers={}, actor=school(urn)).eoi_id)
engine.close()
print(json.dumps({"kept": kept, "code": code, "message": message, "read": read}))
"""


def content(path: Path) -> list[str]:
    """Return everything in a database, asked of SQLite itself."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return list(connection.iterdump())


def allow_pages(engine: Engine, count: int) -> None:
    """Let the file have this many pages, or as many as it has; commands meet the same pooled connection."""
    with closing(engine._database.engine.raw_connection()) as pooled:
        pooled.cursor().execute(f"PRAGMA max_page_count = {count}")


def commands(engine: Engine, call_id: str, eoi_id: str) -> dict[str, Callable[[], Receipt]]:
    """Return commands that need room."""
    return {
        "draft": lambda: engine.draft(call_id, answers=LARGE, actor=school(2), idempotency_key="once"),
        "save": lambda: engine.save(eoi_id, answers=LARGE, actor=school(1), idempotency_key="once"),
    }


@pytest.mark.parametrize("name", ["draft", "save"])
def test_a_command_without_room_changes_nothing(tmp_path: Path, name: str) -> None:
    """A command that fills the database is told, leaves every row as it was, and works when there is room."""
    engine = engine_in(tmp_path)
    call_id = engine.open_call(new_call(), actor=officer()).id
    eoi_id = engine.draft(call_id, answers={}, actor=school(1)).eoi_id
    command = commands(engine, call_id, eoi_id)[name]
    before = content(tmp_path / "eoi.db")
    allow_pages(engine, 1)
    for _ in range(2):
        with pytest.raises(DatabaseFull, match="make room, then try again") as caught:
            command()
        assert caught.value.code == "database-full"
    assert content(tmp_path / "eoi.db") == before
    assert engine.get(eoi_id).version == 1
    allow_pages(engine, ROOM)
    receipt = command()
    assert (receipt.replayed, command().replayed) == (False, True)
    assert engine.get(receipt.eoi_id).answers == LARGE
    assert engine.check() == []
    engine.close()


def test_a_close_without_room_is_made_up_for(tmp_path: Path) -> None:
    """A call whose drafts cannot all lapse stays open with all of them, and is closed by the next sweep."""
    clock = FrozenClock()
    engine = engine_in(tmp_path, clock=clock)
    call = engine.open_call(new_call(), actor=officer())
    eoi_ids = [engine.draft(call.id, answers={}, actor=school(urn)).eoi_id for urn in range(60)]
    clock.move_to(call.closes_at + timedelta(seconds=2))
    before = content(tmp_path / "eoi.db")
    allow_pages(engine, 1)
    report = engine.close_due()
    assert (report.closed, report.lapsed, dict(report.failed)) == ((), 0, {call.id: "database-full"})
    assert content(tmp_path / "eoi.db") == before
    with pytest.raises(CallClosed):
        engine.submit(eoi_ids[0], actor=school(0))
    allow_pages(engine, ROOM)
    report = engine.close_due()
    assert ([each.id for each in report.closed], report.lapsed, report.failed) == ([call.id], 60, {})
    assert engine.call(call.id).counts_at_close == {"lapsed": 60}
    engine.close()


@pytest.mark.slow
def test_a_process_that_may_write_no_more_loses_nothing(tmp_path: Path) -> None:
    """Where a quota stops a file from growing, drafts are refused in words and resume when it is lifted."""
    command = [sys.executable, "-W", "error", "-c", LIMITED, str(tmp_path), str(600_000)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert said["code"] in ("database-full", "database-unavailable")
    assert "room" in said["message"]
    assert said["read"] == len(said["kept"]) - 1 > 3
    with closing(sqlite3.connect(tmp_path / "eoi.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = connection.execute(
            "SELECT e.id, e.version, count(h.seq), count(o.position) FROM eoi_eoi AS e "
            "JOIN eoi_history AS h ON h.subject_id = e.id JOIN eoi_outbox AS o ON o.eoi_id = e.id "
            "GROUP BY e.id"
        ).fetchall()
    assert sorted(found) == sorted((eoi_id, 1, 1, 1) for eoi_id in said["kept"])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 1 MB, mounted for the test."""
    with mounted(tmp_path / "disk", "1m") as disk:
        yield disk


def test_a_full_disk_is_told_and_nothing_is_lost(small_disk: Path) -> None:
    """On a disk full to the last byte reads go on, commands are told, and with room again all is well."""
    clock = FrozenClock()
    engine = engine_in(small_disk, clock=clock)
    call = engine.open_call(new_call(), actor=officer())
    eoi_id = submitted(engine, call.id, school(1))
    filler = fill(small_disk)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable, match="room"):
            engine.draft(call.id, answers=LARGE, actor=school(2))
    assert [each.trigger for each in engine.history(eoi_id)] == ["draft", "submit"]
    assert engine.find().items[0].state == "submitted"
    filler.unlink()
    assert engine.draft(call.id, answers={}, actor=school(2)).version == 1
    assert engine.check() == []
    engine.close()


def test_a_refusal_stands_where_it_cannot_be_kept(small_disk: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A school that is too late hears so on a full disk too; that the attempt was not kept is logged."""
    caplog.set_level("INFO", logger="eoi")
    clock = FrozenClock()
    engine = engine_in(small_disk, clock=clock)
    call = engine.open_call(new_call(), actor=officer())
    eoi_id = engine.draft(call.id, answers={}, actor=school(1)).eoi_id
    clock.move_to(call.closes_at)
    with closing(sqlite3.connect(small_disk / "eoi.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    filler = fill(small_disk)
    with pytest.raises(CallClosed):
        engine.submit(eoi_id, actor=school(1))
    assert [each.getMessage() for each in caplog.records][-1] == "attempt.not-kept"
    assert engine.attempts(eoi_id) == []
    filler.unlink()
    with pytest.raises(CallClosed):
        engine.submit(eoi_id, actor=school(1))
    assert [(each.code, each.count) for each in engine.attempts(eoi_id)] == [("call-closed", 1)]
    engine.close()


def test_a_database_cannot_be_made_on_a_full_disk(small_disk: Path) -> None:
    """A migration without room is told, and made once there is some."""
    filler = fill(small_disk)
    engine = Engine(f"sqlite:///{small_disk / 'eoi.db'}", clock=FrozenClock())
    with pytest.raises(DatabaseUnavailable, match="room"):
        engine.migrate()
    filler.unlink()
    assert engine.create()
    assert engine.check() == []
    engine.close()
