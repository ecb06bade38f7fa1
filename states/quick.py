"""Frozen dataclasses that are made in half the time.

A page of EOIs is fifty views of twelve fields, and what the pump claims at once is a hundred events with
their deliveries. `dataclass(frozen=True)` looks up the setter of each field by its name, each time; a class
with slots has one for each field, known beforehand.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """Let a frozen dataclass with slots set its fields by these; all else about it stays as it is.

    Raises:
        TypeError: it takes a field by its place, or does more than to set what it is given.
    """
    told: tuple[Field[Any], ...] = fields(cls)  # type: ignore[arg-type]  # says so itself of what is none
    if hasattr(cls, "__post_init__") or not all(map(_is_plain, told)):
        msg = f"{cls.__name__} takes a field by its place, or does more than to set what it is given."
        raise TypeError(msg)
    setattr(cls, "__init__", _written(cls, [each.name for each in told]))  # noqa: B010 -- mypy's rule is for people
    return cls


def _is_plain(told: Field[Any]) -> bool:
    return told.init and told.kw_only and told.default_factory is MISSING


def _written(cls: type, names: list[str]) -> Callable[..., None]:
    """Return the `__init__` that there is, written out anew, as dataclasses write theirs."""
    before: Any = vars(cls)["__init__"]
    lines = [f"def __init__(self, *, {', '.join(names)}):", *(f" _{name}(self, {name})" for name in names)]
    known: dict[str, Any] = {f"_{name}": cls.__dict__[name].__set__ for name in names}
    exec("\n".join(lines), known)  # noqa: S102 -- the names of fields are all that is in it
    written: Any = wraps(before)(known["__init__"])
    written.__kwdefaults__ = before.__kwdefaults__
    return written  # type: ignore[no-any-return]
