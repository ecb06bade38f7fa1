"""docs/bulk.md says what is so."""

import re
from pathlib import Path
from typing import Any, Final

import pytest
from typer.main import get_command

from adapters.bulk.decisions import _WORDS, Decisions
from adapters.bulk.importing import MOST_ROWS
from adapters.bulk.new_eois import EoiOptions, NewEois
from adapters.bulk.results import Status
from adapters.cli.app import app
from adapters.inbound.table_file import ENCODINGS, LONGEST_ROW
from tests.bulk.tables import table
from workflow.testing import officer

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "bulk.md").read_text(encoding="utf-8")
IMPORT: Final = PAGE.partition("\n## Import\n")[2].partition("\n## ")[0]


def blocks(kind: str) -> list[str]:
    """Return the examples of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", IMPORT, flags=re.MULTILINE | re.DOTALL)


def test_the_example_in_python_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever copies it sees one row made."""
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    exec(compile(code, "bulk.md", "exec"), {"__name__": "example"})  # noqa: S102 -- the page's own example
    assert re.fullmatch(r"2 made \S{36} None\n", capsys.readouterr().out)


def test_the_example_tables_have_columns_that_are_known() -> None:
    """One of EOIs, one of decisions."""
    engine: Any = None
    eois, moves = map(table, blocks("csv"))
    assert list(NewEois(engine, officer(), eois.columns, EoiOptions(call="46/23")).answers) == [
        "places",
        "why",
    ]
    assert Decisions(engine, officer(), moves.columns).unread == ()
    assert len(list(eois.rows())) == len(list(moves.rows())) == 2


def test_every_option_status_word_and_bound_is_there() -> None:
    """Nothing that can be said to the command is left out, and each bound is the real one."""
    command = vars(get_command(app))["commands"]["import"]
    own = {option for each in command.params for option in each.opts if option.startswith("--")}
    shared = {option for each in get_command(app).params for option in each.opts}
    assert sorted(option for option in own - shared if option not in IMPORT) == []
    assert set(
        re.findall(r"^\| `(\w+)` \| ", IMPORT.partition("### What can be said")[2], re.MULTILINE)
    ) == set(Status)
    assert f"{', '.join(dict.fromkeys(_WORDS.values()))};" in IMPORT
    assert f"{MOST_ROWS:,} rows" in IMPORT
    assert LONGEST_ROW == 1024**2
    assert all(word in IMPORT.lower() for word in ENCODINGS)
