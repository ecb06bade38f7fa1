"""Statements about several rows at once.

They are made for 1, 2, 4, 8 of them and so on, so that few are made: the last row may stand there several
times, or more statements are run than one.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, bindparam

T = TypeVar("T")


def one_of_so_many(column: ColumnElement[Any], count: int) -> ColumnElement[bool]:
    """Return that a column is one of `id_0`, `id_1` and so on, as `padded` names them."""
    return column.in_([bindparam(f"id_{n}") for n in range(count)])


def padded(ids: Sequence[int]) -> tuple[int, dict[str, int]]:
    """Return for how many a statement is that fits these, and its parameters.

    Args:
        ids: one at least.
    """
    count = 1 << (len(ids) - 1).bit_length()
    filled = [*ids, *[ids[-1]] * (count - len(ids))]
    return count, {f"id_{place}": number for place, number in enumerate(filled)}


def in_powers_of_two(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Take them apart into 64, 32, 16 and so on, as many as there are."""
    while items:
        count = 1 << (len(items).bit_length() - 1)
        yield items[:count]
        items = items[count:]
