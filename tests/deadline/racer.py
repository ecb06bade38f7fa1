"""One process of the race: sweeps all the time, and submits each EOI at its instant, by the real clock.

Says `ready`, reads its plan from stdin, and writes what came of it to stdout, as JSON.
"""

import json
import sys
from datetime import datetime

from workflow import Actor, Engine, EoiError
from workflow.clock import SystemClock

NOW = SystemClock().now


def submit(engine: Engine, eoi_id: str, urn: str) -> dict[str, str]:
    """Submit, with our own clock read before and after."""
    head, before = Actor("head", {"applicant"}, {urn}), NOW()
    try:
        answer, at = "done", engine.submit(eoi_id, actor=head).at.isoformat()
    except EoiError as exc:
        answer, at = exc.code, ""
    return {"eoi": eoi_id, "answer": answer, "before": f"{before}", "after": f"{NOW()}", "at": at}


def race(engine: Engine, plan: list[tuple[str, str, str]]) -> dict[str, object]:
    """Go through the plan, the earliest first; sweep while there is time, and at the end."""
    closed, failed, answers = list[str](), dict[str, str](), []

    def sweep() -> None:
        report = engine.close_due()
        closed.extend(call.id for call in report.closed)
        failed.update(report.failed)

    sweep()
    for instant, eoi_id, urn in plan:
        while NOW() < datetime.fromisoformat(instant):
            sweep()
        answers.append(submit(engine, eoi_id, urn))
    sweep()
    return {"closed": closed, "failed": failed, "answers": answers}


if __name__ == "__main__":
    print("ready", flush=True)
    given = json.loads(sys.stdin.readline())
    with Engine(given["database"], settle_s=0) as on:
        print(json.dumps(race(on, given["plan"])))
