"""Several statements that write, sent as one: each a common table expression beside the others.

PostgreSQL runs them on one snapshot, in no order, and checks foreign keys at the end of all
(https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING).
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Dialect

from workflow.statements import Cursor, Prepared

_PARAMETER: Final = re.compile(r"%\((\w+)\)s")


class Together:
    """Statements in one, ready to be run with the parameters of each."""

    def __init__(self, statements: Sequence[Prepared]) -> None:
        """Keep the statements."""
        self._statements = statements
        self._sql: str | None = None

    def counts(self, cursor: Cursor, dialect: Dialect, each: Sequence[Mapping[str, object]]) -> list[int]:
        """Run them all; return how many rows each changed."""
        bound: dict[str, Any] = {}
        for number, (statement, parameters) in enumerate(zip(self._statements, each, strict=True)):
            for name, value in statement.bind(dialect, parameters).items():
                bound[f"{name}_{number}"] = value
        cursor.execute(self._text(dialect), bound)
        (counts,) = cursor.fetchall()
        return list(counts)

    def _text(self, dialect: Dialect) -> str:
        if self._sql is None:
            parts = [_numbered(each.sql(dialect), number) for number, each in enumerate(self._statements)]
            names = [f"write_{number}" for number in range(len(parts))]
            written = ", ".join(
                f"{name} AS ({sql} RETURNING 1)" for name, sql in zip(names, parts, strict=True)
            )
            counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in names)  # noqa: S608 -- as below
            self._sql = f"WITH {written} SELECT {counts}"
        return self._sql


@lru_cache(maxsize=256)
def in_one_statement(statements: tuple[Prepared, ...]) -> Together:
    """Return these statements as one."""
    return Together(statements)


def _numbered(sql: str, number: int) -> str:
    return _PARAMETER.sub(lambda found: f"%({found[1]}_{number})s", sql)
