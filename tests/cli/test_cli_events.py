import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from adapters.cli.events import PAGE, _pages
from tests.servers.postgres import PostgresServer
from tests.servers.scripts import ROOT
from tests.servers.talking import Program
from workflow import (
    BadInput,
    CallView,
    DatabaseCorrupt,
    DatabaseForbidden,
    DatabaseForeign,
    Engine,
    EoiError,
    Page,
    SchemaTooNew,
)
from workflow.testing import new_call, officer, school, submitted

Eoi = Callable[..., Any]
SURROUNDINGS: Final = {"PATH": os.defpath, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
#: What a shell runs in the background is deaf to Ctrl-C, with its children: this one hears it.
HEARS: Final = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from adapters.cli import main
main()
"""

#: What somebody writes who extends a call, and has not made the feed's places yet.
COPIED: Final = """
INSERT INTO eoi_outbox (type, call_id, source, state, version, at, recorded_at, closes_at, fanned_out)
SELECT 'call.extended', call_id, state, state, 2, at, recorded_at, closes_at, 0 FROM eoi_outbox
"""


def lines(out: str) -> list[Any]:
    """Return the JSON documents of which each stands on a line."""
    return [json.loads(line) for line in out.splitlines()]


def test_each_event_is_one_json_line(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """With --json each event is one object on a line, with its cursor and the event's own fields."""
    eoi_id = submitted(engine, past.id, school())
    told = lines(eoi("events", "--json").out)
    assert [(each.keys(), each["cursor"]) for each in told] == [({"cursor", "event"}, n) for n in (1, 2, 3)]
    assert [each["event"]["type"] for each in told] == ["call.opened", "eoi.drafted", "eoi.submitted"]
    assert told[2]["event"] == {
        "id": f"{eoi_id}:2",
        "type": "eoi.submitted",
        "call_id": past.id,
        "call_reference": "46/23",
        "eoi_id": eoi_id,
        "applicant": "URN:121234",
        "source": "draft",
        "state": "submitted",
        "version": 2,
        "at": "2023-03-16T12:00:00Z",
        "recorded_at": "2023-03-16T12:00:00Z",
        "closes_at": "2023-03-18T00:00:00Z",
    }


def test_people_read_one_line_for_each_event(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """Without --json a line says when what happened to which call and EOI, and where to go on."""
    eoi_id = submitted(engine, past.id, school())
    answer = eoi("events")
    assert answer.out.splitlines() == [
        "1 2023-03-16 12:00:00 UTC call.opened 46/23",
        f"2 2023-03-16 12:00:00 UTC eoi.drafted 46/23 {eoi_id} URN:121234",
        f"3 2023-03-16 12:00:00 UTC eoi.submitted 46/23 {eoi_id} URN:121234",
    ]
    assert answer.err == "To go on from here: --after 3.\n"
    rest = eoi("events", "--after", "3")
    assert (rest.out, rest.err) == ("", "To go on from here: --after 3.\n")


def test_the_feed_goes_on_where_somebody_was(eoi: Eoi, engine: Engine, past: CallView) -> None:
    """From a cursor on, only some types, only so many; what was not asked for is passed over."""
    submitted(engine, past.id, school())
    assert [each["cursor"] for each in lines(eoi("events", "--after", "1", "--json").out)] == [2, 3]
    assert [each["cursor"] for each in lines(eoi("events", "--limit", "2", "--json").out)] == [1, 2]
    calls = eoi("events", "--events", "call.*")
    assert (calls.out.count("\n"), calls.err) == (1, "To go on from here: --after 3.\n")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--after", "-1"), 1),
        (("--after", "here"), 2),
        (("--limit", "0"), 1),
        (("--limit", "-5", "--follow"), 1),
        (("--events", "eoi.promoted"), 1),
    ],
)
def test_a_place_or_pattern_that_is_none_is_refused(eoi: Eoi, words: tuple[str, ...], status: int) -> None:
    """No cursor, no number, no such event: said at once, also where the feed is to be followed."""
    answer = eoi("events", *words)
    assert (answer.status, answer.out, answer.err != "") == (status, "", True)


def test_the_feed_is_not_for_applicants(eoi: Eoi, past: CallView) -> None:
    """A school is told of its own by other ways; an auditor reads all."""
    assert past.state == "open"
    head = ("--as", "head-1", "--role", "applicant", "--organisation", "URN:121234")
    refused = eoi("events", *head, "--json")
    assert (refused.out, json.loads(refused.err)["code"]) == ("", "role-missing")
    assert len(lines(eoi("events", "--as", "a", "--role", "auditor", "--json").out)) == 1


def test_a_long_feed_is_fetched_in_pages() -> None:
    """However many are wanted, at most `PAGE` are fetched at once, and exactly those that are wanted."""
    asked: list[tuple[int, int]] = []
    asides: list[str] = []

    def ask(after: int, count: int) -> Page[int]:
        asked.append((after, count))
        found = tuple(range(after + 1, min(after + count, 2500) + 1))
        return Page(found, str(found[-1] if found else after))

    def told(limit: int | None) -> Sequence[int]:
        asked.clear()
        return [
            number for page in _pages(ask, 0, limit, follow=False, aside=asides.append) for number in page
        ]

    assert (told(None), asked) == (list(range(1, 2501)), [(0, PAGE), (1000, PAGE), (2000, PAGE)])
    assert (told(1500), asked) == (list(range(1, 1501)), [(0, PAGE), (1000, 500)])
    assert (told(2500), asked) == (list(range(1, 2501)), [(0, PAGE), (1000, PAGE), (2000, 500)])
    assert asides == []


def test_a_database_that_is_away_ends_what_is_not_followed_on_stderr(
    eoi: Eoi, engine: Engine, past: CallView, tmp_path: Path
) -> None:
    """Without --follow it is an error as any other; stdout holds the lines of events and nothing else."""
    assert past.state == "open"
    with closing(sqlite3.connect(tmp_path / "eoi.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        answer = eoi("events", "--json", EOI_LOCK_TIMEOUT_S="0")
        assert (answer.status, answer.out) == (1, "")
        assert json.loads(answer.err)["code"] == "database-locked"


@pytest.mark.parametrize(
    "error",
    [BadInput("x"), SchemaTooNew(), DatabaseCorrupt(), DatabaseForeign(), DatabaseForbidden()],
)
def test_what_does_not_pass_by_itself_ends_also_what_is_followed(error: EoiError) -> None:
    """Whoever starts it again is told why; nobody waits in vain."""

    def ask(_: int, __: int) -> Page[int]:
        raise error

    with pytest.raises(type(error)):
        list(_pages(ask, 0, None, follow=True, aside=lambda _: pytest.fail("It waits.")))


def test_following_ends_with_as_many_as_were_wanted(eoi: Eoi, past: CallView) -> None:
    """`--follow --limit 1` waits for one event, tells it, and ends."""
    assert past.state == "open"
    answer = eoi("events", "--follow", "--limit", "1", "--json")
    assert (answer.status, len(lines(answer.out))) == (0, 1)


def followed(folder: Path, *words: str, **env: str) -> Program:
    """Start following the feed of `eoi.db`."""
    command = [sys.executable, "-c", HEARS, "events", "--follow", *words]
    return Program(command, folder=folder, env={**SURROUNDINGS, **env})


def heard(program: Program) -> Any:
    """Return the next line that it tells."""
    assert program.process.stdout is not None
    return json.loads(program.process.stdout.readline())


@pytest.mark.slow
def test_what_happens_while_the_feed_is_followed_is_told(
    tmp_path: Path, engine: Engine, past: CallView
) -> None:
    """A follower hears of what was, then of what happens, until Ctrl-C, which ends it well."""
    with followed(tmp_path, "--json") as program:
        first = heard(program)
        assert (first["cursor"], first["event"]["call_id"]) == (1, past.id)
        new = engine.open_call(new_call(reference="1/23"), actor=officer())
        second = heard(program)
        assert (second["cursor"], second["event"]["call_id"]) == (2, new.id)
        program.signal(signal.SIGINT)
        assert (program.end(), program.said(), program.lines) == (0, "", [])


@pytest.mark.slow
def test_following_waits_for_a_database_that_is_locked(
    tmp_path: Path, engine: Engine, past: CallView
) -> None:
    """It says so once, on stderr, and then tells what it has not told yet, from its own cursor."""
    with (
        closing(sqlite3.connect(tmp_path / "eoi.db", isolation_level=None)) as holder,
        followed(tmp_path, "--json", EOI_LOCK_TIMEOUT_S="0") as program,
    ):
        assert heard(program)["event"]["call_id"] == past.id
        holder.execute("BEGIN IMMEDIATE")
        holder.execute(COPIED)
        holder.execute("COMMIT")
        holder.execute("BEGIN IMMEDIATE")
        program.wait_for("to go on after")
        holder.execute("ROLLBACK")
        assert heard(program)["event"]["version"] == 2
        program.signal(signal.SIGINT)
        assert (program.end(), program.said()) == (0, "")
        (said,) = program.lines
        assert "[database-locked]" in said


@pytest.mark.slow
def test_following_waits_for_a_server_that_is_away(tmp_path: Path, own_postgres: PostgresServer) -> None:
    """A restart of PostgreSQL, however long: nothing is left out, nothing told twice."""
    url = own_postgres.new_database()
    with Engine(url) as engine:
        engine.migrate()
        first = engine.open_call(new_call(closes_on=date(2099, 1, 1)), actor=officer())
        with followed(tmp_path, "--json", EOI_DATABASE_URL=url) as program:
            assert heard(program)["event"]["call_id"] == first.id
            own_postgres.stop()
            program.wait_for("to go on after 1")
            own_postgres.start()
            second = engine.open_call(new_call(reference="1/23", closes_on=date(2099, 1, 1)), actor=officer())
            assert heard(program)["event"]["call_id"] == second.id
            program.signal(signal.SIGINT)
            assert (program.end(), program.said(), len(program.lines)) == (0, "", 1)


@pytest.mark.slow
def test_following_ends_when_nobody_reads_any_more(tmp_path: Path, past: CallView) -> None:
    """A pipe whose reader has gone ends it, well and without a word, though nothing more happens."""
    assert past.state == "open"
    with followed(tmp_path, "--json") as program:
        assert program.process.stdout is not None
        program.process.stdout.readline()
        program.process.stdout.close()
        assert (program.end(), program.lines) == (0, [])


@pytest.mark.slow
def test_a_feed_that_nobody_reads_is_no_failure(program: Callable[..., Any], past: CallView) -> None:
    """Where the reader has had enough before all is told, that is a good end, and nothing is said of it."""
    assert past.state == "open"
    ran = program("events", "--json", by='"$@" | true')
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, b"", b"")
