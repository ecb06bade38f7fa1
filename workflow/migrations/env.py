"""What Alembic runs: the migrations, on the connection that it is handed."""

from typing import Any

from alembic import context
from sqlalchemy import MetaData, text

from workflow.tables import Row


def _ours(name: str | None, kind: str, parent_names: Any) -> bool:  # noqa: ANN401 -- Alembic's signature
    table = name if kind == "table" else parent_names.get("table_name")
    return kind == "schema" or (table or "").startswith("eoi_")


def _whole_metadata() -> MetaData:
    """Return our tables, their partial indexes with the conditions, in each database's own option."""
    for index in (each for table in Row.metadata.tables.values() for each in table.indexes):
        if where := index.info.get("where"):
            for dialect in ("sqlite", "postgresql"):
                index.dialect_options[dialect]["where"] = text(where)
    return Row.metadata


def _migrate() -> None:
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=_whole_metadata(),
        version_table=attributes["version_table"],
        include_name=_ours,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


_migrate()
