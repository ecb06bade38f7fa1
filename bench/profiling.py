"""Where the time of our own side goes, by part of the program."""

import cProfile
import pstats
from pathlib import Path
from typing import Any, Final

from bench.contest import Contender, Place, Workload
from bench.document import Document
from bench.players import Here

#: What lies in a path -> the part that it is counted to; the first that fits.
_LIBRARIES: Final = (
    "sqlalchemy", "transitions", "structlog", "pydantic", "httpx", "httpcore", "psycopg", "logging", "json",
)  # fmt: skip
_FLOORS: Final = ("states", "workflow", "scheduler", "adapters")
_ROOT: Final = Path(__file__).resolve().parents[1]

#: A function in a profile: file, line, name.
Function = tuple[str, int, str]


def profile(workload: Workload, place: Place, count: int) -> Document:
    """Do so many units on our side under a profiler; return what each part took, the dearest first."""
    player = Here(_ours(workload), place)
    try:
        player.turn(count)
        profiler = cProfile.Profile()
        go = player.prepare(count)
        profiler.runcall(go)
    finally:
        player.stop()
    parts = by_part(pstats.Stats(profiler).stats)  # type: ignore[attr-defined]  # typeshed does not know it
    total = sum(parts.values())
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    return {
        "count": count,
        "parts": [
            (part, seconds / count * 1e6, seconds / total)
            for part, seconds in ordered
            if seconds > total / 200
        ],
    }


def by_part(stats: dict[Function, Any]) -> dict[str, float]:
    """Return each part's own time; what is built into Python counts to whoever called it."""
    parts: dict[str, float] = {}
    for function, (_, _, own, _, callers) in stats.items():
        if function[0] != "~" or not callers:
            found = [(_part(function), own)]
        elif _is_driver(function[2]):
            found = [
                (f"the driver, for {_part(caller)}: {caller[2]}", each[2]) for caller, each in callers.items()
            ]
        else:
            found = [(_part(caller), each[2]) for caller, each in callers.items()]
        for part, seconds in found:
            parts[part] = parts.get(part, 0.0) + seconds
    return parts


def _ours(workload: Workload) -> Contender:
    return next(each for each in workload.contenders if each.name == "ours")


def _is_driver(name: str) -> bool:
    return "sqlite3" in name or "psycopg" in name


def _part(function: Function) -> str:
    path = Path(function[0])
    if path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in _FLOORS:
        return path.relative_to(_ROOT).as_posix()
    return next(
        (library for library in _LIBRARIES if library in path.parts or library == path.stem), "Python itself"
    )
