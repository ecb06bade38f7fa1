"""docs/performance.md, made from the document: whoever wants other numbers measures again."""

from collections.abc import Iterator, Sequence
from typing import Final

from bench.document import Document
from bench.report import HEADS, rows_of, verdicts_of
from bench.workloads import WORKLOADS

_HEAD: Final = """\
# Performance

Measured by `{command}`, which also wrote this page, `performance.svg` and `performance.json`: nobody edits
them. Machine: {machine}; a virtual one, and noisy.

Read the ratios, not the milliseconds. Each workload is run by our engine, by a **floor** (the least that
the same work can cost: the same rows by the bare driver, or the bare library) and by **peers** from PyPI,
each in a process of its own, in turns: every contender once in each round, each round begun by another,
after one round that is not counted; garbage is collected before each turn. What is told is the median of a
unit, the quartiles around it, and the median of the quotients round by round. Every commit is durable on
every side: SQLite in WAL mode with `synchronous = FULL`, PostgreSQL with `fsync` and `synchronous_commit`,
on a real disk. Where a peer was not run, the table says why.
"""


def page(document: Document) -> str:
    """Return the page."""
    parts = [_HEAD.format(command=document["command"], machine=document["machine"])]
    parts += ["## Targets\n", *_busy(document), *_targets(document)]
    parts += ["![Growth with N: time and memory of a close, time of a page](performance.svg)\n"]
    for name in dict.fromkeys(race["workload"] for race in document["races"]):
        parts += _workload([race for race in document["races"] if race["workload"] == name])
    if document["profiles"]:
        parts += _profiles(document["profiles"])
    return "\n".join(parts)


def missed(document: Document) -> list[str]:
    """Return the workloads of which a target was missed."""
    return list(
        dict.fromkeys(
            race["workload"] for race in document["races"] if any(not each["met"] for each in race["targets"])
        )
    )


def _busy(document: Document) -> Iterator[str]:
    if document.get("busy"):
        yield f"**The machine was busy, {document['busy']}.**\n"


def _targets(document: Document) -> Iterator[str]:
    races = document["races"]
    grounds = list(dict.fromkeys(race["ground"] for race in races))
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for race in races:
        for says, measured, met in verdicts_of(race):
            told = measured if met else f"**{measured}, missed**"
            cells.setdefault((race["workload"], says), {})[race["ground"]] = told
    yield from _table(
        ["", "target", *grounds],
        [
            [name, says, *(by.get(ground, "–") for ground in grounds)]
            for (name, says), by in sorted(cells.items(), key=lambda cell: cell[0][0])
        ],
    )


def _workload(races: Sequence[Document]) -> Iterator[str]:
    first = races[0]
    yield f"## {first['workload']}: {first['title']}\n"
    workload = WORKLOADS[first["workload"]]
    yield f"{workload.notes}\n"
    for race in races:
        yield f"**{race['ground']}** ({race['settings']}; {race['rounds']} rounds):\n"
        yield from _table(HEADS, rows_of(race))
        if race["sql"]:
            yield "<details><summary>The floor's statements</summary>\n\n```sql"
            yield from (f"{statement};" for statement in race["sql"])
            yield "```\n\n</details>\n"
    if workload.between and any(not each["met"] for race in races for each in race["targets"]):
        yield f"What stands between: {workload.between}\n"


def _profiles(profiles: Document) -> Iterator[str]:
    yield "## Where our time goes\n"
    yield "Under cProfile, which slows Python's own part and leaves the driver's as it is: read the order.\n"
    for name, profile in profiles.items():
        yield f"**{name}** ({profile['count']:,} units):\n"
        yield from _table(
            ["part", "a unit", "share"],
            [[part, f"{micros:.1f} µs", f"{share:.0%}"] for part, micros, share in profile["parts"]],
        )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
    yield ""
