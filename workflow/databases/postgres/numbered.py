"""A cursor that takes a statement's places as `%s` and gives them to the server as `$1` and `$2`.

psycopg does the same, but takes a long text, or one with many places, apart anew each time that it is run:
most of what a batch costs here. This one takes each text apart once.
"""

import itertools
import re
from functools import lru_cache
from typing import Any, Final, Self

import psycopg

_PLACE: Final = re.compile("%[%s]")


class NumberedCursor(psycopg.RawCursor[tuple[Any, ...]]):
    """A cursor of psycopg's for the texts that SQLAlchemy makes."""

    def execute(self, query: Any, params: Any = None, **how: Any) -> Self:  # noqa: ANN401 -- psycopg's
        """Run a statement."""
        return super().execute(numbered(query), params, **how)


@lru_cache(maxsize=1024)
def numbered(sql: str) -> bytes:
    """Return a text with its places numbered, and with each `%%` as the `%` that it stands for."""
    numbers = itertools.count(1)
    return _PLACE.sub(lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", sql).encode()
