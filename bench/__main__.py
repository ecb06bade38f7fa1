"""The command line of `./run bench`."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from bench import document, page, picture, report
from bench.contest import MEMORY, POSTGRESQL, SQLITE, Database, Workload
from bench.places import Ground, ground_of
from bench.profiling import profile
from bench.race import Result, Scale, run
from bench.workloads import WORKLOADS

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
#: How many units are profiled, of a workload that does more than one in a turn.
PROFILED: Final = 3000


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for; return the exit status."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    if asked.write_docs and (asked.workloads or asked.database or asked.profile or asked.quick):
        parser.error("--write-docs takes the numbers of everything, in full")
    if asked.profile and asked.profile.elsewhere:
        parser.error(f"{asked.profile.name} is done by other processes, where no profiler looks")
    if asked.redraw:
        write_docs(json.loads(DOCS.joinpath("performance.json").read_text(encoding="utf-8")), DOCS)
        return 0
    chosen = asked.workloads or list(WORKLOADS.values())
    machine, busy = document.this_machine(), document.this_load()
    with _telling() as tell:
        results = [] if asked.profile else list(_results(asked, chosen, tell))
        command = " ".join(["./run bench", *arguments])
        found = document.document(results, command=command, machine=machine, busy=busy)
        if asked.profile:
            found["profiles"] = _profiles(asked, [asked.profile], tell)
        elif asked.write_docs:
            dear = [WORKLOADS[name] for name in dict.fromkeys(["W1", *page.missed(found)])]
            found["profiles"] = _profiles(asked, [each for each in dear if not each.elsewhere], tell)
    if asked.write_docs:
        write_docs(found, DOCS)
    print(json.dumps(found, indent=1) if asked.json else report.text(found))
    return 0


def write_docs(found: document.Document, folder: Path) -> None:
    """Keep what was measured, and the page and the picture that are made of it."""
    folder.joinpath("performance.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    folder.joinpath("performance.md").write_text(page.page(found), encoding="utf-8")
    folder.joinpath("performance.svg").write_text(picture.picture(found), encoding="utf-8")


def _results(
    asked: argparse.Namespace, chosen: list[Workload], tell: Callable[[str], None]
) -> Iterator[Result]:
    scale = Scale(
        rounds=asked.rounds or (3 if asked.quick else None),
        share=0.1 if asked.quick else 1.0,
        quick=asked.quick,
        stress=asked.stress,
    )
    for database, workloads in _by_database(asked, chosen):
        with ground_of(database, asked.folder) as ground:
            for workload in workloads:
                yield run(workload, ground, scale, tell=tell)


def _profiles(
    asked: argparse.Namespace, chosen: list[Workload], tell: Callable[[str], None]
) -> document.Document:
    found = {}
    for database, workloads in _by_database(asked, chosen):
        with ground_of(database, asked.folder) as ground:
            for workload in workloads:
                tell(f"{workload.name} on {ground.name}: under the profiler")
                found[f"{workload.name} on {ground.name}"] = _profile(workload, ground, quick=asked.quick)
    return found


def _profile(workload: Workload, ground: Ground, *, quick: bool) -> document.Document:
    size = (workload.quick_sizes if quick else workload.sizes)[0]
    place = ground.place("profile", size)
    if workload.fill:
        workload.fill(place)
    count = workload.per_turn if workload.per_turn == 1 else PROFILED // (10 if quick else 1)
    try:
        return profile(workload, place, count)
    finally:
        ground.drop(place)


def _by_database(
    asked: argparse.Namespace, chosen: list[Workload]
) -> Iterator[tuple[Database, list[Workload]]]:
    databases: tuple[Database, ...] = (SQLITE, POSTGRESQL, MEMORY)
    for database in databases:
        if asked.database not in (None, database):
            continue
        if workloads := [workload for workload in chosen if database in workload.on]:
            yield database, workloads


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """Lend what tells on stderr how far it has come: on a terminal in one line, else without the rounds."""
    live, began = sys.stderr.isatty(), monotonic()

    def tell(line: str) -> None:
        told = f"[{monotonic() - began:3.0f} s] {line}"
        if live:
            sys.stderr.write(f"\r\x1b[K{told}")
        elif ": round " not in line or ": round 0 " in line:
            sys.stderr.write(f"{told}\n")
        sys.stderr.flush()

    yield tell
    if live:
        sys.stderr.write("\r\x1b[K")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run bench", description=" ".join((__doc__ or "").split()))
    add = parser.add_argument
    add(
        "workloads",
        nargs="*",
        metavar="W1",
        type=_workload,
        help=f"which of {', '.join(WORKLOADS)}; none: all",
    )
    add("--json", action="store_true", help="one document on stdout instead of tables")
    add(
        "--quick",
        action="store_true",
        help="small numbers, no verdicts: whether it works, not how quick it is",
    )
    add("--stress", action="store_true", help="great numbers too: a close of 250,000 drafts")
    add("--database", choices=[SQLITE, POSTGRESQL, MEMORY], help="only on this one")
    add("--rounds", type=int, metavar="N", help="how many rounds")
    add("--folder", type=Path, help="a folder on the disk that is to be measured")
    add(
        "--profile",
        metavar="W1",
        type=_workload,
        help="where the time of our own side goes, instead of a race",
    )
    add("--write-docs", action="store_true", help="write docs/performance.md, .json and .svg")
    add(
        "--redraw",
        action="store_true",
        help="make page and picture anew of performance.json; measure nothing",
    )
    return parser


def _workload(name: str) -> Workload:
    found = WORKLOADS.get(name.upper())
    if found is None:
        raise argparse.ArgumentTypeError(f"there is no workload {name!r}: {', '.join(WORKLOADS)}")
    return found


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
