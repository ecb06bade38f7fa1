"""The alarm clock; the only file that knows APScheduler.

It only ever rings a bell: the database is the truth, and whoever hears the bell asks it. So an alarm that
rings too often, too early or not at all does no harm; the sweep looks by itself every period.

What APScheduler 3 needs to be trusted with that: a memory job store, `misfire_grace_time=None` (its default
drops what is a second late), jobs that never touch the scheduler, and a look at whether its thread still
lives (it says `running` even when an exception has ended it).
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from workflow.log import get_log

#: By how much an armed alarm may be off before it is set anew, in seconds.
SLACK_S: Final = 0.05
#: The name of the executor, which APScheduler logs under: one of our own, so that a host's stay as they are.
EXECUTOR: Final = "eoi-alarm"

_log = get_log("alarm")


class Alarm:
    """Rings once, some seconds from now. Start it after a fork."""

    def __init__(self, ring: Callable[[], object]) -> None:
        """Call `ring` at the instant it is armed for; it is called in a thread of the alarm's own."""
        self._ring = ring
        self._lock = threading.Lock()
        self._started = False
        self._clockwork: _Clockwork | None = None
        #: What it is armed for: the instant, and when that is on the monotonic clock.
        self._armed: tuple[datetime, float] | None = None

    @property
    def alive(self) -> bool:
        """Whether it can ring."""
        clockwork = self._clockwork
        return clockwork is not None and clockwork.alive

    @property
    def armed(self) -> tuple[str, ...]:
        """The ids of what it will ring for."""
        clockwork = self._clockwork
        return () if clockwork is None else tuple(job.id for job in clockwork.scheduler.get_jobs())

    def start(self) -> None:
        """Start its threads."""
        with self._lock:
            self._started = True
            self._running()

    def arm(self, due: datetime | None, *, delay_s: float = 0.0) -> None:
        """Ring `delay_s` seconds from now, instead of whenever it would have rung.

        Nothing is armed for what is already due: whoever arms has just looked; nor before the start, or after
        the stop. A dead scheduler is noticed and built anew.

        Args:
            due: the instant it rings for, which its id carries; None: not at all.
            delay_s: how far off that is by the clock of whoever arms, in seconds.
        """
        with self._lock:
            if not self._started:
                return
            scheduler = self._running().scheduler
            if due is not None and delay_s > 0 and self._is_set(due, delay_s):
                return
            scheduler.remove_all_jobs()
            self._armed = None
            if due is not None and delay_s > 0:
                run_date = datetime.now(UTC) + timedelta(seconds=delay_s)
                scheduler.add_job(self._ring, "date", run_date=run_date, id=_id(due), executor=EXECUTOR)
                self._armed = (due, time.monotonic() + delay_s)

    def stop(self) -> None:
        """Never ring again, and end its threads."""
        with self._lock:
            self._started = False
            if self._clockwork is not None:
                self._clockwork.stop()
            self._clockwork, self._armed = None, None

    def _is_set(self, due: datetime, delay_s: float) -> bool:
        # What has rung is gone: an alarm that rang a little early is set again for what is left.
        if self._armed is None or self._armed[0] != due or _id(due) not in self.armed:
            return False
        return abs(time.monotonic() + delay_s - self._armed[1]) < SLACK_S

    def _running(self) -> "_Clockwork":
        """Return a clockwork that runs: the one that is there, or, where it has died, a new one."""
        if self._clockwork is not None and not self._clockwork.alive:
            _log.warning("alarm.rebuilt")
            self._clockwork.stop()
            self._clockwork = None
        if self._clockwork is None:
            self._clockwork, self._armed = _Clockwork(), None
        return self._clockwork


def _id(due: datetime) -> str:
    return f"close:{due.isoformat()}"


class _Clockwork:
    """A scheduler and the thread that its jobs run in, both running."""

    def __init__(self) -> None:
        quiet = logging.getLogger("eoi.alarm.apscheduler")
        for each in (quiet, logging.getLogger(f"apscheduler.executors.{EXECUTOR}")):
            each.setLevel(logging.WARNING)
        self._pool = ThreadPoolExecutor(max_workers=1)
        self.scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={EXECUTOR: self._pool},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            logger=quiet,
        )
        self.scheduler.start()

    @property
    def alive(self) -> bool:
        """Whether its thread runs; `scheduler.running` stays True when an exception has ended it."""
        thread = self.scheduler._thread  # noqa: SLF001 -- nothing public says it
        return thread is not None and thread.is_alive()

    def stop(self) -> None:
        if self.alive:
            # A job that is just being run would end the thread with a traceback: this waits for it.
            self.scheduler.remove_all_jobs()
            # Waiting for jobs inside it can deadlock; ours only ring, so the pool is soon done by itself.
            self.scheduler.shutdown(wait=False)
        self._pool.shutdown(wait=True)
