"""What a patch of this folder says, and how its fault is planted.

    What: one sentence, the fault.
    Killed by: tests/rules/test_guards.py::test_that_bites, and more of them with commas
    Layers: where two guards cover for each other and both are taken away: why each is there.

    --- a/states/guards.py
    +++ b/states/guards.py
    @@ …

A unified diff, which `git apply` takes as well. Here the lines of each hunk must stand in the file exactly,
and exactly once: whatever the line numbers say, a fault is planted where it was meant, or not at all.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Field of a header -> whether a patch must have it.
FIELDS: Final = {"What": True, "Killed by": True, "Layers": False}

_NAME: Final = re.compile(r"(?P<number>\d{2,3})-(?P<name>[a-z0-9-]+)\.patch")
_FIELD: Final = re.compile(r"(?P<field>[A-Z][a-z ]*): +(?P<text>\S.*)")
_TEST: Final = re.compile(r"tests/\S+\.py::\S+")
_OLD: Final = " -"
_NEW: Final = " +"


class BadPatch(Exception):
    """A patch that cannot be read, or does not fit the tree."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Some lines of one file, and what takes their place."""

    file: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One fault, and the tests that must see it."""

    number: str
    name: str
    what: str
    killed_by: tuple[str, ...]
    layers: str | None
    hunks: tuple[Hunk, ...]


def mutants_in(folder: Path) -> list[Mutant]:
    """Return every fault of a folder, by number.

    Raises:
        BadPatch: one of them cannot be read, or two have one number.
    """
    found = [read(path) for path in sorted(folder.glob("*.patch"))]
    numbers = [mutant.number for mutant in found]
    if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
        msg = f"the number {twice[0]} is given twice"
        raise BadPatch(msg)
    return found


def read(path: Path) -> Mutant:
    """Return what a patch says.

    Raises:
        BadPatch: its name or a field is wrong, a field is missing, or there is no diff.
    """
    named = _NAME.fullmatch(path.name)
    if named is None:
        msg = f"{path.name} is not named as in 07-short-name.patch"
        raise BadPatch(msg)
    header, dashes, diff = path.read_text(encoding="utf-8").partition("\n--- ")
    if not dashes:
        msg = f"{path.name} holds no diff"
        raise BadPatch(msg)
    fields = _fields(header, path.name)
    tests = tuple(test.strip() for test in fields["Killed by"].split(","))
    hunks = tuple(_hunks(f"{dashes}{diff}".splitlines(), path.name))
    if wrong := [test for test in tests if not _TEST.fullmatch(test)]:
        msg = f"{path.name} is to be killed by {wrong[0]!r}, which is no test's node id"
        raise BadPatch(msg)
    if not hunks:
        msg = f"{path.name} holds no diff"
        raise BadPatch(msg)
    return Mutant(
        number=named["number"],
        name=named["name"],
        what=fields["What"],
        killed_by=tests,
        layers=fields.get("Layers"),
        hunks=hunks,
    )


def plant(mutant: Mutant, tree: Path) -> None:
    """Plant a fault in a tree.

    - the mutated files; their compiled forms, which might pass for fresh, are removed

    Raises:
        BadPatch: a hunk's lines do not stand in its file, or more than once; nothing is written then.
    """
    for file, text in planted(mutant, tree).items():
        path = tree / file
        path.write_text(text, encoding="utf-8")
        for stale in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            stale.unlink()


def planted(mutant: Mutant, tree: Path) -> dict[str, str]:
    """Return the mutated text of each file that a fault touches.

    Raises:
        BadPatch: as `plant`.
    """
    files: dict[str, list[str]] = {}
    for hunk in mutant.hunks:
        if hunk.file not in files:
            files[hunk.file] = _lines_of(tree / hunk.file, mutant)
        lines, size = files[hunk.file], len(hunk.before)
        starts = [
            start
            for start in range(len(lines) - size + 1)
            if tuple(lines[start : start + size]) == hunk.before
        ]
        if len(starts) != 1:
            msg = f"{mutant.number}-{mutant.name}: these lines stand {len(starts)} times in {hunk.file}:\n"
            raise BadPatch(msg + "\n".join(hunk.before))
        lines[starts[0] : starts[0] + size] = hunk.after
    return {file: "\n".join([*lines, ""]) for file, lines in files.items()}


def _lines_of(path: Path, mutant: Mutant) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        msg = f"{mutant.number}-{mutant.name} changes {path.name}, which is not there"
        raise BadPatch(msg) from None


def _fields(header: str, name: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    field = ""
    for line in filter(str.strip, header.splitlines()):
        begins = _FIELD.fullmatch(line)
        if begins is not None:
            field = begins["field"]
            fields[field] = begins["text"].strip()
        elif field and line.startswith(" "):
            fields[field] += f" {line.strip()}"
        else:
            msg = f"{name} says {line!r}, which belongs to no field"
            raise BadPatch(msg)
    for each in fields.keys() ^ FIELDS.keys():
        if each in fields or FIELDS[each]:
            msg = f"{name} has {'an unknown' if each in fields else 'no'} field {each!r}"
            raise BadPatch(msg)
    return fields


def _hunks(diff: Sequence[str], name: str) -> Iterator[Hunk]:
    """Read the hunks; a blank line of context may have lost its one space."""
    file = ""
    lines: list[str] | None = None
    for line in [*diff, "@@"]:
        if line.startswith(("--- ", "+++ ", "@@")):
            if lines:
                yield _hunk(file, lines, name)
            lines = [] if line.startswith("@@") else None
            file = line.removeprefix("+++ b/") if line.startswith("+++ b/") else file
        elif lines is not None:
            lines.append(line or " ")


def _hunk(file: str, lines: Sequence[str], name: str) -> Hunk:
    if not file or any(line[0] not in " +-" for line in lines):
        msg = f"{name} holds no diff as `git diff` writes it"
        raise BadPatch(msg)
    before = tuple(line[1:] for line in lines if line[0] in _OLD)
    after = tuple(line[1:] for line in lines if line[0] in _NEW)
    return Hunk(file, before, after)
