"""Runner: sweep first, arm the alarm, pump, stop; `once()` for cron hosts, `wake()`, `health()`."""

import math
import os
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final, Self

from scheduler.alarm import Alarm
from scheduler.jobs import Jobs
from scheduler.loop import Bell, Loop, told_of
from scheduler.pump import Pump, PumpReport
from scheduler.sweep import Sweep
from workflow import CloseReport, Engine, EoiError, Event, EventType, JobWork, SchemaState
from workflow.job_queue import LEASE_S as JOB_LEASE_S
from workflow.log import get_log
from workflow.outbox import LEASE_S, WORKERS
from workflow.ports import Courier

#: The longest rest between two looks at what is due, in seconds; other processes open calls too.
PERIOD_S: Final = 1.0
#: How long `stop` waits for deliveries that are on their way, in seconds.
GRACE_S: Final = 30.0
#: How much later than a period a sweep, a pump or a close may be before the health check says so, in seconds.
LATE_S: Final = 15.0
#: How long the health check waits for a lock, in seconds, before it says that nothing can be written.
PATIENCE_S: Final = 2.0
#: How often old keys are forgotten, and the clocks compared, in seconds.
TIDY_S: Final = 3600.0
#: How far this machine's clock may be off the database's before the log says so, in seconds.
SKEWED_S: Final = 1.0

#: What changes the next due instant.
_MOVES_A_DEADLINE: Final = {EventType.CALL_OPENED, EventType.CALL_EXTENDED}

_log = get_log("runner")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What one pass did."""

    swept: CloseReport
    pumped: PumpReport
    #: How many idempotency keys were forgotten, having been kept for long enough.
    pruned: int
    #: And how many deliveries.
    forgotten: int = 0
    #: How many jobs were begun or carried on.
    worked: int = 0
    #: How many jobs that had ended were forgotten.
    jobs_forgotten: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the runner is."""

    #: Every thread runs, each did its work lately without an error, no close is late that this runner should
    #: have made, and the database takes what is written, into tables that this version can serve.
    ok: bool
    #: Thread -> whether it runs: `sweep`, `pump`, `jobs`, `alarm`; without those of a part that is left to
    #: others.
    threads: Mapping[str, bool]
    #: How long ago the last sweep went well, in seconds; None where none has yet.
    sweep_age_s: float | None
    #: How long ago the pump last looked and all went well, in seconds; None where it has not yet.
    pump_age_s: float | None
    #: How long the earliest call has been due to be closed and is not, in seconds; 0 where none is.
    overdue_s: float
    #: How long the oldest event has been waiting that is not yet at all its receivers, in seconds.
    oldest_waiting_s: float | None
    #: How long the oldest job has been waiting that nobody has begun, in seconds; None where none is, and
    #: where jobs are left to others.
    oldest_job_s: float | None
    #: How far this machine's clock is ahead of the database's, in seconds, below 0: behind. The database's
    #: decides, so that nothing is closed too early or too late. None where it is not asked, as on SQLite.
    clock_skew_s: float | None
    #: How the database's tables stand to this version; None where it cannot be asked.
    schema: SchemaState | None
    #: How many steps of the threads have failed since the start.
    errors: int
    #: What the last failure was, by its class; None where all is well. Its own words are in the log.
    last_error: str | None


class Runner:
    """Closes calls at their deadlines, delivers events and does jobs, in threads of its own.

    Start it after a fork.

    Each part may be left to another process; where no process has it, it is not done.

    Commits in this process wake it at once; what other processes commit is seen within a period.
    """

    def __init__(
        self,
        engine: Engine,
        couriers: Mapping[str, Courier],
        *,
        sweep_period_s: float = PERIOD_S,
        pump_period_s: float = PERIOD_S,
        workers: int = WORKERS,
        lease_s: float = LEASE_S,
        grace_s: float = GRACE_S,
        dice: Callable[[], float] = random.random,
        sweeps: bool = True,
        delivers: bool = True,
        works: Mapping[str, JobWork] = MappingProxyType({}),
        job_lease_s: float = JOB_LEASE_S,
    ) -> None:
        """Prepare; no thread runs before `start`.

        Args:
            engine: whose calls and events.
            couriers: name -> who carries: `webhook`, `log`.
            sweep_period_s: the longest rest between two sweeps, in seconds.
            pump_period_s: the longest rest between two looks for deliveries that are due, in seconds.
            workers: how many deliveries are on their way at once.
            lease_s: how long a claimed delivery is ours, in seconds; more than any courier takes.
            grace_s: how long `stop` waits for deliveries that are on their way, in seconds.
            dice: gives random numbers, 0 <= number < 1, for the jitter.
            sweeps: whether it closes calls; and forgets what was kept for long enough.
            delivers: whether it delivers events.
            works: kind of job -> what does such; without any, jobs are left to others.
            job_lease_s: how long a job is ours without a sign of life, in seconds.
        """
        self._engine = engine
        self._sweeps = sweeps
        self._delivers = delivers
        self._works = bool(works)
        self._sweep = Sweep(engine)
        self._pump = Pump(
            engine.outbox, couriers, clock=engine.clock, workers=workers, lease_s=lease_s, dice=dice
        )
        self._grace_s = grace_s
        self._bell = Bell()
        self._alarm = Alarm(self._bell.ring)
        self._sweeping = Loop("sweep", self._sweep_and_arm, bell=self._bell, period_s=sweep_period_s)
        self._pumping = Loop("pump", self._pump.step, bell=self._pump.bell, period_s=pump_period_s)
        self._jobs = Jobs(engine.job_queue, works, lease_s=job_lease_s)
        self._working = Loop("jobs", self._jobs.step, bell=self._jobs.bell, period_s=PERIOD_S)
        parts = ((self._sweeping, sweeps), (self._pumping, delivers), (self._working, bool(works)))
        #: Those that run.
        self._loops = tuple(loop for loop, wanted in parts if wanted)
        # Reentrant: the first sweep calls a host's hooks, and one of them may stop what is being started.
        self._lock = threading.RLock()
        self._started = False
        #: The process in which it was started; None: in none.
        self._process: int | None = None
        self._tidy_at = -math.inf
        self._hear_no_more: Callable[[], None] = _nothing

    def start(self) -> None:
        """Close what fell due while nothing ran, then go on in the background.

        - a sweep, before this returns; if it fails, that is logged and the thread tries again
        - threads: alarm and sweep, where it closes; pump, where it delivers

        Raises:
            RuntimeError: it was started before this process was forked.
        """
        if self.is_of_another_process:
            msg = (
                "This runner was started before the process forked, and its threads have stayed behind: "
                "build it before the fork, start it in each process after that."
            )
            raise RuntimeError(msg)
        if self._started:
            return
        with self._lock:
            try:
                self._start()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Stop in good order: no new deliveries; those on their way end, or are given back.

        What was started before this process was forked is the other one's to stop.

        Raises:
            RuntimeError: called by a hook in a thread of the runner's own, which cannot wait for itself.
        """
        if self.is_of_another_process:
            return  # whatever was locked as it forked would be waited for without end
        if any(loop.is_here for loop in (self._sweeping, self._pumping, self._working)):
            msg = "A hook runs in the runner's own thread and cannot stop it: leave that to another thread."
            raise RuntimeError(msg)
        with self._lock:
            self._hear_no_more()
            self._jobs.stop()
            self._sweeping.stop()
            self._alarm.stop()
            self._pumping.stop()
            self._working.stop()
            self._pump.stop(grace_s=self._grace_s)
            if self._started:
                _log.info("runner.stopped")
            self._started, self._process = False, None

    @property
    def is_of_another_process(self) -> bool:
        """Whether it was started before this process was forked: nothing of it runs here."""
        return self._process not in (None, os.getpid())

    def once(self) -> RunReport:
        """Make one pass: sweep, deliver until nothing is due, prune, do jobs. For cron, and beside threads.

        At jobs it works for less than a minute; an import goes on from there with the next pass.

        What is left to others is not done here either.

        Raises:
            DatabaseUnavailable: what was done until then stands.
        """
        return RunReport(
            swept=self._sweep.once() if self._sweeps else CloseReport(),
            pumped=self._pump.once() if self._delivers else PumpReport(),
            pruned=self._engine.prune() if self._sweeps else 0,
            forgotten=self._engine.forget_deliveries() if self._sweeps else 0,
            jobs_forgotten=self._engine.forget_jobs() if self._sweeps else 0,
            worked=self._jobs.once() if self._works else 0,
        )

    def wake(self) -> None:
        """Look now, instead of at the end of the period."""
        self._bell.ring()
        self._pump.bell.ring()
        self._jobs.bell.ring()

    def health(self) -> Health:
        """Return how it is; where the database cannot be asked, or not be written, that is what it says."""
        loops = self._loops
        errors = sum(loop.errors for loop in loops)
        threads = {loop.name: loop.alive for loop in loops}
        if self._sweeps:
            threads["alarm"] = self._alarm.alive
        failures = [loop.last_error for loop in loops if loop.last_error]
        if hanging := self._pump.hanging:
            failures.append(f"A courier hangs; deliveries that have outlasted their lease: {hanging}.")
        if self._jobs.hangs:
            failures.append("A job in hand has taken no step for longer than it was lent.")
        overdue_s, oldest_s, skew_s, schema, job_s = 0.0, None, None, None, None
        try:
            schema = self._engine.schema_state()
            if not schema.is_served:
                failures.append(f"The database's tables are not this version's: they are {schema}.")
            overdue_s, oldest_s = self._overdue_s(), self._oldest_waiting_s()
            job_s = self._oldest_job_s()
            skew_s = self._engine.clock_skew_s()
            self._engine.require_writable(wait_s=PATIENCE_S)
        except EoiError as exc:
            _log.debug("health.failed", code=exc.code, why=exc.message)
            failures.append(told_of(exc))
        # Who is at a long job takes no other step, and lets others wait.
        is_busy = self._jobs.silent_s is not None
        fresh = all(loop.is_fresh(LATE_S) for loop in loops if not (is_busy and loop is self._working))
        in_time = not self._sweeps or overdue_s < LATE_S + self._sweeping.period_s
        begun = is_busy or (job_s or 0.0) < LATE_S + self._working.period_s
        return Health(
            ok=all(threads.values()) and fresh and not failures and in_time and begun,
            threads=threads,
            sweep_age_s=self._sweeping.age_s,
            pump_age_s=self._pumping.age_s,
            overdue_s=overdue_s,
            oldest_waiting_s=oldest_s,
            oldest_job_s=job_s,
            clock_skew_s=skew_s,
            schema=schema,
            errors=errors,
            last_error=failures[-1] if failures else None,
        )

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.stop()

    def _start(self) -> None:
        if self._started:
            return
        self._started, self._process = True, os.getpid()
        self._jobs.start()
        self._hear_no_more = self._engine.on("*", self._heard)
        if self._sweeps:
            self._alarm.start()
            self._sweeping.take_step()
        if self._started:
            for loop in self._loops:
                loop.start()
            _log.info("runner.started")

    def _sweep_and_arm(self) -> None:
        self._sweep.once()
        due, delay_s = self._sweep.next_due()
        self._alarm.arm(due, delay_s=delay_s)
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + TIDY_S
            self._tidy()

    def _tidy(self) -> None:
        """Do what needs doing now and then: forget what is old, look at the clocks. No sweep fails for it."""
        try:
            pruned, forgotten = self._engine.prune(), self._engine.forget_deliveries()
            jobs = self._engine.forget_jobs()
            skew_s = self._engine.clock_skew_s()
        except EoiError as exc:
            _log.warning("tidying.failed", code=exc.code)
            return
        if pruned:
            _log.info("keys.pruned", count=pruned)
        if forgotten:
            _log.info("deliveries.forgotten", count=forgotten)
        if jobs:
            _log.info("jobs.forgotten", count=jobs)
        if skew_s is not None and abs(skew_s) > SKEWED_S:
            _log.warning("clock.skewed", skew_s=round(skew_s, 3))

    def _heard(self, event: Event) -> None:
        self._pump.bell.ring()
        if event.type in _MOVES_A_DEADLINE:
            self._bell.ring()

    def _overdue_s(self) -> float:
        _, delay_s = self._sweep.next_due()
        return max(0.0, -delay_s)

    def _oldest_waiting_s(self) -> float | None:
        return self._age_s(self._engine.outbox.oldest_waiting())

    def _oldest_job_s(self) -> float | None:
        return self._age_s(self._engine.job_queue.oldest_queued()) if self._works else None

    def _age_s(self, since: datetime | None) -> float | None:
        return None if since is None else (self._engine.clock.now() - since).total_seconds()


def _nothing() -> None:
    """Do nothing."""
