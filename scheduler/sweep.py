"""Closing what is due. Twice is harmless, and every node may."""

from datetime import datetime, timedelta

from workflow import CloseReport, Engine
from workflow.log import get_log

_log = get_log("sweep")


class Sweep:
    """Looks at the database, closes what is due, and says when it must look again."""

    def __init__(self, engine: Engine) -> None:
        """Sweep this engine's calls."""
        self._engine = engine

    def once(self) -> CloseReport:
        """Close every call that is due; log what was done, where anything was."""
        report = self._engine.close_due()
        if report.closed or report.failed:
            _log.info(
                "sweep.done",
                closed=len(report.closed),
                lapsed=report.lapsed,
                failed=len(report.failed),
                late_s=_latest_s(report),
            )
        return report

    def next_due(self) -> tuple[datetime | None, float]:
        """Return the next instant at which something is due, and how far off it is, in seconds.

        Below 0: it is overdue. The engine's clock measures it, whatever clock that is.
        """
        due = self._engine.next_due()
        return due, 0.0 if due is None else (due - self._engine.clock.now()).total_seconds()


def _latest_s(report: CloseReport) -> float:
    """Return how long after its deadline the latest call was closed, in seconds; settle included."""
    spans = (call.closed_at - call.closes_at for call in report.closed if call.closed_at is not None)
    return max(spans, default=timedelta()).total_seconds()
