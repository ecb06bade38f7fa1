"""docs/architecture.md is in step with the code: the files it places, the lines of log it lists."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FLOORS: Final = ("states", "workflow", "scheduler", "adapters")
#: A database, or what only one of them has.
_NAMED: Final = re.compile(r"\bsqlite\b|sqlite_|postgres|\bpg_")
PAGE: Final = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def test_every_line_of_log_is_listed() -> None:
    """An operator finds each event that the log may hold in the table, and none that it never holds."""
    table = PAGE.partition("\n## Log\n")[2].partition("\n## ")[0]
    listed = {name for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for name in _names(row)}
    assert listed - {"call.opened", "eoi.cancelled"} == set(_logged())


def test_every_file_of_a_floor_has_its_place() -> None:
    """A newcomer finds each module of a floor under its floor, by name or by its folder's."""
    missing = [
        f"{floor}/{path.name}"
        for floor in FLOORS
        for path in sorted((ROOT / floor).iterdir())
        if not path.name.startswith(("_", "py.")) and f"`{_as_named(path)}`" not in PAGE
    ]
    assert missing == []


def test_every_file_that_knows_of_two_databases_is_listed() -> None:
    """A newcomer who looks for what differs finds each place outside of `workflow/databases/`, and why."""
    table = PAGE.partition("\n## Where the two databases differ\n")[2].partition("\n## ")[0]
    places = {path for row in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE) for path in _paths(row)}
    assert [path for path in sorted(places) if not (ROOT / path).is_file()] == []
    assert sorted(set(_files_that_name_a_database()) - places) == []
    # These know it without a word of code.
    assert places - set(_files_that_name_a_database()) == {
        "workflow/columns.py",
        "workflow/statements.py",
        "workflow/store/deliveries.py",
        "workflow/store/outbox.py",
    }


def _paths(row: str) -> list[str]:
    return re.findall(r"`([a-z_0-9/]+\.py)`", row)


def _files_that_name_a_database() -> Iterator[str]:
    """Yield each file that names one in code: in a text that is no docstring, or as an option's name."""
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            file = path.relative_to(ROOT).as_posix()
            if not file.startswith("workflow/databases/") and _NAMED.search(_code(path)):
                yield file


def _code(path: Path) -> str:
    """Return a file's code, without comments and docstrings."""
    code = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(code):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                node.value = ast.Constant(value=None)
    return ast.unparse(code)


def _names(row: str) -> list[str]:
    return re.findall(r"`([a-z]+\.[a-z-]+)`", row)


def _as_named(path: Path) -> str:
    return f"{path.name}/" if path.is_dir() else path.stem


def _logged() -> Iterator[str]:
    """Yield the static name of each line of log in the code; those of deliveries are put together."""
    for floor in FLOORS:
        for path in sorted((ROOT / floor).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield from _line_of_log(node)
    yield from (f"delivery.{end}" for end in ("delivered", "postponed", "parked", "overtaken"))


def _line_of_log(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="_log")), args=[ast.Constant(value=str() as name), *_]
        ):
            yield name
