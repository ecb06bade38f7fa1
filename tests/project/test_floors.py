"""The floors hold, and each rule that holds them can fail.

Most rules are import-linter's contracts and ruff's bans in pyproject.toml; here a fault is planted for each.
What those two cannot say is checked here by reading the code.
"""

import ast
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("adapters", "scheduler", "workflow", "states")

#: All of the standard library that `states` may use: words, values and calendars.
PURE = {
    "collections",
    "contextlib",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "itertools",
    "operator",
    "re",
    "types",
    "typing",
    "unicodedata",
    "zoneinfo",
}
#: File -> what it may import besides.
PURE_ENOUGH = {"states/lifecycle.py": {"logging", "transitions"}}

#: File or folder -> what it may import inside a function, and why it is not at the top.
LATE = {
    "adapters/cli/": (*FLOORS, "rich"),  # `--help` is quick
    "adapters/bootstrap.py": ("adapters.outbound",),  # only who sends letters pays for calendars and tokens
    "adapters/serving.py": ("adapters.api.oidc",),  # only who takes tokens pays for cryptography
    "adapters/outbound/export/exporting.py": ("adapters.outbound.export.xlsx",),  # its library is an extra
    "adapters/core.py": (
        "adapters.outbound",
        "adapters.vault",
    ),  # only who needs them pays for httpx and cryptography
    "workflow/engine.py": ("workflow.migrations",),  # only who migrates pays for Alembic
    "workflow/databases/__init__.py": ("workflow.databases.postgres",),  # its driver is an extra
}

#: Contract -> faults that it must find: the file they are planted in, and the lines.
FAULTS = [
    ("floors", "workflow/views.py", "import scheduler"),
    ("sqlite", "workflow/outbox.py", "import sqlite3"),
    ("sqlite", "workflow/databases/postgres/driver.py", "import sqlite3"),
    ("postgres", "workflow/store/keys.py", "import psycopg"),
    ("postgres", "workflow/databases/sqlite/connection.py", "from psycopg import errors"),
    ("databases", "workflow/engine.py", "from workflow.databases.sqlite import SqliteDatabase"),
    ("databases", "workflow/dispatch.py", "import workflow.databases.postgres"),
    ("xlsxwriter", "adapters/outbound/export/csv_file.py", "import xlsxwriter"),
    ("floors", "workflow/views.py", "def late():\n    import scheduler"),
    ("floors", "states/names.py", "import typing\nif typing.TYPE_CHECKING:\n    import workflow.views"),
    ("rings", "states/names.py", "import states.lifecycle"),
    ("states-pure", "states/facts.py", "import time"),
    ("states-pure", "states/facts.py", "from sqlalchemy import text"),
    ("transitions", "states/guards.py", "import transitions"),
    ("apscheduler", "scheduler/__init__.py", "import apscheduler.triggers.date"),
    ("httpx", "workflow/ports.py", "import httpx"),
    ("httpx", "scheduler/pump.py", "import httpcore"),
    ("api", "adapters/documents.py", "import fastapi"),
    ("api", "adapters/cli/running.py", "def late():\n    from starlette.types import ASGIApp"),
    ("api", "workflow/log.py", "import anyio"),
    ("uvicorn", "adapters/api/app.py", "import uvicorn"),
    ("uvicorn", "adapters/asgi.py", "import uvicorn"),
    ("limits", "adapters/api/auth.py", "import limits"),
    ("extra", "adapters/bootstrap.py", "import adapters.api.door"),
    ("extra", "adapters/cli/running.py", "def late():\n    from adapters.api.rates import Rates"),
    ("outside", "adapters/api/operation.py", "import prometheus_client"),
    ("structlog", "workflow/ports.py", "import structlog"),
    ("outside", "workflow/vault.py", "import cryptography"),
    ("outside", "scheduler/runner.py", "import prometheus_client"),
    ("outside", "adapters/bootstrap.py", "import jwt"),
    ("outside", "adapters/api/oidc.py", "import jwt"),
    ("httpx", "adapters/api/jwks.py", "import httpx"),
    ("alembic", "workflow/applications.py", "import alembic"),
    ("sqlmodel", "workflow/applications.py", "from sqlmodel import select"),
    ("pydantic", "workflow/applications.py", "import pydantic"),
    ("sql", "scheduler/sweep.py", "import sqlalchemy"),
    ("sql", "adapters/cli/running.py", "def late():\n    from sqlalchemy import text"),
    ("sql", "adapters/api/calls.py", "import sqlalchemy"),
    ("engine", "adapters/api/calls.py", "from workflow.store import eois"),
    ("engine", "scheduler/sweep.py", "from workflow.store import deliveries"),
    ("engine", "scheduler/sweep.py", "from workflow.connection import Connection"),
    ("engine", "adapters/cli/running.py", "from workflow.store import eois"),
    ("engine", "adapters/bootstrap.py", "import workflow.orders"),
    ("decisions", "workflow/views.py", "from states.decisions import decide"),
    ("rows", "workflow/views.py", "import workflow.tables"),
    ("rows", "adapters/__init__.py", "import workflow.store.tables"),
    ("couriers", "adapters/outbound/webhook.py", "import adapters.outbound.log"),
    ("settings", "adapters/outbound/webhook.py", "import adapters.settings"),
    ("settings", "adapters/api/door.py", "import adapters.settings"),
    ("root", "adapters/outbound/webhook.py", "import scheduler"),
]

#: What ruff must refuse in any file that is not named for it.
BANNED = [
    "import datetime\nNOW = datetime.datetime.now(datetime.UTC)",
    "from datetime import datetime\nNOW = datetime.now()",
    "from datetime import date\nTODAY = date.today()",
    "from time import time\nNOW = time()",
    "import os\nHOME = os.environ['HOME']",
    "from os import getenv\nHOME = getenv('HOME')",
]

#: Hosts of package registries, in pieces, so that this file does not name one.
REGISTRIES = [
    ".".join(pieces)
    for pieces in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of the code and its rules, to plant faults in."""
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, tmp_path / floor, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_code_keeps_every_contract(tree: Path) -> None:
    """Nothing is broken before a fault is planted."""
    assert " 0 broken" in _lint_imports(tree)


@pytest.mark.slow
@pytest.mark.parametrize(("contract", "file", "lines"), FAULTS)
def test_contract_finds_fault(tree: Path, contract: str, file: str, lines: str) -> None:
    """A contract is broken by one import that it forbids."""
    _plant(tree, file, lines)
    assert "0 kept, 1 broken" in _lint_imports(tree, "--contract", contract)


def test_every_contract_has_a_fault() -> None:
    """No contract stands in pyproject.toml that nobody has seen fail."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["id"] for contract in contracts} == {contract for contract, _, _ in FAULTS}


@pytest.mark.parametrize("lines", BANNED)
def test_ban_finds_fault(tree: Path, lines: str) -> None:
    """Asking the clock or reading the environment is refused where it is not a file's very purpose."""
    _plant(tree, "workflow/views.py", lines)
    assert _ruff_codes(tree / "workflow") == ["TID251"]


def test_states_are_pure() -> None:
    """The rule book uses words, values and calendars of the standard library, and transitions."""
    assert list(impure(ROOT)) == []


@pytest.mark.parametrize("package", ["requests", "fractions", "transitions", "os"])
def test_impurity_is_found(tree: Path, package: str) -> None:
    """What nobody thought of forbidding is not thereby allowed."""
    _plant(tree, "states/facts.py", f"import {package}.path")
    assert list(impure(tree)) == [f"states/facts.py imports {package}"]


def test_nobody_imports_the_package_it_stands_in() -> None:
    """A package's front imports its modules, never the other way: a ring that the contract does not count."""
    assert list(rings_through_the_front(ROOT)) == []


@pytest.mark.parametrize(
    "lines", ["from workflow import Engine", "import workflow", "from workflow.store import one"]
)
def test_ring_through_the_front_is_found(tree: Path, lines: str) -> None:
    """A name of the package itself counts, one of its modules does not."""
    _plant(tree, "workflow/store/calls.py", lines)
    _plant(tree, "workflow/store/eois.py", "from workflow import views")
    assert [line.split(" imports ")[0] for line in rings_through_the_front(tree)] == [
        "workflow/store/calls.py"
    ]


def test_imports_stand_at_the_top() -> None:
    """Only what is named here is imported late; no module is imported by its name as text."""
    assert list(late_imports(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "lines"),
    [
        ("workflow/views.py", "def late():\n    import json"),
        ("workflow/views.py", "class A:\n    def late(self):\n        from workflow import engine"),
        ("workflow/engine.py", "def late():\n    import adapters"),
        ("adapters/cli/app.py", "def late():\n    import httpx"),
        ("adapters/cli/app.py", "import importlib\nimportlib.import_module('states')"),
        ("adapters/cli/app.py", "__import__('states')"),
    ],
)
def test_late_import_is_found(tree: Path, file: str, lines: str) -> None:
    """An import that hides in a function, in a class or in a text is found."""
    _plant(tree, file, lines)
    assert [line.split(":")[0] for line in late_imports(tree)] == [file]


def test_no_file_names_a_registry() -> None:
    """Where packages come from is the machine's business: no file names a registry, no pin an address."""
    assert list(registry_names(ROOT)) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("docs/guide.md", f"see {REGISTRIES[0]}"),
        ("requirements/test.txt", "six @ https://example.test/six.whl"),
    ],
)
def test_registry_name_is_found(tmp_path: Path, file: str, text: str) -> None:
    """A page that names a registry is found, and so is a pin with any address."""
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(text)
    assert list(registry_names(tmp_path)) == [file]


def impure(root: Path) -> Iterator[str]:
    """Yield what `states` imports and may not."""
    for file, code in _modules(root, "states"):
        allowed = {"states"} | PURE | PURE_ENOUGH.get(file, set())
        tops = {name.partition(".")[0] for node in ast.walk(code) for name in _imported(node)}
        yield from (f"{file} imports {top}" for top in sorted(tops - allowed))


def rings_through_the_front(root: Path) -> Iterator[str]:
    """Yield each module that imports from a package that it stands in."""
    for file, code in _modules(root, *FLOORS):
        above = {".".join(Path(file).parts[:depth]) for depth in range(1, len(Path(file).parts))}
        for node in ast.walk(code):
            yield from (f"{file} imports {name}" for name in sorted(above & _run(root, node)))


def late_imports(root: Path) -> Iterator[str]:
    """Yield each import that is not at a module's top and not named in LATE, and each import by text."""
    for file, text in _files(root, *FLOORS):
        yield from _late_in(file, text)


@cache
def _late_in(file: str, text: str) -> list[str]:
    """Return those of one file; of all that no fault is planted in, they are looked for once."""
    code = ast.parse(text)
    allowed = tuple(name for place, names in LATE.items() if file.startswith(place) for name in names)
    late: list[ast.stmt | ast.expr] = [
        node
        for node in _inside_functions(code)
        if any(not name.startswith(allowed) for name in _imported(node))
    ]
    calls = (node for node in ast.walk(code) if isinstance(node, ast.Call))
    late += [call for call in calls if _called(call) in {"import_module", "__import__"}]
    return [f"{file}:{node.lineno}: {ast.unparse(node)}" for node in late]


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def registry_names(root: Path) -> Iterator[str]:
    """Yield each text file that names a registry's host, and each file of pins with an address in it."""
    for path in _texts(root):
        text = path.read_text(encoding="utf-8", errors="ignore").lower()
        pinned_address = path.parent.name == "requirements" and "://" in text
        if pinned_address or any(host in text for host in REGISTRIES):
            yield path.relative_to(root).as_posix()


def _modules(root: Path, *packages: str) -> Iterator[tuple[str, ast.Module]]:
    for file, text in _files(root, *packages):
        yield file, ast.parse(text)


def _files(root: Path, *packages: str) -> Iterator[tuple[str, str]]:
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def _imported(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []


def _run(root: Path, node: ast.AST) -> set[str]:
    """Return what an import runs: the modules; a package's front where it is asked for a name."""
    if isinstance(node, ast.ImportFrom):
        package = node.module or ""
        return {package for alias in node.names if not _is_module(root, package, alias.name)}
    return set(_imported(node))


def _inside_functions(code: ast.Module) -> Iterator[ast.Import | ast.ImportFrom]:
    for function in ast.walk(code):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from (node for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom))


def _is_module(root: Path, package: str, name: str) -> bool:
    place = root.joinpath(*package.split("."), name)
    return place.is_dir() or place.with_suffix(".py").is_file()


def _texts(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if (
            path.name.startswith(".venv")
            or path.name in {".git", "__pycache__"}
            or path.name.endswith("_cache")
        ):
            continue
        if path.is_dir():
            yield from _texts(path)
        elif b"\0" not in path.read_bytes():
            yield path


def _plant(tree: Path, file: str, lines: str) -> None:
    with (tree / file).open("a", encoding="utf-8") as code:
        code.write(f"\n\n{lines}\n")


def _lint_imports(tree: Path, *options: str) -> str:
    return _output(tree, "lint-imports", "--no-logo", "--no-cache", *options)


def _ruff_codes(folder: Path) -> list[str]:
    said = _output(folder, "ruff", "check", "--no-cache", "--select", "TID251", "--output-format", "concise")
    return [line.split()[1] for line in said.splitlines() if line.startswith("views.py")]


def _output(folder: Path, tool: str, *arguments: str) -> str:
    command = [str(Path(sys.executable).with_name(tool)), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
