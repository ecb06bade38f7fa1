"""Several statements that write, sent as one: each a common table expression beside the others.

PostgreSQL runs them on one snapshot, in no order, and checks foreign keys at the end of all
(https://www.postgresql.org/docs/current/queries-with.html#QUERIES-WITH-MODIFYING).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Dialect

from workflow.statements import Cursor, Prepared


class Together:
    """Statements in one, ready to be run with the parameters of each."""

    def __init__(self, statements: Sequence[Prepared]) -> None:
        """Keep the statements."""
        self._statements = statements
        self._sql: str | None = None

    def counts(self, cursor: Cursor, dialect: Dialect, each: Sequence[Mapping[str, object]]) -> Sequence[int]:
        """Run them all; return how many rows each changed."""
        bound: list[Any] = []
        for statement, parameters in zip(self._statements, each, strict=True):
            bound += statement.bind(dialect, parameters)
        cursor.execute(self._text(dialect), bound)
        (counts,) = cursor.fetchall()
        return counts

    def _text(self, dialect: Dialect) -> str:
        if self._sql is None:
            sqls = {f"write_{number}": each.sql(dialect) for number, each in enumerate(self._statements)}
            written = ", ".join(f"{name} AS ({sql} RETURNING 1)" for name, sql in sqls.items())
            counts = ", ".join(f"(SELECT count(*) FROM {name})" for name in sqls)  # noqa: S608 -- ours
            self._sql = f"WITH {written} SELECT {counts}"
        return self._sql


@lru_cache(maxsize=256)
def in_one_statement(statements: tuple[Prepared, ...]) -> Together:
    """Return these statements as one."""
    return Together(statements)
