"""Statements built once in SQLAlchemy Core, compiled once for each dialect, run on the bare driver cursor.

Core's own execution costs more than the statement itself on the hot path; this keeps its types and its SQL
and leaves out the rest. All that the engine does goes this way; through Core itself go only migrations and
looks at the schema.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from sqlalchemy import CompoundSelect, Dialect, Insert, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import DateTime, TypeDecorator, TypeEngine

#: Turns one value from what Python has to what the driver takes, or back.
Convert = Callable[[Any], Any]
#: What may be prepared.
Preparable = Select[Any] | CompoundSelect[Any] | UpdateBase

_ABSENT: Final = object()
_from_text: Final = datetime.fromisoformat


class Unreadable(ValueError):
    """A stored value is not of its column's type: something else wrote it, or the file is damaged."""


class Cursor(Protocol):
    """As much of a DB-API cursor (PEP 249) as is used here."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed; -1 where the driver does not say."""
        ...

    def execute(self, operation: str, parameters: Any = ..., /) -> Any:  # noqa: ANN401 -- PEP 249
        """Run one statement."""
        ...

    def fetchall(self) -> Sequence[Sequence[Any]]:
        """Return every row that is left."""
        ...


class Prepared:
    """One statement, ready to be run with its parameters by name."""

    def __init__(self, statement: Preparable, *, columns: Sequence[str] = ()) -> None:
        """Keep the statement.

        Args:
            statement: what to run; its parameters are `bindparam`s.
            columns: for an INSERT of values: the columns that get one, each bound under its own name.
        """
        self._statement = statement
        self._columns = columns
        self._by_dialect: dict[str, _Compiled] = {}

    def run(self, cursor: Cursor, dialect: Dialect, parameters: dict[str, Any]) -> int:
        """Run it; return how many rows it changed (-1 where the driver does not say)."""
        compiled = self._for(dialect)
        cursor.execute(compiled.sql, compiled.bind(parameters))
        return cursor.rowcount

    def rows(self, cursor: Cursor, dialect: Dialect, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Run it; return its rows with every value as Python has it.

        Raises:
            Unreadable: a stored value is not of its column's type.
        """
        compiled = self._for(dialect)
        cursor.execute(compiled.sql, compiled.bind(parameters))
        return compiled.read(cursor.fetchall())

    def bind(self, dialect: Dialect, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the parameters in the order of their places, as the driver takes them."""
        return self._for(dialect).bind(parameters)

    def sql(self, dialect: Dialect) -> str:
        """Return the text as the driver gets it."""
        return self._for(dialect).sql

    def _for(self, dialect: Dialect) -> "_Compiled":
        compiled = self._by_dialect.get(dialect.name)
        if compiled is None:
            compiled = _Compiled(self._statement, self._columns, dialect)
            self._by_dialect[dialect.name] = compiled
        return compiled


class _Compiled:
    """A statement's text for one dialect, and how its values go in and come out."""

    def __init__(self, statement: Preparable, columns: Sequence[str], dialect: Dialect) -> None:
        keys = list(columns) if isinstance(statement, Insert) and columns else None
        compiled = dialect.statement_compiler(dialect, statement, column_keys=keys)
        if compiled.post_compile_params:
            msg = "A list of IN has no fixed text: write it as or_(…), or leave the statement to Core."
            raise ValueError(msg)
        self.sql = compiled.string
        names = compiled.positiontup or ()  # None where it takes no parameters
        self._binds = [_bind(compiled, name, dialect) for name in names]
        converters = [_converter_out(column.type, dialect) for column in _result_columns(statement)]
        self._results = [(place, each) for place, each in enumerate(converters) if each is not None]

    def bind(self, parameters: Mapping[str, Any]) -> list[Any]:
        return [
            value if convert is None else convert(value)
            for value, convert in (
                (parameters[name] if fixed is _ABSENT else fixed, convert)
                for name, fixed, convert in self._binds
            )
        ]

    def read(self, rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
        try:
            return [self._read(row) for row in rows]
        except (TypeError, ValueError) as exc:
            raise Unreadable from exc

    def _read(self, row: Sequence[Any]) -> tuple[Any, ...]:
        values = list(row)
        for place, convert in self._results:
            values[place] = convert(values[place])
        return tuple(values)


def _bind(compiled: SQLCompiler, name: str, dialect: Dialect) -> tuple[str, Any, Convert | None]:
    bind = compiled.binds[name]
    fixed = _ABSENT if bind.required else bind.effective_value
    return name, fixed, bind.type.dialect_impl(dialect).bind_processor(dialect)


def _converter_out(type_: TypeEngine[Any], dialect: Dialect) -> Convert | None:
    if isinstance(type_, TypeDecorator) and isinstance(type_.impl_instance, DateTime):
        return _instant
    return type_.dialect_impl(dialect).result_processor(dialect, None)


def _instant(stored: Any) -> datetime | None:  # noqa: ANN401 -- a text in SQLite, a datetime in PostgreSQL
    """Return an instant in UTC, in one step where the type itself takes four: a page has hundreds."""
    if stored is None:
        return None
    if isinstance(stored, str):
        return _from_text(stored + "+00:00")
    at: datetime = stored
    # A host's SQLite connection may convert by declared types, as Django's does, and then tells no zone.
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _result_columns(statement: Preparable) -> Sequence[Any]:
    if isinstance(statement, Select):
        return list(statement.selected_columns)
    return list(statement.exported_columns)
