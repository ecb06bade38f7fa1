"""Who may what: every route of the program, by every role, is as docs/security.md says."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.api_frame.test_bodies import _routes
from tests.api_proof.conftest import MakeWorld
from tests.api_proof.matrix import NOBODY, ROLES, Row, ask, cell, key_of, rows, status_of
from tests.api_proof.world import NOWHERE, World
from tests.databases.sqlite import SqliteFiles
from tests.servers.scripts import ROOT

pytestmark = pytest.mark.slow

DOCUMENT: Final = (ROOT / "docs" / "security.md").read_text()
#: What is open to anybody, and so has no row; the document names each.
OPEN: Final = frozenset({
    "GET /healthz", "GET /readyz", "GET /openapi.json", "HEAD /openapi.json", "GET /docs",
    "GET /docs/begin.js",
    "GET /docs/swagger-ui-bundle.js", "GET /docs/swagger-ui.css",
})  # fmt: skip


def table() -> dict[str, list[str]]:
    """Return the document's rows: what is asked -> what each column says."""
    chapter = DOCUMENT.partition("## Who may what\n")[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in chapter.splitlines() if line.startswith("| `")]
    return {line[0].replace("`", ""): line[1:] for line in lines}


@pytest.fixture
def world(tmp_path: Path, sqlite_template: Path, make_world: MakeWorld) -> World:
    """Return a program on a file of SQLite's: what is decided here asks no database."""
    with SqliteFiles(tmp_path, sqlite_template) as files:
        return make_world(files.new())


def found(world: World, row: Row) -> list[str]:
    """Return a row as the program has it."""
    nobody = {str(status_of(world, row, key_of(world, who), NOWHERE)) for who in NOBODY}
    return [" ".join(sorted(nobody)), *(cell(world, row, role) for role in ROLES)]


def test_every_role_may_what_the_table_says(world: World) -> None:
    """Each cell is what comes back: to no valid key, and to each role, of theirs, another's and none."""
    assert {row.name: found(world, row) for row in rows(world)} == table()


def test_no_route_is_left_out(world: World) -> None:
    """What the program can be asked is in the table, or is open to anybody; and nothing else is."""
    asked = {f"{method} {route.path}" for route in _routes(world.api) for method in route.methods}
    in_table = {row.route for row in rows(world)}
    assert asked == in_table | OPEN
    assert not in_table & OPEN
    assert [name for name in OPEN if f"`{name.split()[1].partition('.')[0]}" not in DOCUMENT] == []


def test_a_route_that_lets_anybody_in_is_caught(world: World) -> None:
    """A planted fault: a role that may what the table does not say."""
    (row,) = (row for row in rows(world) if row.name == "POST /v1/calls/{call}/cancel")
    world.keys["officer"] = world.keys["admin"]
    assert found(world, row) != table()[row.name]


def test_another_ones_is_told_as_what_is_not_there(world: World) -> None:
    """Of every row: to an applicant another's EOI is the same answer as none, but for the id."""
    count = 0
    for row in rows(world):
        if row.has_owner and row.make is not None:
            about = row.make(world, False)
            key = world.keys["applicant"]
            answers = [(ask(world, row, key, each), each) for each in (about, NOWHERE)]
            told = [
                (answer.status, json.dumps(answer.body).replace(each, "ID"), answer.headers.keys())
                for answer, each in answers
            ]
            assert told[0] == told[1], row.name
            count += 1
    assert count >= 10
