"""The document in words: tables for a terminal."""

from collections.abc import Iterator, Sequence
from math import log10
from typing import Final

from bench.document import Document

HEADS: Final = ("contender", "N", "a unit", "middle half", "× floor", "rows that one adds")


def text(document: Document) -> str:
    """Return the whole document as text."""
    lines = [f"{document['machine']}; {document['command']}", ""]
    for race in document["races"]:
        lines += [*_race(race, document.get("busy")), ""]
    for name, profile in document["profiles"].items():
        lines += [*_profile(name, profile), ""]
    return "\n".join(lines)


def rows_of(race: Document) -> list[tuple[str, ...]]:
    """Return a race's lanes, each as the cells of a table."""
    return [_cells(race, lane) for lane in race["lanes"]]


def verdicts_of(race: Document) -> Iterator[tuple[str, str, bool]]:
    """Yield each target, what was measured, and whether it was reached."""
    for target in race["targets"]:
        size = f" at N = {target['size']:,}" if target["size"] else ""
        named = f" ({target['to']})" if "peer" in target["says"] else ""
        yield f"{target['says']}{size}", f"{target['quotient']:.2f}{named}", target["met"]


def duration(seconds: float) -> str:
    """Return a span of time in the unit that suits it."""
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if seconds * factor < 1000:  # noqa: PLR2004 -- the next unit
            return f"{_short(seconds * factor)} {unit}"
    return f"{_short(seconds)} s"


def _short(number: float) -> str:
    digits = max(0, 2 - int(log10(number))) if number >= 1 else 2
    return f"{number:,.{digits}f}"


def _cells(race: Document, lane: Document) -> tuple[str, ...]:
    known = f" {lane['version']}" if lane["version"] and lane["package"] != "eoi-workflow" else ""
    name = f"{lane['package'] or lane['contender']}{known}: {lane['title']}"
    size = f"{lane['size']:,}" if lane["size"] else ""
    if lane["failed"] is not None:
        return name, size, "not run", lane["failed"], "", ""
    added = sorted(lane["rows"].items())
    rows = ", ".join(f"{name.removeprefix('eoi_')} {count}" for name, count in added)
    times = "" if lane["times_floor"] is None else f"{lane['times_floor']:.2f}"
    if race["as_rate"]:
        middle, half = f"{1 / lane['median']:,.0f}/s", f"{1 / lane['high']:,.0f} to {1 / lane['low']:,.0f}"
    else:
        middle, half = duration(lane["median"]), f"{duration(lane['low'])} to {duration(lane['high'])}"
    return name, size, middle, half, times, rows


def _race(race: Document, busy: str | None) -> Iterator[str]:
    yield f"{race['workload']} on {race['ground']}: {race['title']}"
    yield f"  {race['settings']}; {race['rounds']} rounds, each contender once in each, medians"
    for line in table([HEADS, *rows_of(race)]):
        yield f"  {line}"
    if busy and race["targets"]:
        yield f"  THE MACHINE WAS BUSY, {busy}"
    for says, measured, met in verdicts_of(race):
        yield f"  {'reached' if met else 'MISSED '}  {says}: {measured}"
    for statement in race["sql"]:
        yield f"    floor: {statement}"


def _profile(name: str, profile: Document) -> Iterator[str]:
    yield f"Where the time of {name} goes ({profile['count']:,} units; cProfile slows Python's own part)"
    rows = [(part, f"{micros:.1f} µs", f"{share:.0%}") for part, micros, share in profile["parts"]]
    for line in table([("part", "a unit", "share"), *rows]):
        yield f"  {line}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines, with columns as wide as what stands in them."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
