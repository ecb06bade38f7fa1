"""What was measured, as one plain document: `--json` prints it; tables, page and picture are made from it."""

import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from bench.race import Lane, Result

#: The form of the document; another one is not read.
FORM: Final = 1
#: Plain data, as JSON knows it.
Document = dict[str, Any]


def document(results: Iterable[Result], *, command: str, machine: str, busy: str | None = None) -> Document:
    """Return it all; profiles are added by who makes them."""
    return {
        "form": FORM,
        "command": command,
        "machine": machine,
        "busy": busy,
        "races": [_race(result) for result in results],
        "profiles": {},
    }


def this_machine() -> str:
    """Say in general words on what it runs, and how busy that is."""
    parts = [f"{os.cpu_count()} cores"]
    if sys.platform == "linux":
        total_kib = int(Path("/proc/meminfo").read_text(encoding="ascii").split()[1])
        parts.append(f"{round(total_kib / 1024**2)} GiB of memory")
    if hasattr(os, "getloadavg"):
        parts.append(f"load {os.getloadavg()[0]:.1f} before it began")
    return ", ".join([platform.system(), f"Python {platform.python_version()}", *parts])


def this_load() -> str | None:
    """Say so where this machine has other work now; asked before it begins."""
    return too_busy(os.getloadavg()[0], os.cpu_count() or 1) if hasattr(os, "getloadavg") else None


def too_busy(load: float, cores: int) -> str | None:
    """Say so where others have more than half of the cores: contenders work one at a time, but not alone."""
    if load <= cores / 2:
        return None
    return f"load {load:.1f} on {cores} cores before it began: measure again on a quiet machine"


def _race(result: Result) -> Document:
    workload = result.workload
    return {
        "workload": workload.name,
        "title": workload.title,
        "unit": workload.unit,
        "as_rate": workload.as_rate,
        "database": result.database,
        "ground": result.ground,
        "settings": result.settings,
        "rounds": result.rounds,
        "sql": list(workload.sql(result.database)),
        "lanes": [_lane(result, lane) for lane in result.lanes],
        "targets": [
            {
                "says": verdict.target.says,
                "size": verdict.size,
                "quotient": verdict.quotient,
                "to": verdict.to,
                "met": verdict.met,
            }
            for verdict in result.verdicts()
        ],
    }


def _lane(result: Result, lane: Lane) -> Document:
    told: Document = {
        "contender": lane.contender.name,
        "title": lane.contender.title,
        "package": lane.contender.package,
        "version": lane.version,
        "size": lane.size,
        "count": lane.count,
        "failed": lane.failed,
    }
    if lane.turns:
        middle = lane.spread
        told |= {
            "seconds": lane.seconds,
            "low": middle.low,
            "median": middle.middle,
            "high": middle.high,
            "times_floor": result.times_floor(lane),
            "peak_kib": lane.peak_kib,
            "rows": lane.rows,
        }
    return told
