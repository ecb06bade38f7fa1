"""Lists that are narrowed by some of their filters: a statement for each set, made at its first use."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam

from workflow.connection import Connection
from workflow.statements import Prepared

#: How many statements of one list are kept: one for each set of filters, and for each size of a choice.
KEPT: Final = 64


class Filtered:
    """A list, and what it may be narrowed by. Threads share one."""

    def __init__(
        self,
        query: Select[Any],
        filters: Mapping[str, ColumnElement[bool]],
        *,
        choices: Mapping[str, ColumnElement[Any]] | None = None,
    ) -> None:
        """Keep the query.

        Args:
            query: all of the list, in its order; `at_most` bounds it.
            filters: name -> what must be true; the parameter has the same name.
            choices: name -> what must be one of several.
        """
        self._query = query
        self._filters = filters
        self._choices = choices or {}
        self._statement = lru_cache(maxsize=KEPT)(self._narrowed)

    def rows(
        self,
        connection: Connection,
        *,
        limit: int,
        choices: Mapping[str, Collection[object] | None] | None = None,
        **given: object,
    ) -> list[tuple[Any, ...]]:
        """Return so many rows at the most; None narrows nothing, a choice among nothing leaves nothing."""
        named = {name: value for name, value in given.items() if value is not None}
        chosen = {name: tuple(among) for name, among in (choices or {}).items() if among is not None}
        if not all(chosen.values()):
            return []
        several = {_nth(name, n): each for name, among in chosen.items() for n, each in enumerate(among)}
        sizes = tuple((name, len(among)) for name, among in chosen.items())
        return connection.rows(self._statement(tuple(named), sizes), at_most=limit, **named, **several)

    def _narrowed(self, names: Collection[str], sizes: Collection[tuple[str, int]]) -> Prepared:
        choices = (
            self._choices[name].in_([bindparam(_nth(name, n)) for n in range(size)]) for name, size in sizes
        )
        return Prepared(self._query.where(*(self._filters[name] for name in names), *choices))


def _nth(name: str, n: int) -> str:
    return f"{name}_{n}"
