"""One program for all tests that leave its door as it is: to build one takes longer than most of them.

Only the engine behind the door is each test's own.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final, cast

from fastapi import FastAPI

from workflow import Engine

Build = Callable[[Engine], FastAPI]


class Present:
    """Stands in a door for the engine of the test that runs."""

    #: The engine.
    engine: Engine

    def __getattr__(self, name: str) -> Any:
        """Be as the engine is."""
        return getattr(self.engine, name)


_PRESENT: Final = Present()


def shared(build: Build, engine: Engine) -> FastAPI:
    """Return the program that this function builds, the same one each time, with this engine behind it."""
    _PRESENT.engine = engine
    return _built(build)


@cache
def _built(build: Build) -> FastAPI:
    return build(cast("Engine", _PRESENT))
