"""A thread that takes one step again and again, whatever a step raises; and the bell that wakes it."""

import math
import threading
import time
from collections.abc import Callable
from typing import Final

from states.errors import EoiError
from workflow.log import get_log

#: What is told of what is no error of ours.
_UNEXPECTED: Final = "unexpected; the log says what it was."

_log = get_log("runner")


class Bell:
    """Wakes whoever waits, and forgets no ring that came while they were busy."""

    def __init__(self) -> None:
        """Begin in silence."""
        self._changed = threading.Condition()
        #: How often it has rung.
        self.rings = 0
        #: How many wait for the next ring.
        self.waiting = 0

    def ring(self) -> None:
        """Wake everybody who waits."""
        with self._changed:
            self.rings += 1
            self.waiting = 0
            self._changed.notify_all()

    def wait(self, heard: int, timeout_s: float | None = None) -> None:
        """Wait until it has rung since it had rung `heard` times, at the most `timeout_s` seconds."""
        with self._changed:
            if self.rings != heard:
                return
            self.waiting += 1
            if not self._changed.wait_for(lambda: self.rings != heard, timeout_s):
                self.waiting -= 1


class Loop:
    """One thread, one step: taken at each ring of the bell, and once in a period that begins with it."""

    def __init__(self, name: str, step: Callable[[], object], *, bell: Bell, period_s: float) -> None:
        """Prepare; nothing runs before `start`.

        Args:
            name: what it is called in the log and in the health check.
            step: what to do; harmless when done once too often.
            bell: wakes it before the period is over.
            period_s: from the beginning of a step to that of the next one at the most, in seconds, unless the
                step itself takes longer.
        """
        self.name = name
        self._step = step
        self._bell = bell
        #: From the beginning of a step to that of the next one at the most, in seconds.
        self.period_s = period_s
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._started_at = -math.inf
        self._last_well: float | None = None
        #: How many steps have failed.
        self.errors = 0
        #: What is told of the last failure; None where the last step went well.
        self.last_error: str | None = None

    @property
    def alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_here(self) -> bool:
        """Whether its thread is the one that asks."""
        return self._thread is threading.current_thread()

    @property
    def age_s(self) -> float | None:
        """How long ago a step last went well, in seconds; None where none has yet."""
        return None if self._last_well is None else time.monotonic() - self._last_well

    def is_fresh(self, late_s: float) -> bool:
        """Whether a step went well not longer ago than a period and `late_s`; a thread just started is."""
        since = max(self._started_at, self._last_well or self._started_at)
        return time.monotonic() - since < self.period_s + late_s

    def start(self) -> None:
        """Start the thread."""
        self._stopping.clear()
        self._started_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name=f"eoi-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let the step that runs come to its end, and the thread with it."""
        self._stopping.set()
        self._bell.ring()
        if self._thread is not None:
            self._thread.join()

    def take_step(self) -> None:
        """Take one step; what it raises is logged and counted, and goes no further."""
        try:
            self._step()
        except EoiError as exc:
            self._failed(exc)
            _log.warning("runner.failed", loop=self.name, code=exc.code, why=exc.message, errors=self.errors)
        except Exception as exc:  # noqa: BLE001 -- whatever it is, the next step may go well; deadlines depend on it
            self._failed(exc)
            _log.exception("runner.failed", loop=self.name, code="unexpected", errors=self.errors)
        else:
            self.last_error = None
            self._last_well = time.monotonic()

    def _run(self) -> None:
        while not self._stopping.is_set():
            again_at = time.monotonic() + self.period_s
            heard = self._bell.rings
            try:
                self.take_step()
            except BaseException as exc:  # noqa: BLE001 -- a hook's sys.exit() or CancelledError would end this thread
                self._failed(exc)
                _log.exception("runner.failed", loop=self.name, code="unexpected", errors=self.errors)
            if not self._stopping.is_set():
                self._bell.wait(heard, max(0.0, again_at - time.monotonic()))

    def _failed(self, exc: BaseException) -> None:
        # In this order: whoever sees the number sees what was said as well.
        self.last_error = told_of(exc)
        self.errors += 1


def told_of(exc: BaseException) -> str:
    """Return what is told of a failure to whoever asks how it is: its class, and what that means.

    Its own words may be a driver's, with hosts, files and statements in them: those are for the log.
    """
    means = (type(exc).__doc__ or exc.code).split("\n", 1)[0] if isinstance(exc, EoiError) else _UNEXPECTED
    return f"{type(exc).__name__}: {means}"
