"""Alembic's log while it works for us: at DEBUG. What was changed we say in one line of our own.

A host may have migrations of its own by Alembic, whose lines are its business: what other threads log
meanwhile stays as it is, and so do warnings.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

#: What already logs as Alembic is imported.
_FIRST: Final = "alembic.runtime.plugins"


class _Lowered(logging.Filter):
    """Makes INFO of one thread DEBUG."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a line is for anybody."""
        if record.levelno != logging.INFO or threading.get_ident() != self._thread:
            return True
        record.levelno, record.levelname = logging.DEBUG, logging.getLevelName(logging.DEBUG)
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


@contextmanager
def quiet() -> Iterator[None]:
    """Lower what Alembic says in this thread; every logger is left as it was."""
    lowered = _Lowered()
    with ExitStack() as stack:
        for name in {_FIRST, *(each for each in list(logging.root.manager.loggerDict) if _is_its(each))}:
            logger = logging.getLogger(name)
            logger.addFilter(lowered)
            stack.callback(logger.removeFilter, lowered)
        yield


def _is_its(name: str) -> bool:
    """Whether a logger is Alembic's; filters are not asked of what comes from the loggers below."""
    return name.startswith("alembic.")
