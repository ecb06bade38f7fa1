"""The engine of a process that races: it is open before the race is planned, and takes no time from it."""

from collections.abc import Mapping
from multiprocessing.synchronize import Barrier
from typing import Any, Final

from workflow import Engine

_OPEN: Final[dict[str, Engine]] = {}


def be_ready(together: Barrier, url: str, settings: Mapping[str, Any]) -> None:
    """Open this process's engine, set so, with a connection, for the race that comes next."""
    _OPEN[url] = Engine(url, **settings)
    _OPEN[url].calls()


def ready(url: str) -> Engine:
    """Return that engine; whoever takes it closes it."""
    return _OPEN.pop(url)
