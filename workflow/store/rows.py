"""Rows become views; where one cannot, the file is damaged."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from workflow.errors import DatabaseCorrupt

P = ParamSpec("P")
V = TypeVar("V")


def from_row(build: Callable[P, V]) -> Callable[P, V]:
    """Let a function that builds views from rows say that the file is damaged, where none can be built."""

    @wraps(build)
    def view(*args: P.args, **kwargs: P.kwargs) -> V:
        try:
            return build(*args, **kwargs)
        except (KeyError, TypeError, ValueError) as exc:
            raise DatabaseCorrupt from exc

    return view
