"""Which tests have to run every line and every branch of rules and use cases: those that ask for them.

`./run test` counts what these run, and nothing else: a line that only a door's tests happen to run is not
tested. Besides, to look at each line as it is run takes as long again as to run it.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from coverage import Coverage

TESTS: Final = Path(__file__).parent
#: Their folders and files.
MEASURED: Final = (
    "bulk", "deadline/test_arrival.py", "deadline/test_span.py", "delivery", "engine", "events_in", "jobs",
    "keys", "outgoing", "project/test_docs.py", "races", "rules", "storage", "webhooks/test_headers.py",
)  # fmt: skip


def is_measured(path: Path) -> bool:
    """Return whether what a test's file runs is counted."""
    return any(path.is_relative_to(TESTS / folder) for folder in MEASURED)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Let coverage look away, in this thread and in those that begin; leave a debugger alone.

    It is not stopped: in a worker of xdist, one stands behind another, and would begin where that ends.
    """
    if Coverage.current() is None:
        yield
        return
    here, beginning = sys.gettrace(), threading.gettrace()
    _trace(None, None)
    try:
        yield
    finally:
        _trace(here, beginning)


def _trace(here: Any, beginning: Any) -> None:
    sys.settrace(here)
    threading.settrace(beginning)
